package crossdock.conversion;

import crossdock.contracts.Bandwidth;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Keeps what is pulled within the {@link Budget}s: all transfers from a provider share its budget,
 * in the order in which they ask. Thread-safe.
 */
@Singleton
final class Pace {
  private static final double NANOS = 1e9;

  private final List<Budget> budgets;
  private final Clock clock;
  private final LongSupplier nanos;
  // When the budget has paid for all that was asked for.
  private final Map<Budget, Long> paid = new HashMap<>();

  @Inject
  Pace(List<Budget> budgets, Clock clock) {
    this(budgets, clock, System::nanoTime);
  }

  /**
   * The same.
   *
   * @param nanos as {@link System#nanoTime}
   */
  Pace(List<Budget> budgets, Clock clock, LongSupplier nanos) {
    this.budgets = List.copyOf(budgets);
    this.clock = clock;
    this.nanos = nanos;
  }

  /**
   * What a migration may take for itself, beside what all together may; as much as it likes if
   * empty.
   */
  Pace of(Optional<Bandwidth> bandwidth) {
    List<Budget> own =
        bandwidth.stream()
            .map(
                most ->
                    new Budget(
                        Budget.ALL,
                        most.bytesPerSecond(),
                        most.from().orElse(null),
                        most.to().orElse(null)))
            .toList();
    return new Pace(own, clock, nanos);
  }

  /** Waits until so many bytes may be asked for. */
  void await(String provider, int bytes) throws InterruptedException {
    TimeUnit.NANOSECONDS.sleep(delay(provider, bytes));
  }

  /** For how many nanoseconds whoever takes so many bytes has to wait before; counts them. */
  synchronized long delay(String provider, int bytes) {
    LocalTime time = LocalTime.ofInstant(clock.instant(), ZoneOffset.UTC);
    long now = nanos.getAsLong();
    long delay = 0;
    for (Budget budget : budgets) {
      boolean its = budget.provider().equals(provider) || budget.provider().equals(Budget.ALL);
      if (its && budget.at(time)) {
        long begin = Math.max(now, paid.getOrDefault(budget, now));
        paid.put(budget, begin + (long) (bytes * NANOS / budget.bytesPerSecond()));
        delay = Math.max(delay, begin - now);
      }
    }
    return delay;
  }
}
