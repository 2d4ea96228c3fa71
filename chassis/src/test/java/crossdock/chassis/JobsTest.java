package crossdock.chassis;

import static crossdock.chassis.Parties.ID;
import static crossdock.chassis.Parties.OTHER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import crossdock.contracts.MigrationId;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Each job is done by one worker at a time, and whoever lost it can change nothing. */
class JobsTest {
  private final TestDatabase test = new TestDatabase();
  private final Database database = test.database;
  private final Jobs jobs = new Jobs();

  private void add(MigrationId migration, String kind, int attempt) {
    database.change(tx -> jobs.add(tx, migration, kind, attempt));
  }

  private Optional<Jobs.Job> claim() {
    return database.transaction(jobs::claim);
  }

  private Jobs.Job claimed() {
    return claim().orElseThrow();
  }

  private boolean end(Jobs.Job job, Jobs.End end) {
    return database.transaction(tx -> jobs.end(tx, job, end));
  }

  private boolean beat(Jobs.Job job) {
    return beat(job, false);
  }

  private boolean beat(Jobs.Job job, boolean advanced) {
    return database.transaction(tx -> jobs.beat(tx, job, advanced));
  }

  private void leaseRunsOut() {
    test.run("UPDATE job SET lease_until = now() - interval '1 second'");
  }

  @Test
  void aJobIsClaimedUnderALeaseAndOnlyOnce() {
    add(ID, "inspect", 1);

    Jobs.Job job = claimed();

    assertThat(job.migration()).isEqualTo(ID);
    assertThat(job.kind()).isEqualTo("inspect");
    assertThat(job.attempt()).isEqualTo(1);
    assertThat(job.tries()).isEqualTo(1);
    assertThat(job.result()).isEmpty();
    assertThat(test.value("SELECT lease_until > now() + interval '10 s' FROM job")).isEqualTo("t");
    assertThat(claim()).isEmpty();
  }

  @Test
  void twoWorkersNeverGetOneJobEvenBeforeTheFirstCommits() throws SQLException {
    add(ID, "inspect", 1);
    try (Connection one = test.begin()) {
      assertThat(jobs.claim(one)).isPresent();
      CompletableFuture<Optional<Jobs.Job>> other = CompletableFuture.supplyAsync(this::claim);
      one.commit();
      assertThat(other.orTimeout(10, TimeUnit.SECONDS).join()).isEmpty();
    }
  }

  @Test
  void neverAreTwoOfOneMigrationAtWork() {
    add(ID, "clear", 1);
    add(ID, "settle", 1);
    add(OTHER, "clear", 1);

    Jobs.Job first = claimed();
    Jobs.Job second = claimed();

    assertThat(List.of(first.migration(), second.migration())).containsExactly(ID, OTHER);
    assertThat(claim()).isEmpty();
    assertThat(end(first, Jobs.End.DONE)).isTrue();
    assertThat(claimed().kind()).isEqualTo("settle");
  }

  @Test
  void neverAreTwoOfOneMigrationAtWorkEvenIfClaimedAtOneInstant() throws Exception {
    add(ID, "clear", 1);
    add(ID, "settle", 1);
    try (Connection one = test.begin()) {
      assertThat(jobs.claim(one)).isPresent();
      CompletableFuture<Optional<Jobs.Job>> other = CompletableFuture.supplyAsync(this::claim);
      // Either it ends without a job, or it waits for the first to commit and then finds none.
      other.copy().completeOnTimeout(Optional.empty(), 500, TimeUnit.MILLISECONDS).join();
      one.commit();
      assertThat(other.orTimeout(10, TimeUnit.SECONDS).join()).isEmpty();
    }
  }

  @Test
  void aJobWhoseLeaseRanOutIsClaimedAgainWithALargerFence() {
    add(ID, "inspect", 1);
    Jobs.Job old = claimed();
    leaseRunsOut();

    Jobs.Job next = claimed();

    assertThat(next.id()).isEqualTo(old.id());
    assertThat(next.fence()).isGreaterThan(old.fence());
    assertThat(next.tries()).isEqualTo(2);
  }

  @Test
  void theNextJobOfAMigrationHasALargerFenceThanAnyBeforeIt() {
    add(ID, "import", 1);
    Jobs.Job first = claimed();
    leaseRunsOut();
    Jobs.Job second = claimed();
    assertThat(end(second, Jobs.End.DONE)).isTrue();
    add(ID, "boot", 1);

    Jobs.Job next = claimed();

    assertThat(next.kind()).isEqualTo("boot");
    assertThat(next.fence()).isGreaterThan(second.fence()).isGreaterThan(first.fence());
  }

  @Test
  void whoLostItsLeaseChangesNothing() {
    add(ID, "inspect", 1);
    Jobs.Job old = claimed();
    leaseRunsOut();
    Jobs.Job next = claimed();

    assertThat(beat(old)).isFalse();
    assertThat(end(old, Jobs.End.DONE)).isFalse();
    database.change(tx -> jobs.later(tx, old, Duration.ofHours(1), 1, 0));
    database.change(tx -> jobs.letGo(tx, old));

    assertThat(claim()).isEmpty();
    assertThat(beat(next)).isTrue();
    assertThat(end(next, Jobs.End.DONE)).isTrue();
  }

  @Test
  void whoeverGoesOnWhereSomebodyGotFurtherHasAllTries() {
    add(ID, "fetch", 1);
    test.run("UPDATE job SET tries = 2, unanswered = 5");
    Jobs.Job job = claimed();
    assertThat(job.tries()).isEqualTo(3);
    assertThat(job.unanswered()).isEqualTo(5);
    assertThat(beat(job, true)).isTrue();
    leaseRunsOut();
    Jobs.Job next = claimed();
    assertThat(next.tries()).isEqualTo(1);
    assertThat(next.unanswered()).isZero();
  }

