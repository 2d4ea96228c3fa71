package crossdock.disk;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Work that several threads do while its results are taken one after the other, in the order in
 * which it was given, by the thread that gave it. That thread waits where twice as much is under
 * way as there are threads. Once any call has thrown, nothing but closing makes sense.
 */
final class InOrder<T> implements AutoCloseable {
  /** One for each processor, at most eight: beyond that, reading is what takes the time. */
  static final int THREADS = Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 8);

  /** How many results are under way or not yet taken, at most. */
  static final int IN_FLIGHT = 2 * THREADS;

  /** Takes what the work results in. */
  @FunctionalInterface
  interface Results<T> {
    void take(T result) throws IOException;
  }

  private final Results<T> results;
  private final Queue<Future<T>> inFlight = new ArrayDeque<>(IN_FLIGHT);
  private final ExecutorService threads;

  /**
   * @param name what the threads' names begin with
   */
  InOrder(String name, Results<T> results) {
    this.results = results;
    this.threads =
        Executors.newFixedThreadPool(
            THREADS, Thread.ofPlatform().daemon().name(name + "-", 0).factory());
  }

  /** Has a task done, and may take earlier results before. */
  void submit(Callable<T> task) throws IOException {
    add(threads.submit(task));
  }

  /** Puts a result that is known already into its place. */
  void known(T result) throws IOException {
    add(CompletableFuture.completedFuture(result));
  }

  private void add(Future<T> result) throws IOException {
    inFlight.add(result);
    if (inFlight.size() == IN_FLIGHT) {
      take();
    }
  }

  /** Takes all that is left. */
  void finish() throws IOException {
    while (!inFlight.isEmpty()) {
      take();
    }
  }

  private void take() throws IOException {
    T result;
    try {
      result = inFlight.remove().get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException cause -> throw cause;
        case RuntimeException cause -> throw cause;
        case null, default -> throw new IOException(e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for a result", e);
    }
    results.take(result);
  }

  /** Waits for what is running and drops the rest. */
  @Override
  public void close() {
    inFlight.forEach(result -> result.cancel(false));
    threads.shutdown();
    // Not its close(), which interrupts when interrupted: that would close channels under readers.
    boolean interrupted = false;
    for (boolean ended = false; !ended; ) {
      try {
        ended = threads.awaitTermination(1, TimeUnit.DAYS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
