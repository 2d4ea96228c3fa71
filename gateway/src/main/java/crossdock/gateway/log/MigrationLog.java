package crossdock.gateway.log;

import crossdock.chassis.Identity;
import crossdock.chassis.Outbox;
import crossdock.chassis.Trust;
import crossdock.contracts.Assignment;
import crossdock.contracts.Envelope;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Migration.State;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Progress;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Report;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import crossdock.contracts.SigningKey;
import crossdock.contracts.SiteId;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import crossdock.gateway.log.LogStore.Verdict;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one log of every migration, and the only writer of the topics {@code migrations} and {@code
 * *.tasks}. What a party reports it checks, orders and keeps verbatim; what it states itself comes
 * from {@link Decisions} or from the customer. Everything happens in the caller's transaction, one
 * at a time for each migration. Thread-safe.
 */
@Singleton
public final class MigrationLog {
  private static final Logger LOG = LoggerFactory.getLogger(MigrationLog.class);

  /** Of one report: a certificate of 64 disks has a tenth of it. */
  private static final int LONGEST_REPORT = 256 << 10;

  /** A whole chain goes in one assignment, in base64, and the broker takes 4 MiB. */
  private static final long LONGEST_CHAIN = 5L << 19;

  private static final long ROOM_FOR_READINGS = 1L << 20;
  private static final int MOST_EVENTS_WITH_READINGS = 1000;
  private static final Duration UNANSWERED = Duration.ofSeconds(60);
  private static final Duration RARELY = Duration.ofMinutes(10);

  private final Identity identity;
  private final Trust trust;
  private final SigningKey key;
  private final LogStore store;
  private final Outbox outbox;
  private final Clock clock;
  private final MeterRegistry meters;

  MigrationLog(
      Identity identity,
      Trust trust,
      SigningKey key,
      LogStore store,
      Outbox outbox,
      Clock clock,
      MeterRegistry meters) {
    this.identity = identity;
    this.trust = trust;
    this.key = key;
    this.store = store;
    this.outbox = outbox;
    this.clock = clock;
    this.meters = meters;
  }

  /**
   * Begins a migration, or finds that it has begun.
   *
   * @param fingerprint of everything that was asked for
   * @return false if something else was asked for under this id
   */
  public boolean request(
      Connection tx, MigrationId id, Sha256 fingerprint, Fact.Requested requested)
      throws SQLException {
    if (!store.create(tx, id, fingerprint, requested, clock.instant())) {
      return store.fingerprint(tx, id).equals(fingerprint);
    }
    Chain chain = Chain.of(id, List.of());
    state(tx, chain, requested);
    proceed(tx, chain);
    return true;
  }

  /**
   * Ends a migration before its acceptance, at the customer's word.
   *
   * @return false if it is too late; true also if it is being undone already
   */
  public boolean cancel(Connection tx, MigrationId id) throws SQLException {
    Chain chain = lock(tx, id);
    return order(tx, chain, new Fact.Undoing(Reason.CANCELLED))
        || chain.migration().state() instanceof State.Undoing
        || chain.migration().state() instanceof State.Undone;
  }

  /**
   * The customer has looked at the target and keeps it.
   *
   * @return false if that is not waited for; true also if it was said before
   */
  public boolean accept(Connection tx, MigrationId id) throws SQLException {
    Chain chain = lock(tx, id);
    return order(tx, chain, new Fact.Accepted(Fact.Acceptance.MANUAL))
        || chain
            .migration()
            .latest(Fact.Accepted.class)
            .filter(accepted -> accepted.by() == Fact.Acceptance.MANUAL)
            .isPresent();
  }

  private boolean order(Connection tx, Chain chain, Fact fact) throws SQLException {
    if (!state(tx, chain, fact)) {
      return false;
    }
    proceed(tx, chain);
    return true;
  }

  /**
   * Takes an envelope from a report topic: accepted, held because it is early, stale, or in
   * conflict with what was said before under the same id. The same report again changes nothing.
   *
   * @throws Refused if it is no report of the party whose topic it came on, about a migration that
   *     concerns that party
   */
  public void take(Connection tx, String topic, byte[] bytes) throws SQLException {
    if (bytes.length > LONGEST_REPORT) {
      throw new Refused("a report has at most " + LONGEST_REPORT + " bytes");
    }
    Envelope envelope = Json.read(bytes, Envelope.class);
    Party signer = trust.now().signer(envelope, clock.instant());
    Report report = envelope.read(Report.PAYLOAD_TYPE, Report.class);
    if (!report.by().equals(signer) || !topic.equals(signer.reports())) {
      throw new Refused("a report of " + report.by() + ", signed by " + signer + ", on " + topic);
    }
    Chain chain = lock(tx, report.migration());
    concerned(chain.migration(), report);
    Sha256 digest = Sha256.of(envelope.bytes());
    List<Sha256> before = store.digests(tx, report.id());
    if (before.contains(digest)) {
      return;
    }
    Verdict verdict = before.isEmpty() ? verdict(chain, report, bytes.length) : Verdict.CONFLICT;
    store.remember(tx, report, digest, verdict, bytes, clock.instant());
    meters.counter("crossdock.reports", "verdict", verdict.name()).increment();
    if (report.fact() instanceof Fact.Unknown) {
      // without its name: whoever reports it chose that
      meters.counter("crossdock.reports.unknown").increment();
    }
    if (verdict == Verdict.CONFLICT) {
      LOG.warn("{}: another report under the id {}", report.migration(), report.id());
    }
    if (verdict == Verdict.ACCEPTED) {
      append(tx, chain, report, envelope);
      proceed(tx, chain);
    }
  }

