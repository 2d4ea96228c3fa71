package crossdock.contracts;

import crossdock.contracts.Fact.Basis;
import crossdock.contracts.Fact.Mode;
import crossdock.contracts.Migration.Runs;
import crossdock.contracts.Migration.State;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;

/**
 * One migration in a world made of a seed: the same seed gives the same world.
 *
 * <p>Modelled: the gateway's log, into which it writes any report that reaches it, whether or not
 * it takes effect; a network that delivers reports late, twice and in any order; the source, the
 * target and the core services, each of which sees some prefix of the log that only ever grows,
 * answers each attempt of a step once, says the same again when it is asked again, and may fail;
 * two guests that really run or do not; a gateway that finds silence, retries, gives up and
 * declares a migration stuck whenever it likes; a customer at the source who overrides as soon as
 * that is allowed.
 *
 * <p>A site acts only on what the prefix that it has seen says is due. The source stops its guest
 * when STOP is due, opens only what it holds stopped (unless it is a copy), starts it again where
 * it finds it changed, when UNDO_SOURCE is due, or by the override. The target starts a guest only
 * when BOOT is due, and no more once it has said that it has undone.
 *
 * <p>Not modelled: lies, forks and bad signatures, which {@link Event#verify} is for.
 */
final class SimulatedWorld {
  /** A report on its way, and the step that its author answered with it. */
  private record Flight(Report report, Optional<Step> answers) {}

  private record Attempt(Step step, int number) {}

  /** Whoever reads the log and reports. */
  private static final class Reader {
    final Set<Role> roles;
    final Map<Attempt, Flight> answered = new HashMap<>();
    int seen;
    boolean silent;

    Reader(Set<Role> roles) {
      this.roles = roles;
    }
  }

  private final Random random;
  private final Mode mode;
  private final List<Migration> states = new ArrayList<>();
  private final List<Flight> flights = new ArrayList<>();
  private final List<Flight> delivered = new ArrayList<>();
  private final Reader source = new Reader(EnumSet.of(Role.SOURCE));
  private final Reader target = new Reader(EnumSet.of(Role.TARGET));
  private final Reader core =
      new Reader(EnumSet.of(Role.GATEWAY, Role.IDENTITY, Role.CATALOG, Role.BILLING));

  private boolean calm;
  private int cpus = 2;
  private boolean sourceRuns = true;
  private boolean targetRuns;
  private boolean targetMade;
  private boolean targetLeft;
  private boolean overridden;

  /** Which kinds of state and fact were met, by simple name. */
  final Set<String> met = new java.util.TreeSet<>();

  SimulatedWorld(long seed) {
    this.random = new Random(seed);
    this.mode = random.nextInt(4) == 0 ? Mode.COPY : Mode.COLD;
    states.add(Migration.of(Sample.ID));
    write(
        new Flight(
            Sample.report(Sample.GATEWAY, 1, Sample.requested(mode, random.nextBoolean())),
            Optional.empty()));
  }

  /** Lets so many things happen, most of them as they should. */
  void live(int steps) {
    // a world without a will to fail gets further: both kinds are wanted
    int trouble = random.nextInt(12);
    for (int i = 0; i < steps && !now().ended(); i++) {
      switch (random.nextInt(21)) {
        case 0, 1, 2, 3 -> act(source, trouble);
        case 4, 5, 6, 7 -> act(target, trouble);
        case 8, 9, 10, 11 -> act(core, trouble);
        case 12, 13, 14, 15, 16, 17 -> deliver();
        case 18 -> redeliver();
        case 19, 20 -> meddle(trouble);
        default -> throw new AssertionError();
      }
      check();
    }
  }

