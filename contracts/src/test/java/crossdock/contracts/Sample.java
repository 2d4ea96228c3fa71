package crossdock.contracts;

import java.math.BigDecimal;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** One migration's facts, unsigned: the fold believes envelopes that were verified before it. */
final class Sample {
  static final MigrationId ID = MigrationId.of(new Subject("https://idp", "alice"), "1");
  static final SiteId NORTH = SiteId.parse("north:oslo");
  static final SiteId SOUTH = SiteId.parse("south:roma");
  static final Party GATEWAY = new Party.Core(CoreService.GATEWAY);
  static final Party IDENTITY = new Party.Core(CoreService.IDENTITY);
  static final Party CATALOG = new Party.Core(CoreService.CATALOG);
  static final Party BILLING = new Party.Core(CoreService.BILLING);
  static final Party SOURCE = new Party.Site(NORTH);
  static final Party TARGET = new Party.Site(SOUTH);
  static final Instant START = Instant.parse("2026-01-02T03:04:05Z");

  static final Machine MACHINE = machine(2);
  static final Plan PLAN = plan(MACHINE);
  static final Bill QUOTE = quote(PLAN);
  static final Bundle CERTIFICATE = bundle("certificate");

  private Sample() {}

  /** The machine with so many CPUs; another number is another machine. */
  static Machine machine(int cpus) {
    return new Machine(
        "vm-1",
        "Web shop",
        "x86_64",
        cpus,
        2L << 30,
        Machine.Firmware.BIOS,
        "linux",
        List.of(new Machine.Disk("disk-0", "qcow2", 8L << 30)),
        List.of(new Machine.Nic("nic-0", "front", "52:54:00:12:34:56")),
        List.of("web"));
  }

  static Plan plan(Machine machine) {
    return new Plan(
        machine.digest(),
        "web-shop",
        "vmdk",
        new Plan.Mapping("2 CPUs, 2 GiB", "m1.small", "the smallest size that holds it"),
        List.of(new Plan.Mapping("front", "public", "by name")),
        List.of(),
        List.of(new Plan.Mapping("web", "http", "by name")),
        List.of(
            new Plan.Concern(
                "mac-changes",
                Plan.Severity.INFORMATION,
                "The network card gets another address.",
                "Nothing, unless a licence is bound to it.")),
        new Plan.Estimate(8L << 30, 240));
  }

  static Bill quote(Plan plan) {
    Money price = new Money(new BigDecimal("0.05"), "EUR");
    return Bill.of(
        plan.digest(),
        List.of(
            Bill.Line.of(SOURCE, "export.gib", new BigDecimal("8"), "GiB", price),
            Bill.Line.of(TARGET, "import.gib", new BigDecimal("8"), "GiB", price)),
        "EUR");
  }

  static Bundle bundle(String payload) {
    Base64.Encoder base64 = Base64.getEncoder();
    return new Bundle(
        Bundle.MEDIA_TYPE,
        new Bundle.Material(new Bundle.X509("AA==")),
        new Envelope(
            base64.encodeToString(payload.getBytes(StandardCharsets.UTF_8)),
            Bundle.IN_TOTO,
            List.of(new Envelope.Signature("AA==", Optional.empty(), Optional.empty()))));
  }

  static Fact.Requested requested(Fact.Mode mode, boolean erase) {
    return new Fact.Requested(
        new Subject("https://idp", "alice"),
        NORTH,
        "vm-1",
        SOUTH,
        mode,
        Fact.Acceptance.AUTOMATIC,
        new Money(new BigDecimal("12.50"), "EUR"),
        erase);
  }

  static Fact authorized() {
    return new Fact.Authorized(
        new Subject("https://north", "a-lice"), new Subject("https://south", "al-ice"));
  }

  static Fact opened(Machine machine) {
    return new Fact.Opened(
        machine.digest(), START, URI.create("https://127.0.1.3:8443"), List.of("disk-0"));
  }

  static Fact certified() {
    return new Fact.Certified(1, true, CERTIFICATE);
  }

  static Fact imported() {
    return new Fact.Imported(
        "vm-9", 1, CERTIFICATE.digest(), Fact.Proof.READ_BACK, bundle("countersignature"));
  }

  /** Every kind of fact once, in the order of a migration. */
  static List<Fact> facts() {
    return List.of(
        requested(Fact.Mode.COLD, false),
        authorized(),
        new Fact.Inspected(MACHINE),
        new Fact.Planned(PLAN),
        new Fact.Quoted(QUOTE),
        new Fact.Approved(PLAN.digest(), QUOTE.digest()),
        new Fact.Cleared(PLAN.digest(), true),
        new Fact.Reserved(PLAN.digest()),
        new Fact.Stopped(START),
        new Fact.Drifted(machine(4)),
        opened(MACHINE),
        certified(),
        new Fact.Lapsed(CERTIFICATE.digest()),
        imported(),
        new Fact.Booted("vm-9", "counter 7"),
        new Fact.Accepted(Fact.Acceptance.AUTOMATIC),
        new Fact.Retired(false),
        new Fact.Settled(QUOTE),
        new Fact.Used("import.gib", new BigDecimal("8"), "GiB"),
        new Fact.Failed(Step.IMPORT, Reason.UNAVAILABLE, "The storage did not answer."),
        new Fact.Retried(Step.IMPORT),
        new Fact.Overdue(Step.IMPORT),
        new Fact.Undoing(Reason.CANCELLED),
        new Fact.Undone(Role.TARGET, Fact.Basis.NEVER_STARTED),
        new Fact.Stuck(Set.of(Role.TARGET, Role.SOURCE)));
  }

  static Report report(Party by, int attempt, Fact fact) {
    return new Report(ID, by, attempt, START, fact);
  }

  /** The event after {@code migration}'s last, with a signature that nobody made. */
  static Event next(Migration migration, Report report) {
    return new Event(
        report.migration(),
        migration.sequence() + 1,
        Sha256.NONE,
        START.plusSeconds(migration.sequence()),
        new Envelope(
            Base64.getEncoder().encodeToString(Json.bytes(report)),
            Report.PAYLOAD_TYPE,
            List.of(new Envelope.Signature("AA==", Optional.empty(), Optional.empty()))));
  }
}
