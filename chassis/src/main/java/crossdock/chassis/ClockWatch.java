package crossdock.chassis;

import io.micronaut.context.annotation.Context;
import jakarta.annotation.PostConstruct;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends the service at once when the host's clock has been turned back. Kafka's clients measure
 * their pauses by that clock, and one that lost its broker then does not try again until the clock
 * is as late as it was. Whoever watches over the service starts it again, and it goes on where it
 * was, as after any other death.
 */
@Context
final class ClockWatch {
  /** Exit status: EX_TEMPFAIL of sysexits.h. */
  static final int STATUS = 75;

  private static final Logger LOG = LoggerFactory.getLogger(ClockWatch.class);
  private static final Duration TOLERATED = Duration.ofSeconds(10);
  private static final long EVERY_MILLIS = 1000;

  private final LongSupplier millis;
  private final LongSupplier nanos;
  private long ahead;

  @Inject
  ClockWatch() {
    // Not the application's clock: a test may turn that.
    this(System::currentTimeMillis, System::nanoTime);
  }

  ClockWatch(LongSupplier millis, LongSupplier nanos) {
    this.millis = millis;
    this.nanos = nanos;
    this.ahead = ahead();
  }

  @PostConstruct
  void start() {
    Thread.ofVirtual().name("clock-watch").start(this::watch);
  }

  private void watch() {
    Duration back = Duration.ZERO;
    while (back.compareTo(TOLERATED) <= 0) {
      Pause.millis(EVERY_MILLIS);
      back = turnedBack();
    }
    LOG.error("the clock was turned back by {} s; ending, to be started again", back.toSeconds());
    // Not in order: what would be closed waits by that clock, too.
    Runtime.getRuntime().halt(STATUS);
  }

  /** By how much since the last time; negative if it was turned on. */
  Duration turnedBack() {
    long before = ahead;
    ahead = ahead();
    return Duration.ofMillis(before - ahead);
  }

  private long ahead() {
    return millis.getAsLong() - TimeUnit.NANOSECONDS.toMillis(nanos.getAsLong());
  }
}
