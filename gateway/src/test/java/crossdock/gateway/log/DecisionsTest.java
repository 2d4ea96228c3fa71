package crossdock.gateway.log;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Bill;
import crossdock.contracts.Fact;
import crossdock.contracts.Plan;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.contracts.Step;
import crossdock.gateway.Facts;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The gateway's decisions, without a log, a database or a clock. */
final class DecisionsTest {
  private static Optional<Fact> next(Told told, Instant now) {
    return Decisions.next(told.migration(), now, Optional.empty());
  }

  @Test
  void aQuoteWithinTheLimitIsApprovedForExactlyThatPlanAndQuote() {
    assertThat(next(Told.upTo(Step.APPROVE), Facts.START))
        .contains(new Fact.Approved(Facts.PLAN.digest(), Facts.QUOTE.digest()));
  }

  @Test
  void aQuoteInAnotherCurrencyIsNotApproved() {
    Bill quote = Facts.quote(Facts.PLAN, "USD");
    Told moved = Told.upTo(Step.QUOTE).with(new Fact.Quoted(quote));
    assertThat(next(moved, Facts.START)).contains(new Fact.Undoing(Reason.PRICE_ABOVE_LIMIT));
  }

  @Test
  void aPlanWithABlockingConcernIsNeitherQuotedNorApproved() {
    Plan plan = Facts.plan(Facts.MACHINE, Plan.Severity.BLOCKING);
    assertThat(next(Told.upTo(Step.PLAN).with(new Fact.Planned(plan)), Facts.START))
        .contains(new Fact.Undoing(Reason.UNMAPPABLE));
  }

  @Test
  void aLivingGuestIsAcceptedAtOnceIfTheRequestSaidSo() {
    assertThat(next(Told.upTo(Step.ACCEPT), Facts.START))
        .contains(new Fact.Accepted(Fact.Acceptance.AUTOMATIC));
  }

  @Test
  void timeAloneAcceptsWithoutTheCustomersWord() {
    Told moved = Told.upTo(Step.ACCEPT, Fact.Acceptance.MANUAL);
    Instant deadline = moved.migration().due().iterator().next().deadline();
    assertThat(next(moved, deadline.minusSeconds(1))).isEmpty();
    assertThat(next(moved, deadline)).contains(new Fact.Accepted(Fact.Acceptance.AUTOMATIC));
  }

  @Test
  void aStepThatMayPassLaterIsTriedThreeTimesWithGrowingPauses() {
    Told told = Told.upTo(Step.OPEN);
    for (int pause : new int[] {2, 4}) {
      told = told.with(new Fact.Failed(Step.OPEN, Reason.UNAVAILABLE, ""));
      Instant failed = told.migration().since();
      assertThat(next(told, failed.plusSeconds(pause - 1))).isEmpty();
      assertThat(Decisions.look(told.migration(), failed, Optional.empty()))
          .contains(failed.plusSeconds(pause));
      assertThat(next(told, failed.plusSeconds(pause))).contains(new Fact.Retried(Step.OPEN));
      told = told.with(new Fact.Retried(Step.OPEN));
    }
    told = told.with(new Fact.Failed(Step.OPEN, Reason.UNAVAILABLE, ""));
    assertThat(next(told, Facts.START)).contains(new Fact.Undoing(Reason.UNAVAILABLE));
  }

  @Test
  void aStepThatCannotPassIsUndoneAtOnce() {
    Told moved =
        Told.upTo(Step.CERTIFY).with(new Fact.Failed(Step.CERTIFY, Reason.UNSAFE_IMAGE, ""));
    assertThat(next(moved, Facts.START)).contains(new Fact.Undoing(Reason.UNSAFE_IMAGE));
  }