  /** From here nobody fails, everything is delivered and the gateway retries what failed. */
  void calm() {
    calm = true;
    for (int i = 0; i < 400 && !now().ended(); i++) {
      for (Step step : EnumSet.allOf(Step.class)) {
        say(new Fact.Retried(step));
      }
      for (Reader reader : List.of(core, source, target)) {
        act(reader, 0);
      }
      while (!flights.isEmpty()) {
        deliver();
      }
      if (now().state() instanceof State.Undoing && (source.silent || target.silent)) {
        say(new Fact.Stuck(owed()));
      }
      check();
    }
  }

  /** The target is never heard of again. */
  void silenceTarget() {
    target.silent = true;
  }

  void cancel() {
    say(new Fact.Undoing(Reason.CANCELLED));
  }

  Migration now() {
    return states.getLast();
  }

  Mode mode() {
    return mode;
  }

  boolean sourceRuns() {
    return sourceRuns;
  }

  boolean targetRuns() {
    return targetRuns;
  }

  boolean targetMade() {
    return targetMade;
  }

  boolean overridden() {
    return overridden;
  }

  private Set<Role> owed() {
    return now().state() instanceof State.Undoing undoing ? undoing.owed() : Set.of();
  }

  private void meddle(int trouble) {
    switch (random.nextInt(10)) {
      case 0, 1, 2 -> {
        for (Due due : now().due()) {
          if (random.nextInt(12) < trouble) {
            say(new Fact.Overdue(due.step()));
          }
        }
      }
      case 3 -> {
        if (random.nextInt(20) < trouble) {
          say(new Fact.Undoing(Reason.CANCELLED));
        }
      }
      case 4, 5, 6 -> say(new Fact.Stuck(owed()));
      default -> List.copyOf(now().failed().keySet()).forEach(step -> say(new Fact.Retried(step)));
    }
  }

  /** The gateway writes what it states itself at once, also where it has no effect. */
  private void say(Fact fact) {
    if (!(fact instanceof Fact.Stuck) || !owed().isEmpty()) {
      Report report = Sample.report(Sample.GATEWAY, 1, fact);
      if (now().takes(report) || (!calm && random.nextInt(10) == 0)) {
        write(new Flight(report, Optional.empty()));
      }
    }
  }

  private void act(Reader reader, int trouble) {
    if (reader.silent) {
      return;
    }
    int ahead = states.size() - 1 - reader.seen;
    reader.seen += calm || random.nextBoolean() ? ahead : random.nextInt(ahead + 1);
    Migration seen = states.get(reader.seen);
    for (Due due : seen.due()) {
      // Done below, by a customer.
      if (reader.roles.contains(due.step().role()) && due.step() != Step.OVERRIDE) {
        Attempt attempt = new Attempt(due.step(), due.attempt());
        Flight flight = reader.answered.get(attempt);
        if (flight != null && !calm && random.nextInt(4) > 0) {
          continue;
        }
        if (flight == null) {
          boolean fails = !calm && random.nextInt(60) < trouble;
          Fact fact =
              fails
                  ? failure(due.step())
                  : answer(due.step(), seen, !calm && random.nextInt(90) < trouble);
          flight =
              new Flight(
                  Sample.report(seen.party(due.step().role()), due.attempt(), fact),
                  Optional.of(due.step()));
          reader.answered.put(attempt, flight);
        }
        flights.add(flight);
      }
    }
    if (reader == source
        && seen.state() instanceof State.Undoing(var _, var owed, var _, boolean stuck)
        && stuck
        && owed.containsAll(Set.of(Role.SOURCE, Role.TARGET))
        && (calm || random.nextInt(4) == 0)) {
      sourceRuns = true;
      overridden = true;
      flights.add(
          new Flight(
              Sample.report(Sample.SOURCE, 1, new Fact.Undone(Role.SOURCE, Basis.OVERRIDDEN)),
              Optional.empty()));
    }
  }

