package crossdock.site.testing;

import crossdock.chassis.testing.Parties;
import crossdock.contracts.Bill;
import crossdock.contracts.Certificate;
import crossdock.contracts.Countersignature;
import crossdock.contracts.Fact;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Money;
import crossdock.contracts.NetworkPath;
import crossdock.contracts.Party;
import crossdock.contracts.Plan;
import crossdock.contracts.Policy;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import java.math.BigDecimal;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** What each party says when it is its turn and nothing goes wrong: one machine, north to south. */
public record World(Parties parties) {
  /** The customer at the broker. */
  public static final Subject CALLER = new Subject("https://broker", "alice");

  /** Who that is at every provider. */
  public static final String OWNER = "al-ice";

  /** The migration that everything is about. */
  public static final MigrationId ID = MigrationId.of(CALLER, "one");

  /** What is moved. */
  public static final Machine MACHINE = machine("vm-1", 2);

  /** How the way is. */
  public static final NetworkPath PATH = new NetworkPath(100_000_000, 300, 0);

  /** A machine of two small disks. */
  public static Machine machine(String id, int cpus) {
    return new Machine(
        id,
        "Web shop",
        "x86_64",
        cpus,
        1L << 30,
        Machine.Firmware.BIOS,
        "linux",
        List.of(new Machine.Disk("root", "raw", 4096), new Machine.Disk("data", "raw", 8192)),
        List.of(
            new Machine.Nic(
                "nic-0", "front", "52:54:00:12:34:56", List.of("192.0.2.5", "2001:db8::5"))),
        List.of("web"));
  }

  /** What {@link #CALLER} asks for. */
  public static Fact.Requested requested(Fact.Mode mode, boolean erase) {
    return new Fact.Requested(
        CALLER,
        Parties.NORTH.id(),
        MACHINE.id(),
        Parties.SOUTH.id(),
        mode,
        Fact.Acceptance.MANUAL,
        new Money(new BigDecimal("10"), "EUR"),
        erase);
  }

  /** Their identity at a site's provider. */
  public static Subject owner(Party.Site site) {
    return new Subject(issuer(site), OWNER);
  }

  /** A provider's realm. */
  public static String issuer(Party.Site site) {
    return "https://" + site.id().provider();
  }

  /** The roots of a machine's disks, as this world's docks find them. */
  public static List<Certificate.Disk> disks(Machine machine) {
    return machine.disks().stream()
        .map(disk -> new Certificate.Disk(disk.name(), root(disk.name()), disk.virtualBytes()))
        .toList();
  }

  private static Sha256 root(String disk) {
    return Sha256.of(disk.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  /** What whoever owes {@code step} says. */
  public Fact says(Step step, Migration migration) {
    return switch (step) {
      case AUTHORIZE -> new Fact.Authorized(owner(Parties.NORTH), owner(Parties.SOUTH));
      case INSPECT -> new Fact.Inspected(MACHINE);
      case PLAN -> new Fact.Planned(plan(migration.machine()));
      case QUOTE -> new Fact.Quoted(quote(migration));
      case APPROVE ->
          new Fact.Approved(
              migration.plan().digest(), migration.need(Fact.Quoted.class).quote().digest());
      case CLEAR -> new Fact.Cleared(migration.plan().digest(), true);
      case RESERVE -> new Fact.Reserved(migration.plan().digest(), Optional.of(PATH));
      case STOP -> new Fact.Stopped(now());
      case OPEN ->
          new Fact.Opened(
              migration.plan().machine(),
              now(),
              URI.create("https://127.0.0.1:1"),
              migration.machine().disks().stream().map(Machine.Disk::name).toList());
      case CERTIFY -> new Fact.Certified(1, true, certificate(migration));
      case IMPORT -> imported(migration);
      case BOOT -> new Fact.Booted(migration.need(Fact.Imported.class).machine(), "");
      case ACCEPT -> new Fact.Accepted(Fact.Acceptance.MANUAL);
      case RETIRE -> new Fact.Retired(migration.mayErase());
      case UNDO_TARGET -> new Fact.Undone(Role.TARGET, Fact.Basis.REMOVED);
      case UNDO_SOURCE -> new Fact.Undone(Role.SOURCE, Fact.Basis.RESTORED);
      case OVERRIDE -> new Fact.Undone(Role.SOURCE, Fact.Basis.OVERRIDDEN);
      case SETTLE -> new Fact.Settled(quote(migration));
    };
  }

  private static Plan plan(Machine machine) {
    return new Plan(
        machine.digest(),
        "web-shop",
        "raw",
        new Plan.Mapping("2 CPUs", "small", "the smallest that holds it"),
        List.of(new Plan.Mapping("front", "public", "by name")),
        List.of(
            new Plan.Mapping("192.0.2.5", "192.0.2.5", "kept"),
            new Plan.Mapping("2001:db8::5", "", "another one")),
        List.of(new Plan.Mapping("web", "http", "by name")),
        List.of(),
        new Plan.Estimate(12288, 60));
  }

  private static Bill quote(Migration migration) {
    Money price = new Money(new BigDecimal("0.05"), "EUR");
    return Bill.of(
        migration.plan().digest(),
        List.of(Bill.Line.of(Parties.NORTH, "export.gib", BigDecimal.ONE, "GiB", price)),
        "EUR");
  }

  private crossdock.contracts.Bundle certificate(Migration migration) {
    return new Certificate(
            migration.id(),
            migration.request().source(),
            migration.request().target(),
            now(),
            now().plus(Duration.ofDays(1)),
            migration.plan().digest(),
            1,
            now(),
            migration.machine().digest(),
            disks(migration.machine()),
            Policy.STANDARD,
            Parties.checks())
        .sign(parties.key(migration.party(Role.SOURCE)));
  }

  private Fact imported(Migration migration) {
    Sha256 certificate = migration.need(Fact.Certified.class).certificate().digest();
    Party.Site site = (Party.Site) migration.party(Role.TARGET);
    return new Fact.Imported(
        "vm-9",
        1,
        certificate,
        Fact.Proof.READ_BACK,
        new Countersignature(
                migration.id(),
                site,
                certificate,
                List.of(),
                disks(migration.machine()).stream()
                    .collect(Collectors.toMap(Certificate.Disk::name, Certificate.Disk::root)),
                "vm-9",
                Fact.Proof.READ_BACK,
                Policy.STANDARD,
                Parties.taken(),
                now())
            .sign(parties.key(site)));
  }

  private static Instant now() {
    return Instant.now().truncatedTo(ChronoUnit.MILLIS);
  }
}
