package crossdock.launcher;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * Clocks of services that can be turned, by libfaketime: each process reads a file in its own
 * directory. Only a system that was started for it has any.
 */
final class FakeTime {
  /** Which library the supervisor is to load into services. */
  private static final String LIBRARY = "CROSSDOCK_FAKETIME";

  private static final Path INSTALLED =
      Path.of("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1");

  private FakeTime() {}

  /**
   * What the supervisor must be started with so that the clocks of these services can be turned;
   * empty if none can.
   */
  static Map<String, String> offered(State state, List<String> services) {
    if (!Files.exists(INSTALLED)) {
      return Map.of();
    }
    services.forEach(service -> turn(state, service, Duration.ZERO));
    return Map.of(LIBRARY, INSTALLED.toString());
  }

  /** Sets a service's clock that far ahead of the machine's. */
  static void turn(State state, String service, Duration ahead) {
    State.write(clock(state.run(service)), "+" + ahead.toSeconds() + "\n");
  }

  /** What a service must be started with so that its clock can be turned; empty as a rule. */
  static Map<String, String> environment(Path directory) {
    String library = System.getenv().getOrDefault(LIBRARY, "");
    return library.isEmpty() || !Files.exists(clock(directory))
        ? Map.of()
        : Map.of(
            "LD_PRELOAD",
            library,
            "FAKETIME_TIMESTAMP_FILE",
            clock(directory).toString(),
            "FAKETIME_CACHE_DURATION",
            "1",
            "FAKETIME_DONT_FAKE_MONOTONIC",
            "1",
            // Its own remedy for timed waits makes those of a JVM return at once.
            "FAKETIME_FORCE_MONOTONIC_FIX",
            "0");
  }

  private static Path clock(Path directory) {
    return directory.resolve("clock");
  }
}