  /** A step fails before or after it had its effect. */
  private Fact failure(Step step) {
    if (random.nextBoolean()) {
      switch (step) {
        case STOP -> sourceRuns = false;
        case IMPORT -> targetMade = !targetLeft;
        case BOOT -> targetRuns = !targetLeft;
        case UNDO_TARGET -> targetRuns = false;
        case UNDO_SOURCE -> sourceRuns = true;
        case AUTHORIZE,
            INSPECT,
            PLAN,
            QUOTE,
            APPROVE,
            CLEAR,
            RESERVE,
            OPEN,
            CERTIFY,
            ACCEPT,
            RETIRE,
            SETTLE,
            OVERRIDE -> {}
      }
    }
    return new Fact.Failed(step, Reason.UNAVAILABLE, "No answer.");
  }

  private Fact answer(Step step, Migration seen, boolean changed) {
    return switch (step) {
      case AUTHORIZE -> Sample.authorized();
      case INSPECT -> new Fact.Inspected(Sample.machine(cpus));
      case PLAN -> new Fact.Planned(Sample.plan(seen.machine()));
      case QUOTE -> new Fact.Quoted(Sample.quote(seen.plan()));
      case APPROVE ->
          new Fact.Approved(seen.plan().digest(), seen.need(Fact.Quoted.class).quote().digest());
      case CLEAR -> new Fact.Cleared(seen.plan().digest(), true);
      case RESERVE -> new Fact.Reserved(seen.plan().digest());
      case STOP -> {
        if (changed) {
          yield drifted();
        }
        sourceRuns = false;
        yield new Fact.Stopped(Sample.START);
      }
      case OPEN ->
          changed
                  || !Sample.machine(cpus).equals(seen.machine())
                  || (mode == Mode.COLD && sourceRuns)
              ? drifted()
              : Sample.opened(seen.machine());
      case CERTIFY -> Sample.certified();
      case IMPORT -> {
        targetMade = !targetLeft;
        if (random.nextInt(6) == 0 && seen.mayReissue()) {
          yield new Fact.Lapsed(Sample.CERTIFICATE.digest());
        }
        yield Sample.imported();
      }
      case BOOT -> {
        targetRuns = !targetLeft;
        yield new Fact.Booted("vm-9", "counter 7");
      }
      case ACCEPT -> new Fact.Accepted(Fact.Acceptance.MANUAL);
      case RETIRE -> {
        if (mode == Mode.COLD && sourceRuns) {
          throw new AssertionError("a source that runs is retired");
        }
        yield new Fact.Retired(seen.mayErase());
      }
      case SETTLE -> new Fact.Settled(seen.need(Fact.Quoted.class).quote());
      case UNDO_TARGET -> {
        Basis basis = targetMade ? Basis.REMOVED : Basis.NEVER_STARTED;
        targetLeft = true;
        targetRuns = false;
        targetMade = false;
        yield new Fact.Undone(Role.TARGET, basis);
      }
      case UNDO_SOURCE -> {
        sourceRuns = true;
        yield new Fact.Undone(Role.SOURCE, Basis.RESTORED);
      }
      case OVERRIDE -> throw new AssertionError("no site overrides by itself");
    };
  }

  private Fact drifted() {
    cpus++;
    sourceRuns = true;
    return new Fact.Drifted(Sample.machine(cpus));
  }

  private void deliver() {
    if (!flights.isEmpty()) {
      Flight flight = flights.remove(random.nextInt(flights.size()));
      delivered.add(flight);
      arrive(flight);
    }
  }

  private void redeliver() {
    if (!delivered.isEmpty()) {
      arrive(delivered.get(random.nextInt(delivered.size())));
    }
  }

  /** Mostly only what takes effect is written; what is written in vain must not matter either. */
  private void arrive(Flight flight) {
    if (now().takes(flight.report()) || (!calm && random.nextInt(5) == 0)) {
      write(flight);
    }
  }

  private void write(Flight flight) {
    Migration before = now();
    boolean takes = before.takes(flight.report());
    Migration after = before.after(Sample.next(before, flight.report()));
    states.add(after);
    met.add(after.state().getClass().getSimpleName());
    if (takes) {
      met.add("took " + flight.report().fact().getClass().getSimpleName());
      if (after.state() instanceof State.Undoing undoing && undoing.stuck()) {
        met.add("stuck");
      }
    }
    compare(before, after, takes, flight);
  }

