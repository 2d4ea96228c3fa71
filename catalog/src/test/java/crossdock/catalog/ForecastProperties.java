package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import crossdock.catalog.Forecast.Journey;
import crossdock.contracts.Bandwidth;
import crossdock.contracts.Plan;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;

/** What an estimate says of how sure it is. */
class ForecastProperties {
  private static final long RATE = 1000;

  @Provide
  Arbitrary<List<Journey>> journeys() {
    return Combinators.combine(
            Arbitraries.longs().between(1, 1L << 40), Arbitraries.longs().between(1, 1_000_000))
        .as(Journey::new)
        .list()
        .ofMaxSize(Forecast.MOST);
  }

  @Property
  void itIsBetweenTheQuickestAndTheSlowestWhateverTheirOrderAndSilentAboutTooFew(
      @ForAll("journeys") List<Journey> seen,
      @ForAll @LongRange(min = 1, max = 1L << 40) long bytes) {
    Plan.Estimate estimate = new Forecast(RATE, seen, Long.MAX_VALUE).of(bytes);
    if (seen.size() < 3) {
      assertThat(estimate).isEqualTo(Forecast.unseen(RATE).of(bytes));
      assertThat(estimate.range()).isEmpty();
      return;
    }
    Plan.Range range = estimate.range().orElseThrow();
    assertThat(estimate.seconds()).isBetween(range.lowSeconds(), range.highSeconds());
    assertThat(range.migrations()).isEqualTo(seen.size());
    List<Journey> shuffled = new ArrayList<>(seen);
    Collections.shuffle(shuffled, new Random(bytes));
    assertThat(new Forecast(RATE, shuffled, Long.MAX_VALUE).of(bytes)).isEqualTo(estimate);
  }

  @Property
  void whatWasSeenThriceIsExpectedOfTheSameSizeAndMoreOfALargerOne(
      @ForAll @LongRange(min = 1, max = 1L << 40) long bytes,
      @ForAll @LongRange(min = 1, max = 1_000_000) long seconds) {
    Forecast forecast =
        new Forecast(RATE, Collections.nCopies(3, new Journey(bytes, seconds)), Long.MAX_VALUE);
    assertThat(forecast.of(bytes))
        .isEqualTo(
            new Plan.Estimate(
                bytes, seconds, Optional.of(new Plan.Range(seconds, seconds, 3, 50))));
    assertThat(forecast.of(2 * bytes).seconds()).isGreaterThanOrEqualTo(seconds);
  }

  @Example
  void aPathThatBringsLessMakesItLongerAndOneThatBringsMoreNoShorter() {
    Forecast forecast = Forecast.unseen(RATE);
    assertThat(forecast.of(10_000)).isEqualTo(new Plan.Estimate(10_000, 70));
    assertThat(Forecast.of(RATE, Optional.of(100L), List.of()).of(10_000).seconds()).isEqualTo(160);
    assertThat(Forecast.of(RATE, Optional.of(1L << 40), List.of())).isEqualTo(forecast);
    List<Journey> three = Collections.nCopies(3, new Journey(10_000, 30));
    assertThat(Forecast.of(RATE, Optional.of(1L), three).of(20_000))
        .as("three have arrived")
        .isEqualTo(Forecast.of(RATE, Optional.empty(), three).of(20_000));
  }

  @Example
  void whatTheCustomerLetsItTakeOfTheLinkBoundsItHoweverQuickOthersWere() {
    Optional<Bandwidth> slow =
        Optional.of(new Bandwidth(1 << 20, Optional.empty(), Optional.empty()));
    long bytes = 1L << 40;
    List<Journey> quick = Collections.nCopies(3, new Journey(bytes, 30));
    for (List<Journey> seen : List.of(List.<Journey>of(), quick)) {
      Forecast forecast = Forecast.of(1L << 40, Optional.empty(), seen).atMost(slow);
      assertThat(forecast.of(bytes).seconds()).isEqualTo(1 << 20);
    }
    assertThat(Forecast.unseen(RATE).atMost(Optional.empty())).isEqualTo(Forecast.unseen(RATE));
  }

  @Example
  void theNextOneStaysInTheRangeAsOftenAsIsSaid() {
    Random random = new Random(7);
    for (int n : List.of(3, 9, 19)) {
      int inside = 0;
      int rounds = 4000;
      for (int round = 0; round < rounds; round++) {
        // Skewed, as times are: most are short, and some take very long.
        List<Journey> all = new ArrayList<>();
        for (int i = 0; i <= n; i++) {
          all.add(new Journey(1 << 20, Math.round(1000 * Math.exp(random.nextGaussian()))));
        }
        Plan.Range said =
            new Forecast(RATE, all.subList(0, n), Long.MAX_VALUE).of(1 << 20).range().orElseThrow();
        long next = all.getLast().seconds();
        inside += next >= said.lowSeconds() && next <= said.highSeconds() ? 1 : 0;
      }
      int percent = 100 * (n - 1) / (n + 1);
      assertThat(100.0 * inside / rounds).isCloseTo(percent, within(2.5));
    }
  }
}
