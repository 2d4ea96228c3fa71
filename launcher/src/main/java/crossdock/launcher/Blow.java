package crossdock.launcher;

import crossdock.contracts.Step;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What happens to one process during one migration.
 *
 * @param process the name of one that the supervisor keeps
 * @param step since which is waited for when it happens
 * @param delay from then on
 * @param tenth of the transfer that must have been done by then, too: 0 to 9
 */
record Blow(Kind kind, String process, Step step, Duration delay, int tenth) {
  private static final int LONGEST_DELAY_MILLIS = 400;

  /** Into how many migrations the way of one is cut, so that none is struck all too often. */
  private static final int PARTS = 3;

  /** Those of the processes whose clocks can be turned. */
  static final List<String> SERVICES = Services.ALL.stream().map(Services.Service::name).toList();

  /** Every process that may be struck: all that the supervisor keeps. */
  static final List<String> PROCESSES = processes();

  /** All but the one that comes only after hours of silence. */
  private static final List<Step> STEPS =
      Stream.of(Step.values()).filter(step -> step != Step.OVERRIDE).toList();

  /** The target's own machine, once it runs: no process of ours. */
  static final String GUEST = "guest";

  /** Between two docks: no process of ours. */
  static final String LINK = "link";

  enum Kind {
    /** SIGKILL; the supervisor starts it again. */
    KILL,
    /** SIGSTOP for longer than a lease: it comes back and does not know that it was away. */
    PAUSE,
    /** Its clock is ten minutes ahead for as long, and then back. */
    CLOCK,
    /** The disk that its site keeps machines on is full for as long. */
    FULL,
    /**
     * Every connection to a dock is broken; where there is a line between the sites, nothing passes
     * it for as long.
     */
    CUT
  }

  Blow(Kind kind, String process, Step step, Duration delay) {
    this(kind, process, step, delay, 0);
  }

  private static List<String> processes() {
    List<String> all = new ArrayList<>(List.of("postgres", "kafka", "keycloak"));
    all.addAll(SERVICES);
    return List.copyOf(all);
  }

  /**
   * One or more, in the order of the steps: of twenty, seventeen kill.
   *
   * @param most how many, at most
   * @param possible what can be done here besides killing
   */
  static List<Blow> any(Random random, int most, Set<Kind> possible) {
    List<Blow> blows = new ArrayList<>();
    for (int left = 1 + random.nextInt(most); left > 0; left--) {
      Kind kind = Kind.values()[Math.max(0, random.nextInt(20) - 16)];
      List<String> processes =
          switch (kind) {
            case KILL, PAUSE -> PROCESSES;
            case CLOCK -> SERVICES;
            case FULL -> sites();
            case CUT -> throw new IllegalStateException("only ever at tenths of a transfer");
          };
      blows.add(
          new Blow(
              possible.contains(kind) ? kind : Kind.KILL,
              processes.get(random.nextInt(processes.size())),
              STEPS.get(random.nextInt(STEPS.size())),
              delay(random)));
    }
    blows.sort(Comparator.comparing(Blow::step));
    return List.copyOf(blows);
  }

  private static List<String> sites() {
    return Services.ALL.stream().filter(s -> s.site() != null).map(Services.Service::name).toList();
  }

  /**
   * Every process killed at every step, some steps of one migration after the other: each list is a
   * migration's.
   */
  static List<List<Blow>> matrix(Random random) {
    List<List<Blow>> all = new ArrayList<>();
    List<Step> forth = STEPS.stream().filter(step -> !isUndoing(step)).toList();
    for (int part = 0; part < PARTS; part++) {
      List<Step> some = new ArrayList<>();
      for (int n = part; n < forth.size(); n += PARTS) {
        some.add(forth.get(n));
      }
      all.addAll(each(some, random));
    }
    all.addAll(each(STEPS.stream().filter(Blow::isUndoing).toList(), random));
    Collections.shuffle(all, random);
    return all;
  }

  /** As many lists as there are processes; each process is once at each step. */
  private static List<List<Blow>> each(List<Step> steps, Random random) {
    List<List<Blow>> all = new ArrayList<>();
    PROCESSES.forEach(process -> all.add(new ArrayList<>()));
    for (Step step : steps) {
      int shift = random.nextInt(PROCESSES.size());
      for (int n = 0; n < PROCESSES.size(); n++) {
        String process = PROCESSES.get((n + shift) % PROCESSES.size());
        all.get(n).add(new Blow(Kind.KILL, process, step, delay(random)));
      }
    }
    return all;
  }

  /**
   * Whoever has to do with a transfer from one site to the other killed at every tenth of it, and
   * its connections cut: each list is a migration's.
   */
  static List<List<Blow>> transfer(Site from, Site to) {
    List<List<Blow>> all = new ArrayList<>();
    for (String process :
        List.of(
            from.provider() + "-export",
            from.provider() + "-conversion",
            to.provider() + "-import",
            to.provider() + "-conversion",
            "postgres",
            "kafka",
            LINK)) {
      Kind kind = process.equals(LINK) ? Kind.CUT : Kind.KILL;
      List<Blow> blows = new ArrayList<>();
      for (int tenth = 1; tenth < 10; tenth++) {
        blows.add(new Blow(kind, process, Step.IMPORT, Duration.ZERO, tenth));
      }
      all.add(blows);
    }
    return all;
  }

  /** The target's machine killed at every step at which it may run, as often. */
  static List<List<Blow>> guests(Random random, int times) {
    List<List<Blow>> all = new ArrayList<>();
    for (int n = 0; n < times; n++) {
      for (Step step :
          List.of(Step.BOOT, Step.ACCEPT, Step.RETIRE, Step.SETTLE, Step.UNDO_TARGET)) {
        all.add(List.of(new Blow(Kind.KILL, GUEST, step, delay(random))));
      }
    }
    return all;
  }

  private static Duration delay(Random random) {
    return Duration.ofMillis(random.nextInt(LONGEST_DELAY_MILLIS));
  }

  /** Whether the customer must change their mind for it to come to this step. */
  boolean undone() {
    return isUndoing(step);
  }

  private static boolean isUndoing(Step step) {
    return step == Step.UNDO_TARGET || step == Step.UNDO_SOURCE;
  }

  @Override
  public String toString() {
    String blow = kind.name().toLowerCase(Locale.ROOT) + " " + process + " at " + step.wire();
    return tenth == 0 ? blow : blow + " " + tenth + "0 %";
  }
}
