package crossdock.catalog;

import crossdock.contracts.Plan;
import crossdock.contracts.Refused;
import java.util.List;
import java.util.Optional;

/**
 * How long a migration from one site to another will probably take, by what has been seen there.
 * Pure.
 *
 * @param bytesPerSecond what is expected where nothing has been seen, at least 1; a path that
 *     brings less counts
 * @param seen the last migrations there, at most {@link #MOST}
 */
record Forecast(long bytesPerSecond, List<Journey> seen) {
  /** More say no more of what is to come. */
  static final int MOST = 20;

  private static final long OVERHEAD_SECONDS = 60;
  private static final int FEWEST = 3;

  /**
   * A migration that arrived.
   *
   * @param bytes guest-visible
   * @param seconds from both sides' yes to the booted guest
   */
  record Journey(long bytes, long seconds) {}

  Forecast {
    if (bytesPerSecond < 1) {
      throw new Refused("a forecast expects at least a byte a second");
    }
    seen = List.copyOf(seen);
  }

  /** Where nothing has been seen. */
  static Forecast unseen(long bytesPerSecond) {
    return new Forecast(bytesPerSecond, List.of());
  }

  /** The same, where a path was measured that may bring less. */
  Forecast over(Optional<Long> measured) {
    return new Forecast(Math.min(bytesPerSecond, measured.orElse(bytesPerSecond)), seen);
  }

  /**
   * The median of what the journeys say of so many bytes, with their range; what is expected anyway
   * where there are fewer than three.
   */
  Plan.Estimate of(long bytes) {
    if (seen.size() < FEWEST) {
      return new Plan.Estimate(bytes, expected(bytes));
    }
    List<Long> said = seen.stream().map(journey -> as(journey, bytes)).sorted().toList();
    int n = said.size();
    return new Plan.Estimate(
        bytes,
        said.get(n / 2),
        Optional.of(new Plan.Range(said.getFirst(), said.getLast(), n, 100 * (n - 1) / (n + 1))));
  }

  private long expected(long bytes) {
    return OVERHEAD_SECONDS + Math.ceilDiv(bytes, bytesPerSecond);
  }

  /** In seconds, as many times what is expected of so many bytes as it took itself. */
  private long as(Journey journey, long bytes) {
    double times = (double) journey.seconds() / expected(journey.bytes());
    return Math.max(1, Math.round(times * expected(bytes)));
  }
}
