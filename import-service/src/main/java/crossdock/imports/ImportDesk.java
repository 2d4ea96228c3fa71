package crossdock.imports;

import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Unanswered;
import crossdock.chassis.Work;
import crossdock.contracts.Bundle;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Countersignature;
import crossdock.contracts.Fact;
import crossdock.contracts.Firewall;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.NetworkPath;
import crossdock.contracts.Party;
import crossdock.contracts.Plan;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import crossdock.contracts.TrustBundle;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Tag;
import crossdock.site.CloudCalls;
import crossdock.site.DockMessage;
import crossdock.site.Grants;
import crossdock.site.SiteDesk;
import crossdock.site.Tickets;
import io.micronaut.context.annotation.Context;
import jakarta.annotation.PostConstruct;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.sql.Connection;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a site owes as the target of a migration. It takes a machine in for a customer who said yes
 * here, believes no byte before the certificate verifies, registers nothing that does not read back
 * as certified, and on undo leaves nothing.
 */
@Context
final class ImportDesk {
  /** By then everybody has the members' newest bundle. */
  private static final Duration HEARD = Duration.ofMinutes(10);

  private static final Logger LOG = LoggerFactory.getLogger(ImportDesk.class);

  private final SiteDesk site;
  private final Cloud cloud;
  private final CloudCalls calls;
  private final Clock clock;

  ImportDesk(SiteDesk site) {
    this.site = site;
    this.cloud = site.cloud();
    this.calls = site.calls();
    this.clock = site.clock();
  }

  @PostConstruct
  void open() {
    site.dock().listen("import-dock", Set.of(Step.RESERVE, Step.IMPORT, Step.UNDO_TARGET));
    site.desk()
        .open(
            "import",
            Map.of(
                Step.RESERVE, this::reserve,
                Step.IMPORT, this::take,
                Step.BOOT, this::boot,
                Step.UNDO_TARGET, this::undo),
            this::release);
  }