  @Test
  void silenceBeyondTheLimitIsStatedAndThenUndone() {
    Told moved = Told.upTo(Step.CERTIFY);
    Instant deadline = moved.migration().due().iterator().next().deadline();
    assertThat(next(moved, deadline.minusSeconds(1))).isEmpty();
    assertThat(next(moved, deadline)).contains(new Fact.Overdue(Step.CERTIFY));
    assertThat(next(Told.upTo(Step.CERTIFY).with(new Fact.Overdue(Step.CERTIFY)), deadline))
        .contains(new Fact.Undoing(Reason.OVERDUE));
  }

  @Test
  void progressStartsTheLimitAnew() {
    Told moved = Told.upTo(Step.CERTIFY);
    Instant deadline = moved.migration().due().iterator().next().deadline();
    Instant heard = deadline.minusSeconds(1);
    assertThat(Decisions.next(moved.migration(), deadline, Optional.of(heard))).isEmpty();
    assertThat(
            Decisions.next(moved.migration(), heard.plus(Step.CERTIFY.limit()), Optional.of(heard)))
        .contains(new Fact.Overdue(Step.CERTIFY));
  }

  @Test
  void afterTheAcceptanceNothingIsUndoneHoweverOftenItFails() {
    Told told = Told.upTo(Step.RETIRE);
    for (int attempt = 1; attempt < Decisions.LAST_ATTEMPTS; attempt++) {
      told = told.with(new Fact.Failed(Step.RETIRE, Reason.REFUSED_BY_SOURCE, ""));
      Instant later = told.migration().since().plus(Duration.ofMinutes(10));
      assertThat(next(told, later)).contains(new Fact.Retried(Step.RETIRE));
      told = told.with(new Fact.Retried(Step.RETIRE));
    }
    told = told.with(new Fact.Failed(Step.RETIRE, Reason.REFUSED_BY_SOURCE, ""));
    assertThat(next(told, told.migration().since().plus(Duration.ofMinutes(10)))).isEmpty();
  }

  @Test
  void whoIsSilentWhileItOwesSomethingIsStuckOnce() {
    Told undoing = Told.upTo(Step.IMPORT).with(new Fact.Undoing(Reason.CANCELLED));
    Instant deadline = undoing.migration().due().iterator().next().deadline();
    assertThat(next(undoing, deadline.minusSeconds(1))).isEmpty();
    Fact stuck = next(undoing, deadline).orElseThrow();
    assertThat(stuck).isEqualTo(new Fact.Stuck(Set.of(Role.TARGET, Role.SOURCE)));
    Told after = undoing.with(stuck);
    assertThat(next(after, deadline.plus(Duration.ofDays(365)))).isEmpty();
  }

  @Test
  void anUndoThatFailsIsTriedTwentyTimesAndThenStuck() {
    Told told = Told.upTo(Step.IMPORT).with(new Fact.Undoing(Reason.CANCELLED));
    for (int attempt = 1; attempt < Decisions.LAST_ATTEMPTS; attempt++) {
      told = told.with(new Fact.Failed(Step.UNDO_TARGET, Reason.INTERNAL, ""));
      assertThat(next(told, told.migration().since())).isEmpty();
      Instant later = told.migration().since().plus(Duration.ofMinutes(10));
      assertThat(next(told, later)).contains(new Fact.Retried(Step.UNDO_TARGET));
      told = told.with(new Fact.Retried(Step.UNDO_TARGET));
    }
    told = told.with(new Fact.Failed(Step.UNDO_TARGET, Reason.INTERNAL, ""));
    assertThat(next(told, told.migration().since()).orElseThrow()).isInstanceOf(Fact.Stuck.class);
  }

  @Test
  void aSourceThatChangesItsMachineForEverIsLetGo() {
    Told told = Told.upTo(Step.OPEN);
    for (int cpus = 3; cpus < 3 + Decisions.DRIFTS; cpus++) {
      told = told.drifted(cpus);
    }
    assertThat(next(told, Facts.START)).contains(new Fact.Undoing(Reason.REFUSED_BY_SOURCE));
  }
}
