package crossdock.chassis;

import static crossdock.chassis.Parties.ID;
import static crossdock.chassis.Parties.OTHER;
import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What throws is tried again before it counts as failed; only who holds the lease has an effect.
 */
@Timeout(60)
class WorkersTest {
  private final TestDatabase test = new TestDatabase();
  private final Jobs jobs = new Jobs();
  private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
  private Workers workers =
      new Workers(test.database, jobs, new Outbox(), new SimpleMeterRegistry());

  /** One turn at any job. */
  @FunctionalInterface
  private interface Turn {
    Outcome take(Jobs.Job job, Held held) throws Exception;
  }

  @AfterEach
  void close() {
    workers.close();
  }

  private void work(Turn turn) {
    workers.start(
        new Workers.Hand() {
          @Override
          public Outcome turn(Jobs.Job job, Held held) throws Exception {
            return turn.take(job, held);
          }

          @Override
          public void done(Connection tx, Jobs.Job job, Outcome.Done outcome) {
            told.add("done " + job.kind());
          }

          @Override
          public void failed(Connection tx, Jobs.Job job, Reason reason, String detail) {
            told.add("failed " + job.kind() + " " + reason + " " + detail);
          }
        });
  }

  private void add(String kind) {
    test.database.change(tx -> jobs.add(tx, ID, kind, 1));
  }

  private String heard() throws InterruptedException {
    for (int i = 0; i < 1000; i++) {
      String next = told.poll(20, TimeUnit.MILLISECONDS);
      if (next != null) {
        return next;
      }
      test.run("UPDATE job SET next_run = now() WHERE next_run > now()");
    }
    throw new AssertionError("nothing was told");
  }

  private static Outcome.Message message(String text) {
    return new Outcome.Message("topic", "key", "type", text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void whatThrowsIsTriedAgainUntilItPasses() throws InterruptedException {
    AtomicInteger tries = new AtomicInteger();
    add("inspect");
    work(
        (_, _) -> {
          if (tries.incrementAndGet() < 3) {
            throw new java.io.IOException("the cloud does not answer");
          }
          return Outcome.done();
        });
    assertThat(heard()).isEqualTo("done inspect");
    assertThat(tries).hasValue(3);
  }

  @Test
  void whatKeepsThrowingFailsAfterFourTries() throws InterruptedException {
    AtomicInteger tries = new AtomicInteger();
    add("inspect");
    work(
        (_, _) -> {
          tries.incrementAndGet();
          throw new java.io.IOException("the cloud does not answer");
        });
    assertThat(heard())
        .isEqualTo("failed inspect UNAVAILABLE IOException: the cloud does not answer");
    assertThat(tries).hasValue(4);
    // What was heard was said in the transaction that then ends.
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (test.value("SELECT count(*) FROM job WHERE state = 'DONE'").equals("0")) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      TimeUnit.MILLISECONDS.sleep(10);
    }
  }

  @Test
  void whatGetsFurtherEachTimeIsTriedAsOftenAsItNeeds() throws InterruptedException {
    AtomicInteger tries = new AtomicInteger();
    add("fetch");
    work(
        (_, held) -> {
          if (tries.incrementAndGet() <= 20) {
            held.advanced();
            throw new java.io.IOException("the line broke");
          }
          throw new java.io.IOException("the disk broke");
        });
    assertThat(heard()).isEqualTo("failed fetch UNAVAILABLE IOException: the disk broke");
    assertThat(tries).hasValue(20 + 4);
  }

  @Test
  void whoDoesNotAnswerIsAskedAgainForLonger() throws InterruptedException {
    AtomicInteger tries = new AtomicInteger();
    add("fetch");
    work(
        (_, _) -> {
          tries.incrementAndGet();
          throw new Unanswered("nobody there");
        });
    assertThat(heard()).isEqualTo("failed fetch UNAVAILABLE Unanswered: nobody there");
    assertThat(tries).hasValue(18);
  }

  @Test
  void whoDoesNotAnswerTakesNoTriesFromWhatElseFails() throws InterruptedException {
    AtomicInteger tries = new AtomicInteger();
    add("fetch");
    work(
        (_, _) -> {
          if (tries.incrementAndGet() % 4 != 0) {
            throw new Unanswered("nobody there");
          }
          throw new java.io.IOException("the disk broke");
        });
    assertThat(heard()).isEqualTo("failed fetch UNAVAILABLE IOException: the disk broke");
    assertThat(tries).hasValue(16);
  }

  @Test
  void aTurnThatTheServiceNeverSurvivesFailsInTheEnd() throws InterruptedException {
    add("fetch");
    test.run("UPDATE job SET tries = 30");
    work((_, _) -> Outcome.done());
    assertThat(heard()).isEqualTo("failed fetch UNAVAILABLE begun 30 times, and never ended");
  }

  @Test
  void aFailedStepIsToldAtOnceWithItsReason() throws InterruptedException {
    AtomicInteger tries = new AtomicInteger();
    add("inspect");
    work(
        (_, _) -> {
          tries.incrementAndGet();
          throw new StepFailed(Reason.QUOTA, "no room");
        });
    assertThat(heard()).isEqualTo("failed inspect QUOTA no room");
    assertThat(tries).hasValue(1);
  }

  @Test
  void whatIsRefusedFailsAtOnce() throws InterruptedException {
    add("inspect");
    work(
        (_, _) -> {
          throw new Refused("a fork");
        });
    assertThat(heard()).isEqualTo("failed inspect CHAIN_REFUSED Refused: a fork");
    assertThat(test.value("SELECT tries FROM job")).isEqualTo("1");
  }

  @Test
  void anErrorFailsTheStepAndLeavesTheWorkersAtWork() throws InterruptedException {
    work(
        (job, _) -> {
          if (job.kind().equals("inspect")) {
            throw new AssertionError("a bug");
          }
          return Outcome.done();
        });
    add("inspect");
    assertThat(heard()).isEqualTo("failed inspect UNAVAILABLE AssertionError: a bug");
    add("plan");
    assertThat(heard()).isEqualTo("done plan");
  }

  @Test
  void aLongDetailIsCut() throws InterruptedException {
    add("inspect");
    work(
        (_, _) -> {
          throw new StepFailed(Reason.QUOTA, "x".repeat(5000));
        });
    assertThat(heard()).isEqualTo("failed inspect QUOTA " + "x".repeat(512));
  }

  @Test
  void aSleepingJobGoesOnWithWhatWokeIt() throws InterruptedException {
    add("certify");
    work(
        (job, _) ->
            job.result().isPresent()
                ? Outcome.sent(message("got " + job.result().get()))
                : Outcome.waiting(message("order")));
    test.await("SELECT state FROM job", "WAITING");
    assertThat(told).isEmpty();

    boolean woken = test.database.transaction(tx -> jobs.wake(tx, ID, "certify", 1, "root"));

    assertThat(woken).isTrue();
    assertThat(heard()).isEqualTo("done certify");
    // It is heard in the transaction that ends the job, and sent with its commit.
    test.await("SELECT state FROM job", "DONE");
    assertThat(test.outbox())
        .extracting(row -> new String(row.payload(), StandardCharsets.UTF_8))
        .containsExactly("order", "got root");
  }

  @Test
  void whoLostItsLeaseHasNoEffectWhateverItReturns() throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    CountDownLatch left = new CountDownLatch(1);
    add("import");
    work(
        (job, _) -> {
          if (!job.kind().equals("import")) {
            left.countDown();
            return Outcome.done();
          }
          begun.countDown();
          go.await();
          return Outcome.sent(message("late"));
        });
    begun.await();
    test.database.change(
        tx -> {
          jobs.drop(tx, ID, List.of("undo-target"));
          jobs.add(tx, ID, "undo-target", 1);
        });
    assertThat(left.await(500, TimeUnit.MILLISECONDS)).isFalse();

    go.countDown();

    assertThat(heard()).isEqualTo("done undo-target");
    assertThat(test.outbox()).isEmpty();
    assertThat(test.value("SELECT state FROM job WHERE kind = 'import'")).isEqualTo("DROPPED");
  }