  /**
   * An accepted machine is its owner's alone. Done where the news is read: it is one small call,
   * harmless when repeated, and the news is read again if it fails.
   */
  private void release(Connection tx, Migration migration) {
    boolean accepted =
        migration.state() instanceof Migration.State.Accepted
            || migration.state() instanceof Migration.State.Retired;
    if (accepted && migration.party(Role.TARGET).equals(site.site())) {
      try {
        cloud.release(new Tag(migration.id(), Role.TARGET, Long.MAX_VALUE));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /**
   * In two turns: hold room and have the dock try the way, then say so. A machine whose disks could
   * not come is not stopped.
   */
  private Outcome reserve(Work work) throws Exception {
    Migration migration = work.migration();
    Grants.Grant _ = site.granted(migration, Role.TARGET);
    site.suspended(migration)
        .ifPresent(
            who -> {
              throw new StepFailed(Reason.REFUSED_BY_TARGET, who + " is suspended");
            });
    if (work.result().isPresent()) {
      Optional<NetworkPath> path = SiteDesk.result(work).path();
      return Outcome.done(new Fact.Reserved(migration.plan().digest(), path));
    }
    if (!cloud.formats().contains(migration.plan().format())) {
      throw new StepFailed(
          Reason.REFUSED_BY_TARGET, "no disks of format " + migration.plan().format());
    }
    Machine planned = planned(migration.machine(), migration.plan());
    Subject owner = site.owner(migration, Role.TARGET);
    calls.run(work, Role.TARGET, "reserve", tag -> cloud.reserve(planned, owner.sub(), tag));
    Party.Site source = new Party.Site(migration.request().source());
    return Outcome.waiting(
        site.dock()
            .order(
                new DockMessage.Probe(
                    migration.id(),
                    work.attempt(),
                    site.listed(source.id()).dock(),
                    source.dockUrn(),
                    !migration.plan().adaptations().isEmpty())));
  }

  /** The machine as it will be here: its own name, disks, networks and addresses of this side. */
  static Machine planned(Machine source, Plan plan) {
    long addresses = source.nics().stream().mapToLong(nic -> nic.addresses().size()).sum();
    long allowed = source.nics().stream().mapToLong(nic -> nic.allowedAddresses().size()).sum();
    long outside = source.nics().stream().filter(nic -> nic.publicAddress().isPresent()).count();
    if (plan.networks().size() != source.nics().size()
        || plan.addresses().size() != addresses
        || plan.allowedAddresses().size() != allowed
        || plan.publicAddresses().size() != outside
        || (!plan.storage().isEmpty() && plan.storage().size() != source.disks().size())
        || (!plan.firewalls().isEmpty() && plan.firewalls().size() != source.nics().size())) {
      throw new StepFailed(Reason.REFUSED_BY_TARGET, "the plan is not for all of the machine");
    }
    List<Machine.Nic> nics = new ArrayList<>();
    Iterator<Plan.Mapping> mapped = plan.addresses().iterator();
    Iterator<Plan.Mapping> allowing = plan.allowedAddresses().iterator();
    Iterator<Plan.Mapping> reaching = plan.publicAddresses().iterator();
    for (int i = 0; i < source.nics().size(); i++) {
      Machine.Nic nic = source.nics().get(i);
      List<String> kept =
          nic.addresses().stream()
              .map(_ -> mapped.next().target())
              .filter(address -> !address.isEmpty())
              .toList();
      Optional<Firewall> firewall =
          plan.firewalls().isEmpty() ? Optional.empty() : Optional.of(plan.firewalls().get(i));
      nics.add(
          new Machine.Nic(
              nic.name(),
              plan.networks().get(i).target(),
              nic.mac(),
              kept,
              firewall,
              nic.allowedAddresses().stream()
                  .filter(_ -> !allowing.next().target().isEmpty())
                  .toList(),
              nic.publicAddress()
                  .map(_ -> reaching.next().target())
                  .filter(network -> !network.isEmpty())
                  .map(network -> new Machine.PublicAddress(network, Optional.empty()))));
    }
    return new Machine(
        source.id(),
        plan.targetName(),
        source.architecture(),
        plan.hardware().map(Listing.Size::cpus).orElse(source.cpus()),
        plan.hardware().map(Listing.Size::memoryBytes).orElse(source.memoryBytes()),
        source.firmware(),
        source.guestOs(),
        disks(source, plan),
        nics,
        plan.securityGroups().stream()
            .map(Plan.Mapping::target)
            .filter(group -> !group.isEmpty())
            .distinct()
            .toList(),
        traits(source, plan));
  }

  private static List<Machine.Disk> disks(Machine source, Plan plan) {
    List<Machine.Disk> disks = new ArrayList<>();
    for (int i = 0; i < source.disks().size(); i++) {
      Machine.Disk disk = source.disks().get(i);
      Optional<String> storage =
          plan.storage().isEmpty()
              ? Optional.empty()
              : Optional.of(plan.storage().get(i).target()).filter(name -> !name.isEmpty());
      disks.add(new Machine.Disk(disk.name(), plan.format(), disk.virtualBytes(), storage));
    }
    return disks;
  }

  /** What is the guest's moves; the hardware is this site's, as planned. */
  private static SortedMap<String, String> traits(Machine source, Plan plan) {
    SortedMap<String, String> traits = new TreeMap<>(source.traits().subMap("guest.", "guest/"));
    plan.zone().ifPresent(zone -> traits.put("zone", zone.target()));
    plan.devices().forEach((trait, device) -> traits.put(trait, device.target()));
    return traits;
  }

  /**
   * In three turns: prepare and have the dock fetch; register and have it read back; countersign.
   */
  private Outcome take(Work work) throws Exception {
    Migration migration = work.migration();
    Bundle bundle = migration.need(Fact.Certified.class).certificate();
    if (lapsed(migration, bundle)) {
      return Outcome.done(new Fact.Lapsed(bundle.digest()));
    }
    Certificate certificate = certificate(migration, bundle);
    if (work.result().isEmpty()) {
      return fetch(work, certificate);
    }
    DockMessage.Result result = SiteDesk.result(work);
    List<Countersignature.Change> layer =
        result.adapted().map(DockMessage.Adapted::layer).orElse(List.of());
    boolean asCertified = layer.isEmpty() || migration.plan().adaptations().isEmpty();
    if (asCertified && !roots(result.disks()).equals(roots(certificate.disks()))) {
      throw new StepFailed(Reason.DIGEST_MISMATCH, "the disks here are not the certified ones");
    }
    String machine = calls.make(work, Role.TARGET, "register", cloud::register);
    if (result.kind().equals("fetch")) {
      List<DiskTicket> written = calls.make(work, Role.TARGET, "read-back", cloud::readBack);
      site.tickets().keep(migration.id(), Tickets.Purpose.READ_BACK, written);
      return Outcome.waiting(
          site.dock()
              .order(
                  new DockMessage.ReadBack(
                      migration.id(),
                      work.attempt(),
                      result.disks(),
                      migration.machine().firmware(),
                      result.adapted())));
    }
    Sha256 digest = bundle.digest();
    Countersignature countersignature =
        new Countersignature(
            migration.id(),
            site.site(),
            digest,
            layer,
            roots(result.disks()),
            machine,
            Fact.Proof.READ_BACK,
            site.policy(),
            steps(certificate, result),
            clock.instant());
    countersignature
        .other(certificate.disks(), migration.plan())
        .ifPresent(
            other -> {
              throw new StepFailed(Reason.DIGEST_MISMATCH, other);
            });
    countersignature
        .objection()
        .ifPresent(
            objection -> {
              throw new StepFailed(Reason.UNSAFE_IMAGE, objection);
            });
    BigDecimal bytes = BigDecimal.valueOf(Certificate.bytes(certificate.disks()));
    return Outcome.done(
        new Fact.Imported(
            machine, 1, digest, Fact.Proof.READ_BACK, countersignature.sign(site.key())),
        new Fact.Used("import.bytes", bytes, "byte"));
  }

  private Outcome fetch(Work work, Certificate certificate) throws Exception {
    Migration migration = work.migration();
    List<DiskTicket> places = calls.make(work, Role.TARGET, "prepare", cloud::prepare);
    site.tickets().keep(migration.id(), Tickets.Purpose.WRITE, places);
    site.tickets().keep(migration.id(), Tickets.Purpose.AT_HAND, atHand(migration));
    Party.Site source = new Party.Site(migration.request().source());
    return Outcome.waiting(
        site.dock()
            .order(
                new DockMessage.Fetch(
                    migration.id(),
                    work.attempt(),
                    site.listed(source.id()).dock(),
                    source.dockUrn(),
                    certificate.disks(),
                    migration.request().bandwidth(),
                    migration.plan().adaptations())));
  }

  /** What spares chunks the way; what cannot be said spares none. */
  private List<DiskTicket> atHand(Migration migration) {
    try {
      return cloud.atHand(site.owner(migration, Role.TARGET).sub());
    } catch (IOException | RuntimeException e) {
      LOG.warn("nothing is at hand for {}: {}", migration.id(), e.toString());
      return List.of();
    }
  }

  /** How each step went, and beside that what the dock here has found. */
  private static List<Check> steps(Certificate certificate, DockMessage.Result result) {
    Stream<Check> own =
        Stream.of(
            passed(
                Countersignature.CERTIFICATE,
                "of %s, by policy %s, until %s"
                    .formatted(
                        certificate.issuer(), certificate.policy().name(), certificate.notAfter())),
            passed(
                Countersignature.TRANSFER,
                "every chunk held against its certified leaf before it was "
                    + (result.adapted().isPresent() ? "adapted or written" : "written")),
            passed(
                Countersignature.READ_BACK,
                "every disk read again from the cloud has its "
                    + (result.adapted().isPresent()
                        ? "certified root, but for the layer"
                        : "certified root")));
    Stream<Check> adapted = result.adapted().stream().flatMap(how -> how.checks().stream());
    return Stream.of(own, adapted, result.checks().stream()).flatMap(all -> all).toList();
  }

  private static Check passed(String name, String detail) {
    return new Check(name, 1, Check.Outcome.PASSED, detail);
  }

  /**
   * Whether its source has to issue it again, and still may.
   *
   * @throws Unanswered if it is by another policy, but so new that it is the bundle here that may
   *     be old
   */
  private boolean lapsed(Migration migration, Bundle bundle) throws Unanswered {
    try {
      Certificate certificate = Certificate.read(bundle);
      boolean ended = !clock.instant().isBefore(certificate.notAfter());
      boolean other =
          site.trust()
              .now()
              .policy(migration.request().source())
              .filter(now -> !now.equals(certificate.policy().digest()))
              .isPresent();
      if (other && !ended && clock.instant().isBefore(certificate.verifiedAt().plus(HEARD))) {
        throw new Unanswered("the trust bundle lists another policy of " + certificate.issuer());
      }
      return (ended || other) && migration.mayReissue();
    } catch (Refused e) {
      throw new StepFailed(Reason.CERTIFICATE_REFUSED, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Verified on every turn: nothing is written, registered or countersigned on an unverified one.
   */
  private Certificate certificate(Migration migration, Bundle bundle) {
    try {
      TrustBundle trust = site.trust().now();
      Certificate certificate =
          Certificate.verify(
              bundle,
              trust,
              migration.id(),
              migration.request().source(),
              site.id(),
              migration.plan().digest(),
              migration.machine(),
              clock.instant());
      if (trust.suspended(certificate.issuer())) {
        throw new Refused("certificate refused: its issuer is suspended");
      }
      Sha256 policy = certificate.policy().digest();
      if (!trust.policy(certificate.issuer()).equals(Optional.of(policy))) {
        throw new Refused("certificate refused: by a policy that its issuer does not have");
      }
      site.policy()
          .objection(certificate.checks())
          .ifPresent(
              objection -> {
                throw new Refused("certificate refused by the policy here: " + objection);
              });
      return certificate;
    } catch (Refused e) {
      throw new StepFailed(Reason.CERTIFICATE_REFUSED, String.valueOf(e.getMessage()));
    }
  }

  /** Where the guest was adapted, the dock forgets how then: nothing is written any more. */
  private Outcome boot(Work work) throws Exception {
    Migration migration = work.migration();
    String evidence = calls.make(work, Role.TARGET, "boot", cloud::boot);
    String id = migration.need(Fact.Imported.class).machine();
    Machine here =
        cloud
            .machine(site.owner(migration, Role.TARGET).sub(), id)
            .orElseThrow(() -> new IOException(id + " is not shown"));
    here.lacks(planned(migration.machine(), migration.plan()))
        .ifPresent(
            lack -> {
              throw new StepFailed(Reason.REFUSED_BY_TARGET, "not as planned: " + lack);
            });
    site.tickets().forget(migration.id());
    // Nobody waits for that.
    List<Outcome.Message> forgets =
        migration.plan().adaptations().isEmpty()
            ? List.of()
            : List.of(
                site.dock()
                    .order(new DockMessage.Close(migration.id(), work.step(), work.attempt())));
    return new Outcome.Done(List.of(new Fact.Booted(id, evidence)), forgets);
  }

  private Outcome undo(Work work) throws Exception {
    Migration migration = work.migration();
    boolean fetching = migration.latest(Fact.Certified.class).isPresent();
    if (fetching && work.result().isEmpty()) {
      return Outcome.waiting(
          site.dock().order(new DockMessage.Close(migration.id(), work.step(), work.attempt())));
    }
    if (fetching) {
      DockMessage.Result _ = SiteDesk.result(work);
    }
    site.tickets().forget(migration.id());
    boolean removed = calls.make(work, Role.TARGET, "remove", cloud::remove);
    // Nothing may be there because an earlier turn, killed before it could say so, removed it.
    boolean started = removed || calls.begunBesides(work, Role.TARGET, "remove");
    return Outcome.done(
        new Fact.Undone(Role.TARGET, started ? Fact.Basis.REMOVED : Fact.Basis.NEVER_STARTED));
  }

  private static Map<String, Sha256> roots(List<Certificate.Disk> disks) {
    return disks.stream().collect(Collectors.toMap(Certificate.Disk::name, Certificate.Disk::root));
  }
}
