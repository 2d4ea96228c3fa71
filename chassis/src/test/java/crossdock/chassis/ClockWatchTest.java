package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class ClockWatchTest {
  private long millis = 1_000_000;
  private long nanos = 5_000_000_000L;
  private final ClockWatch watch = new ClockWatch(() -> millis, () -> nanos);

  private void passes(Duration time) {
    millis += time.toMillis();
    nanos += time.toNanos();
  }

  @Test
  void timeThatPassesTurnsNothing() {
    passes(Duration.ofDays(3));
    assertThat(watch.turnedBack()).isZero();
  }

  @Test
  void aClockThatIsTurnedBackIsNoticedOnceHoweverLongItTook() {
    millis += 600_000;
    assertThat(watch.turnedBack()).isEqualTo(Duration.ofMinutes(-10));
    passes(Duration.ofMinutes(1));
    millis -= 600_000;
    assertThat(watch.turnedBack()).isEqualTo(Duration.ofMinutes(10));
    assertThat(watch.turnedBack()).isZero();
  }
}
