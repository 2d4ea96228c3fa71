package crossdock.export;

import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Unanswered;
import crossdock.chassis.Work;
import crossdock.contracts.Bundle;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Role;
import crossdock.contracts.Step;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Tag;
import crossdock.site.CloudCalls;
import crossdock.site.DockMessage;
import crossdock.site.Grants;
import crossdock.site.SiteDesk;
import crossdock.site.Tickets;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Value;
import jakarta.annotation.PostConstruct;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.sql.Connection;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a site owes as the source of a migration. Everything here is done for the customer whom the
 * chain names at this provider, and only if that customer said yes here; nothing is changed before
 * both sides are agreed, and nothing is erased before the target is accepted.
 */
@Context
final class ExportDesk {
  private static final Logger LOG = LoggerFactory.getLogger(ExportDesk.class);

  /** So that a look ends well within the step's ten minutes. */
  private static final Duration PATIENCE = Duration.ofMinutes(3);

  private final SiteDesk site;
  private final Cloud cloud;
  private final CloudCalls calls;
  private final Clock clock;

  private final Guests guests;
  private final boolean looks;

  /**
   * @param looks whether its dock looks into guests before they are planned for; only where opening
   *     a machine's disks costs the cloud nothing
   */
  ExportDesk(
      SiteDesk site,
      Guests guests,
      @Value("${crossdock.export.looks-into-guests:false}") boolean looks) {
    this.site = site;
    this.guests = guests;
    this.looks = looks;
    this.cloud = site.cloud();
    this.calls = site.calls();
    this.clock = site.clock();
  }

  @PostConstruct
  void open() {
    site.dock()
        .listen(
            "export-dock",
            Set.of(Step.INSPECT, Step.CERTIFY, Step.RETIRE, Step.UNDO_SOURCE, Step.OVERRIDE));
    site.desk()
        .open(
            "export",
            Map.of(
                Step.INSPECT, this::inspect,
                Step.CLEAR, this::clear,
                Step.STOP, this::stop,
                Step.OPEN, this::open,
                Step.CERTIFY, this::certify,
                Step.RETIRE, this::retire,
                Step.UNDO_SOURCE, this::undo,
                Step.OVERRIDE, this::override),
            this::ended);
  }