  /** A site speaks of its own part only, and of nothing that the gateway alone may state. */
  private static void concerned(Migration migration, Report report) {
    Optional<Role> role = Answers.role(report.fact());
    boolean may =
        role.isPresent()
            ? report.by().equals(migration.party(role.get()))
            : !(report.by() instanceof Party.Site)
                || report.by().equals(migration.party(Role.SOURCE))
                || report.by().equals(migration.party(Role.TARGET));
    if (!may) {
      throw new Refused(report.by() + " has no say in " + report.fact().type());
    }
  }

  private static Verdict verdict(Chain chain, Report report, int size) {
    Migration migration = chain.migration();
    if (report.fact() instanceof Fact.Used used) {
      boolean news =
          !migration.ended()
              && chain.size() < MOST_EVENTS_WITH_READINGS
              && chain.bytes() < ROOM_FOR_READINGS
              && chain.reading(report.by(), used.meter()).compareTo(used.quantity()) < 0;
      return news && migration.takes(report) ? Verdict.ACCEPTED : Verdict.STALE;
    }
    if (chain.bytes() + 2L * size > LONGEST_CHAIN) {
      throw new Refused("the chain of " + migration.id() + " is full");
    }
    if (migration.takes(report)) {
      return Verdict.ACCEPTED;
    }
    return Answers.past(migration, report) ? Verdict.STALE : Verdict.HELD;
  }

  /**
   * Notes how far a site is; another number of bytes than before, or fewer before it in the dock's
   * queue, is a sign of life, though what a customer is told never goes back within an attempt.
   *
   * @throws Refused if it is not from the site whose step it is, or more than there is to do
   */
  public void progress(Connection tx, String topic, byte[] bytes) throws SQLException {
    Progress progress = Json.read(bytes, Progress.class);
    Migration migration = read(tx, progress.migration()).migration();
    boolean own =
        (progress.step() == Step.CERTIFY || progress.step() == Step.IMPORT)
            && migration.party(progress.step().role()) instanceof Party.Site site
            && topic.equals(site.progress());
    if (!own) {
      throw new Refused("progress of " + progress.step().wire() + " on " + topic);
    }
    boolean due =
        migration.due().stream()
            .anyMatch(one -> one.step() == progress.step() && one.attempt() == progress.attempt());
    if (!due) {
      return;
    }
    long all = migration.machine().disks().stream().mapToLong(Machine.Disk::virtualBytes).sum();
    if (progress.totalBytes() > Progress.most(progress.step(), all)) {
      throw new Refused("progress over more bytes than the machine has");
    }
    store.note(tx, progress, clock.instant());
  }

  /** A migration that somebody should look at by now, if there is one; nobody else gets it soon. */
  Optional<MigrationId> next(Connection tx) throws SQLException {
    Instant now = clock.instant();
    return store.next(tx, now, now.plus(UNANSWERED));
  }

  /** Does what time has made due, and repeats an assignment that nobody answers. */
  void look(Connection tx, MigrationId id) throws SQLException {
    proceed(tx, lock(tx, id));
  }

  /** The migrations that have not ended and have this site at one end. */
  public List<MigrationId> open(Connection tx, SiteId site) throws SQLException {
    return store.open(tx, site);
  }

  /** A migration with all its events. */
  public Optional<Story> story(Connection tx, MigrationId id) throws SQLException {
    return store.story(tx, id);
  }

  /**
   * A customer's migrations, newest first.
   *
   * @param after the last one of the page before
   */
  public List<Story> stories(Connection tx, Subject caller, Optional<MigrationId> after, int limit)
      throws SQLException {
    return store.stories(tx, caller, after, limit);
  }

  /** What was added to a migration after an event. */
  public News news(Connection tx, MigrationId id, long after) throws SQLException {
    return store.news(tx, id, after);
  }

