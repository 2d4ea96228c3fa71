package crossdock.export;

import crossdock.chassis.Desk;
import crossdock.chassis.Identity;
import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Work;
import crossdock.contracts.Bundle;
import crossdock.contracts.Certificate;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.contracts.SigningKey;
import crossdock.contracts.SiteId;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import crossdock.contracts.TrustBundle;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.site.CloudCalls;
import crossdock.site.DockMessage;
import crossdock.site.DockResults;
import crossdock.site.Grants;
import crossdock.site.Tickets;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Value;
import jakarta.annotation.PostConstruct;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What a site owes as the source of a migration. Everything here is done for the customer whom the
 * chain names at this provider, and only if that customer said yes here; nothing is changed before
 * both sides are agreed, and nothing is erased before the target is accepted.
 */
@Context
final class ExportDesk {
  private static final Duration CERTIFICATE_LIFE = Duration.ofDays(7);

  private final Party.Site site;
  private final String issuer;
  private final Cloud cloud;
  private final CloudCalls calls;
  private final Grants grants;
  private final Tickets tickets;
  private final DockResults dock;
  private final TrustBundle trust;
  private final SigningKey key;
  private final Clock clock;
  private final Desk desk;

  ExportDesk(
      Identity identity,
      @Value("${crossdock.oidc.issuer}") String issuer,
      Cloud cloud,
      CloudCalls calls,
      Grants grants,
      Tickets tickets,
      DockResults dock,
      TrustBundle trust,
      SigningKey key,
      Clock clock,
      Desk desk) {
    this.site = (Party.Site) identity.party();
    this.issuer = issuer;
    this.cloud = cloud;
    this.calls = calls;
    this.grants = grants;
    this.tickets = tickets;
    this.dock = dock;
    this.trust = trust;
    this.key = key;
    this.clock = clock;
    this.desk = desk;
  }

  @PostConstruct
  void open() {
    dock.listen("export-dock", Set.of(Step.CERTIFY, Step.RETIRE, Step.UNDO_SOURCE, Step.OVERRIDE));
    desk.open(
        "export",
        Map.of(
            Step.INSPECT, this::inspect,
            Step.CLEAR, this::clear,
            Step.STOP, this::stop,
            Step.OPEN, this::open,
            Step.CERTIFY, this::certify,
            Step.RETIRE, this::retire,
            Step.UNDO_SOURCE, this::undo,
            Step.OVERRIDE, this::override));
  }

  private Outcome inspect(Work work) throws IOException {
    return Outcome.done(new Fact.Inspected(machine(work.migration())));
  }

  private Outcome clear(Work work) {
    Migration migration = work.migration();
    long bytes = migration.machine().disks().stream().mapToLong(Machine.Disk::virtualBytes).sum();
    Grants.Grant grant =
        grants
            .covering(
                Role.SOURCE,
                owner(migration),
                migration.request().vm(),
                migration.request().target(),
                bytes)
            .orElseThrow(
                () ->
                    new StepFailed(
                        Reason.NOT_GRANTED_AT_SOURCE,
                        "no live grant at " + site.id() + " covers this machine and target"));
    if (trust.site(migration.request().target()).isEmpty()) {
      throw new StepFailed(Reason.REFUSED_BY_SOURCE, "the target is not in the trust bundle");
    }
    return Outcome.done(new Fact.Cleared(migration.plan().digest(), grant.mayErase()));
  }

  private Outcome stop(Work work) throws Exception {
    Machine now = machine(work.migration());
    if (drifted(work.migration(), now)) {
      return Outcome.done(new Fact.Drifted(now));
    }
    calls.run(work, Role.SOURCE, "stop", tag -> cloud.stop(now.id(), tag));
    return Outcome.done(new Fact.Stopped(clock.instant()));
  }

  private Outcome open(Work work) throws Exception {
    Machine now = machine(work.migration());
    if (drifted(work.migration(), now)) {
      calls.run(work, Role.SOURCE, "restore", tag -> cloud.restore(now.id(), tag));
      return Outcome.done(new Fact.Drifted(now));
    }
    List<DiskTicket> opened =
        calls.make(work, Role.SOURCE, "open", tag -> cloud.open(now.id(), tag));
    tickets.keep(work.migration().id(), Tickets.Purpose.READ, opened);
    return Outcome.done(
        new Fact.Opened(
            now.digest(),
            clock.instant(),
            entry(site.id()).dock(),
            opened.stream().map(DiskTicket::disk).toList()));
  }

