package crossdock.chassis;

import crossdock.contracts.Assignment;
import crossdock.contracts.Due;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Step;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a service takes its work from: it folds each chain it is shown, finds what is due to its
 * party there, and does it, whatever else it may have been told. A core service is shown events, a
 * site assignments.
 */
@Singleton
public final class Desk implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Desk.class);
  private static final int WORKERS = 4;
  private static final int TRIES = 4;
  private static final long IDLE_MILLIS = 100;

  private final Identity identity;
  private final Database database;
  private final Chains chains;
  private final Jobs jobs;
  private final Reports reports;
  private final Outbox outbox;
  private final Readers readers;
  private final MeterRegistry meters;
  private final Map<Step, StepHandler> handlers = new EnumMap<>(Step.class);
  private final List<Thread> workers = new ArrayList<>();
  private volatile boolean open = true;

  Desk(
      Identity identity,
      Database database,
      Chains chains,
      Jobs jobs,
      Reports reports,
      Outbox outbox,
      Readers readers,
      MeterRegistry meters) {
    this.identity = identity;
    this.database = database;
    this.chains = chains;
    this.jobs = jobs;
    this.reports = reports;
    this.outbox = outbox;
    this.readers = readers;
    this.meters = meters;
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
    for (int i = 0; i < WORKERS; i++) {
      workers.add(Thread.ofVirtual().name("worker-" + i).start(this::work));
    }
  }

  private void assigned(Connection tx, byte[] value) throws SQLException {
    Assignment assignment = Json.read(value, Assignment.class);
    note(tx, chains.extend(tx, assignment.migration(), assignment.chain()));
  }

  private void note(Connection tx, Migration migration) throws SQLException {
    List<Due> mine = mine(migration);
    jobs.drop(tx, migration.id(), mine.stream().map(Due::step).toList());
    for (Due due : mine) {
      jobs.add(tx, migration.id(), due.step(), due.attempt());
    }
  }

  private List<Due> mine(Migration migration) {
    return migration.due().stream()
        .filter(due -> handlers.containsKey(due.step()))
        .filter(due -> migration.party(due.step().role()).equals(identity.party()))
        .toList();
  }

  private void work() {
    while (open) {
      try {
        Optional<Jobs.Job> job = database.transaction(jobs::claim);
        if (job.isPresent()) {
          turn(job.get());
        } else {
          Thread.sleep(IDLE_MILLIS);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException e) {
        LOG.warn("worker waits: {}", e.getMessage());
        Pause.millis(1000);
      }
    }
  }

  private void turn(Jobs.Job job) throws InterruptedException {
    Migration migration = database.transaction(tx -> chains.migration(tx, job.migration()));
    boolean due =
        mine(migration).stream()
            .anyMatch(mine -> mine.step() == job.step() && mine.attempt() == job.attempt());
    if (!due) {
      database.transaction(tx -> jobs.end(tx, job, Jobs.End.DROPPED));
      return;
    }
    AtomicBoolean held = new AtomicBoolean(true);
    Thread worker = Thread.currentThread();
    Thread heart = Thread.ofVirtual().name("heart").start(() -> beat(job, held, worker));
    try {
      Work work =
          new Work(migration, job.step(), job.attempt(), job.fence(), job.result(), held::get);
      LOG.info(
          "{} {} attempt {} try {}",
          job.migration(),
          job.step().wire(),
          job.attempt(),
          job.tries());
      end(job, handler(job).perform(work));
    } catch (StepFailed e) {
      fail(job, e.reason(), String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      boolean lost = !held.get();
      LOG.warn("{} {} failed", job.migration(), job.step().wire(), e);
      if (lost) {
        return;
      }
      if (job.tries() >= TRIES) {
        fail(
            job,
            e instanceof Refused ? Reason.CHAIN_REFUSED : Reason.UNAVAILABLE,
            e.getClass().getSimpleName());
      } else {
        database.change(
            tx -> {
              jobs.later(tx, job, Duration.ofMillis(500L << job.tries()));
            });
      }
    } finally {
      held.set(false);
      heart.interrupt();
      heart.join();
      boolean closing = Thread.interrupted() && !open;
      database.change(
          tx -> {
            jobs.letGo(tx, job);
          });
      if (closing) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private StepHandler handler(Jobs.Job job) {
    StepHandler handler = handlers.get(job.step());
    if (handler == null) {
      throw new IllegalStateException("no handler for " + job.step().wire());
    }
    return handler;
  }

  private void beat(Jobs.Job job, AtomicBoolean held, Thread worker) {
    try {
      while (held.get()) {
        Thread.sleep(Jobs.LEASE.toMillis() / 3);
        if (held.get() && !database.transaction(tx -> jobs.beat(tx, job))) {
          held.set(false);
          worker.interrupt();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      LOG.warn("no heartbeat for {} {}: {}", job.migration(), job.step().wire(), e.getMessage());
      held.set(false);
      worker.interrupt();
    }
  }

  private void end(Jobs.Job job, Outcome outcome) {
    database.change(
        tx -> {
          switch (outcome) {
            case Outcome.Done(List<Fact> facts) -> {
              if (jobs.end(tx, job, Jobs.End.DONE)) {
                for (Fact fact : facts) {
                  reports.add(tx, job.migration(), job.attempt(), fact);
                }
                meters
                    .counter("crossdock.steps", "step", job.step().wire(), "outcome", "done")
                    .increment();
              }
            }
            case Outcome.Waiting(List<Outcome.Message> send) -> {
              if (jobs.end(tx, job, Jobs.End.WAITING)) {
                for (Outcome.Message message : send) {
                  outbox.add(tx, message.topic(), message.key(), message.type(), message.payload());
                }
              }
            }
          }
        });
  }

  private void fail(Jobs.Job job, Reason reason, String detail) {
    LOG.warn("{} {} failed: {} {}", job.migration(), job.step().wire(), reason, detail);
    String brief = detail.length() > 512 ? detail.substring(0, 512) : detail;
    database.change(
        tx -> {
          if (jobs.end(tx, job, Jobs.End.DONE)) {
            reports.add(
                tx, job.migration(), job.attempt(), new Fact.Failed(job.step(), reason, brief));
            meters
                .counter("crossdock.steps", "step", job.step().wire(), "outcome", "failed")
                .increment();
          }
        });
  }

  /** The migration, as far as this service has seen it. */
  public Migration migration(MigrationId id) {
    return database.transaction(tx -> chains.migration(tx, id));
  }

  @Override
  @PreDestroy
  public void close() {
    open = false;
    workers.forEach(Thread::interrupt);
  }
}
