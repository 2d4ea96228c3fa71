package crossdock.gateway.log;

import crossdock.contracts.Bill;
import crossdock.contracts.Due;
import crossdock.contracts.Fact;
import crossdock.contracts.Migration;
import crossdock.contracts.Migration.State;
import crossdock.contracts.Money;
import crossdock.contracts.Plan;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.contracts.Step;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What the gateway itself states, from what it knows: it approves and accepts in the customer's
 * name, counts attempts and silence, and begins to undo. Pure: no I/O, no clock.
 */
final class Decisions {
  /** Of a step that can still be undone. */
  static final int FORWARD_ATTEMPTS = 3;

  /** Of a step that has no other way out: undoing, retiring, settling. */
  static final int LAST_ATTEMPTS = 20;

  /** A source that changes its machine faster than it can be planned for is let go. */
  static final int DRIFTS = 10;

  private static final Duration LONGEST_PAUSE = Duration.ofMinutes(10);

  private Decisions() {}

  /**
   * The next fact to state, if any; asked again after each.
   *
   * @param heard when the site that is due last made progress
   */
  static Optional<Fact> next(Migration migration, Instant now, Optional<Instant> heard) {
    return switch (migration.state()) {
      case State.Nothing _ -> Optional.empty();
      case State.Undoing undoing -> undo(migration, undoing, now, heard);
      case State.Accepted _, State.Retired _, State.Undone _ -> last(migration, now, heard);
      case State.Requested _,
          State.Authorized _,
          State.Inspected _,
          State.Planned _,
          State.Quoted _,
          State.Approved _,
          State.Stopped _,
          State.Opened _,
          State.Certified _,
          State.Imported _,
          State.Booted _ ->
          Stream.of(
                  planned(migration),
                  approval(migration),
                  acceptance(migration, now),
                  failure(migration, now),
                  silence(migration, now, heard))
              .flatMap(Optional::stream)
              .findFirst();
    };
  }

  /** When time alone may lead to another fact; empty if only a report can. */
  static Optional<Instant> look(Migration migration, Instant now, Optional<Instant> heard) {
    return Stream.concat(
            migration.due().stream().map(due -> deadline(due, heard)),
            migration.failed().keySet().stream().map(step -> again(migration, step)))
        .filter(at -> at.isAfter(now))
        .min(Instant::compareTo);
  }

  private static Optional<Fact> planned(Migration migration) {
    boolean fresh =
        migration.state() instanceof State.Planned || migration.state() instanceof State.Quoted;
    if (fresh
        && migration.plan().concerns().stream()
            .anyMatch(concern -> concern.severity() == Plan.Severity.BLOCKING)) {
      return Optional.of(new Fact.Undoing(Reason.UNMAPPABLE));
    }
    return drifts(migration) >= DRIFTS
        ? Optional.of(new Fact.Undoing(Reason.REFUSED_BY_SOURCE))
        : Optional.empty();
  }

  /** The customer said in the request what it may cost: that is the yes to every quote below. */
  private static Optional<Fact> approval(Migration migration) {
    if (due(migration, Step.APPROVE).isEmpty()) {
      return Optional.empty();
    }
    Bill quote = migration.need(Fact.Quoted.class).quote();
    Money limit = migration.request().limit();
    boolean within =
        quote.total().currency().equals(limit.currency()) && !quote.total().exceeds(limit);
    return Optional.of(
        within
            ? new Fact.Approved(migration.plan().digest(), quote.digest())
            : new Fact.Undoing(Reason.PRICE_ABOVE_LIMIT));
  }

  /**
   * Time alone may accept, and then the source is kept: it is stated as AUTOMATIC, which never lets
   * the source be erased. MANUAL is the customer's own word and comes through the API only.
   */
  private static Optional<Fact> acceptance(Migration migration, Instant now) {
    return due(migration, Step.ACCEPT)
        .filter(
            due ->
                migration.request().accept() == Fact.Acceptance.AUTOMATIC
                    || !now.isBefore(due.deadline()))
        .map(_ -> new Fact.Accepted(Fact.Acceptance.AUTOMATIC));
  }