  private Outcome certify(Work work) {
    Migration migration = work.migration();
    if (work.result().isEmpty()) {
      String peer = new Party.Site(migration.request().target()).dockUrn();
      return Outcome.waiting(
          dock.order(new DockMessage.Serve(migration.id(), work.attempt(), peer)));
    }
    DockMessage.Result result = result(work);
    Certificate certificate =
        new Certificate(
            migration.id(),
            site.id(),
            migration.request().target(),
            clock.instant(),
            clock.instant().plus(CERTIFICATE_LIFE),
            migration.plan().digest(),
            1,
            migration.need(Fact.Opened.class).instant(),
            migration.machine().digest(),
            result.disks(),
            checks(migration, result));
    if (!certificate.passed()) {
      throw new StepFailed(Reason.UNSAFE_IMAGE, "a check failed: " + result.detail());
    }
    Bundle bundle = certificate.sign(key);
    BigDecimal bytes =
        BigDecimal.valueOf(result.disks().stream().mapToLong(Certificate.Disk::length).sum());
    return Outcome.done(
        new Fact.Certified(1, true, bundle), new Fact.Used("export.bytes", bytes, "byte"));
  }

  /**
   * Every planned disk is there under its name and with its size, and the dock's own checks beside
   * that.
   */
  private static List<Certificate.Check> checks(Migration migration, DockMessage.Result result) {
    List<String> planned =
        migration.machine().disks().stream()
            .map(disk -> disk.name() + disk.virtualBytes())
            .toList();
    List<String> read = result.disks().stream().map(disk -> disk.name() + disk.length()).toList();
    boolean complete = planned.equals(read);
    Certificate.Check check =
        new Certificate.Check(
            "complete",
            1,
            complete ? Certificate.Outcome.PASSED : Certificate.Outcome.FAILED,
            "all disks of the machine, in order, every byte read");
    return Stream.concat(result.checks().stream(), Stream.of(check)).toList();
  }

  private Outcome retire(Work work) throws Exception {
    Migration migration = work.migration();
    if (work.result().isEmpty()) {
      return Outcome.waiting(
          dock.order(new DockMessage.Close(migration.id(), work.step(), work.attempt())));
    }
    DockMessage.Result _ = result(work);
    tickets.forget(migration.id());
    String vm = migration.request().vm();
    calls.run(work, Role.SOURCE, "close", cloud::close);
    if (migration.request().mode() == Fact.Mode.COPY) {
      return Outcome.done(new Fact.Retired(false));
    }
    boolean erase = migration.mayErase();
    calls.run(work, Role.SOURCE, "retire", tag -> cloud.retire(vm, tag, erase));
    return Outcome.done(new Fact.Retired(erase));
  }

  private Outcome undo(Work work) throws Exception {
    Migration migration = work.migration();
    boolean stopped = migration.latest(Fact.Cleared.class).isPresent();
    if (stopped && work.result().isEmpty()) {
      return Outcome.waiting(
          dock.order(new DockMessage.Close(migration.id(), work.step(), work.attempt())));
    }
    if (stopped) {
      DockMessage.Result _ = result(work);
    }
    return restored(work, stopped ? Fact.Basis.RESTORED : Fact.Basis.NEVER_STARTED);
  }

  /** Nobody starts the source on a guess: it waits for its customer's word. */
  private Outcome override(Work work) throws Exception {
    if (work.result().isEmpty()) {
      return Outcome.waiting();
    }
    if (work.result().get().equals(OverrideController.WORD)) {
      return Outcome.waiting(
          dock.order(new DockMessage.Close(work.migration().id(), work.step(), work.attempt())));
    }
    DockMessage.Result _ = result(work);
    return restored(work, Fact.Basis.OVERRIDDEN);
  }

  private Outcome restored(Work work, Fact.Basis basis) throws Exception {
    tickets.forget(work.migration().id());
    String vm = work.migration().request().vm();
    calls.run(work, Role.SOURCE, "close", cloud::close);
    calls.run(work, Role.SOURCE, "restore", tag -> cloud.restore(vm, tag));
    return Outcome.done(new Fact.Undone(Role.SOURCE, basis));
  }

  private static DockMessage.Result result(Work work) {
    DockMessage.Result result = Json.read(work.result().orElseThrow(), DockMessage.Result.class);
    Optional<Reason> failure = result.failure();
    if (failure.isPresent()) {
      throw new StepFailed(failure.get(), result.detail());
    }
    return result;
  }

  private Machine machine(Migration migration) throws IOException {
    return cloud
        .machine(owner(migration).sub(), migration.request().vm())
        .orElseThrow(
            () -> new StepFailed(Reason.NO_SUCH_MACHINE, "no such machine at " + site.id()));
  }

  private static boolean drifted(Migration migration, Machine now) {
    return !now.digest().equals(migration.plan().machine());
  }

  /** The customer here. Somebody whom the core names at another issuer is nobody here. */
  private Subject owner(Migration migration) {
    Subject owner = migration.need(Fact.Authorized.class).source();
    if (!owner.issuer().equals(issuer)) {
      throw new StepFailed(Reason.NO_SUCH_MACHINE, "no customer of " + site.id());
    }
    return owner;
  }

  private TrustBundle.Site entry(SiteId id) {
    return trust
        .site(id)
        .orElseThrow(() -> new StepFailed(Reason.NO_SUCH_PROVIDER, id + " is not listed"));
  }
}