  @Test
  void aHeartbeatMakesTheLeaseLonger() {
    add(ID, "inspect", 1);
    Jobs.Job job = claimed();
    leaseRunsOut();

    assertThat(beat(job)).isTrue();

    assertThat(claim()).isEmpty();
  }

  @Test
  void aDroppedJobIsLostToItsWorkerAndTheNextWaitsUntilItLetsGo() {
    add(ID, "import", 1);
    Jobs.Job dropped = claimed();
    database.change(tx -> jobs.drop(tx, ID, List.of("undo-target")));
    add(ID, "undo-target", 1);

    assertThat(beat(dropped)).isFalse();
    assertThat(end(dropped, Jobs.End.DONE)).isFalse();
    assertThat(claim()).isEmpty();
    database.change(tx -> jobs.letGo(tx, dropped));
    assertThat(claimed().kind()).isEqualTo("undo-target");
  }

  @Test
  void aDroppedJobIsLetGoOnlyByWhoHadItLast() {
    add(ID, "import", 1);
    Jobs.Job old = claimed();
    leaseRunsOut();
    Jobs.Job last = claimed();
    database.change(tx -> jobs.drop(tx, ID, List.of()));
    add(ID, "undo-target", 1);

    database.change(tx -> jobs.letGo(tx, old));
    assertThat(claim()).isEmpty();
    database.change(tx -> jobs.letGo(tx, last));
    assertThat(claim()).isPresent();
  }

  @Test
  void droppingSparesTheKindsNamedAndOtherMigrations() {
    add(ID, "import", 1);
    add(ID, "settle", 1);
    add(OTHER, "import", 1);

    database.change(tx -> jobs.drop(tx, ID, List.of("settle")));

    assertThat(List.of(claimed(), claimed()))
        .extracting(Jobs.Job::migration, Jobs.Job::kind)
        .containsExactlyInAnyOrder(tuple(ID, "settle"), tuple(OTHER, "import"));
    assertThat(claim()).isEmpty();
  }

  @Test
  void aNewAttemptTakesTheOldOnesJobAway() {
    add(ID, "import", 1);
    Jobs.Job hung = claimed();

    add(ID, "import", 2);

    assertThat(beat(hung)).isFalse();
    assertThat(end(hung, Jobs.End.DONE)).isFalse();
    database.change(tx -> jobs.letGo(tx, hung));
    assertThat(claimed().attempt()).isEqualTo(2);
    add(ID, "import", 1);
    assertThat(claim()).isEmpty();
  }

  @Test
  void aJobThatIsDoneStaysDoneHoweverOftenItIsAdded() {
    add(ID, "inspect", 1);
    assertThat(end(claimed(), Jobs.End.DONE)).isTrue();

    add(ID, "inspect", 1);

    assertThat(claim()).isEmpty();
    assertThat(test.value("SELECT count(*) FROM job")).isEqualTo("1");
    assertThat(test.value("SELECT state FROM job")).isEqualTo("DONE");
  }

  @Test
  void aSleepingJobIsWokenOnceWithWhatItWaitedForAndItsTriesAnew() {
    add(ID, "certify", 1);
    database.change(tx -> jobs.later(tx, claimed(), Duration.ZERO, 1, 0));
    Jobs.Job second = claimed();
    assertThat(second.tries()).isEqualTo(2);
    assertThat(end(second, Jobs.End.WAITING)).isTrue();
    assertThat(claim()).isEmpty();

    assertThat(wake(1, "root")).isTrue();
    assertThat(wake(1, "another")).isFalse();

    Jobs.Job woken = claimed();
    assertThat(woken.result()).contains("root");
    assertThat(woken.tries()).isEqualTo(1);
    assertThat(woken.fence()).isGreaterThan(second.fence());
  }

  @Test
  void whatWokeAJobOnceDoesNotWakeItFromItsNextSleep() {
    add(ID, "certify", 1);
    assertThat(end(claimed(), Jobs.End.WAITING)).isTrue();
    assertThat(wake(1, "fetched")).isTrue();
    assertThat(end(claimed(), Jobs.End.WAITING)).isTrue();

    assertThat(wake(1, "fetched")).as("the same again, late").isFalse();
    assertThat(wake(1, "read back")).isTrue();
    assertThat(claimed().result()).contains("read back");
  }

  @Test
  void whatDoesNotSleepIsNotWoken() {
    add(ID, "certify", 1);
    assertThat(wake(1, "early")).isFalse();
    assertThat(wake(2, "of another attempt")).isFalse();
    Jobs.Job job = claimed();
    assertThat(job.result()).isEmpty();
    assertThat(end(job, Jobs.End.DONE)).isTrue();
    assertThat(wake(1, "late")).isFalse();
    assertThat(claim()).isEmpty();
  }

  private boolean wake(int attempt, String result) {
    return database.transaction(tx -> jobs.wake(tx, ID, "certify", attempt, result));
  }

  @Test
  void aJobPutOffIsNotClaimedBeforeItsTime() {
    add(ID, "inspect", 1);
    Jobs.Job job = claimed();
    database.change(tx -> jobs.later(tx, job, Duration.ofHours(1), 1, 0));
    assertThat(claim()).isEmpty();

    test.run("UPDATE job SET next_run = now()");

    assertThat(claimed().tries()).isEqualTo(2);
  }

  @Test
  void aRolledBackAddLeavesNoJob() throws SQLException {
    try (Connection tx = test.begin()) {
      jobs.add(tx, ID, "inspect", 1);
      tx.rollback();
    }
    assertThat(claim()).isEmpty();
  }
}
