package crossdock.conversion;

import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/** Counts verified bytes and tells about it at most every second. Thread-safe. */
final class Meter {
  private static final long EVERY_NANOS = 1_000_000_000L;

  private final long total;
  private final LongConsumer tell;
  private final AtomicLong done = new AtomicLong();
  private final AtomicLong told = new AtomicLong(System.nanoTime());

  /**
   * @param total bytes; the last chunk may count for more than it holds, the sum never exceeds this
   * @param tell gets the bytes done
   */
  Meter(long total, LongConsumer tell) {
    this.total = total;
    this.tell = tell;
  }

  /** What there is still to do. */
  long left() {
    return total - Math.min(total, done.get());
  }

  void add(long bytes) {
    long now = Math.min(total, done.addAndGet(bytes));
    long last = told.get();
    long time = System.nanoTime();
    if (now == total || (time - last > EVERY_NANOS && told.compareAndSet(last, time))) {
      tell.accept(now);
    }
  }
}
