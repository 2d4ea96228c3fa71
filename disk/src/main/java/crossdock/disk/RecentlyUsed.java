package crossdock.disk;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values used last, by number, and no more than so many. Any thread. */
final class RecentlyUsed<V> {
  private final Map<Long, V> values;

  RecentlyUsed(int most) {
    this.values =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Long, V> eldest) {
            return size() > most;
          }
        };
  }

  synchronized @Nullable V get(long number) {
    return values.get(number);
  }

  synchronized void put(long number, V value) {
    values.put(number, value);
  }
}