  private static Optional<Fact> failure(Migration migration, Instant now) {
    Optional<Reason> given =
        migration.failed().entrySet().stream()
            .filter(
                failed ->
                    !failed.getValue().retryable()
                        || retries(migration, failed.getKey()) >= FORWARD_ATTEMPTS - 1)
            .sorted(Map.Entry.comparingByKey())
            .map(Map.Entry::getValue)
            .findFirst();
    return given.isPresent()
        ? given.map(Fact.Undoing::new)
        : migration.failed().keySet().stream()
            .filter(step -> !now.isBefore(again(migration, step)))
            .sorted()
            .findFirst()
            .map(Fact.Retried::new);
  }

  private static Optional<Fact> silence(Migration migration, Instant now, Optional<Instant> heard) {
    return migration.due().stream()
        .filter(due -> due.step().role() != Role.GATEWAY)
        .filter(due -> !now.isBefore(deadline(due, heard)))
        .map(Due::step)
        .sorted()
        .findFirst()
        .map(Fact.Overdue::new);
  }

  /** After the point of no return nothing is undone: it is tried again, then an operator looks. */
  private static Optional<Fact> last(Migration migration, Instant now, Optional<Instant> heard) {
    return Stream.of(Step.RETIRE, Step.SETTLE)
        .filter(migration.failed()::containsKey)
        .filter(step -> retries(migration, step) < LAST_ATTEMPTS - 1)
        .filter(step -> !now.isBefore(again(migration, step)))
        .findFirst()
        .<Fact>map(Fact.Retried::new)
        .or(() -> silence(migration, now, heard));
  }

  private static Optional<Fact> undo(
      Migration migration, State.Undoing undoing, Instant now, Optional<Instant> heard) {
    List<Step> failed =
        Stream.of(Step.UNDO_TARGET, Step.UNDO_SOURCE, Step.OVERRIDE)
            .filter(migration.failed()::containsKey)
            .toList();
    List<Step> patient =
        failed.stream().filter(step -> retries(migration, step) < LAST_ATTEMPTS - 1).toList();
    if (!patient.isEmpty()) {
      return patient.stream()
          .filter(step -> !now.isBefore(again(migration, step)))
          .findFirst()
          .map(Fact.Retried::new);
    }
    boolean silent = !failed.isEmpty() || silence(migration, now, heard).isPresent();
    return silent && !undoing.stuck()
        ? Optional.of(new Fact.Stuck(undoing.owed()))
        : Optional.empty();
  }

  private static Optional<Due> due(Migration migration, Step step) {
    return migration.due().stream().filter(due -> due.step() == step).findFirst();
  }

  private static Instant deadline(Due due, Optional<Instant> heard) {
    return heard
        .map(at -> at.plus(due.step().limit()))
        .filter(at -> at.isAfter(due.deadline()))
        .orElse(due.deadline());
  }

  /** When a failed step is ordered again: after 2 seconds, then twice as long each time. */
  private static Instant again(Migration migration, Step step) {
    Duration pause = Duration.ofSeconds(2L << Math.min(retries(migration, step), 10));
    return migration.since().plus(pause.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause);
  }

  /** How often {@code step} was ordered again for the plan there is. */
  private static int retries(Migration migration, Step step) {
    int retries = 0;
    for (Fact fact : migration.known().reversed()) {
      if (fact instanceof Fact.Drifted) {
        break;
      }
      if (fact instanceof Fact.Retried(Step again) && again == step) {
        retries++;
      }
    }
    return retries;
  }

  private static long drifts(Migration migration) {
    return migration.known().stream().filter(Fact.Drifted.class::isInstance).count();
  }
}