  /** What must hold of every event. */
  private void compare(Migration before, Migration after, boolean takes, Flight flight) {
    Fact fact = flight.report().fact();
    require(after.sequence() == before.sequence() + 1, "the sequence has a gap");
    if (!takes) {
      Migration same =
          new Migration(
              before.id(),
              before.state(),
              before.known(),
              before.attempts(),
              before.failed(),
              after.sequence(),
              before.since());
      require(after.equals(same), "a report without effect changed something");
    }
    if (takes && flight.answers().isPresent()) {
      Attempt attempt = new Attempt(flight.answers().get(), flight.report().attempt());
      require(
          fact instanceof Fact.Undone
              || before.due().stream()
                  .anyMatch(due -> new Attempt(due.step(), due.attempt()).equals(attempt)),
          "what answered " + attempt + " took effect while " + before.due() + " was due");
    }
    if (before.runs() != after.runs()) {
      Party author = flight.report().by();
      boolean override = fact instanceof Fact.Undone undone && undone.basis() == Basis.OVERRIDDEN;
      boolean allowed =
          switch (before.runs()) {
            case SOURCE -> author.equals(Sample.SOURCE);
            case TARGET -> author.equals(Sample.TARGET) && after.runs() == Runs.SOURCE;
            case NEITHER ->
                after.runs() == Runs.TARGET
                    ? fact instanceof Fact.Imported
                    : fact instanceof Fact.Drifted || author.equals(Sample.TARGET);
          };
      require(allowed || override, fact + " moved " + before.runs() + " to " + after.runs());
    }
    boolean beyond =
        before.state() instanceof State.Accepted || before.state() instanceof State.Retired;
    require(
        !beyond
            || after.state() instanceof State.Accepted
            || after.state() instanceof State.Retired,
        "something was undone after the acceptance");
  }

  /** What must hold at every moment. */
  private void check() {
    Migration now = now();
    if (mode == Mode.COLD && !overridden) {
      require(!(sourceRuns && targetRuns), "two copies run");
      require(!targetRuns || now.runs() == Runs.TARGET, "the target runs without the right to");
      require(!sourceRuns || now.runs() != Runs.TARGET, "the source runs without the right to");
    }
    boolean decision = now.failed().keySet().stream().anyMatch(step -> open(now, step));
    boolean stuck =
        now.state() instanceof State.Undoing undoing
            && undoing.stuck()
            && !undoing.owed().isEmpty();
    require(
        now.ended() || !now.due().isEmpty() || decision || stuck, "no exit from " + now.state());
    if (now.state() instanceof State.Undone && now.latest(Fact.Approved.class).isPresent()) {
      Set<Role> paid = EnumSet.noneOf(Role.class);
      for (Fact fact : now.known()) {
        if (fact instanceof Fact.Undone(Role role, Basis _)) {
          paid.add(role);
        }
      }
      require(paid.equals(EnumSet.of(Role.SOURCE, Role.TARGET)), "undone by " + paid + " alone");
      require(sourceRuns && !targetRuns && !targetMade, "undone, but not as before");
    }
  }

  private static boolean open(Migration migration, Step step) {
    return migration.takes(Sample.report(Sample.GATEWAY, 1, new Fact.Retried(step)));
  }

  private void require(boolean holds, String otherwise) {
    if (!holds) {
      StringBuilder story = new StringBuilder(otherwise);
      for (Fact fact : now().known()) {
        story.append("\n  ").append(fact.type()).append(' ');
        if (fact instanceof Fact.Failed
            || fact instanceof Fact.Retried
            || fact instanceof Fact.Overdue
            || fact instanceof Fact.Undone) {
          story.append(fact);
        }
      }
      throw new AssertionError(story.toString());
    }
  }
}
