package crossdock.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.chassis.Database;
import crossdock.chassis.Outcome;
import crossdock.chassis.Problem;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Work;
import crossdock.chassis.testing.TestChain;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.CoreService;
import crossdock.contracts.Fact;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.contracts.SiteId;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class AuthorizingTest {
  private static final Subject ALICE = new Subject("https://broker", "alice");
  private static final Subject NORTH = new Subject("https://north", "a-lice");
  private static final Subject SOUTH = new Subject("https://south", "al-ice");
  private static final Instant NOW = TestChain.START;

  private final Links links = new Links(new Database(new TestDatabase().migrated()));

  @Test
  void bothAccountsAreStatedHoweverOftenItIsAsked() {
    prove("north", NORTH, NOW);
    prove("north", NORTH, NOW);
    prove("south", SOUTH, NOW.minus(Authorizing.FRESH));
    Outcome outcome = authorize(NOW);
    assertThat(outcome).isEqualTo(Outcome.done(new Fact.Authorized(NORTH, SOUTH)));
    assertThat(authorize(NOW)).isEqualTo(outcome);
    Migration authorized =
        requested()
            .says(new Party.Core(CoreService.IDENTITY), new Fact.Authorized(NORTH, SOUTH))
            .migration();
    assertThat(authorized.state()).isEqualTo(new Migration.State.Authorized());
  }

  @Test
  void aMissingLinkIsNamed() {
    prove("north", NORTH, NOW);
    assertMissing(NOW, "south");
    links.prove(new Subject("https://broker", "bob"), new Links.Link("south", SOUTH, NOW));
    assertMissing(NOW, "south");
    links.prove(
        new Subject("https://elsewhere", "alice"),
        new Links.Link("south", new Subject("https://south", "other"), NOW));
    assertMissing(NOW, "south");
  }

  @Test
  void aLinkGrowsStaleAndIsFreshWhenProvenAgain() {
    prove("north", NORTH, NOW);
    prove("south", SOUTH, NOW);
    Instant later = NOW.plus(Authorizing.FRESH).plus(Duration.ofSeconds(1));
    assertMissing(later, "north");
    prove("north", NORTH, later);
    prove("south", SOUTH, later);
    assertThat(authorize(later)).isEqualTo(Outcome.done(new Fact.Authorized(NORTH, SOUTH)));
  }

  @Test
  void aForgottenLinkAuthorizesNothingAndFreesItsAccount() {
    prove("north", NORTH, NOW);
    prove("south", SOUTH, NOW);
    assertThatThrownBy(
            () ->
                links.prove(
                    new Subject("https://broker", "bob"), new Links.Link("south", SOUTH, NOW)))
        .isInstanceOf(Problem.Thrown.class);
    assertThat(links.remove(ALICE, "south")).isTrue();
    assertThat(links.remove(ALICE, "south")).isFalse();
    assertMissing(NOW, "south");
    links.prove(new Subject("https://broker", "bob"), new Links.Link("south", SOUTH, NOW));
  }

  private void assertMissing(Instant at, String provider) {
    assertThatThrownBy(() -> authorize(at))
        .hasMessageContaining(provider)
        .isInstanceOfSatisfying(
            StepFailed.class, failed -> assertThat(failed.reason()).isEqualTo(Reason.LINK_MISSING));
  }

  private Outcome authorize(Instant at) {
    return new Authorizing(links, Clock.fixed(at, ZoneOffset.UTC))
        .perform(
            new Work(requested().migration(), Step.AUTHORIZE, 1, 1, Optional.empty(), () -> true));
  }

  private void prove(String provider, Subject account, Instant at) {
    links.prove(ALICE, new Links.Link(provider, account, at));
  }

  private static TestChain requested() {
    return new TestChain(MigrationId.of(ALICE, "1"))
        .says(
            new Party.Core(CoreService.GATEWAY),
            new Fact.Requested(
                ALICE,
                SiteId.parse("north:oslo"),
                "vm-1",
                SiteId.parse("south:roma"),
                Fact.Mode.COLD,
                Fact.Acceptance.AUTOMATIC,
                Money.zero("EUR"),
                false));
  }
}
