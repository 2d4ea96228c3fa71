package crossdock.contracts;

import static crossdock.contracts.Migration.Runs.NEITHER;
import static crossdock.contracts.Migration.Runs.SOURCE;
import static crossdock.contracts.Migration.Runs.TARGET;
import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Fact.Acceptance;
import crossdock.contracts.Fact.Basis;
import crossdock.contracts.Fact.Mode;
import crossdock.contracts.Migration.State;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class MigrationTest {
  /** What is said until both sides have said yes. */
  private static List<Report> upToClearance(Mode mode, boolean erase) {
    return List.of(
        Sample.report(Sample.GATEWAY, 1, Sample.requested(mode, erase)),
        Sample.report(Sample.IDENTITY, 1, Sample.authorized()),
        Sample.report(Sample.SOURCE, 1, new Fact.Inspected(Sample.MACHINE)),
        Sample.report(Sample.CATALOG, 1, new Fact.Planned(Sample.PLAN)),
        Sample.report(Sample.BILLING, 1, new Fact.Quoted(Sample.QUOTE)),
        Sample.report(
            Sample.GATEWAY, 1, new Fact.Approved(Sample.PLAN.digest(), Sample.QUOTE.digest())),
        Sample.report(Sample.SOURCE, 1, new Fact.Cleared(Sample.PLAN.digest(), true)),
        Sample.report(Sample.TARGET, 1, new Fact.Reserved(Sample.PLAN.digest())));
  }

  private static final Report STOPPED =
      Sample.report(Sample.SOURCE, 1, new Fact.Stopped(Sample.START));
  private static final Report OPENED =
      Sample.report(Sample.SOURCE, 1, Sample.opened(Sample.MACHINE));
  private static final Report CERTIFIED = Sample.report(Sample.SOURCE, 1, Sample.certified());
  private static final Report IMPORTED = Sample.report(Sample.TARGET, 1, Sample.imported());
  private static final Report BOOTED =
      Sample.report(Sample.TARGET, 1, new Fact.Booted("vm-9", "counter 7"));
  private static final Report ACCEPTED =
      Sample.report(Sample.GATEWAY, 1, new Fact.Accepted(Acceptance.MANUAL));
  private static final Report RETIRED = Sample.report(Sample.SOURCE, 1, new Fact.Retired(false));
  private static final Report SETTLED =
      Sample.report(Sample.BILLING, 1, new Fact.Settled(Sample.QUOTE));

  /** All of a cold migration that nothing disturbs. */
  private static List<Report> cold() {
    List<Report> all = new ArrayList<>(upToClearance(Mode.COLD, false));
    all.addAll(List.of(STOPPED, OPENED, CERTIFIED, IMPORTED, BOOTED, ACCEPTED, RETIRED, SETTLED));
    return all;
  }

  private static Migration after(Migration migration, Report... reports) {
    Migration now = migration;
    for (Report report : reports) {
      now = now.after(Sample.next(now, report));
    }
    return now;
  }

  private static Migration after(List<Report> reports) {
    return after(Migration.of(Sample.ID), reports.toArray(Report[]::new));
  }

  private static Migration cleared() {
    return after(upToClearance(Mode.COLD, false));
  }

  private static Set<Step> due(Migration migration) {
    return migration.due().stream().map(Due::step).collect(Collectors.toSet());
  }

  private static Report by(Party party, Fact fact) {
    return Sample.report(party, 1, fact);
  }

  private static Report undoing() {
    return by(Sample.GATEWAY, new Fact.Undoing(Reason.CANCELLED));
  }

  private static Report undone(Party party, Role role, Basis basis) {
    return by(party, new Fact.Undone(role, basis));
  }

  private static void assertNoEffect(Migration migration, Report report) {
    Migration then = after(migration, report);
    assertThat(migration.takes(report)).as("%s", report.fact()).isFalse();
    assertThat(then)
        .as("%s", report.fact())
        .isEqualTo(
            new Migration(
                migration.id(),
                migration.state(),
                migration.known(),
                migration.attempts(),
                migration.failed(),
                migration.sequence() + 1,
                migration.since()));
  }

  @Test
  void aColdMigrationWaitsForOneThingAfterTheOther() {
    List<Set<Step>> expected =
        List.of(
            Set.of(Step.AUTHORIZE),
            Set.of(Step.INSPECT),
            Set.of(Step.PLAN),
            Set.of(Step.QUOTE),
            Set.of(Step.APPROVE),
            Set.of(Step.CLEAR, Step.RESERVE),
            Set.of(Step.RESERVE),
            Set.of(Step.STOP),
            Set.of(Step.OPEN),
            Set.of(Step.CERTIFY),
            Set.of(Step.IMPORT),
            Set.of(Step.BOOT),
            Set.of(Step.ACCEPT),
            Set.of(Step.RETIRE, Step.SETTLE),
            Set.of(Step.SETTLE),
            Set.of());
    Migration migration = Migration.of(Sample.ID);
    List<Set<Step>> waited = new ArrayList<>();
    for (Report report : cold()) {
      migration = after(migration, report);
      waited.add(due(migration));
    }
    assertThat(waited).isEqualTo(expected);
    assertThat(migration.state()).isInstanceOf(State.Retired.class);
    assertThat(migration.ended()).isTrue();
  }

  @Test
  void aColdMachineRunsAtTheSourceThenNowhereThenAtTheTarget() {
    Migration migration = Migration.of(Sample.ID);
    List<Migration.Runs> runs = new ArrayList<>();
    for (Report report : cold()) {
      migration = after(migration, report);
      if (runs.isEmpty() || runs.getLast() != migration.runs()) {
        runs.add(migration.runs());
      }
    }
    assertThat(runs).containsExactly(SOURCE, NEITHER, TARGET);
  }

  @Test
  void aCopyNeverStopsTheSourceAndNeverErasesIt() {
    Migration migration = after(upToClearance(Mode.COPY, true));
    assertThat(due(migration)).containsExactly(Step.OPEN);
    migration = after(migration, OPENED, CERTIFIED, IMPORTED, BOOTED, ACCEPTED);
    assertThat(due(migration)).containsExactlyInAnyOrder(Step.SETTLE, Step.RETIRE);
    assertNoEffect(migration, by(Sample.SOURCE, new Fact.Retired(true)));
    migration = after(migration, RETIRED, SETTLED);
    assertThat(migration.ended()).isTrue();
    assertThat(migration.runs()).isEqualTo(SOURCE);
  }

  @Test
  void theSettlementMayComeBeforeTheRetirement() {
    List<Report> all = new ArrayList<>(cold());
    all.remove(RETIRED);
    all.add(RETIRED);
    assertThat(after(all).ended()).isTrue();
  }

  @Test
  void theDeadlineIsTheStepsLimitAfterTheLastMove() {
    Migration migration = after(cleared(), STOPPED);
    assertThat(migration.due())
        .containsExactly(new Due(Step.OPEN, 1, migration.since().plus(Step.OPEN.limit())));
    Migration read =
        after(migration, by(Sample.SOURCE, new Fact.Used("export.gib", BigDecimal.ONE, "GiB")));
    assertThat(read.due()).isEqualTo(migration.due());
  }

  @Test
  void aRepeatedReportTakesEffectOnce() {
    Migration migration = Migration.of(Sample.ID);
    for (Report report : cold()) {
      migration = after(migration, report);
      assertNoEffect(migration, report);
    }
  }

  @Test
  void aRepeatedStuckTakesEffectOnce() {
    Migration migration = after(cleared(), undoing());
    Report stuck = by(Sample.GATEWAY, new Fact.Stuck(Set.of(Role.TARGET, Role.SOURCE)));
    assertNoEffect(after(migration, stuck), stuck);
  }

  @Test
  void anEventThatWasFoldedInChangesNothingAtAll() {
    Migration migration = after(cleared(), STOPPED);
    assertThat(migration.after(Sample.next(cleared(), STOPPED))).isSameAs(migration);
    assertThat(migration.after(Sample.next(after(migration, OPENED), CERTIFIED)))
        .isSameAs(migration);
  }

  @Test
  void anEarlyReportChangesNothing() {
    List<Report> all = cold();
    Migration migration = Migration.of(Sample.ID);
    for (int i = 0; i < all.size(); i++) {
      for (Report later : all.subList(i + 1, all.size())) {
        boolean parallel =
            (later.fact() instanceof Fact.Reserved && all.get(i).fact() instanceof Fact.Cleared)
                || (later.equals(SETTLED) && all.get(i).equals(RETIRED));
        if (!parallel) {
          assertNoEffect(migration, later);
        }
      }
      migration = after(migration, all.get(i));
    }
  }

  @Test
  void aReportByAnybodyElseChangesNothing() {
    List<Party> parties =
        List.of(
            Sample.GATEWAY,
            Sample.IDENTITY,
            Sample.CATALOG,
            Sample.BILLING,
            Sample.SOURCE,
            Sample.TARGET,
            new Party.Site(SiteId.parse("west:lyon")));
    Migration migration = Migration.of(Sample.ID);
    for (Report report : cold()) {
      for (Party party : parties) {
        if (!party.equals(report.by())) {
          assertNoEffect(migration, by(party, report.fact()));
        }
      }
      migration = after(migration, report);
    }
    for (Party party : parties) {
      if (!party.equals(Sample.GATEWAY)) {
        assertNoEffect(cleared(), by(party, new Fact.Undoing(Reason.CANCELLED)));
        assertNoEffect(cleared(), by(party, new Fact.Overdue(Step.STOP)));
      }
    }
  }

  @Test
  void aReportOfAnotherAttemptChangesNothing() {
    Migration migration = after(cold().subList(0, 1));
    for (Report report : cold().subList(1, cold().size())) {
      assertNoEffect(migration, Sample.report(report.by(), 2, report.fact()));
      migration = after(migration, report);
    }
  }

  @Test
  void aReportAboutAnotherMigrationChangesNothing() {
    Migration migration = cleared();
    MigrationId other = MigrationId.of(new Subject("https://idp", "bob"), "1");
    Report report = new Report(other, Sample.SOURCE, 1, Sample.START, STOPPED.fact());
    assertThat(migration.takes(report)).isFalse();
    assertThat(migration.after(Sample.next(migration, report))).isSameAs(migration);
  }

  @Test
  void aFactOfALaterVersionChangesNothing() {
    Migration migration = cleared();
    Event stop = Sample.next(migration, STOPPED);
    String later =
        new String(stop.envelope().bytes(), StandardCharsets.UTF_8)
            .replace("stopped.v1", "stopped.v2");
    Envelope envelope =
        new Envelope(
            Base64.getEncoder().encodeToString(later.getBytes(StandardCharsets.UTF_8)),
            Report.PAYLOAD_TYPE,
            stop.envelope().signatures());
    Event event = new Event(Sample.ID, stop.sequence(), stop.previous(), stop.at(), envelope);
    assertThat(event.report().fact().type()).isEqualTo("crossdock.migration.stopped.v2");
    assertThat(migration.after(event).state()).isEqualTo(migration.state());
    assertThat(migration.after(event).known()).isEqualTo(migration.known());
    assertThat(migration.takes(event.report())).isFalse();
  }

  @Test
  void whatWasCancelledWhileItWasPlannedAnewIsSettledByTheQuoteThatThereIs() {
    Machine changed = Sample.machine(4);
    Migration migration = after(cleared(), by(Sample.SOURCE, new Fact.Drifted(changed)));
    int attempt = migration.due().iterator().next().attempt();
    migration =
        after(
            migration,
            Sample.report(Sample.CATALOG, attempt, new Fact.Planned(Sample.plan(changed))),
            undoing(),
            undone(Sample.TARGET, Role.TARGET, Basis.NEVER_STARTED),
            undone(Sample.SOURCE, Role.SOURCE, Basis.RESTORED));
    assertThat(due(migration)).containsExactly(Step.SETTLE);
    assertThat(after(migration, Sample.report(Sample.BILLING, attempt, SETTLED.fact())).ended())
        .isTrue();
  }

  @Test
  void whatIsBoundToAnotherPlanChangesNothing() {
    Plan other = Sample.plan(Sample.machine(8));
    List<Report> all = upToClearance(Mode.COLD, false);
    assertNoEffect(after(all.subList(0, 3)), by(Sample.CATALOG, new Fact.Planned(other)));
    assertNoEffect(
        after(all.subList(0, 4)), by(Sample.BILLING, new Fact.Quoted(Sample.quote(other))));
    assertNoEffect(
        after(all.subList(0, 5)),
        by(Sample.GATEWAY, new Fact.Approved(other.digest(), Sample.QUOTE.digest())));
    assertNoEffect(
        after(all.subList(0, 5)),
        by(Sample.GATEWAY, new Fact.Approved(Sample.PLAN.digest(), Sample.quote(other).digest())));
    assertNoEffect(
        after(all.subList(0, 6)), by(Sample.SOURCE, new Fact.Cleared(other.digest(), true)));
    assertNoEffect(after(all.subList(0, 6)), by(Sample.TARGET, new Fact.Reserved(other.digest())));
    assertNoEffect(after(cleared(), STOPPED), by(Sample.SOURCE, Sample.opened(Sample.machine(8))));
  }

  @Test
  void anImportOfAnotherCertificateChangesNothing() {
    assertNoEffect(
        after(cleared(), STOPPED, OPENED, CERTIFIED),
        by(
            Sample.TARGET,
            new Fact.Imported(
                "vm-9", 1, Sha256.NONE, Fact.Proof.SENT, Sample.bundle("countersignature"))));
  }

  @Test
  void aCertificateThatLapsedIsDueAgainAndWhatAnsweredTheOldOneIsStale() {
    Migration before = after(cleared(), STOPPED, OPENED, CERTIFIED);
    Fact lapsed = new Fact.Lapsed(Sample.CERTIFICATE.digest());
    assertNoEffect(before, by(Sample.SOURCE, lapsed));
    assertNoEffect(before, by(Sample.TARGET, new Fact.Lapsed(Sha256.NONE)));
    Migration after = after(before, by(Sample.TARGET, lapsed));
    assertThat(after.state()).isEqualTo(new State.Opened());
    assertThat(after.runs()).isEqualTo(before.runs());
    assertThat(after.due())
        .containsExactly(new Due(Step.CERTIFY, 2, after.since().plus(Step.CERTIFY.limit())));
    assertNoEffect(after, by(Sample.SOURCE, Sample.certified()));
    Migration again = after(after, Sample.report(Sample.SOURCE, 2, Sample.certified()));
    assertNoEffect(again, by(Sample.TARGET, Sample.imported()));
    assertThat(after(again, Sample.report(Sample.TARGET, 2, Sample.imported())).state())
        .isEqualTo(new State.Imported());
  }

  @Test
  void aCertificateIsIssuedAgainEightTimesAtMost() {
    Migration migration = after(cleared(), STOPPED, OPENED, CERTIFIED);
    Fact lapsed = new Fact.Lapsed(Sample.CERTIFICATE.digest());
    for (int attempt = 1; attempt <= 8; attempt++) {
      assertThat(migration.mayReissue()).isTrue();
      migration =
          after(
              migration,
              Sample.report(Sample.TARGET, attempt, lapsed),
              Sample.report(Sample.SOURCE, attempt + 1, Sample.certified()));
    }
    assertThat(migration.mayReissue()).isFalse();
    assertNoEffect(migration, Sample.report(Sample.TARGET, 9, lapsed));
  }

  @Test
  void aBootOfAnotherMachineChangesNothing() {
    assertNoEffect(
        after(cleared(), STOPPED, OPENED, CERTIFIED, IMPORTED),
        by(Sample.TARGET, new Fact.Booted("vm-8", "counter 7")));
  }

  @Test
  void aFailedStepIsWaitedForOnlyOnceItIsRetried() {
    Migration migration = after(cleared(), STOPPED);
    Report failed = by(Sample.SOURCE, new Fact.Failed(Step.OPEN, Reason.UNAVAILABLE, "No answer."));
    migration = after(migration, failed);
    assertThat(migration.due()).isEmpty();
    assertThat(migration.ended()).isFalse();
    assertNoEffect(migration, OPENED);
    migration = after(migration, by(Sample.GATEWAY, new Fact.Retried(Step.OPEN)));
    assertThat(migration.due()).extracting(Due::attempt).containsExactly(2);
    assertNoEffect(migration, OPENED);
    assertThat(after(migration, Sample.report(Sample.SOURCE, 2, OPENED.fact())).state())
        .isInstanceOf(State.Opened.class);
  }

  @Test
  void silenceFailsAStepAndTheLateAnswerIsStale() {
    Migration migration =
        after(cleared(), STOPPED, by(Sample.GATEWAY, new Fact.Overdue(Step.OPEN)));
    assertThat(migration.failed()).containsEntry(Step.OPEN, Reason.OVERDUE);
    assertNoEffect(migration, OPENED);
  }

  @Test
  void theOtherSidesYesCountsWhileOneFailed() {
    Migration migration = after(upToClearance(Mode.COLD, false).subList(0, 6));
    migration =
        after(
            migration,
            by(
                Sample.TARGET,
                new Fact.Failed(Step.RESERVE, Reason.NOT_GRANTED_AT_TARGET, "Not yet.")),
            by(Sample.SOURCE, new Fact.Cleared(Sample.PLAN.digest(), true)));
    assertThat(migration.state()).isEqualTo(new State.Approved(true, false));
    migration =
        after(
            migration,
            by(Sample.GATEWAY, new Fact.Retried(Step.RESERVE)),
            Sample.report(Sample.TARGET, 2, new Fact.Reserved(Sample.PLAN.digest())));
    assertThat(due(migration)).containsExactly(Step.STOP);
  }

  @Test
  void onlyAStepThatIsStillOpenIsRetried() {
    Migration migration =
        after(
            cleared(),
            STOPPED,
            by(Sample.GATEWAY, new Fact.Overdue(Step.OPEN)),
            by(Sample.GATEWAY, new Fact.Undoing(Reason.OVERDUE)));
    assertNoEffect(migration, by(Sample.GATEWAY, new Fact.Retried(Step.OPEN)));
  }

  @Test
  void aMachineThatChangedIsPlannedAnew() {
    Machine changed = Sample.machine(4);
    Migration migration = after(cleared(), STOPPED, by(Sample.SOURCE, new Fact.Drifted(changed)));
    assertThat(migration.machine()).isEqualTo(changed);
    assertThat(migration.runs()).isEqualTo(SOURCE);
    assertThat(due(migration)).containsExactly(Step.PLAN);
    int attempt = migration.due().iterator().next().attempt();
    assertNoEffect(
        migration, Sample.report(Sample.CATALOG, attempt, new Fact.Planned(Sample.PLAN)));
    assertNoEffect(migration, by(Sample.CATALOG, new Fact.Planned(Sample.plan(changed))));
    migration =
        after(
            migration,
            Sample.report(Sample.CATALOG, attempt, new Fact.Planned(Sample.plan(changed))));
    assertThat(due(migration)).containsExactly(Step.QUOTE);
  }

  @Test
  void aDriftThatAnsweredAnEarlierAttemptToStopIsStaleOnceTheSourceIsStopped() {
    Migration migration =
        after(
            cleared(),
            by(Sample.GATEWAY, new Fact.Overdue(Step.STOP)),
            by(Sample.GATEWAY, new Fact.Retried(Step.STOP)),
            Sample.report(Sample.SOURCE, 2, STOPPED.fact()));
    assertThat(due(migration)).containsExactly(Step.OPEN);
    assertNoEffect(migration, by(Sample.SOURCE, new Fact.Drifted(Sample.machine(4))));
  }

  @Test
  void beforeTheApprovalNobodyOwesAnythingToUndo() {
    Migration migration = after(upToClearance(Mode.COLD, false).subList(0, 3));
    migration = after(migration, undoing());
    assertThat(migration.state()).isEqualTo(new State.Undone(Reason.CANCELLED));
    assertThat(migration.ended()).isTrue();
  }

  @Test
  void anUndoneMigrationIsSettledOnceThereWasAQuote() {
    Migration migration = after(upToClearance(Mode.COLD, false).subList(0, 5));
    migration = after(migration, undoing());
    assertThat(due(migration)).containsExactly(Step.SETTLE);
    assertThat(after(migration, SETTLED).ended()).isTrue();
  }

  @Test
  void theTargetUndoesFirstAndThenTheSource() {
    Migration migration = after(cleared(), STOPPED, OPENED, CERTIFIED, IMPORTED, BOOTED, undoing());
    assertThat(due(migration)).containsExactly(Step.UNDO_TARGET);
    assertThat(migration.runs()).isEqualTo(TARGET);
    assertNoEffect(migration, undone(Sample.SOURCE, Role.SOURCE, Basis.RESTORED));
    assertNoEffect(migration, undone(Sample.SOURCE, Role.TARGET, Basis.REMOVED));
    migration = after(migration, undone(Sample.TARGET, Role.TARGET, Basis.REMOVED));
    assertThat(due(migration)).containsExactly(Step.UNDO_SOURCE);
    assertThat(migration.runs()).isEqualTo(SOURCE);
    assertNoEffect(migration, undone(Sample.TARGET, Role.TARGET, Basis.REMOVED));
    migration = after(migration, undone(Sample.SOURCE, Role.SOURCE, Basis.RESTORED));
    assertThat(migration.state()).isEqualTo(new State.Undone(Reason.CANCELLED));
  }

  @Test
  void theTargetIsDoneOnlyWhenItNeverStartedOrRemovedWhatItMade() {
    Migration migration = after(cleared(), STOPPED, undoing(), by(Sample.GATEWAY, stuck()));
    assertNoEffect(migration, undone(Sample.TARGET, Role.TARGET, Basis.OVERRIDDEN));
    assertNoEffect(migration, undone(Sample.TARGET, Role.TARGET, Basis.RESTORED));
  }

  @Test
  void onlyWhenItIsStuckOnTheTargetMayTheCustomerAtTheSourceOverride() {
    Report override = undone(Sample.SOURCE, Role.SOURCE, Basis.OVERRIDDEN);
    Migration migration = after(cleared(), STOPPED, undoing());
    assertNoEffect(migration, override);
    Migration stuck = after(migration, by(Sample.GATEWAY, stuck()));
    assertNoEffect(stuck, undone(Sample.SOURCE, Role.SOURCE, Basis.RESTORED));
    assertThat(due(stuck)).containsExactlyInAnyOrder(Step.UNDO_TARGET, Step.OVERRIDE);
    Migration overridden = after(stuck, override);
    assertThat(overridden.runs()).isEqualTo(SOURCE);
    assertThat(due(overridden)).containsExactly(Step.UNDO_TARGET);
    assertThat(after(overridden, undone(Sample.TARGET, Role.TARGET, Basis.REMOVED)).state())
        .isEqualTo(new State.Undone(Reason.CANCELLED));
    Migration paid = after(stuck, undone(Sample.TARGET, Role.TARGET, Basis.REMOVED));
    assertNoEffect(paid, override);
    assertThat(due(paid)).containsExactly(Step.UNDO_SOURCE);
  }

  @Test
  void anOverrideThatCameTooLateIsNotConfusedWithTheRestorationAfterIt() {
    assertThat(undone(Sample.SOURCE, Role.SOURCE, Basis.OVERRIDDEN).id())
        .isNotEqualTo(undone(Sample.SOURCE, Role.SOURCE, Basis.RESTORED).id());
  }

  @Test
  void onlyWhoOwesSomethingCanBeStuck() {
    Migration migration = after(cleared(), STOPPED, undoing());
    assertNoEffect(migration, by(Sample.GATEWAY, new Fact.Stuck(Set.of())));
    assertNoEffect(migration, by(Sample.GATEWAY, new Fact.Stuck(Set.of(Role.BILLING))));
    assertNoEffect(cleared(), by(Sample.GATEWAY, stuck()));
  }

  @Test
  void aPartyThatFailedToUndoMayStillReportThatItDid() {
    Migration migration =
        after(
            cleared(), STOPPED, undoing(), by(Sample.GATEWAY, new Fact.Overdue(Step.UNDO_TARGET)));
    assertThat(migration.due()).isEmpty();
    migration = after(migration, undone(Sample.TARGET, Role.TARGET, Basis.NEVER_STARTED));
    assertThat(due(migration)).containsExactly(Step.UNDO_SOURCE);
  }

  @Test
  void afterTheAcceptanceNothingIsUndone() {
    List<Report> all = cold();
    assertNoEffect(after(all.subList(0, 14)), undoing());
    assertNoEffect(after(all), undoing());
  }

  @Test
  void theSourceIsErasedOnlyByTheCustomersWordAtTheBrokerAndAtTheSource() {
    Report erased = by(Sample.SOURCE, new Fact.Retired(true));
    Report time = by(Sample.GATEWAY, new Fact.Accepted(Acceptance.AUTOMATIC));
    List<Report> rest = List.of(STOPPED, OPENED, CERTIFIED, IMPORTED, BOOTED);

    List<Report> all = new ArrayList<>(upToClearance(Mode.COLD, true));
    all.addAll(rest);
    Migration booted = after(all);
    assertThat(after(booted, ACCEPTED).mayErase()).isTrue();
    assertThat(after(booted, ACCEPTED, erased).state()).isInstanceOf(State.Retired.class);
    assertThat(after(booted, time).mayErase()).isFalse();
    assertNoEffect(after(booted, time), erased);

    all.set(6, by(Sample.SOURCE, new Fact.Cleared(Sample.PLAN.digest(), false)));
    assertNoEffect(after(after(all), ACCEPTED), erased);

    List<Report> kept = new ArrayList<>(upToClearance(Mode.COLD, false));
    kept.addAll(rest);
    assertNoEffect(after(after(kept), ACCEPTED), erased);
  }

  private static Fact stuck() {
    return new Fact.Stuck(Set.of(Role.TARGET, Role.SOURCE));
  }
}