  /**
   * What ends before it is approved is not undone step by step, and a look may have opened it. Done
   * where the news is read: it is a small call, harmless when repeated, and the news is read again
   * if it fails.
   */
  private void ended(Connection tx, Migration migration) {
    if (looks
        && migration.ended()
        && migration.latest(Fact.Approved.class).isEmpty()
        && migration.party(Role.SOURCE).equals(site.site())) {
      try {
        cloud.close(new Tag(migration.id(), Role.SOURCE, Long.MAX_VALUE));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      site.tickets().forget(migration.id());
    }
  }

  /**
   * Where the site looks into guests and its customer has said yes, in two turns: have the dock
   * look at the disks as they are, then say what is known. A look that fails hinders nothing.
   */
  private Outcome inspect(Work work) throws Exception {
    Migration migration = work.migration();
    Machine machine = machine(migration);
    String owner = site.owner(migration, Role.SOURCE).sub();
    if (work.result().isPresent()) {
      DockMessage.Result result = Json.read(work.result().get(), DockMessage.Result.class);
      calls.run(work, Role.SOURCE, "looked", cloud::close);
      site.tickets().forget(migration.id());
      if (result.failure().isEmpty()) {
        guests.know(owner, machine.id(), result.traits());
      }
      return Outcome.done(new Fact.Inspected(machine(migration)));
    }
    if (looks && mayLook(migration, machine)) {
      try {
        List<DiskTicket> opened =
            calls.make(work, Role.SOURCE, "look", tag -> cloud.open(machine.id(), tag));
        site.tickets().keep(migration.id(), Tickets.Purpose.READ, opened);
        return Outcome.waiting(
            site.dock()
                .order(
                    new DockMessage.Look(
                        migration.id(), work.attempt(), clock.instant().plus(PATIENCE))));
      } catch (StepFailed | IOException e) {
        LOG.info("{} is not looked into: {}", machine.id(), e.getMessage());
        calls.run(work, Role.SOURCE, "looked", cloud::close);
      }
    }
    return Outcome.done(new Fact.Inspected(machine));
  }

  /** Nothing is opened without the customer's own yes. */
  private boolean mayLook(Migration migration, Machine machine) {
    return site.suspended(migration).isEmpty()
        && site.grants()
            .covering(
                Role.SOURCE,
                site.owner(migration, Role.SOURCE),
                machine.id(),
                migration.request().target(),
                migration.need(Fact.Authorized.class).target(),
                machine.disks().stream().mapToLong(Machine.Disk::virtualBytes).sum())
            .isPresent();
  }

  private Outcome clear(Work work) {
    Migration migration = work.migration();
    Grants.Grant grant = site.granted(migration, Role.SOURCE);
    if (site.trust().now().site(migration.request().target()).isEmpty()) {
      throw new StepFailed(Reason.REFUSED_BY_SOURCE, "the target is not in the trust bundle");
    }
    site.suspended(migration)
        .ifPresent(
            who -> {
              throw new StepFailed(Reason.REFUSED_BY_SOURCE, who + " is suspended");
            });
    return Outcome.done(new Fact.Cleared(migration.plan().digest(), grant.mayErase()));
  }

  private Outcome stop(Work work) throws Exception {
    Machine now = machine(work.migration());
    if (drifted(work.migration(), now)) {
      return letGo(work, now);
    }
    // A yes that was taken back before anything was touched is none.
    Grants.Grant _ = site.granted(work.migration(), Role.SOURCE);
    calls.run(work, Role.SOURCE, "stop", tag -> cloud.stop(now.id(), tag));
    return Outcome.done(new Fact.Stopped(clock.instant()));
  }

  private Outcome open(Work work) throws Exception {
    Machine now = machine(work.migration());
    if (drifted(work.migration(), now)) {
      return letGo(work, now);
    }
    if (work.migration().request().mode() == Fact.Mode.COPY) {
      Grants.Grant _ = site.granted(work.migration(), Role.SOURCE);
    }
    List<DiskTicket> opened =
        calls.make(work, Role.SOURCE, "open", tag -> cloud.open(now.id(), tag));
    site.tickets().keep(work.migration().id(), Tickets.Purpose.READ, opened);
    return Outcome.done(
        new Fact.Opened(
            now.digest(),
            clock.instant(),
            site.listed(site.id()).dock(),
            opened.stream().map(DiskTicket::disk).toList()));
  }

  private Outcome certify(Work work) throws Unanswered {
    Migration migration = work.migration();
    Optional<Certificate> lapsed = lapsed(migration);
    if (work.result().isEmpty()) {
      // The old findings will do, unless the policy of now wants more.
      if (lapsed.isPresent() && site.policy().objection(lapsed.get().checks()).isEmpty()) {
        return certified(migration, lapsed.get().disks(), lapsed.get().checks());
      }
      String peer = new Party.Site(migration.request().target()).dockUrn();
      return Outcome.waiting(
          site.dock()
              .order(
                  new DockMessage.Serve(
                      migration.id(),
                      work.attempt(),
                      peer,
                      migration.machine().firmware(),
                      migration.machine().disks().stream()
                          .mapToLong(Machine.Disk::virtualBytes)
                          .sum())));
    }
    DockMessage.Result result = SiteDesk.result(work);
    if (lapsed.isPresent() && !lapsed.get().disks().equals(result.disks())) {
      throw new StepFailed(Reason.DIGEST_MISMATCH, "the disks are not what they were");
    }
    return certified(migration, result.disks(), checks(migration, result));
  }

  /**
   * The certificate that has to be issued again, over the same roots.
   *
   * @throws StepFailed if it was taken back
   */
  private Optional<Certificate> lapsed(Migration migration) {
    if (migration.latest(Fact.Lapsed.class).isEmpty()) {
      return Optional.empty();
    }
    Bundle old = migration.need(Fact.Certified.class).certificate();
    try {
      site.trust().now().unrevoked(old.digest(), clock.instant());
      return Optional.of(Certificate.verify(old, site.trust().now()));
    } catch (Refused e) {
      throw new StepFailed(Reason.CERTIFICATE_REFUSED, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Signs for it by the policy here.
   *
   * @throws Unanswered while the members do not list that policy
   * @throws StepFailed if that policy is not content
   */
  private Outcome certified(Migration migration, List<Certificate.Disk> disks, List<Check> checks)
      throws Unanswered {
    if (!site.trust().now().policy(site.id()).equals(Optional.of(site.policy().digest()))) {
      throw new Unanswered("the trust bundle lists another policy of " + site.id());
    }
    Instant now = clock.instant();
    Certificate certificate =
        new Certificate(
            migration.id(),
            site.id(),
            migration.request().target(),
            now,
            now.plus(Certificate.LIFE),
            migration.plan().digest(),
            1,
            migration.need(Fact.Opened.class).instant(),
            migration.machine().digest(),
            disks,
            site.policy(),
            checks);
    site.policy()
        .objection(checks)
        .ifPresent(
            objection -> {
              throw new StepFailed(Reason.UNSAFE_IMAGE, objection);
            });
    Bundle bundle = certificate.sign(site.key());
    BigDecimal bytes = BigDecimal.valueOf(Certificate.bytes(disks));
    return Outcome.done(
        new Fact.Certified(1, true, bundle), new Fact.Used("export.bytes", bytes, "byte"));
  }

  /**
   * Every planned disk is there under its name and with its size, and the dock's own checks beside
   * that.
   */
  private static List<Check> checks(Migration migration, DockMessage.Result result) {
    List<String> planned =
        migration.machine().disks().stream()
            .map(disk -> disk.name() + disk.virtualBytes())
            .toList();
    List<String> read = result.disks().stream().map(disk -> disk.name() + disk.length()).toList();
    boolean complete = planned.equals(read);
    Check check =
        new Check(
            "complete",
            1,
            complete ? Check.Outcome.PASSED : Check.Outcome.FAILED,
            "all disks of the machine, in order, every byte read");
    return Stream.concat(result.checks().stream(), Stream.of(check)).toList();
  }

  private Outcome retire(Work work) throws Exception {
    Migration migration = work.migration();
    if (work.result().isEmpty()) {
      return Outcome.waiting(
          site.dock().order(new DockMessage.Close(migration.id(), work.step(), work.attempt())));
    }
    DockMessage.Result _ = SiteDesk.result(work);
    site.tickets().forget(migration.id());
    String vm = migration.request().vm();
    calls.run(work, Role.SOURCE, "close", cloud::close);
    if (migration.request().mode() == Fact.Mode.COPY) {
      return Outcome.done(new Fact.Retired(false));
    }
    boolean erase = migration.mayErase();
    calls.run(work, Role.SOURCE, "retire", tag -> cloud.retire(vm, tag, erase));
    if (erase) {
      guests.forget(site.owner(migration, Role.SOURCE).sub(), vm);
    }
    return Outcome.done(new Fact.Retired(erase));
  }

  private Outcome undo(Work work) throws Exception {
    Migration migration = work.migration();
    boolean stopped = migration.latest(Fact.Cleared.class).isPresent();
    if (stopped && work.result().isEmpty()) {
      return Outcome.waiting(
          site.dock().order(new DockMessage.Close(migration.id(), work.step(), work.attempt())));
    }
    if (stopped) {
      DockMessage.Result _ = SiteDesk.result(work);
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
          site.dock()
              .order(new DockMessage.Close(work.migration().id(), work.step(), work.attempt())));
    }
    DockMessage.Result _ = SiteDesk.result(work);
    return restored(work, Fact.Basis.OVERRIDDEN);
  }

  private Outcome restored(Work work, Fact.Basis basis) throws Exception {
    site.tickets().forget(work.migration().id());
    String vm = work.migration().request().vm();
    calls.run(work, Role.SOURCE, "close", cloud::close);
    calls.run(work, Role.SOURCE, "restore", tag -> cloud.restore(vm, tag));
    return Outcome.done(new Fact.Undone(Role.SOURCE, basis));
  }

  private Machine machine(Migration migration) throws IOException {
    String owner = site.owner(migration, Role.SOURCE).sub();
    return cloud
        .machine(owner, migration.request().vm())
        .map(machine -> guests.known(owner, machine))
        .orElseThrow(
            () -> new StepFailed(Reason.NO_SUCH_MACHINE, "no such machine at " + site.id()));
  }

  /** Also where an earlier turn at this step had stopped it and was killed. */
  private Outcome letGo(Work work, Machine now) throws Exception {
    calls.run(work, Role.SOURCE, "restore", tag -> cloud.restore(now.id(), tag));
    return Outcome.done(new Fact.Drifted(now));
  }

  private static boolean drifted(Migration migration, Machine now) {
    return !now.digest().equals(migration.plan().machine());
  }
}
