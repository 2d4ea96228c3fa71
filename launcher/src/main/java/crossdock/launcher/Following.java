package crossdock.launcher;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Wakes whoever waits for a migration when something has happened to it. */
final class Following implements AutoCloseable {
  /** Nobody may be there to tell: then look. */
  private static final long PATIENCE_MILLIS = 3000;

  private static final long AGAIN_MILLIS = 300;

  private final Semaphore news = new Semaphore(0);
  private final Thread thread;

  /**
   * @param url of the migration
   */
  Following(Customer customer, String url) {
    thread = Thread.ofVirtual().name("following").start(() -> follow(customer, url + "/events"));
  }

  /** Returns when there may be something new since the last call. */
  void await() throws InterruptedException {
    if (news.tryAcquire(PATIENCE_MILLIS, TimeUnit.MILLISECONDS)) {
      news.drainPermits();
    }
  }

  private void follow(Customer customer, String stream) {
    try {
      while (true) {
        try (Stream<String> lines = customer.lines(stream)) {
          lines.filter(line -> line.startsWith("event:")).forEach(line -> news.release());
        } catch (IOException | UncheckedIOException e) {
          // The gateway may just be started again.
        }
        TimeUnit.MILLISECONDS.sleep(AGAIN_MILLIS);
      }
    } catch (InterruptedException e) {
      // It is over.
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
