package crossdock.launcher;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A process to be kept running: how it is started, how it shows that it is ready, and how it is
 * asked to end.
 *
 * @param ready asked again and again until it says true; may throw meanwhile
 * @param patience how long it may take from start to ready
 * @param grace how long it may take to end before it is made to
 */
record Daemon(
    String name,
    Path directory,
    List<String> command,
    Map<String, String> environment,
    Signal stop,
    Duration patience,
    Duration grace,
    String address,
    Check ready) {

  /** What makes it end in good order. */
  enum Signal {
    TERM,
    /** PostgreSQL's fast shutdown: does not wait for its clients. */
    INT
  }

  /** A question to a process that may not be listening yet. */
  @FunctionalInterface
  interface Check {
    boolean ok() throws Exception;
  }

  Daemon {
    command = List.copyOf(command);
    environment = Map.copyOf(environment);
  }
}
