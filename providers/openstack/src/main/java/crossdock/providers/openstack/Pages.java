package crossdock.providers.openstack;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * A list that a service gives in pages, as it likes: Nova, Cinder and Glance give at most 1000 of
 * what there is unless they are set to fewer, and begin behind what {@code marker} names (Compute
 * API, "Paginated collections").
 */
final class Pages {
  /** What is asked for at once. */
  private static final int ASKED = 1000;

  /** No service is set to give fewer at once: where fewer come, there are no more. */
  private static final int FEW = 20;

  private Pages() {}

  /** Whether what has that id is still there. */
  interface Looking {
    boolean isThere(String id) throws IOException;
  }

  /** A list of what a query with these parameters is answered with. */
  interface Page<T> {
    List<? extends T> ask(Map<String, String> parameters) throws IOException;
  }

  /**
   * All of it, each once; an {@link IOException} that is no {@link Denied} if it changed meanwhile.
   *
   * @param id what names one of them as a marker
   * @param parameters of every query
   */
  static <T> List<T> all(
      Function<T, String> id, Looking looking, Map<String, String> parameters, Page<T> page)
      throws IOException {
    return all(ASKED, id, looking, parameters, page);
  }

  static <T> List<T> all(
      int asked,
      Function<T, String> id,
      Looking looking,
      Map<String, String> parameters,
      Page<T> page)
      throws IOException {
    List<T> all = new ArrayList<>();
    Set<String> known = new HashSet<>();
    Map<String, String> query = new HashMap<>(parameters);
    query.put("limit", Integer.toString(asked));
    for (; ; ) {
      List<? extends T> some;
      try {
        some = page.ask(Map.copyOf(query));
      } catch (Denied e) {
        // What the page before ended with may have gone, and that denies nothing.
        throw query.containsKey("marker") ? new IOException(e) : e;
      }
      String marker = query.get("marker");
      if (some.isEmpty() && marker != null && !looking.isThere(marker)) {
        // As openstack4j says it where Cinder answers 404.
        throw new IOException("a list changed while it was read");
      }
      boolean more = false;
      for (T one : some) {
        if (known.add(id.apply(one))) {
          all.add(one);
          more = true;
        }
      }
      // Who knows no markers begins anew.
      if (!more || some.size() < Math.min(asked, FEW)) {
        return all;
      }
      query.put("marker", id.apply(some.getLast()));
    }
  }
}
