package crossdock.chassis;

import static crossdock.chassis.Parties.GATEWAY;
import static crossdock.chassis.Parties.ID;
import static crossdock.chassis.Parties.SOURCE;
import static crossdock.chassis.Parties.TARGET;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Assignment;
import crossdock.contracts.Envelope;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Report;
import crossdock.contracts.Step;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.Environment;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A party does what its chain says is due, once, whatever it was told and how often. */
@Timeout(60)
class DeskTest {
  private static final Parties PARTIES = new Parties();

  private final TestDatabase test = new TestDatabase();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final Jobs jobs = new Jobs();
  private final AtomicInteger turns = new AtomicInteger();
  private final Parties.Log log = PARTIES.log(ID);

  /** No broker: what comes is handed over by the tests. */
  private final Environment nowhere =
      ApplicationContext.builder()
          .properties(Map.of("kafka.bootstrap.servers", "127.0.0.1:1"))
          .build()
          .getEnvironment()
          .start();

  private final Workers workers = new Workers(test.database, jobs, new Outbox(), meters);
  private final Readers readers;
  private final Desk desk;

  DeskTest() {
    Identity identity = new Identity(SOURCE);
    readers = new Readers(test.database, new Parked(meters), new Kafka(nowhere, identity), meters);
    desk = desk(identity, readers);
  }

  private Desk desk(Identity identity, Readers reading) {
    return new Desk(
        identity,
        test.database,
        new Chains(PARTIES.trusting(), meters),
        jobs,
        new Reports(identity, PARTIES.source, new Outbox(), Clock.systemUTC()),
        reading,
        workers);
  }

  @AfterEach
  void close() {
    workers.close();
    readers.close();
    nowhere.close();
  }

  private void inspects(StepHandler handler) {
    desk.open(
        "exports",
        Map.of(
            Step.INSPECT,
            work -> {
              turns.incrementAndGet();
              return handler.perform(work);
            }));
  }

  private void assign(List<byte[]> chain) {
    byte[] assignment = Json.bytes(new Assignment(ID, chain));
    test.database.change(tx -> desk.assigned(tx, assignment));
  }

  private List<Report> reports() {
    return test.outbox().stream()
        .map(
            row -> {
              assertThat(row.topic()).isEqualTo("site.north.oslo.reports");
              assertThat(row.key()).isEqualTo(ID.value());
              Envelope envelope = Json.read(row.payload(), Envelope.class);
              assertThat(PARTIES.trust.signer(envelope)).isEqualTo(SOURCE);
              return envelope.read(Report.PAYLOAD_TYPE, Report.class);
            })
        .toList();
  }

  @Test
  void whatIsDueIsDoneAndReportedSigned() throws InterruptedException {
    inspects(
        work -> {
          assertThat(work.migration().id()).isEqualTo(ID);
          assertThat(work.attempt()).isEqualTo(1);
          work.held().check();
          return Outcome.done(Parties.INSPECTED);
        });
    assign(log.all());
    test.await("SELECT state FROM job", "DONE");

    assertThat(reports()).hasSize(1);
    Report report = reports().getFirst();
    assertThat(report.fact()).isEqualTo(Parties.INSPECTED);
    assertThat(report.migration()).isEqualTo(ID);
    assertThat(report.by()).isEqualTo((Party) SOURCE);
    assertThat(report.attempt()).isEqualTo(1);
  }

  @Test
  void everythingTwiceAndLateHasOneEffect() throws InterruptedException {
    inspects(_ -> Outcome.done(Parties.INSPECTED));
    assign(log.all());
    assign(log.all());
    test.await("SELECT state FROM job", "DONE");
    assign(log.all());
    assign(log.first(1));
    log.add(PARTIES.source, SOURCE, 1, Parties.INSPECTED);
    assign(log.all());
    assign(log.first(2));
    assign(log.all());
    test.await("SELECT count(*) FROM job WHERE state = 'READY'", "0");

    assertThat(turns).hasValue(1);
    assertThat(reports()).hasSize(1);
    assertThat(test.value("SELECT count(*) FROM job")).isEqualTo("1");
  }

  @Test
  void whatIsNotDueToThisPartyIsNotDone() {
    inspects(_ -> Outcome.done(Parties.INSPECTED));
    assign(log.first(1));
    assertThat(test.value("SELECT count(*) FROM job")).isEqualTo("0");
    assertThat(test.value("SELECT count(*) FROM chain")).isEqualTo("1");
  }

