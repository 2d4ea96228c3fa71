package crossdock.launcher;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A step of the build: runs every program once, in a state directory of its own, so that the JVM
 * can write the {@link AotCache} of each. Where that cannot be done the build goes on without, and
 * says so.
 */
final class Training {
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private Training() {}

  /** The argument is the repository. */
  public static void main(String[] args) throws IOException, InterruptedException {
    Path home = Path.of(args[0]).toAbsolutePath().normalize();
    List<AotCache> caches = caches(home);
    if (caches.stream().allMatch(AotCache::fresh)) {
      return;
    }
    State state = new State(home.resolve("launcher/target/training"));
    Deletion.tree(state.root());
    try {
      Launcher.up(state, Preflight.unused(), home, Scope.TRAINING, "library", Map.of());
      Launcher.down(state, PATIENCE);
    } catch (Refusal e) {
      System.err.println("No start-up caches, so every start will take longer: " + e.getMessage());
      return;
    }
    for (AotCache cache : caches) {
      cache.keep();
      if (!cache.fresh()) {
        System.err.println("Not made, so its start will take longer: " + cache.file());
      }
    }
    Deletion.tree(state.root());
  }

  private static List<AotCache> caches(Path home) {
    List<AotCache> caches = new ArrayList<>();
    caches.add(AotCache.of(home.resolve("launcher/target")));
    caches.add(Kafka.cache(home));
    caches.add(Keycloak.cache(home));
    eachModule().forEach(s -> caches.add(s.cache(home)));
    return caches;
  }

  /** Where two services share a class path they share its cache, and one of them is trained. */
  private static Collection<Services.Service> eachModule() {
    Map<String, Services.Service> first = new LinkedHashMap<>();
    Services.ALL.forEach(s -> first.putIfAbsent(s.module(), s));
    return first.values();
  }

  /** The services that are to be trained. */
  static List<Services.Service> stale(Path home) {
    return eachModule().stream().filter(s -> !s.cache(home).fresh()).toList();
  }
}
