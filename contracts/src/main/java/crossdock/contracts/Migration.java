package crossdock.contracts;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * A migration, folded from its events: where the whole system is to be read. {@link #after} is the
 * only transition, {@link #due} says what the world waits for, {@link #runs} who may run the guest.
 * Pure: no I/O, no clock. Immutable.
 *
 * @param id of all its events
 * @param state where it stands
 * @param known the facts that took effect, oldest first
 * @param attempts of steps that are past their first attempt
 * @param failed steps whose last attempt failed, until the gateway retries them or gives up
 * @param sequence of the last event folded in
 * @param since the time of the last event that moved it on
 */
public record Migration(
    MigrationId id,
    State state,
    List<Fact> known,
    Map<Step, Integer> attempts,
    Map<Step, Reason> failed,
    long sequence,
    Instant since) {

  /** How often a certificate is issued again: whoever refuses every one gets no more. */
  private static final int REISSUES = 8;

  /**
   * requested → authorized → inspected → planned → quoted → approved → stopped → opened → certified
   * → imported → …
   */
  public sealed interface State {
    record Nothing() implements State {}

    record Requested() implements State {}

    record Authorized() implements State {}

    record Inspected() implements State {}

    record Planned() implements State {}

    record Quoted() implements State {}

    /** Waits for both sides' own yes, then (unless it is a copy) for the source to stop. */
    record Approved(boolean cleared, boolean reserved) implements State {}

    record Stopped() implements State {}

    record Opened() implements State {}

    record Certified() implements State {}

    record Imported() implements State {}

    record Booted() implements State {}

    record Accepted() implements State {}

    record Retired() implements State {}

    /**
     * Being undone, target first. {@code runs} is who may run the guest until those who owe
     * something have paid it.
     */
    record Undoing(Reason reason, Set<Role> owed, Runs runs, boolean stuck) implements State {}

    record Undone(Reason reason) implements State {}
  }

  /**
   * Who may run the guest. Of a {@link Fact.Mode#COPY} it is always the source: its target is
   * another machine.
   */
  public enum Runs {
    SOURCE,
    NEITHER,
    TARGET
  }

  /** Before its first event. */
  public static Migration of(MigrationId id) {
    return new Migration(id, new State.Nothing(), List.of(), Map.of(), Map.of(), 0, Instant.EPOCH);
  }

  /** The state after all of {@code events}. */
  public static Migration of(List<Event> events) {
    Migration migration = of(events.getFirst().migration());
    for (Event event : events) {
      migration = migration.after(event);
    }
    return migration;
  }

  /**
   * The state after {@code event}: with nothing but its sequence changed if the event repeats,
   * comes early or late, answers another attempt, or states what its author has no say in.
   * Signatures and hashes are checked before, by {@link Event#verify}.
   */
  public Migration after(Event event) {
    if (!event.migration().equals(id) || event.sequence() != sequence + 1) {
      return this;
    }
    Report report = event.report();
    boolean moves = !(report.fact() instanceof Fact.Used || report.fact() instanceof Fact.Settled);
    return step(report)
        .map(next -> next.with(event.sequence(), moves ? event.at() : since, plus(report.fact())))
        .orElseGet(() -> with(event.sequence(), since, known));
  }

  /** Whether {@code report} would take effect if it came next. */
  public boolean takes(Report report) {
    return report.migration().equals(id) && step(report).isPresent();
  }

  /** The only transition. What it does not answer has no effect. */
  private Optional<Migration> step(Report report) {
    boolean gateway = report.by().equals(party(Role.GATEWAY));
    return switch (report.fact()) {
      case Fact.Requested _ -> to(gateway && state instanceof State.Nothing, State.Requested::new);
      case Fact.Authorized _ -> to(owes(Step.AUTHORIZE, report), State.Authorized::new);
      case Fact.Inspected _ -> to(owes(Step.INSPECT, report), State.Inspected::new);
      case Fact.Planned fact ->
          to(
              owes(Step.PLAN, report) && fact.plan().machine().equals(machine().digest()),
              State.Planned::new);
      case Fact.Quoted fact ->
          to(owes(Step.QUOTE, report) && fact.quote().plan().equals(planned()), State.Quoted::new);
      case Fact.Approved fact ->
          to(
              owes(Step.APPROVE, report)
                  && fact.plan().equals(planned())
                  && fact.quote().equals(need(Fact.Quoted.class).quote().digest()),
              () -> new State.Approved(false, false));
      case Fact.Cleared fact ->
          to(
              owes(Step.CLEAR, report) && fact.plan().equals(planned()),
              () ->
                  new State.Approved(
                      true, !waits(Step.RESERVE) && !failed.containsKey(Step.RESERVE)));
      case Fact.Reserved fact ->
          to(
              owes(Step.RESERVE, report) && fact.plan().equals(planned()),
              () ->
                  new State.Approved(!waits(Step.CLEAR) && !failed.containsKey(Step.CLEAR), true));
      case Fact.Stopped _ -> to(owes(Step.STOP, report), State.Stopped::new);
      case Fact.Opened fact ->
          to(owes(Step.OPEN, report) && fact.machine().equals(plan().machine()), State.Opened::new);
      case Fact.Drifted _ ->
          owes(Step.STOP, report) || owes(Step.OPEN, report)
              ? Optional.of(anew())
              : Optional.empty();
      case Fact.Certified fact ->
          to(owes(Step.CERTIFY, report) && fact.last(), State.Certified::new);
      case Fact.Lapsed fact ->
          owes(Step.IMPORT, report)
                  && fact.certificate().equals(need(Fact.Certified.class).certificate().digest())
                  && mayReissue()
              ? Optional.of(uncertified())
              : Optional.empty();
      case Fact.Imported fact ->
          to(
              owes(Step.IMPORT, report)
                  && fact.certificate().equals(need(Fact.Certified.class).certificate().digest()),
              State.Imported::new);
      case Fact.Booted fact ->
          to(
              owes(Step.BOOT, report) && fact.machine().equals(need(Fact.Imported.class).machine()),
              State.Booted::new);
      case Fact.Accepted _ -> to(owes(Step.ACCEPT, report), State.Accepted::new);
      case Fact.Retired fact ->
          to(owes(Step.RETIRE, report) && (!fact.erased() || mayErase()), State.Retired::new);
      case Fact.Settled fact ->
          to(
              owes(Step.SETTLE, report)
                  && fact.statement().plan().equals(need(Fact.Quoted.class).quote().plan()),
              () -> state);
      case Fact.Used _ -> to(!(state instanceof State.Nothing), () -> state);
      case Fact.Failed fact -> fails(owes(fact.step(), report), fact.step(), fact.reason());
      case Fact.Overdue fact -> fails(gateway && waits(fact.step()), fact.step(), Reason.OVERDUE);
      case Fact.Retried fact ->
          gateway && open().contains(fact.step()) && failed.containsKey(fact.step())
              ? Optional.of(again(fact.step()))
              : Optional.empty();
      case Fact.Undoing fact -> to(gateway && undoable(), () -> undoing(fact.reason()));
      case Fact.Undone fact -> pays(fact, report);
      case Fact.Stuck fact ->
          state instanceof State.Undoing was
                  && !was.stuck()
                  && !fact.owed().isEmpty()
                  && was.owed().containsAll(fact.owed())
              ? to(gateway, () -> new State.Undoing(was.reason(), was.owed(), was.runs(), true))
              : Optional.empty();
      case Fact.Unknown _ -> Optional.empty();
    };
  }

  /**
   * What the world waits for; a failed step is waited for again once the gateway has retried it.
   */
  public Set<Due> due() {
    return open().stream()
        .filter(this::waits)
        .map(step -> new Due(step, attempt(step), since.plus(step.limit())))
        .collect(Collectors.toUnmodifiableSet());
  }

  /** Who may run the guest. It changes only by a report of the side that gives it up. */
  public Runs runs() {
    return switch (state) {
      case State.Nothing _,
          State.Requested _,
          State.Authorized _,
          State.Inspected _,
          State.Planned _,
          State.Quoted _,
          State.Approved _,
          State.Undone _ ->
          Runs.SOURCE;
      case State.Stopped _, State.Opened _, State.Certified _ ->
          copy() ? Runs.SOURCE : Runs.NEITHER;
      case State.Imported _, State.Booted _, State.Accepted _, State.Retired _ ->
          copy() ? Runs.SOURCE : Runs.TARGET;
      case State.Undoing undoing -> undoing.runs();
    };
  }

  /** Whether nobody owes anything any more: nothing is open and nothing can come. */
  public boolean ended() {
    return !(state instanceof State.Nothing) && open().isEmpty();
  }

  /**
   * Whether the source may be erased: asked for, granted at the source, and said again after the
   * boot. Time alone may accept and keep, never erase; and of a copy the source goes on.
   */
  public boolean mayErase() {
    return !copy()
        && request().eraseSource()
        && latest(Fact.Cleared.class).filter(Fact.Cleared::mayErase).isPresent()
        && latest(Fact.Accepted.class)
            .filter(accepted -> accepted.by() == Fact.Acceptance.MANUAL)
            .isPresent();
  }

  /** Whether a certificate that has lapsed may be issued once more. */
  public boolean mayReissue() {
    return known.stream().filter(Fact.Lapsed.class::isInstance).count() < REISSUES;
  }

  /** The steps that the state is open for, failed or not. */
  private Set<Step> open() {
    Set<Step> settle =
        latest(Fact.Quoted.class).isEmpty() || latest(Fact.Settled.class).isPresent()
            ? Set.of()
            : Set.of(Step.SETTLE);
    return switch (state) {
      case State.Nothing _ -> Set.of();
      case State.Requested _ -> Set.of(Step.AUTHORIZE);
      case State.Authorized _ -> Set.of(Step.INSPECT);
      case State.Inspected _ -> Set.of(Step.PLAN);
      case State.Planned _ -> Set.of(Step.QUOTE);
      case State.Quoted _ -> Set.of(Step.APPROVE);
      case State.Approved(boolean cleared, boolean reserved) -> {
        if (cleared && reserved) {
          yield Set.of(copy() ? Step.OPEN : Step.STOP);
        }
        yield cleared
            ? Set.of(Step.RESERVE)
            : reserved ? Set.of(Step.CLEAR) : Set.of(Step.CLEAR, Step.RESERVE);
      }
      case State.Stopped _ -> Set.of(Step.OPEN);
      case State.Opened _ -> Set.of(Step.CERTIFY);
      case State.Certified _ -> Set.of(Step.IMPORT);
      case State.Imported _ -> Set.of(Step.BOOT);
      case State.Booted _ -> Set.of(Step.ACCEPT);
      case State.Accepted _ -> both(settle, Set.of(Step.RETIRE));
      case State.Retired _, State.Undone _ -> settle;
      case State.Undoing undoing -> {
        if (!undoing.owed().contains(Role.TARGET)) {
          yield Set.of(Step.UNDO_SOURCE);
        }
        yield undoing.stuck() && undoing.owed().contains(Role.SOURCE)
            ? Set.of(Step.UNDO_TARGET, Step.OVERRIDE)
            : Set.of(Step.UNDO_TARGET);
      }
    };
  }

  /** The request, once there is one. */
  public Fact.Requested request() {
    return need(Fact.Requested.class);
  }

  /** The machine that is planned for: as inspected, or as it was found to have become. */
  public Machine machine() {
    for (Fact fact : known.reversed()) {
      if (fact instanceof Fact.Inspected(Machine machine)) {
        return machine;
      }
      if (fact instanceof Fact.Drifted(Machine machine)) {
        return machine;
      }
    }
    throw new Refused("no machine is known yet");
  }

  /** The newest plan. */
  public Plan plan() {
    return need(Fact.Planned.class).plan();
  }

  /** The newest fact of a kind that took effect. */
  public <F extends Fact> Optional<F> latest(Class<F> kind) {
    return known.reversed().stream().filter(kind::isInstance).map(kind::cast).findFirst();
  }

  /** Like {@link #latest}, where the state promises that there is one. */
  public <F extends Fact> F need(Class<F> kind) {
    return latest(kind).orElseThrow(() -> new Refused("nobody has stated " + kind.getSimpleName()));
  }

  /** Who plays {@code role}; the sites are known from the request on. */
  public Party party(Role role) {
    return switch (role) {
      case GATEWAY -> new Party.Core(CoreService.GATEWAY);
      case IDENTITY -> new Party.Core(CoreService.IDENTITY);
      case CATALOG -> new Party.Core(CoreService.CATALOG);
      case BILLING -> new Party.Core(CoreService.BILLING);
      case SOURCE -> new Party.Site(request().source());
      case TARGET -> new Party.Site(request().target());
    };
  }

  private boolean copy() {
    return request().mode() == Fact.Mode.COPY;
  }

  private Sha256 planned() {
    return plan().digest();
  }

  private int attempt(Step step) {
    return attempts.getOrDefault(step, 1);
  }

  private boolean waits(Step step) {
    return open().contains(step) && !failed.containsKey(step);
  }

  private boolean owes(Step step, Report report) {
    return waits(step)
        && report.attempt() == attempt(step)
        && report.by().equals(party(step.role()));
  }

  private Optional<Migration> to(boolean may, Supplier<State> next) {
    return may ? Optional.of(with(next.get(), attempts, failed)) : Optional.empty();
  }

  private Optional<Migration> fails(boolean may, Step step, Reason reason) {
    if (!may) {
      return Optional.empty();
    }
    Map<Step, Reason> more = new HashMap<>(failed);
    more.put(step, reason);
    return Optional.of(with(state, attempts, more));
  }

  /**
   * A drift answers STOP or OPEN without naming which: OPEN therefore counts on with STOP, so that
   * what answered an earlier attempt to stop is stale when the opening is waited for.
   */
  private Migration again(Step step) {
    Map<Step, Integer> more = new HashMap<>(attempts);
    for (Step next : step == Step.STOP ? Set.of(Step.STOP, Step.OPEN) : Set.of(step)) {
      more.put(next, attempt(next) + 1);
    }
    Map<Step, Reason> fewer = new HashMap<>(failed);
    fewer.remove(step);
    return with(state, more, fewer);
  }

  /**
   * Back to planning, every step as a new attempt, so that nothing said about the old plan counts.
   */
  private Migration anew() {
    int attempt = attempts.values().stream().mapToInt(Integer::intValue).max().orElse(1) + 1;
    Map<Step, Integer> more = new HashMap<>();
    for (Step step : Step.values()) {
      more.put(step, attempt);
    }
    return with(new State.Inspected(), more, Map.of());
  }

  /** Back to where the disks are open; what either side says of the old certificate is stale. */
  private Migration uncertified() {
    Map<Step, Integer> more = new HashMap<>(attempts);
    for (Step step : Set.of(Step.CERTIFY, Step.IMPORT)) {
      more.put(step, attempt(step) + 1);
    }
    return with(new State.Opened(), more, failed);
  }

  private boolean undoable() {
    return switch (state) {
      case State.Nothing _, State.Accepted _, State.Retired _, State.Undoing _, State.Undone _ ->
          false;
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
          true;
    };
  }

  /**
   * Before the approval no site has made anything; after it both say what they found, the target
   * first.
   */
  private State undoing(Reason reason) {
    return latest(Fact.Approved.class).isEmpty()
        ? new State.Undone(reason)
        : new State.Undoing(reason, Set.of(Role.SOURCE, Role.TARGET), runs(), false);
  }

  private Optional<Migration> pays(Fact.Undone fact, Report report) {
    if (!(state instanceof State.Undoing was)
        || !was.owed().contains(fact.role())
        || !report.by().equals(party(fact.role()))) {
      return Optional.empty();
    }
    boolean overridden = fact.basis() == Fact.Basis.OVERRIDDEN;
    boolean targetOwes = was.owed().contains(Role.TARGET);
    boolean may =
        fact.role() == Role.TARGET
            ? fact.basis() == Fact.Basis.NEVER_STARTED || fact.basis() == Fact.Basis.REMOVED
            : overridden ? targetOwes && was.stuck() : !targetOwes;
    Set<Role> left = new HashSet<>(was.owed());
    left.remove(fact.role());
    return to(
        may,
        () ->
            left.isEmpty()
                ? new State.Undone(was.reason())
                : new State.Undoing(
                    was.reason(), Set.copyOf(left), Runs.SOURCE, was.stuck() && overridden));
  }

  private Migration with(long last, Instant moved, List<Fact> facts) {
    return new Migration(id, state, facts, attempts, failed, last, moved);
  }

  private Migration with(State next, Map<Step, Integer> tries, Map<Step, Reason> failures) {
    return new Migration(id, next, known, Map.copyOf(tries), Map.copyOf(failures), sequence, since);
  }

  private List<Fact> plus(Fact fact) {
    List<Fact> more = new ArrayList<>(known);
    if (!(fact instanceof Fact.Used)) {
      more.add(fact);
    }
    return List.copyOf(more);
  }

  private static Set<Step> both(Set<Step> some, Set<Step> others) {
    Set<Step> all = new HashSet<>(some);
    all.addAll(others);
    return Set.copyOf(all);
  }
}
