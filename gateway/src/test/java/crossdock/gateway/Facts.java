package crossdock.gateway;

import crossdock.chassis.testing.Parties;
import crossdock.contracts.Bill;
import crossdock.contracts.Bundle;
import crossdock.contracts.Certificate;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Plan;
import crossdock.contracts.Policy;
import crossdock.contracts.Report;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import crossdock.contracts.Subject;
import java.math.BigDecimal;
import java.net.URI;
import java.time.Instant;
import java.util.List;

/** What the parties say about one ordinary machine. */
public final class Facts {
  public static final Subject ALICE = new Subject("https://idp", "alice");
  public static final MigrationId ID = MigrationId.of(ALICE, "one");
  public static final Instant START = Instant.parse("2026-03-01T10:00:00Z");
  public static final Machine MACHINE = machine(2);
  public static final Plan PLAN = plan(MACHINE, Plan.Severity.INFORMATION);
  public static final Bill QUOTE = quote(PLAN, "EUR");

  private Facts() {}

  public static Machine machine(int cpus) {
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

  public static Plan plan(Machine machine, Plan.Severity severity) {
    return new Plan(
        machine.digest(),
        "web-shop",
        "vmdk",
        new Plan.Mapping("2 CPUs", "m1.small", "the smallest that holds it"),
        List.of(new Plan.Mapping("front", "public", "by name")),
        List.of(),
        List.of(new Plan.Mapping("web", "http", "by name")),
        List.of(new Plan.Concern("mac-changes", severity, "Another address.", "Nothing.")),
        new Plan.Estimate(8L << 30, 240));
  }

  /** 0.80 in {@code currency}. */
  public static Bill quote(Plan plan, String currency) {
    Money price = new Money(new BigDecimal("0.05"), currency);
    return Bill.of(
        plan.digest(),
        List.of(
            Bill.Line.of(Parties.NORTH, "export.gib", new BigDecimal("8"), "GiB", price),
            Bill.Line.of(Parties.SOUTH, "import.gib", new BigDecimal("8"), "GiB", price)),
        currency);
  }

  public static Fact.Requested requested(Fact.Acceptance accept) {
    return new Fact.Requested(
        ALICE,
        Parties.NORTH.id(),
        "vm-1",
        Parties.SOUTH.id(),
        Fact.Mode.COLD,
        accept,
        new Money(new BigDecimal("10"), "EUR"),
        false);
  }

  public static Fact authorized() {
    return new Fact.Authorized(
        new Subject("https://north", "a-lice"), new Subject("https://south", "al-ice"));
  }

  public static Fact opened() {
    return new Fact.Opened(
        MACHINE.digest(), START, URI.create("https://127.0.1.3:8443"), List.of("disk-0"));
  }

  public static Bundle certificate(Parties parties, MigrationId id) {
    return new Certificate(
            id,
            Parties.NORTH.id(),
            Parties.SOUTH.id(),
            START,
            START.plusSeconds(86400),
            PLAN.digest(),
            1,
            START,
            MACHINE.digest(),
            List.of(new Certificate.Disk("disk-0", Sha256.of(new byte[1]), 8L << 30)),
            Policy.STANDARD,
            Parties.checks())
        .sign(parties.key(Parties.NORTH));
  }

  /** What {@code by} sends to its report topic. */
  public static byte[] report(Parties parties, Party by, MigrationId id, int attempt, Fact fact) {
    return report(parties, by, new Report(id, by, attempt, Instant.now(), fact));
  }

  /** What {@code signer} sends, whoever it says it is. */
  public static byte[] report(Parties parties, Party signer, Report report) {
    return Json.bytes(parties.key(signer).sign(Report.PAYLOAD_TYPE, Json.bytes(report)));
  }

  public static Fact imported(Bundle certificate) {
    return new Fact.Imported("vm-9", 1, certificate.digest(), Fact.Proof.READ_BACK, certificate);
  }

  public static Fact undone(Role role) {
    return new Fact.Undone(
        role, role == Role.TARGET ? Fact.Basis.NEVER_STARTED : Fact.Basis.RESTORED);
  }
}