  @Test
  void aDroppedJobsWorkerIsToldWithinAHeartbeat() throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    AtomicBoolean held = new AtomicBoolean(true);
    CountDownLatch interrupted = new CountDownLatch(1);
    add("import");
    work(
        (_, lease) -> {
          begun.countDown();
          try {
            new CountDownLatch(1).await();
          } catch (InterruptedException e) {
            held.set(lease.now());
            interrupted.countDown();
            throw e;
          }
          return Outcome.done();
        });
    begun.await();
    test.database.change(tx -> jobs.drop(tx, ID, List.of()));

    assertThat(interrupted.await(Jobs.LEASE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThat(held).isFalse();
    test.await("SELECT lease_until::text FROM job", "-infinity");
    assertThat(told).isEmpty();
  }

  @Test
  void anInterruptBetweenTurnsDoesNotStopAWorker() throws InterruptedException {
    Set<Thread> interrupted = ConcurrentHashMap.newKeySet();
    AtomicInteger connections = new AtomicInteger();
    Workers disturbed =
        new Workers(
            new Database(
                disturbed(
                    test.source,
                    () -> {
                      connections.incrementAndGet();
                      // Every worker once, just before it asks.
                      if (interrupted.add(Thread.currentThread())) {
                        Thread.currentThread().interrupt();
                      }
                    })),
            jobs,
            new Outbox(),
            new SimpleMeterRegistry());
    workers = disturbed;
    work((_, _) -> Outcome.done());
    test.database.change(tx -> jobs.add(tx, OTHER, "inspect", 1));

    assertThat(heard()).isEqualTo("done inspect");
    int before = connections.get();
    Thread.sleep(1000);
    assertThat(connections.get() - before).as("connections in an idle second").isLessThan(100);
  }

  private static DataSource disturbed(DataSource source, Runnable before) {
    InvocationHandler handler =
        (_, method, arguments) -> {
          before.run();
          try {
            return method.invoke(source, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause() == null ? e : e.getCause();
          }
        };
    return (DataSource)
        Proxy.newProxyInstance(
            DataSource.class.getClassLoader(), new Class<?>[] {DataSource.class}, handler);
  }
}
