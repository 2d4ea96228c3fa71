package crossdock.catalog;

import crossdock.contracts.Bandwidth;
import crossdock.contracts.Plan;
import crossdock.contracts.Refused;
import java.util.List;
import java.util.Optional;

/**
 * How long a migration from one site to another will probably take, by what has been seen there.
 * Pure.
 *
 * @param bytesPerSecond what is expected where too little has been seen, at least 1
 * @param seen the last migrations there
 * @param most what the customer wants it to take of the link at most, at least 1 byte a second
 */
record Forecast(long bytesPerSecond, List<Journey> seen, long most) {
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
    if (bytesPerSecond < 1 || most < 1) {
      throw new Refused("a forecast expects at least a byte a second");
    }
    seen = seen.stream().limit(MOST).toList();
  }

  /**
   * Of what has been seen; a path that brings less than is expected counts until three migrations
   * have arrived.
   *
   * @param path what it brought when it was measured, in bytes a second
   * @param seen the newest first
   */
  static Forecast of(long bytesPerSecond, Optional<Long> path, List<Journey> seen) {
    long less = Math.min(bytesPerSecond, path.orElse(bytesPerSecond));
    return new Forecast(seen.size() < FEWEST ? less : bytesPerSecond, seen, Long.MAX_VALUE);
  }

  /** Where nothing has been seen. */
  static Forecast unseen(long bytesPerSecond) {
    return of(bytesPerSecond, Optional.empty(), List.of());
  }

  /** The same, where the customer wants it to take no more of the link, at any time of the day. */
  Forecast atMost(Optional<Bandwidth> bandwidth) {
    return new Forecast(
        bytesPerSecond,
        seen,
        bandwidth.filter(one -> one.from().isEmpty()).map(Bandwidth::bytesPerSecond).orElse(most));
  }

  /**
   * The median of what the journeys say of so many bytes, with their range; what is expected anyway
   * where there are fewer than three.
   */
  Plan.Estimate of(long bytes) {
    if (seen.size() < FEWEST) {
      return new Plan.Estimate(bytes, allowed(expected(bytes), bytes));
    }
    List<Long> said =
        seen.stream().map(journey -> allowed(as(journey, bytes), bytes)).sorted().toList();
    int n = said.size();
    return new Plan.Estimate(
        bytes,
        said.get(n / 2),
        Optional.of(new Plan.Range(said.getFirst(), said.getLast(), n, 100 * (n - 1) / (n + 1))));
  }

  /** Nothing comes sooner than it may. */
  private long allowed(long seconds, long bytes) {
    return Math.max(seconds, Math.ceilDiv(bytes, most));
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
