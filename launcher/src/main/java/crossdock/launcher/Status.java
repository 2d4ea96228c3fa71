package crossdock.launcher;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What the supervisor last wrote about itself and its processes.
 *
 * @param phase starting, ready, failed, stopping or stopped
 * @param message why, where it failed; empty otherwise
 */
record Status(
    String phase, String message, long supervisor, int ports, List<Line> processes, String api) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** One process. Times are milliseconds since the supervisor's start. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Line(
      String name,
      String state,
      long pid,
      int restarts,
      String address,
      long readyAfterMillis,
      String log) {}

  static final Status STOPPED = new Status("stopped", "", 0, 0, List.of(), "");

  boolean is(String expected) {
    return phase.equals(expected);
  }

  static Optional<Status> read(State state) {
    try {
      return Files.exists(state.status())
          ? Optional.of(JSON.readValue(state.status().toFile(), Status.class))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  void write(State state) {
    State.write(state.status(), json());
  }

  String json() {
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  String table() {
    StringBuilder out = new StringBuilder();
    for (Line line : processes) {
      String after =
          line.readyAfterMillis() < 0
              ? ""
              : String.format(Locale.ROOT, "%.1f s", line.readyAfterMillis() / 1000.0);
      out.append(
          String.format(
              Locale.ROOT,
              "%-20s %-10s %8s %8s  %s%n",
              line.name(),
              line.state(),
              line.pid() == 0 ? "-" : line.pid(),
              after,
              line.address()));
    }
    return out.toString();
  }
}
