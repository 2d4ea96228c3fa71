package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;

/** Which way is found to be the better one, at a link whose chunks take so long. */
class EncodingTest {
  private static final int IN_FLIGHT = 16;

  private long now;

  /** How many of so many chunks were asked for compressed. */
  private long compressed(int chunks, ToLongFunction<Boolean> nanos) {
    Encoding encoding = new Encoding(IN_FLIGHT, () -> now);
    long count = 0;
    for (int chunk = 0; chunk < chunks; chunk++) {
      boolean compressed = encoding.next();
      count += compressed ? 1 : 0;
      now += nanos.applyAsLong(compressed);
    }
    return count;
  }

  @Test
  void theFasterWayIsTakenAndTheOtherTriedNowAndThen() {
    int chunks = 100 * Encoding.ROUND;
    assertThat(compressed(chunks, compressed -> compressed ? 4_000_000 : 8_000_000))
        .isBetween(chunks * 93L / 100, chunks * 97L / 100);
    assertThat(compressed(chunks, compressed -> compressed ? 4_000_000 : 1_000_000))
        .isBetween(chunks * 3L / 100, chunks * 7L / 100);
  }

  @Test
  void aLinkThatChangesIsFoundOut() {
    int after = 20 * Encoding.ROUND;
    int[] asked = {0};
    long compressed =
        compressed(
            200 * Encoding.ROUND,
            way -> {
              boolean slow = asked[0]++ > after;
              return way ? 4_000_000 : slow ? 9_000_000 : 1_000_000;
            });
    assertThat(compressed).isGreaterThan(160L * Encoding.ROUND);
  }

  @Test
  void aSmallDiskIsAskedForCompressed() {
    assertThat(compressed(Encoding.ROUND, _ -> 1)).isEqualTo(Encoding.ROUND);
  }
}
