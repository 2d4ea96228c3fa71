package crossdock.conversion;

import java.io.IOException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Work of which so much is under way at once, begun in the order in which it is given. After a part
 * has failed no other is begun, and those that are under way are waited for; only an interrupt of
 * the giving thread breaks them off.
 */
final class Window implements AutoCloseable {
  /** A part of it. */
  @FunctionalInterface
  interface Part {
    void run() throws IOException, InterruptedException;
  }

  private final int size;
  private final Semaphore free;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  Window(int size) {
    this.size = size;
    this.free = new Semaphore(size);
  }

  /** Waits for room, and begins it; or throws what an earlier part has thrown. */
  void submit(Part part) throws IOException, InterruptedException {
    free.acquire();
    if (failure.get() != null) {
      free.release();
      finish();
    }
    threads.execute(
        () -> {
          try {
            part.run();
          } catch (Throwable e) {
            failure.compareAndSet(null, e);
          } finally {
            free.release();
          }
        });
  }

  /** Waits for all; throws what the first to fail has thrown. */
  void finish() throws IOException, InterruptedException {
    free.acquire(size);
    free.release(size);
    switch (failure.get()) {
      case null -> {}
      case IOException io -> throw io;
      case RuntimeException other -> throw other;
      case Throwable other -> throw new IOException("cannot copy a chunk", other);
    }
  }

  @Override
  public void close() {
    threads.close();
  }
}
