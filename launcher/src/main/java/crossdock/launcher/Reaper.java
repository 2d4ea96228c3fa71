package crossdock.launcher;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A small process in a session of its own that outlives the supervisor by moments, to end what is
 * left. The pipe to it is the sign of life: no signal, not even KILL, can keep that open.
 */
final class Reaper {
  private Reaper() {}

  /** Starts it; what it waits for is the end of its standard input. */
  static Process watch(State state) throws IOException {
    Process process = builder(state).start();
    State.write(state.reaperPid(), process.pid() + " " + Spawn.startTime(process.pid()) + "\n");
    return process;
  }

  /** Ends whatever an earlier supervisor left, and returns when nothing is. */
  static void sweep(State state) {
    try {
      Process process = builder(state).redirectInput(new File("/dev/null")).start();
      if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new Refusal(
            Refusal.FAILED, "Processes of " + state.root() + " are left that cannot be ended.");
      }
    } catch (IOException e) {
      throw new Refusal(Refusal.FAILED, "Cannot start bash: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static ProcessBuilder builder(State state) throws IOException {
    return new ProcessBuilder(
            List.of(
                "setsid",
                "bash",
                "-c",
                script(),
                "crossdock-reaper",
                state.root().toString(),
                state.secret("mark")))
        .directory(new File("/"))
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(state.supervisorLog().toFile()));
  }

  private static String script() throws IOException {
    try (InputStream in = Reaper.class.getResourceAsStream("reaper.sh")) {
      if (in == null) {
        throw new IllegalStateException("reaper.sh is not on the class path");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