  @Test
  void anotherSitesStepIsNotDoneHere() {
    Desk elsewhere = desk(new Identity(TARGET), readers);
    elsewhere.open("exports", Map.of(Step.INSPECT, _ -> Outcome.done(Parties.INSPECTED)));
    byte[] assignment = Json.bytes(new Assignment(ID, log.all()));
    test.database.change(tx -> elsewhere.assigned(tx, assignment));
    assertThat(test.value("SELECT count(*) FROM job")).isEqualTo("0");
  }

  @Test
  void aChainThatDoesNotVerifyGivesNoWork() {
    inspects(_ -> Outcome.done(Parties.INSPECTED));
    Parties.Log forged =
        new Parties.Log(ID)
            .add(PARTIES.target, GATEWAY, 1, Parties.requested("vm-1"))
            .add(PARTIES.target, Parties.IDENTITY, 1, Parties.AUTHORIZED);
    assertThatThrownBy(() -> assign(forged.all())).isInstanceOf(Refused.class);
    assertThat(test.value("SELECT count(*) FROM job")).isEqualTo("0");
    assertThat(test.value("SELECT count(*) FROM chain")).isEqualTo("0");
  }

  @Test
  void aThrowingHandlerIsRetriedAndThenReportedFailed() throws InterruptedException {
    inspects(
        _ -> {
          throw new java.io.IOException("no answer");
        });
    assign(log.all());
    test.await("SELECT state FROM job", "DONE");

    assertThat(turns).hasValue(4);
    assertThat(reports())
        .extracting(Report::fact)
        .containsExactly(
            new Fact.Failed(Step.INSPECT, Reason.UNAVAILABLE, "IOException: no answer"));
  }

  @Test
  void aFailedStepIsReportedAtOnce() throws InterruptedException {
    inspects(
        _ -> {
          throw new StepFailed(Reason.NO_SUCH_MACHINE, "no machine vm-1");
        });
    assign(log.all());
    test.await("SELECT state FROM job", "DONE");

    assertThat(turns).hasValue(1);
    assertThat(reports())
        .extracting(Report::fact)
        .containsExactly(new Fact.Failed(Step.INSPECT, Reason.NO_SUCH_MACHINE, "no machine vm-1"));
  }

  @Test
  void anUndoTakesTheRunningJobsLeaseAwayAndItsLaterOutcomeHasNoEffect()
      throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    inspects(
        _ -> {
          begun.countDown();
          go.await();
          return Outcome.done(Parties.INSPECTED);
        });
    assign(log.all());
    begun.await();

    log.add(PARTIES.gateway, GATEWAY, 1, new Fact.Undoing(Reason.CANCELLED));
    assign(log.all());
    assertThat(test.value("SELECT state FROM job")).isEqualTo("DROPPED");
    go.countDown();
    test.await("SELECT lease_until::text FROM job", "-infinity");

    assertThat(reports()).isEmpty();
    assertThat(test.value("SELECT state FROM job")).isEqualTo("DROPPED");
  }

  @Test
  void aRetriedStepIsDoneAgainAsItsNextAttempt() throws InterruptedException {
    inspects(
        work -> {
          if (work.attempt() == 1) {
            throw new StepFailed(Reason.UNAVAILABLE, "no answer");
          }
          return Outcome.done(Parties.INSPECTED);
        });
    assign(log.all());
    test.await("SELECT state FROM job", "DONE");
    log.add(PARTIES.source, SOURCE, 1, reports().getFirst().fact())
        .add(PARTIES.gateway, GATEWAY, 1, new Fact.Retried(Step.INSPECT));
    assign(log.all());
    test.await("SELECT state FROM job WHERE attempt = 2", "DONE");

    assertThat(reports()).extracting(Report::attempt).containsExactly(1, 2);
  }

  @Test
  void aSleepingStepGoesOnWhenWoken() throws InterruptedException {
    inspects(work -> work.result().isEmpty() ? Outcome.waiting() : Outcome.done(Parties.INSPECTED));
    assign(log.all());
    test.await("SELECT state FROM job", "WAITING");
    assign(log.all());
    assertThat(reports()).isEmpty();

    test.database.change(
        tx -> assertThat(jobs.wake(tx, ID, Step.INSPECT.wire(), 1, "root")).isTrue());
    test.await("SELECT state FROM job", "DONE");

    assertThat(turns).hasValue(2);
    assertThat(reports()).hasSize(1);
  }
}
