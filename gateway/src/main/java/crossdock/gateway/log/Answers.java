package crossdock.gateway.log;

import crossdock.contracts.Fact;
import crossdock.contracts.Migration;
import crossdock.contracts.Migration.State;
import crossdock.contracts.Report;
import crossdock.contracts.Role;
import crossdock.contracts.Step;
import java.util.Optional;
import java.util.Set;

/** Which step a fact answers, and with that who may state it and when it has come too late. */
final class Answers {
  private Answers() {}

  /** Who may state a fact of this kind; empty if everybody concerned may. */
  static Optional<Role> role(Fact fact) {
    return fact instanceof Fact.Used || fact instanceof Fact.Unknown
        ? Optional.empty()
        : Optional.of(step(fact).map(Step::role).orElse(Role.GATEWAY));
  }

  /**
   * Whether a report that has no effect now can never have one: what may be held is bounded, since
   * nobody can know of an attempt that the gateway has not ordered.
   */
  static boolean past(Migration migration, Report report) {
    Optional<Step> step = step(report.fact());
    boolean undo =
        step.filter(Set.of(Step.UNDO_TARGET, Step.UNDO_SOURCE, Step.OVERRIDE)::contains)
            .isPresent();
    boolean over =
        migration.state() instanceof State.Undoing || migration.state() instanceof State.Undone;
    return migration.ended()
        || report.fact() instanceof Fact.Unknown
        || (over && !undo && step.filter(s -> s == Step.SETTLE).isEmpty())
        || (undo && !(migration.state() instanceof State.Undoing))
        || step.filter(s -> report.attempt() != attempt(migration, s)).isPresent();
  }

  /** The attempt under which the gateway states a fact of its own. */
  static int attempt(Migration migration, Fact fact) {
    return switch (fact) {
      case Fact.Approved _ -> attempt(migration, Step.APPROVE);
      case Fact.Accepted _ -> attempt(migration, Step.ACCEPT);
      case Fact.Retried(Step step) -> attempt(migration, step);
      case Fact.Overdue(Step step) -> attempt(migration, step);
      case Fact.Stuck _ ->
          1 + (int) migration.known().stream().filter(Fact.Stuck.class::isInstance).count();
      case Fact.Requested _,
          Fact.Authorized _,
          Fact.Inspected _,
          Fact.Planned _,
          Fact.Quoted _,
          Fact.Cleared _,
          Fact.Reserved _,
          Fact.Stopped _,
          Fact.Opened _,
          Fact.Drifted _,
          Fact.Certified _,
          Fact.Lapsed _,
          Fact.Imported _,
          Fact.Booted _,
          Fact.Retired _,
          Fact.Settled _,
          Fact.Used _,
          Fact.Failed _,
          Fact.Undoing _,
          Fact.Undone _,
          Fact.Unknown _ ->
          1;
    };
  }

  private static int attempt(Migration migration, Step step) {
    return migration.attempts().getOrDefault(step, 1);
  }

  private static Optional<Step> step(Fact fact) {
    return switch (fact) {
      case Fact.Authorized _ -> Optional.of(Step.AUTHORIZE);
      case Fact.Inspected _ -> Optional.of(Step.INSPECT);
      case Fact.Planned _ -> Optional.of(Step.PLAN);
      case Fact.Quoted _ -> Optional.of(Step.QUOTE);
      case Fact.Approved _ -> Optional.of(Step.APPROVE);
      case Fact.Cleared _ -> Optional.of(Step.CLEAR);
      case Fact.Reserved _ -> Optional.of(Step.RESERVE);
      case Fact.Stopped _ -> Optional.of(Step.STOP);
      // A drift answers STOP or OPEN, and OPEN counts on with STOP.
      case Fact.Opened _, Fact.Drifted _ -> Optional.of(Step.OPEN);
      case Fact.Certified _ -> Optional.of(Step.CERTIFY);
      case Fact.Imported _, Fact.Lapsed _ -> Optional.of(Step.IMPORT);
      case Fact.Booted _ -> Optional.of(Step.BOOT);
      case Fact.Accepted _ -> Optional.of(Step.ACCEPT);
      case Fact.Retired _ -> Optional.of(Step.RETIRE);
      case Fact.Settled _ -> Optional.of(Step.SETTLE);
      case Fact.Failed failed -> Optional.of(failed.step());
      case Fact.Undone(Role role, Fact.Basis basis) ->
          Optional.of(
              role == Role.TARGET
                  ? Step.UNDO_TARGET
                  : basis == Fact.Basis.OVERRIDDEN ? Step.OVERRIDE : Step.UNDO_SOURCE);
      case Fact.Requested _,
          Fact.Used _,
          Fact.Retried _,
          Fact.Overdue _,
          Fact.Undoing _,
          Fact.Stuck _,
          Fact.Unknown _ ->
          Optional.empty();
    };
  }
}
