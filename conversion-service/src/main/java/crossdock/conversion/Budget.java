package crossdock.conversion;

import io.micronaut.context.annotation.EachProperty;
import io.micronaut.context.annotation.Parameter;
import java.time.LocalTime;
import org.jspecify.annotations.Nullable;

/**
 * How much this dock may pull, by its operator's configuration {@code
 * crossdock.dock.budgets.<provider>}.
 *
 * @param provider from whose docks; {@code all} from all of them together
 * @param bytesPerSecond of disks; compressed, fewer go over the link
 * @param from since when on each day, UTC; without it always
 * @param to until when; earlier than {@code from} means over midnight
 */
@EachProperty("crossdock.dock.budgets")
record Budget(
    @Parameter String provider,
    long bytesPerSecond,
    @Nullable LocalTime from,
    @Nullable LocalTime to) {
  /** Every provider's together. */
  static final String ALL = "all";

  Budget {
    if (bytesPerSecond < 1) {
      throw new IllegalArgumentException(
          "crossdock.dock.budgets." + provider + ".bytes-per-second must be at least 1");
    }
    if ((from == null) != (to == null)) {
      throw new IllegalArgumentException(
          "crossdock.dock.budgets." + provider + " has one end of a time only");
    }
  }

  /** Whether it counts at that time of the day, UTC. */
  boolean at(LocalTime time) {
    if (from == null || to == null) {
      return true;
    }
    boolean begun = !time.isBefore(from);
    boolean before = time.isBefore(to);
    return from.isBefore(to) ? begun && before : begun || before;
  }
}
