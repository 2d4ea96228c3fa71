package crossdock.conversion;

import crossdock.chassis.Unanswered;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * How long another site's dock may send next to nothing. However long its whole answer takes: only
 * a stall ends it.
 */
record Patience(Duration stall) {
  /** Bytes of an answer that come within {@link #stall}, at least. */
  private static final long LEAST = 16 << 10;

  /** How much has come. */
  @FunctionalInterface
  interface Progress {
    long bytes() throws IOException;
  }

  /**
   * The whole answer, unless next to nothing of it comes for a while.
   *
   * @throws Unanswered if it does not come
   */
  <T> T await(CompletableFuture<T> answer, Progress progress)
      throws IOException, InterruptedException {
    try {
      for (long before = 0; ; ) {
        try {
          return answer.get(stall.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
          long now = progress.bytes();
          if (now - before < LEAST) {
            throw new Unanswered(
                "the source's dock has stopped sending: %d bytes in %d s"
                    .formatted(now - before, stall.toSeconds()),
                e);
          }
          before = now;
        }
      }
    } catch (ExecutionException e) {
      throw new Unanswered("the source's dock broke off: " + e.getCause(), e);
    } finally {
      answer.cancel(true);
    }
  }

  /**
   * Whether it is an answer that counts.
   *
   * @throws Unanswered if the other side may give another one later
   */
  static void ok(int status) throws IOException {
    if (status >= 500) {
      throw new Unanswered("the source's dock answers HTTP " + status);
    }
    if (status != 200) {
      throw new IOException("the source's dock answers HTTP " + status);
    }
  }
}
