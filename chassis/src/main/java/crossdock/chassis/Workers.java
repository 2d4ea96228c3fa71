package crossdock.chassis;

import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Works off the jobs: claims one, keeps its lease alive while a {@link Hand} works on it, and
 * commits the outcome only if the lease still stands. What throws is tried again here a few times
 * before it counts as failed.
 */
@Singleton
public final class Workers implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Workers.class);
  private static final int WORKERS = 4;
  private static final int QUICK_WORKERS = 2;
  private static final int TRIES = 4;

  /**
   * With the pauses between, six and a half minutes where nobody is there, and less than half an
   * hour where whoever is there says nothing.
   */
  private static final int UNANSWERED = 18;

  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  /** So often may the service end in the middle of a turn; then the turn is held to be why. */
  private static final int DEATHS = 30;

  /** What does the work of one service. */
  public interface Hand {
    /**
     * One turn.
     *
     * @throws StepFailed if it cannot be done
     * @throws Exception on anything that may pass
     */
    Outcome turn(Jobs.Job job, Held held) throws Exception;

    /** Tells whoever waits for a job that it is done; in the transaction that ends it. */
    void done(Connection tx, Jobs.Job job, Outcome.Done outcome) throws SQLException;

    /** Tells whoever waits for a job that it failed; in the transaction that ends it. */
    void failed(Connection tx, Jobs.Job job, Reason reason, String detail) throws SQLException;
  }

  private final Database database;
  private final Jobs jobs;
  private final Outbox outbox;
  private final MeterRegistry meters;
  private final List<Thread> workers = new ArrayList<>();
  private volatile boolean open = true;

  Workers(Database database, Jobs jobs, Outbox outbox, MeterRegistry meters) {
    this.database = database;
    this.jobs = jobs;
    this.outbox = outbox;
    this.meters = meters;
  }

  /**
   * Who works on what.
   *
   * @param only whether these kinds are all that its workers do, or all that they leave
   * @param looking of one lane one worker at a time looks for work, the others wait for their turn
   *     to: an idle service asks twice a second
   */
  private record Lane(Set<String> kinds, boolean only, ReentrantLock looking) {
    Lane(Set<String> kinds, boolean only) {
      this(kinds, only, new ReentrantLock(true));
    }
  }

  /** Begins to work; called once. */
  public void start(Hand hand) {
    start(hand, Set.of());
  }

  /**
   * Begins to work; called once.
   *
   * @param quick kinds of jobs that wait for none of the others, and that none of the others waits
   *     for: some workers do these alone
   */
  public void start(Hand hand, Set<String> quick) {
    start(hand, new Lane(quick, false), WORKERS, "worker-");
    if (!quick.isEmpty()) {
      start(hand, new Lane(quick, true), QUICK_WORKERS, "quick-worker-");
    }
  }

  private void start(Hand hand, Lane lane, int count, String name) {
    for (int i = 0; i < count; i++) {
      workers.add(Thread.ofVirtual().name(name + i).start(() -> run(hand, lane)));
    }
  }

  private Optional<Jobs.Job> next(Lane lane) throws InterruptedException {
    lane.looking().lockInterruptibly();
    try {
      long seen = database.commits();
      Optional<Jobs.Job> job = database.look(tx -> jobs.claim(tx, lane.kinds(), lane.only()));
      if (job.isEmpty()) {
        database.awaitCommit(seen);
      }
      return job;
    } finally {
      lane.looking().unlock();
    }
  }

  private void run(Hand hand, Lane lane) {
    while (open) {
      try {
        Optional<Jobs.Job> job = next(lane);
        if (job.isPresent()) {
          turn(hand, job.get());
        }
      } catch (InterruptedException e) {
        // Of a lost lease, or of close: the loop's condition tells.
        LOG.debug("interrupted");
      } catch (RuntimeException | Error e) {
        // An interrupt left over would end every wait from here on.
        LOG.warn("worker waits{}: {}", Thread.interrupted() ? ", interrupted" : "", e.getMessage());
        Pause.millis(1000);
      }
    }
  }

  private void turn(Hand hand, Jobs.Job job) throws InterruptedException {
    Lease held = new Lease();
    CountDownLatch ended = new CountDownLatch(1);
    Thread worker = Thread.currentThread();
    Thread heart = Thread.ofVirtual().name("heart").start(() -> beat(job, held, ended, worker));
    try {
      LOG.info("{} {} attempt {} try {}", job.migration(), job.kind(), job.attempt(), job.tries());
      if (job.tries() > DEATHS) {
        throw new StepFailed(Reason.UNAVAILABLE, "begun " + DEATHS + " times, and never ended");
      }
      end(hand, job, hand.turn(job, held));
    } catch (StepFailed e) {
      fail(hand, job, e.reason(), String.valueOf(e.getMessage()));
    } catch (Throwable e) {
      // Errors too: a bug in one step must not end the worker, and with it all steps.
      LOG.warn("{} {} failed", job.migration(), job.kind(), e);
      if (held.now() && open) {
        again(hand, job, held.advanced, e);
      }
    } finally {
      held.lose();
      // Not by an interrupt, which would break the connection of a beat under way.
      ended.countDown();
      boolean interrupted = Thread.interrupted();
      heart.join();
      database.change(tx -> jobs.letGo(tx, job));
      if (interrupted) {
        LOG.debug("{} {} was interrupted", job.migration(), job.kind());
      }
    }
  }

  private void again(Hand hand, Jobs.Job job, boolean advanced, Throwable e) {
    boolean silence = e instanceof Unanswered;
    int tries = advanced ? 0 : job.tries() - (silence ? 1 : 0);
    int unanswered = (advanced ? 0 : job.unanswered()) + (silence ? 1 : 0);
    if (e instanceof Refused || (silence ? unanswered >= UNANSWERED : tries >= TRIES)) {
      Reason reason = e instanceof Refused ? Reason.CHAIN_REFUSED : Reason.UNAVAILABLE;
      fail(hand, job, reason, e.getClass().getSimpleName() + ": " + e.getMessage());
    } else {
      Duration pause = Duration.ofMillis(500L << (silence ? unanswered : tries));
      database.change(
          tx ->
              jobs.later(
                  tx,
                  job,
                  pause.compareTo(LONGEST_PAUSE) < 0 ? pause : LONGEST_PAUSE,
                  tries,
                  unanswered));
    }
  }

  private void beat(Jobs.Job job, Lease held, CountDownLatch ended, Thread worker) {
    try {
      while (held.now() && !ended.await(Jobs.LEASE.toMillis() / 3, TimeUnit.MILLISECONDS)) {
        if (!database.transaction(tx -> jobs.beat(tx, job, held.advanced))) {
          held.lose();
          worker.interrupt();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) { // a lease that nobody renews is none
      LOG.warn("no heartbeat for {} {}: {}", job.migration(), job.kind(), e.getMessage());
      held.lose();
      worker.interrupt();
    }
  }

  private static final class Lease implements Held {
    private volatile boolean stands = true;
    private volatile boolean advanced;

    @Override
    public boolean now() {
      return stands;
    }

    @Override
    public void advanced() {
      advanced = true;
    }

    void lose() {
      stands = false;
    }
  }

  private void end(Hand hand, Jobs.Job job, Outcome outcome) {
    database.change(
        tx -> {
          switch (outcome) {
            case Outcome.Done done -> {
              if (jobs.end(tx, job, Jobs.End.DONE)) {
                hand.done(tx, job, done);
                send(tx, done.send());
                count(job, "done");
              }
            }
            case Outcome.Waiting waiting -> {
              if (jobs.end(tx, job, Jobs.End.WAITING)) {
                send(tx, waiting.send());
              }
            }
          }
        });
  }

  private void fail(Hand hand, Jobs.Job job, Reason reason, String detail) {
    LOG.warn("{} {} failed for good: {} {}", job.migration(), job.kind(), reason, detail);
    database.change(
        tx -> {
          if (jobs.end(tx, job, Jobs.End.DONE)) {
            hand.failed(tx, job, reason, detail.length() > 512 ? detail.substring(0, 512) : detail);
            count(job, "failed");
          }
        });
  }

  private void send(Connection tx, List<Outcome.Message> messages) throws SQLException {
    for (Outcome.Message message : messages) {
      outbox.add(tx, message.topic(), message.key(), message.type(), message.payload());
    }
  }

  private void count(Jobs.Job job, String outcome) {
    meters.counter("crossdock.jobs", "kind", job.kind(), "outcome", outcome).increment();
  }

  @Override
  @PreDestroy
  public void close() {
    open = false;
    workers.forEach(Thread::interrupt);
  }
}
