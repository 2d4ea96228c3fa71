package crossdock.conversion;

import java.util.function.LongSupplier;

/**
 * Whether to ask for chunks as they are or compressed: in whichever way more of them arrived in a
 * second when it was last tried. Both are tried at the beginning, and the other one again soon, and
 * then ever later while that changes nothing: whoever has just begun is slow, and the link, the
 * processors at both ends and what the disk holds all change. For who asks for chunks one after the
 * other, and waits while enough are under way. Thread-safe.
 */
final class Encoding {
  /** How many chunks are asked for in one way before it is looked at what came of it. */
  static final int ROUND = 48;

  /** How many rounds one way is kept at most before the other is tried again. */
  private static final int LONGEST = 24;

  /** And at least. */
  private static final int SHORTEST = 2;

  private final int inFlight;
  private final LongSupplier nanos;
  // Chunks a second, of compressed ones and of others.
  private double compressed;
  private double plain;
  private boolean now = true;
  private boolean taken = true;
  private int patience = SHORTEST;
  private int asked;
  private int kept;
  private long since;

  /**
   * @param inFlight how many chunks are under way at once: so many of a round's beginning still
   *     wait for those of the round before
   * @param nanos as {@link System#nanoTime}
   */
  Encoding(int inFlight, LongSupplier nanos) {
    this.inFlight = inFlight;
    this.nanos = nanos;
    this.since = nanos.getAsLong();
  }

  /** Whether the next chunk is to be asked for compressed. */
  synchronized boolean next() {
    if (asked == ROUND) {
      judge();
    }
    if (asked == inFlight) {
      since = nanos.getAsLong();
    }
    asked++;
    return now;
  }

  private void judge() {
    double rate = (ROUND - inFlight) / (double) Math.max(1, nanos.getAsLong() - since);
    if (now) {
      compressed = rate;
    } else {
      plain = rate;
    }
    boolean better = compressed > plain;
    if (plain == 0) {
      now = false;
    } else if (better != taken) {
      taken = better;
      now = better;
      patience = SHORTEST;
      kept = 0;
    } else if (now != taken) {
      now = taken;
      patience = Math.min(LONGEST, 2 * patience);
      kept = 0;
    } else if (++kept >= patience) {
      now = !taken;
    }
    asked = 0;
  }
}
