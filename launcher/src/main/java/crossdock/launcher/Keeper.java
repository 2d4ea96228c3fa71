package crossdock.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Keeps one process running, on a thread of its own: starts it when what it needs is ready, sees it
 * become ready, starts it again when it ends, with growing pauses. Its state may be read by any
 * thread.
 */
final class Keeper implements Runnable {
  /** What the table of {@code status} shows. */
  enum Phase {
    WAITING,
    STARTING,
    READY,
    RESTARTING,
    STOPPED
  }

  /** How a daemon is prepared just before its first start: keys, files, configuration. */
  @FunctionalInterface
  interface Preparation {
    Daemon prepare() throws Exception;
  }

  /** What the supervisor wants to hear. */
  interface Listener {
    void changed();

    void failed(String sentence);
  }

  private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  /** Who lives this long did not end of its own start. */
  private static final Duration HEALTHY = Duration.ofSeconds(10);

  private static final int STARTS_BEFORE_FAILURE = 4;

  final String name;
  private final State state;
  private final List<Keeper> needs;
  private final Semaphore starting;
  private final Preparation preparation;
  private final Listener listener;
  private final CountDownLatch ready = new CountDownLatch(1);
  private final CountDownLatch stopping = new CountDownLatch(1);
  private final Instant created = Instant.now();

  private volatile Phase phase = Phase.WAITING;
  private final AtomicInteger restarts = new AtomicInteger();
  private volatile @Nullable Daemon daemon;
  private volatile @Nullable Process process;
  private volatile @Nullable Duration readyAfter;

  /**
   * @param starting how many may be starting at once, shared among keepers
   */
  Keeper(
      String name,
      State state,
      List<Keeper> needs,
      Semaphore starting,
      Preparation preparation,
      Listener listener) {
    this.name = name;
    this.state = state;
    this.needs = List.copyOf(needs);
    this.starting = starting;
    this.preparation = preparation;
    this.listener = listener;
  }

  Phase phase() {
    return phase;
  }

  int restarts() {
    return restarts.get();
  }

  long pid() {
    Process now = process;
    return now == null || !now.isAlive() ? 0 : now.pid();
  }

  String address() {
    Daemon now = daemon;
    return now == null ? "" : now.address();
  }

  /** From the start of the supervisor to the first time it was ready; null before. */
  @Nullable Duration readyAfter() {
    return readyAfter;
  }

  @Override
  public void run() {
    try {
      for (Keeper each : needs) {
        each.ready.await();
      }
      Daemon prepared = preparation.prepare();
      daemon = prepared;
      keep(prepared);
    } catch (InterruptedException e) {
      // Stopping: the one who interrupts also ends the process.
      Thread.currentThread().interrupt();
    } catch (Refusal e) {
      listener.failed(String.valueOf(e.getMessage()));
    } catch (Exception e) {
      listener.failed(name + " cannot be started: " + e);
    }
  }

  private void keep(Daemon prepared) throws IOException, InterruptedException {
    Duration pause = FIRST_PAUSE;
    int fruitless = 0;
    while (stopping.getCount() > 0) {
      Instant start = Instant.now();
      boolean became = startOnce(prepared);
      if (stopping.getCount() == 0) {
        return;
      }
      if (became) {
        Process now = process;
        if (now != null) {
          now.waitFor();
        }
      } else if (ready.getCount() > 0 && ++fruitless == STARTS_BEFORE_FAILURE) {
        listener.failed(name + " does not become ready; its log is " + state.log(name) + ".");
        return;
      }
      if (Duration.between(start, Instant.now()).compareTo(HEALTHY) > 0) {
        pause = FIRST_PAUSE;
      }
      restarts.incrementAndGet();
      enter(Phase.RESTARTING);
      if (stopping.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
      pause =
          pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0
              ? LONGEST_PAUSE
              : pause.multipliedBy(2);
    }
  }

  /** True if it became ready; false if it ended before, or did not in time and was ended. */
  private boolean startOnce(Daemon prepared) throws IOException, InterruptedException {
    starting.acquire();
    try {
      Process started;
      synchronized (this) {
        if (stopping.getCount() == 0) {
          return false;
        }
        started = Spawn.daemon(state, prepared);
        process = started;
      }
      enter(Phase.STARTING);
      long deadline = System.nanoTime() + prepared.patience().toNanos();
      while (!started.waitFor(200, TimeUnit.MILLISECONDS)) {
        if (ready(prepared)) {
          if (readyAfter == null) {
            readyAfter = Duration.between(created, Instant.now());
          }
          enter(Phase.READY);
          ready.countDown();
          return true;
        }
        if (System.nanoTime() > deadline) {
          started.destroyForcibly().waitFor();
        }
      }
      return false;
    } finally {
      starting.release();
    }
  }

  private static boolean ready(Daemon daemon) throws InterruptedException {
    try {
      return daemon.ready().ok();
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      // Not listening yet: what this is about to find out by asking again.
      return false;
    }
  }

  private void enter(Phase next) {
    phase = next;
    listener.changed();
  }

  /** Asks it to end, and when its grace is over makes it. Returns when it has. */
  void stop() {
    Process now;
    synchronized (this) {
      stopping.countDown();
      now = process;
    }
    Daemon prepared = daemon;
    try {
      if (now != null && prepared != null && now.isAlive()) {
        switch (prepared.stop()) {
          case TERM -> now.destroy();
          case INT ->
              new ProcessBuilder("bash", "-c", "kill -s INT " + now.pid()).start().waitFor();
        }
        if (!now.waitFor(prepared.grace().toMillis(), TimeUnit.MILLISECONDS)) {
          now.destroyForcibly().waitFor();
        }
      }
      Files.deleteIfExists(state.pidFile(name));
    } catch (IOException e) {
      if (now != null) {
        now.destroyForcibly();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    phase = Phase.STOPPED;
  }
}
