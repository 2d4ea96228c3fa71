package crossdock.chassis;

import crossdock.contracts.Assignment;
import crossdock.contracts.Due;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.contracts.Step;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Where a service takes its work from: it folds each chain it is shown, finds what is due to its
 * party there, and does it, whatever else it may have been told. A core service is shown events, a
 * site assignments.
 */
@Singleton
public final class Desk implements Workers.Hand {
  private final Identity identity;
  private final Database database;
  private final Chains chains;
  private final Jobs jobs;
  private final Reports reports;
  private final Readers readers;
  private final Workers workers;
  private final Map<Step, StepHandler> handlers = new EnumMap<>(Step.class);
  private Watcher watcher = (_, _) -> {};

  /** Sees every migration as it moves on, in the transaction that records it. */
  @FunctionalInterface
  public interface Watcher {
    /** May be called again with the same. */
    void see(Connection tx, Migration migration) throws SQLException;
  }

  Desk(
      Identity identity,
      Database database,
      Chains chains,
      Jobs jobs,
      Reports reports,
      Readers readers,
      Workers workers) {
    this.identity = identity;
    this.database = database;
    this.chains = chains;
    this.jobs = jobs;
    this.reports = reports;
    this.readers = readers;
    this.workers = workers;
  }

  /** Like {@link #open(String, Map)}, with somebody who sees every migration as it moves. */
  public void open(String reader, Map<Step, StepHandler> steps, Watcher watching) {
    watcher = watching;
    open(reader, steps);
  }

  /**
   * Begins to work. Called once, when the service starts.
   *
   * @param reader names the consumer group; unique among the services of one principal
   * @param steps what this service does
   */
  public void open(String reader, Map<Step, StepHandler> steps) {
    handlers.putAll(steps);
    switch (identity.party()) {
      case Party.Core _ ->
          readers.start(
              reader,
              List.of("migrations"),
              (tx, _, _, value) -> note(tx, chains.append(tx, value)));
      case Party.Site site ->
          readers.start(reader, List.of(site.tasks()), (tx, _, _, value) -> assigned(tx, value));
    }
    workers.start(this);
  }

  /**
   * Takes an assignment, as it comes on a site's topic.
   *
   * @throws crossdock.contracts.Refused if its chain may not be believed
   */
  public void assigned(Connection tx, byte[] value) throws SQLException {
    Assignment assignment = Json.read(value, Assignment.class);
    note(tx, chains.extend(tx, assignment.migration(), assignment.chain()));
  }

  private void note(Connection tx, Migration migration) throws SQLException {
    List<Due> mine = mine(migration);
    jobs.drop(tx, migration.id(), mine.stream().map(due -> due.step().wire()).toList());
    for (Due due : mine) {
      jobs.add(tx, migration.id(), due.step().wire(), due.attempt());
    }
    watcher.see(tx, migration);
  }

  private List<Due> mine(Migration migration) {
    return migration.due().stream()
        .filter(due -> handlers.containsKey(due.step()))
        .filter(due -> migration.party(due.step().role()).equals(identity.party()))
        .toList();
  }

  @Override
  public Outcome turn(Jobs.Job job, Held held) throws Exception {
    Migration migration = migration(job.migration());
    Step step = Step.parse(job.kind());
    boolean due =
        mine(migration).stream()
            .anyMatch(mine -> mine.step() == step && mine.attempt() == job.attempt());
    StepHandler handler = handlers.get(step);
    if (!due || handler == null) {
      return new Outcome.Done(List.of(), List.of());
    }
    return handler.perform(
        new Work(migration, step, job.attempt(), job.fence(), job.result(), held));
  }

  @Override
  public void done(Connection tx, Jobs.Job job, Outcome.Done outcome) throws SQLException {
    for (Fact fact : outcome.facts()) {
      reports.add(tx, job.migration(), job.attempt(), fact);
    }
  }

  @Override
  public void failed(Connection tx, Jobs.Job job, Reason reason, String detail)
      throws SQLException {
    reports.add(
        tx,
        job.migration(),
        job.attempt(),
        new Fact.Failed(Step.parse(job.kind()), reason, detail));
  }

  /** The migration, as far as this service has seen it. */
  public Migration migration(MigrationId id) {
    return database.transaction(tx -> chains.migration(tx, id));
  }
}
