package crossdock.launcher;

import crossdock.contracts.Step;
import java.time.Duration;
import java.util.ArrayList;
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
 */
record Blow(Kind kind, String process, Step step, Duration delay) {
  private static final int LONGEST_DELAY_MILLIS = 400;
  private static final int MOST = 3;

  /** Those of the processes whose clocks can be turned. */
  static final List<String> SERVICES = Services.ALL.stream().map(Services.Service::name).toList();

  /** Every process that may be struck: all that the supervisor keeps. */
  static final List<String> PROCESSES = processes();

  /** All but the one that comes only after hours of silence. */
  private static final List<Step> STEPS =
      Stream.of(Step.values()).filter(step -> step != Step.OVERRIDE).toList();

  /** The target's own machine, once it runs: no process of ours. */
  static final String GUEST = "guest";

  enum Kind {
    /** SIGKILL; the supervisor starts it again. */
    KILL,
    /** SIGSTOP for longer than a lease: it comes back and does not know that it was away. */
    PAUSE,
    /** Its clock is ten minutes ahead for as long, and then back. */
    CLOCK,
    /** The disk that its site keeps machines on is full for as long. */
    FULL
  }

  private static List<String> processes() {
    List<String> all = new ArrayList<>(List.of("postgres", "kafka", "keycloak"));
    all.addAll(SERVICES);
    return List.copyOf(all);
  }

  /**
   * One to three, in the order of the steps: of twenty, seventeen kill.
   *
   * @param possible what can be done here besides killing
   */
  static List<Blow> any(Random random, Set<Kind> possible) {
    List<Blow> blows = new ArrayList<>();
    for (int left = 1 + random.nextInt(MOST); left > 0; left--) {
      Kind kind = Kind.values()[Math.max(0, random.nextInt(20) - 16)];
      List<String> processes =
          switch (kind) {
            case KILL, PAUSE -> PROCESSES;
            case CLOCK -> SERVICES;
            case FULL -> sites();
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

  /** Every process killed at every step. */
  static List<List<Blow>> matrix(Random random) {
    List<List<Blow>> all = new ArrayList<>();
    for (Step step : STEPS) {
      for (String process : PROCESSES) {
        all.add(List.of(new Blow(Kind.KILL, process, step, delay(random))));
      }
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
    return step == Step.UNDO_TARGET || step == Step.UNDO_SOURCE;
  }

  @Override
  public String toString() {
    return kind.name().toLowerCase(Locale.ROOT) + " " + process + " at " + step.wire();
  }
}
