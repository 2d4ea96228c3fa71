package crossdock.billing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import crossdock.chassis.Database;
import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.testing.TestChain;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.Bill;
import crossdock.contracts.Fact;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Money;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.contracts.Step;
import java.math.BigDecimal;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BillingTest {
  private static final Clock CLOCK = Clock.fixed(TestChain.START, ZoneOffset.UTC);
  private static final String TEN_GIB = "10737418240";

  private final Database database = new Database(new TestDatabase().migrated());
  private final PriceBook prices = new PriceBook(database);
  private final Quoting quoting = new Quoting(database, CLOCK);

  @BeforeEach
  void publish() {
    prices.publish(Sample.prices());
    prices.publish(Sample.prices());
  }

  @Test
  void aQuoteHasALineForEachPartThatAPartyDoesAndTheMostSpecificPrice() {
    Bill quote = quote();
    assertThat(quote.lines())
        .extracting(Bill.Line::meter, line -> line.amount().toString())
        .containsExactly(
            tuple("export.gib", "0.5 EUR"),
            tuple("import.gib", "0.3 EUR"),
            tuple("conversion.gib", "0.16 EUR"),
            tuple("migration.fee", "1 EUR"));
    assertThat(quote.of(Sample.SOUTH)).isEqualTo(money("0.46"));
    assertThat(
            Sample.planned("EUR").says(Sample.BILLING, new Fact.Quoted(quote)).migration().state())
        .isEqualTo(new Migration.State.Quoted());
  }

  @Test
  void aPlanIsQuotedOnceWhateverPricesDoLater() {
    Bill quote = quote();
    prices.publish(
        List.of(
            new Price(
                Sample.NORTH,
                Meter.EXPORT,
                "GiB",
                new BigDecimal("9"),
                "EUR",
                Optional.empty(),
                Instant.parse("2026-01-02T00:00:00Z"))));
    assertThat(quote()).isEqualTo(quote);
    assertThat(quote().digest()).isEqualTo(quote.digest());
  }

  @Test
  void aPriceHoldsFromItsDayOnOnly() {
    prices.publish(
        List.of(price("0.01", "2026-01-02T00:00:00Z"), price("7", "2027-01-01T00:00:00Z")));
    assertThat(quote().lines().getFirst().price()).isEqualTo(money("0.01"));
  }

  @Test
  void withoutAPriceInTheCurrencyOfTheLimitThereIsNoQuote() {
    assertThatThrownBy(() -> quoting.perform(Sample.work(Sample.planned("USD"), Step.QUOTE)))
        .isInstanceOfSatisfying(
            StepFailed.class,
            failed -> assertThat(failed.reason()).isEqualTo(Reason.NO_SUCH_PROVIDER));
  }

  @Test
  void whatWasCountedIsChargedAtTheQuotedPricesAndPostedOnce() {
    Bill quote = quote();
    TestChain chain = Sample.accepted(quote, "5368709120", TEN_GIB);
    Bill statement = settle(chain);
    assertThat(statement.lines())
        .extracting(line -> line.amount().toString())
        .containsExactly("0.25 EUR", "0.3 EUR", "0.16 EUR", "1 EUR");
    chain.says(Sample.NORTH, Sample.used("export.bytes", TEN_GIB));
    assertThat(settle(chain)).isEqualTo(statement);
    assertThat(postings())
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                Ledger.account(Sample.ALICE), new BigDecimal("1.7100000000"),
                Sample.NORTH.urn(), new BigDecimal("-0.2500000000"),
                Sample.SOUTH.urn(), new BigDecimal("-0.4600000000"),
                Sample.BILLING.urn(), new BigDecimal("-1.0000000000")));
    assertThat(
            chain
                .says(Sample.BILLING, new Fact.Settled(statement))
                .migration()
                .latest(Fact.Settled.class))
        .isPresent();
  }

  @Test
  void theNewestReadingCountsAndMoreThanQuotedIsNeverCharged() {
    Bill quote = quote();
    TestChain chain =
        Sample.accepted(quote, "1", "99999999999999")
            .says(Sample.NORTH, Sample.used("export.bytes", "88888888888888"))
            .says(Sample.NORTH, 2, Sample.used("export.bytes", TEN_GIB));
    assertThat(settle(chain)).isEqualTo(quote);
  }

  @Test
  void nobodyCanReadTheMeterOfAnotherAndOnlyBytesAreBytes() {
    Bill quote = quote();
    TestChain chain =
        Sample.accepted(quote, "0", "0")
            .says(Sample.SOUTH, Sample.used("export.bytes", TEN_GIB))
            .says(Sample.SOUTH, new Fact.Used("import.bytes", BigDecimal.TEN, "GiB"));
    assertThat(settle(chain).total()).isEqualTo(money("1"));
  }

  @Test
  void whatIsUndoneBeforeTheSourceWasOpenedCostsNothing() {
    Bill quote = quote();
    TestChain notApproved =
        Sample.planned("EUR")
            .says(Sample.BILLING, new Fact.Quoted(quote))
            .says(Sample.NORTH, Sample.used("export.bytes", TEN_GIB))
            .says(Sample.GATEWAY, new Fact.Undoing(Reason.CANCELLED));
    Bill nothing = settle(notApproved);
    assertThat(nothing.total()).isEqualTo(Money.zero("EUR"));
    assertThat(postings()).isEmpty();
    assertThat(notApproved.says(Sample.BILLING, new Fact.Settled(nothing)).migration().ended())
        .isTrue();
  }

  @Test
  void whatIsUndoneAfterTheApprovalButBeforeTheStopCostsNothing() {
    TestChain chain =
        undone(Sample.approved(quote()).says(Sample.NORTH, Sample.used("export.bytes", TEN_GIB)));
    assertThat(settle(chain).total()).isEqualTo(Money.zero("EUR"));
  }

  @Test
  void whatIsUndoneLaterCostsWhatWasReallyUsedWithoutTheFee() {
    TestChain chain =
        undone(
            Sample.opened(quote()).says(Sample.NORTH, Sample.used("export.bytes", "1073741824")));
    Bill statement = settle(chain);
    assertThat(statement.total()).isEqualTo(money("0.05"));
    assertThat(chain.says(Sample.BILLING, new Fact.Settled(statement)).migration().ended())
        .isTrue();
  }

  @Test
  void aQuoteThatDriftLeftBehindBindsNobody() {
    Machine drifted = Sample.machine(4);
    Bill first = quote();
    TestChain chain =
        Sample.approved(first)
            .says(Sample.NORTH, new Fact.Cleared(first.plan(), false))
            .says(Sample.SOUTH, new Fact.Reserved(first.plan()))
            .says(Sample.NORTH, new Fact.Drifted(drifted))
            .says(Sample.CATALOG, 2, new Fact.Planned(Sample.plan(drifted)));
    Bill second = ((Fact.Quoted) only(quoting.perform(Sample.work(chain, Step.QUOTE)))).quote();
    assertThat(second.plan()).isNotEqualTo(first.plan());
    chain
        .says(Sample.BILLING, 2, new Fact.Quoted(second))
        .says(Sample.NORTH, Sample.used("export.bytes", TEN_GIB));
    Bill statement = settle(undone(chain));
    assertThat(statement.plan()).isEqualTo(second.plan());
    assertThat(statement.total()).isEqualTo(Money.zero("EUR"));
  }

  @Test
  void theLedgerRefusesWhatDoesNotBalanceAndWhatWouldChangeIt() {
    settle(Sample.accepted(quote(), TEN_GIB, TEN_GIB));
    for (String sql :
        List.of(
            "INSERT INTO posting SELECT id, 'thief', 1, 'EUR' FROM journal",
            "UPDATE posting SET amount = amount * 2",
            "DELETE FROM posting",
            "DELETE FROM journal")) {
      assertThatThrownBy(() -> execute(sql))
          .as(sql)
          .isInstanceOf(Database.DatabaseException.class)
          .hasMessageMatching("(?s).*(does not balance|only ever added to).*");
    }
  }

  private static TestChain undone(TestChain chain) {
    return chain
        .says(Sample.GATEWAY, new Fact.Undoing(Reason.CANCELLED))
        .says(Sample.SOUTH, new Fact.Undone(Role.TARGET, Fact.Basis.NEVER_STARTED))
        .says(Sample.NORTH, new Fact.Undone(Role.SOURCE, Fact.Basis.RESTORED));
  }

  private Bill quote() {
    return ((Fact.Quoted) only(quoting.perform(Sample.work(Sample.planned("EUR"), Step.QUOTE))))
        .quote();
  }

  /** Settled twice, as any delivery may be. */
  private Bill settle(TestChain chain) {
    Settling settling = new Settling(database, (_, _) -> chain.bytes());
    Fact once = only(settling.perform(Sample.work(chain, Step.SETTLE)));
    assertThat(only(settling.perform(Sample.work(chain, Step.SETTLE)))).isEqualTo(once);
    return ((Fact.Settled) once).statement();
  }

  private static Fact only(Outcome outcome) {
    List<Fact> facts = ((Outcome.Done) outcome).facts();
    assertThat(facts).hasSize(1);
    return facts.getFirst();
  }

  private Map<String, BigDecimal> postings() {
    return database.transaction(
        tx -> {
          Map<String, BigDecimal> postings = new LinkedHashMap<>();
          try (PreparedStatement all = tx.prepareStatement("SELECT account, amount FROM posting");
              ResultSet found = all.executeQuery()) {
            while (found.next()) {
              postings.put(found.getString(1), found.getBigDecimal(2));
            }
          }
          return postings;
        });
  }

  private void execute(String sql) {
    database.change(
        tx -> {
          try (Statement statement = tx.createStatement()) {
            statement.execute(sql);
          }
        });
  }

  private static Price price(String amount, String from) {
    return new Price(
        Sample.NORTH,
        Meter.EXPORT,
        "GiB",
        new BigDecimal(amount),
        "EUR",
        Optional.empty(),
        Instant.parse(from));
  }

  private static Money money(String amount) {
    return new Money(new BigDecimal(amount), "EUR");
  }
}
