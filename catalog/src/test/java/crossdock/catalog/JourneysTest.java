package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.testing.TestChain;
import crossdock.contracts.Bandwidth;
import crossdock.contracts.Bill;
import crossdock.contracts.Bundle;
import crossdock.contracts.Choices;
import crossdock.contracts.CoreService;
import crossdock.contracts.Envelope;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Money;
import crossdock.contracts.NetworkPath;
import crossdock.contracts.Party;
import crossdock.contracts.Plan;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subject;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is remembered of how long migrations took. */
class JourneysTest {
  private static final Subject ALICE = new Subject("https://idp", "alice");
  private static final Party GATEWAY = new Party.Core(CoreService.GATEWAY);
  private static final Party.Site NORTH = new Party.Site(Sample.NORTH);
  private static final Party.Site SOUTH = new Party.Site(Sample.SOUTH);
  private static final SiteId EAST = SiteId.parse("east:paris");
  private static final Machine MACHINE = Sample.machine(1, 1 << 30, "front", "web");
  private static final long BYTES = MACHINE.disks().getFirst().virtualBytes();
  private static final long RATE = 1 << 20;
  private static final Bundle SIGNED =
      new Bundle(
          Bundle.MEDIA_TYPE,
          new Bundle.Material(new Bundle.X509("AA==")),
          new Envelope(
              "AA==",
              Bundle.IN_TOTO,
              List.of(new Envelope.Signature("AA==", Optional.empty(), Optional.empty()))));

  private int begun;
  private TestSites sites;
  private Journeys journeys;

  @BeforeEach
  void open(@TempDir Path directory) throws IOException {
    sites = new TestSites(directory);
    sites.now = TestChain.START.plusSeconds(3600);
    journeys = new Journeys(sites.database, sites.clock(), RATE);
  }

  /** Every event of one that takes so many seconds from both sites' yes to the boot. */
  private void migrates(String name, int seconds, Optional<Bandwidth> bandwidth, long path) {
    MigrationId id = MigrationId.of(ALICE, name);
    Plan plan =
        new Plan(
            MACHINE.digest(),
            "web",
            "raw",
            new Plan.Mapping("", "small", ""),
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            new Plan.Estimate(1, 1));
    Bill quote = Bill.of(plan.digest(), List.of(), "EUR");
    TestChain chain =
        new TestChain(id)
            .says(
                GATEWAY,
                new Fact.Requested(
                    ALICE,
                    NORTH.id(),
                    MACHINE.id(),
                    SOUTH.id(),
                    Fact.Mode.COLD,
                    Fact.Acceptance.AUTOMATIC,
                    new Money(BigDecimal.TEN, "EUR"),
                    false,
                    bandwidth,
                    List.of(),
                    Optional.of(Choices.NONE)))
            .says(new Party.Core(CoreService.IDENTITY), new Fact.Authorized(ALICE, ALICE))
            .says(NORTH, new Fact.Inspected(MACHINE))
            .says(new Party.Core(CoreService.CATALOG), new Fact.Planned(plan))
            .says(new Party.Core(CoreService.BILLING), new Fact.Quoted(quote))
            .says(GATEWAY, new Fact.Approved(plan.digest(), quote.digest()));
    // Each event comes a second after the one before; what is used moves nothing on.
    used(chain, begun++);
    chain
        .says(NORTH, new Fact.Cleared(plan.digest(), false))
        .says(SOUTH, new Fact.Reserved(plan.digest(), Optional.of(new NetworkPath(path, 300, 0))))
        .says(NORTH, new Fact.Stopped(TestChain.START))
        .says(
            NORTH,
            new Fact.Opened(
                MACHINE.digest(),
                TestChain.START,
                URI.create("https://127.0.0.1:1"),
                List.of("root")))
        .says(NORTH, new Fact.Certified(1, true, SIGNED))
        .says(SOUTH, new Fact.Imported("vm-9", 1, SIGNED.digest(), Fact.Proof.SENT, SIGNED));
    used(chain, seconds - 5);
    chain
        .says(SOUTH, new Fact.Booted("vm-9", ""))
        .says(GATEWAY, new Fact.Accepted(Fact.Acceptance.MANUAL));
    Migration migration = Migration.of(id);
    List<Migration> states = new ArrayList<>();
    for (byte[] event : chain.bytes()) {
      migration = migration.after(Json.read(event, Event.class));
      states.add(migration);
      states.add(migration);
    }
    sites.database.change(
        tx -> {
          for (Migration state : states) {
            journeys.see(tx, state);
          }
        });
    assertThat(migration.state()).isEqualTo(new Migration.State.Accepted());
  }

  private static void used(TestChain chain, int seconds) {
    for (int i = 0; i < seconds; i++) {
      chain.says(NORTH, new Fact.Used("export.bytes", BigDecimal.valueOf(i), "byte"));
    }
  }

  private Plan.Estimate expected() {
    return journeys.from(Sample.NORTH).to(Sample.SOUTH).of(BYTES);
  }

  @Test
  void afterThreeThatArrivedTheNextIsExpectedBetweenThemAndFromThereAlone() {
    Plan.Estimate before = expected();
    assertThat(before).isEqualTo(Forecast.unseen(RATE).of(BYTES));
    migrates("one", 30, Optional.empty(), 1L << 40);
    migrates("two", 50, Optional.empty(), 1L << 40);
    assertThat(expected()).isEqualTo(before);
    migrates("three", 40, Optional.empty(), 1L << 40);
    assertThat(expected())
        .isEqualTo(new Plan.Estimate(BYTES, 40, Optional.of(new Plan.Range(30, 50, 3, 50))));
    assertThat(journeys.from(Sample.NORTH).to(EAST).of(BYTES)).isEqualTo(before);
    assertThat(journeys.from(Sample.SOUTH).to(Sample.NORTH).of(BYTES)).isEqualTo(before);
  }

  @Test
  void ofManyTheLastTwentyCount() {
    for (int i = 0; i < 23; i++) {
      migrates("number " + i, i < 3 ? 90 : 10 + i, Optional.empty(), 1L << 40);
    }
    Plan.Range range = expected().range().orElseThrow();
    assertThat(range.migrations()).isEqualTo(20);
    assertThat(range.percent()).isEqualTo(90);
  }

  @Test
  void oneWhoseCustomerWantedItSlowSaysNothingOfTheOthers() {
    Optional<Bandwidth> slow =
        Optional.of(new Bandwidth(1 << 20, Optional.empty(), Optional.empty()));
    Plan.Estimate before = expected();
    for (int i = 0; i < 5; i++) {
      migrates("slow " + i, 90, slow, 1);
    }
    assertThat(expected()).isEqualTo(before);
  }

  @Test
  void aPathThatWasMeasuredToBringLessIsCountedWithBeforeAnythingArrived() {
    migrates("one", 30, Optional.empty(), RATE / 4);
    assertThat(expected().seconds()).isEqualTo(60 + Math.ceilDiv(BYTES, RATE / 4));
    sites.now = sites.now.plus(Duration.ofDays(7));
    assertThat(expected()).as("that was long ago").isEqualTo(Forecast.unseen(RATE).of(BYTES));
    sites.now = sites.now.minus(Duration.ofDays(7));
    migrates("two", 30, Optional.empty(), RATE * 4);
    assertThat(expected()).isEqualTo(Forecast.unseen(RATE).of(BYTES));
    migrates("three", 30, Optional.empty(), 1);
    assertThat(expected().seconds()).as("three have arrived").isEqualTo(30);
  }
}
