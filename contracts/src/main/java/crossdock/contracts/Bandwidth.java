package crossdock.contracts;

import java.time.LocalTime;
import java.util.Optional;

/**
 * The most that a migration takes of the link between its two sites.
 *
 * @param bytesPerSecond at least 1 MiB, so that nobody keeps a dock busy for ever
 * @param from since when it counts, time of the day in UTC; always if absent
 * @param to until when; earlier than {@code from} means over midnight
 */
public record Bandwidth(long bytesPerSecond, Optional<LocalTime> from, Optional<LocalTime> to) {
  private static final long LEAST = 1 << 20;

  public Bandwidth {
    if (bytesPerSecond < LEAST) {
      throw new Refused("a bandwidth is at least " + LEAST + " bytes a second");
    }
    if (from.isPresent() != to.isPresent()) {
      throw new Refused("a time of the day has two ends");
    }
  }
}
