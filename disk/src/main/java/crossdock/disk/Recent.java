package crossdock.disk;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What was read last, by a number; at most so many of them. Any thread may ask: those who want the
 * same one wait while the first of them reads it, and nobody else does. A failure is not kept.
 */
final class Recent<V> {
  /** Reads one. */
  @FunctionalInterface
  interface Reading<V> {
    V read(long key) throws IOException;
  }

  private static final class Place<V> {
    private @Nullable V value;
  }

  private final Map<Long, Place<V>> places;

  /**
   * @param most how many are kept
   */
  Recent(int most) {
    this.places =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Long, Place<V>> eldest) {
            return size() > most;
          }
        };
  }

  V get(long key, Reading<V> reading) throws IOException {
    Place<V> place;
    synchronized (places) {
      place = places.computeIfAbsent(key, absent -> new Place<>());
    }
    synchronized (place) {
      V value = place.value;
      if (value == null) {
        value = reading.read(key);
        place.value = value;
      }
      return value;
    }
  }
}
