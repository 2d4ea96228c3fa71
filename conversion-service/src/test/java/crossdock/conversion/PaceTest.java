package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Bandwidth;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Who has to wait how long, by the budgets. */
class PaceTest {
  private static final int MIB = 1 << 20;

  private long nanos;

  private static Budget budget(
      String provider, long bytes, @Nullable String from, @Nullable String to) {
    return new Budget(
        provider,
        bytes,
        from == null ? null : LocalTime.parse(from),
        to == null ? null : LocalTime.parse(to));
  }

  private Pace pace(String time, Budget... budgets) {
    Clock clock = Clock.fixed(Instant.parse("2026-11-22T" + time + ":00Z"), ZoneOffset.UTC);
    return new Pace(List.of(budgets), clock, () -> nanos);
  }

  /** Seconds until the last of so many chunks may be asked for. */
  private double last(Pace pace, String provider, int chunks) {
    long delay = 0;
    for (int i = 0; i < chunks; i++) {
      delay = pace.delay(provider, MIB);
    }
    return delay / 1e9;
  }

  @Test
  void aProvidersTransfersShareItsBudgetAndNobodyElseWaits() {
    Pace pace = pace("12:00", budget("north", 4 * MIB, null, null));
    assertThat(last(pace, "north", 1)).isZero();
    assertThat(last(pace, "north", 40)).isEqualTo(10);
    assertThat(last(pace, "west", 1000)).isZero();
    nanos += TimeUnit.SECONDS.toNanos(10);
    assertThat(last(pace, "north", 1)).isEqualTo(0.25);
    nanos += TimeUnit.HOURS.toNanos(1);
    assertThat(last(pace, "north", 1)).as("nothing is saved up").isZero();
    assertThat(last(pace, "north", 4)).isEqualTo(1);
  }

  @Test
  void theTighterOfTwoBudgetsHolds() {
    Pace pace = pace("12:00", budget("north", 4 * MIB, null, null), budget("all", MIB, null, null));
    assertThat(last(pace, "west", 11)).isEqualTo(10);
    assertThat(last(pace, "north", 1)).isEqualTo(11);
  }

  @Test
  void aBudgetCountsInItsTimeOnlyAlsoOverMidnight() {
    Budget day = budget("all", MIB, "08:00", "18:00");
    Budget night = budget("all", MIB, "22:00", "06:00");
    for (String time : List.of("08:00", "17:59")) {
      assertThat(last(pace(time, day), "north", 2)).as(time).isEqualTo(1);
      assertThat(last(pace(time, night), "north", 2)).as(time).isZero();
    }
    for (String time : List.of("22:00", "23:59", "00:00", "05:59")) {
      assertThat(last(pace(time, night), "north", 2)).as(time).isEqualTo(1);
      assertThat(last(pace(time, day), "north", 2)).as(time).isZero();
    }
    for (String time : List.of("18:00", "06:00", "07:59", "21:59")) {
      assertThat(last(pace(time, day, night), "north", 2)).as(time).isZero();
    }
  }

  @Test
  void aBudgetThatIsNoneIsRefused() {
    assertThatThrownBy(() -> budget("north", 0, null, null))
        .hasMessageContaining("crossdock.dock.budgets.north.bytes-per-second");
    assertThatThrownBy(() -> budget("north", 1, "08:00", null))
        .hasMessageContaining("one end of a time");
  }

  @Test
  void whatAMigrationMayTakeForItselfIsCountedByItselfAndAtItsTime() {
    Pace all = pace("12:00", budget("north", 4 * MIB, null, null));
    Bandwidth now =
        new Bandwidth(MIB, Optional.of(LocalTime.of(8, 0)), Optional.of(LocalTime.of(18, 0)));
    Pace own = all.of(Optional.of(now));
    Pace another = all.of(Optional.of(now));
    assertThat(last(own, "north", 11)).isEqualTo(10);
    assertThat(last(another, "north", 1)).isZero();
    assertThat(last(all, "north", 1)).isZero();
    Bandwidth night =
        new Bandwidth(MIB, Optional.of(LocalTime.of(22, 0)), Optional.of(LocalTime.of(4, 0)));
    assertThat(last(all.of(Optional.of(night)), "north", 99)).isZero();
    assertThat(last(all.of(Optional.empty()), "north", 99)).isZero();
  }
}