  /** Held reports, then decisions, until neither has more to say; then the sites are told. */
  private void proceed(Connection tx, Chain chain) throws SQLException {
    boolean more = true;
    while (more) {
      more = held(tx, chain) || decided(tx, chain);
    }
    Instant now = clock.instant();
    Migration migration = chain.migration();
    Optional<Instant> heard = heard(tx, migration);
    Set<Party.Site> sites = new HashSet<>(due(migration));
    Instant assigned = store.assigned(tx, chain.id());
    Duration patience = between(Duration.between(migration.since(), now));
    boolean silent =
        !now.isBefore(assigned.plus(patience))
            && heard.filter(at -> at.plus(patience).isAfter(now)).isEmpty();
    if (chain.grown()) {
      sites.addAll(chain.concerned());
    } else if (!silent) {
      sites.clear();
    }
    if (!sites.isEmpty()) {
      assign(tx, chain, sites);
      assigned = now;
    }
    Instant look =
        Decisions.look(migration, now, heard)
            .filter(at -> at.isBefore(now.plus(patience)))
            .orElse(now.plus(patience));
    store.save(tx, chain, assigned, look, now);
  }

  /** How long an assignment may stay unanswered: longer, the longer it is waited for. */
  private static Duration between(Duration waited) {
    return waited.compareTo(UNANSWERED) < 0
        ? UNANSWERED
        : waited.compareTo(RARELY) > 0 ? RARELY : waited;
  }

  private boolean held(Connection tx, Chain chain) throws SQLException {
    for (Envelope envelope : store.held(tx, chain.id())) {
      Report report = envelope.read(Report.PAYLOAD_TYPE, Report.class);
      if (chain.migration().takes(report)) {
        store.judge(tx, report, Verdict.ACCEPTED);
        append(tx, chain, report, envelope);
        return true;
      }
      if (Answers.past(chain.migration(), report)) {
        store.judge(tx, report, Verdict.STALE);
      }
    }
    return false;
  }

  private boolean decided(Connection tx, Chain chain) throws SQLException {
    Optional<Fact> fact =
        Decisions.next(chain.migration(), clock.instant(), heard(tx, chain.migration()));
    if (fact.isPresent() && !state(tx, chain, fact.get())) {
      LOG.error("{}: {} has no effect", chain.id(), fact.get());
      return false;
    }
    return fact.isPresent();
  }

  private Optional<Instant> heard(Connection tx, Migration migration) throws SQLException {
    return store.heard(tx, migration.id(), migration.due());
  }

  /** States a fact of the gateway's own, signed like everybody's; false if it has no effect. */
  private boolean state(Connection tx, Chain chain, Fact fact) throws SQLException {
    int attempt = Answers.attempt(chain.migration(), fact);
    Report report = new Report(chain.id(), identity.party(), attempt, clock.instant(), fact);
    if (!chain.migration().takes(report)) {
      return false;
    }
    Envelope envelope = key.sign(Report.PAYLOAD_TYPE, Json.bytes(report));
    store.remember(
        tx,
        report,
        Sha256.of(envelope.bytes()),
        Verdict.ACCEPTED,
        Json.bytes(envelope),
        clock.instant());
    append(tx, chain, report, envelope);
    return true;
  }

  private void append(Connection tx, Chain chain, Report report, Envelope envelope)
      throws SQLException {
    Event event = new Event(chain.id(), chain.size() + 1L, chain.last(), clock.instant(), envelope);
    byte[] bytes = Json.bytes(event);
    store.append(tx, event, bytes);
    chain.add(bytes, event, report);
    outbox.add(tx, "migrations", chain.id().value(), report.fact().type(), bytes);
    meters.counter("crossdock.events", "type", report.fact().type()).increment();
    LOG.info("{} {} {} by {}", chain.id(), event.sequence(), report.fact().type(), report.by());
  }

  private static Set<Party.Site> due(Migration migration) {
    Set<Party.Site> sites = new HashSet<>();
    migration
        .due()
        .forEach(
            due -> {
              if (migration.party(due.step().role()) instanceof Party.Site site) {
                sites.add(site);
              }
            });
    return sites;
  }

  private void assign(Connection tx, Chain chain, Set<Party.Site> sites) throws SQLException {
    byte[] assignment = Json.bytes(new Assignment(chain.id(), chain.events()));
    for (Party.Site site : sites) {
      outbox.add(tx, site.tasks(), chain.id().value(), "crossdock.assignment.v1", assignment);
    }
  }

  private Chain lock(Connection tx, MigrationId id) throws SQLException {
    store.lock(tx, id);
    return read(tx, id);
  }

  private Chain read(Connection tx, MigrationId id) throws SQLException {
    List<byte[]> events = store.events(tx, id, 0);
    if (events.isEmpty()) {
      throw new Refused("there is no migration " + id);
    }
    return Chain.of(id, events);
  }
}
