package crossdock.billing;

import crossdock.chassis.Work;
import crossdock.chassis.testing.TestChain;
import crossdock.contracts.Bill;
import crossdock.contracts.Bundle;
import crossdock.contracts.CoreService;
import crossdock.contracts.Envelope;
import crossdock.contracts.Fact;
import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Plan;
import crossdock.contracts.SiteId;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import java.math.BigDecimal;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** A migration of two disks, 8 GiB of qcow2 and 2 GiB of vmdk, to a site that takes vmdk. */
final class Sample {
  static final Party GATEWAY = new Party.Core(CoreService.GATEWAY);
  static final Party IDENTITY = new Party.Core(CoreService.IDENTITY);
  static final Party CATALOG = new Party.Core(CoreService.CATALOG);
  static final Party BILLING = new Party.Core(CoreService.BILLING);
  static final Party.Site NORTH = new Party.Site(SiteId.parse("north:oslo"));
  static final Party.Site SOUTH = new Party.Site(SiteId.parse("south:roma"));
  static final Subject ALICE = new Subject("https://idp", "alice");
  static final MigrationId ID = MigrationId.of(ALICE, "1");
  static final Bundle CERTIFICATE =
      new Bundle(
          Bundle.MEDIA_TYPE,
          new Bundle.Material(new Bundle.X509("AA==")),
          new Envelope(
              "AA==",
              Bundle.IN_TOTO,
              List.of(new Envelope.Signature("AA==", Optional.empty(), Optional.empty()))));
  static final String PRICES =
      """
      [{"party":"urn:crossdock:site:north:oslo","meter":"export.gib","unit":"GiB",
        "amount":"0.05","currency":"EUR","validFrom":"2026-01-01T00:00:00Z"},
       {"party":"urn:crossdock:site:south:roma","meter":"import.gib","unit":"GiB",
        "amount":"0.03","currency":"EUR","validFrom":"2026-01-01T00:00:00Z"},
       {"party":"urn:crossdock:site:south:roma","meter":"conversion.gib","unit":"GiB",
        "amount":"0.50","currency":"EUR","validFrom":"2026-01-01T00:00:00Z"},
       {"party":"urn:crossdock:site:south:roma","meter":"conversion.gib","unit":"GiB",
        "amount":"0.02","currency":"EUR","formats":"qcow2>vmdk","validFrom":"2026-01-01T00:00:00Z"},
       {"party":"urn:crossdock:core:billing","meter":"migration.fee","unit":"migration",
        "amount":"1.00","currency":"EUR","validFrom":"2026-01-01T00:00:00Z"}]
      """;

  private Sample() {}

  static List<Price> prices() {
    return Price.read(PRICES.getBytes(StandardCharsets.UTF_8));
  }

  static Machine machine(int cpus) {
    return machine(
        cpus,
        List.of(
            new Machine.Disk("disk-0", "qcow2", 8L << 30),
            new Machine.Disk("disk-1", "vmdk", 2L << 30)));
  }

  static Machine machine(int cpus, List<Machine.Disk> disks) {
    return new Machine(
        "vm-1",
        "Web shop",
        "x86_64",
        cpus,
        2L << 30,
        Machine.Firmware.BIOS,
        "linux",
        disks,
        List.of(),
        List.of());
  }

  static Plan plan(Machine machine) {
    return new Plan(
        machine.digest(),
        "web-shop",
        "vmdk",
        new Plan.Mapping("2 CPUs", "small", "By size."),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        new Plan.Estimate(10L << 30, 240));
  }

  static TestChain planned(String currency) {
    Machine machine = machine(2);
    return new TestChain(ID)
        .says(
            GATEWAY,
            new Fact.Requested(
                ALICE,
                NORTH.id(),
                "vm-1",
                SOUTH.id(),
                Fact.Mode.COLD,
                Fact.Acceptance.AUTOMATIC,
                Money.zero(currency),
                false))
        .says(IDENTITY, new Fact.Authorized(ALICE, ALICE))
        .says(NORTH, new Fact.Inspected(machine))
        .says(CATALOG, new Fact.Planned(plan(machine)));
  }

  static TestChain approved(Bill quote) {
    return planned("EUR")
        .says(BILLING, new Fact.Quoted(quote))
        .says(GATEWAY, new Fact.Approved(quote.plan(), quote.digest()));
  }

  static TestChain opened(Bill quote) {
    return approved(quote)
        .says(NORTH, new Fact.Cleared(quote.plan(), false))
        .says(SOUTH, new Fact.Reserved(quote.plan()))
        .says(NORTH, new Fact.Stopped(TestChain.START))
        .says(
            NORTH,
            new Fact.Opened(
                machine(2).digest(),
                TestChain.START,
                URI.create("https://127.0.1.3:8443"),
                List.of("disk-0", "disk-1")));
  }

  static TestChain accepted(Bill quote, String exported, String imported) {
    return opened(quote)
        .says(NORTH, new Fact.Certified(1, true, CERTIFICATE))
        .says(NORTH, used("export.bytes", exported))
        .says(
            SOUTH,
            new Fact.Imported("vm-9", 1, CERTIFICATE.digest(), Fact.Proof.READ_BACK, CERTIFICATE))
        .says(SOUTH, used("import.bytes", imported))
        .says(SOUTH, new Fact.Booted("vm-9", "counter 7"))
        .says(GATEWAY, new Fact.Accepted(Fact.Acceptance.AUTOMATIC));
  }

  static Fact.Used used(String meter, String bytes) {
    return new Fact.Used(meter, new BigDecimal(bytes), "byte");
  }

  /** A turn at {@code step}, under a lease that stands. */
  static Work work(TestChain chain, Step step) {
    return new Work(chain.migration(), step, 1, 1, Optional.empty(), () -> true);
  }
}
