package crossdock.launcher;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Starts processes so that none is ever lost: each writes its own pid and start time before it
 * becomes the program, refuses to when its starter is gone by then, and carries the mark of this
 * state directory in its environment, and so do its children.
 */
final class Spawn {
  static final String MARK = "CROSSDOCK_MARK";

  private static final String ENTER =
      """
      IFS= read -r stat < /proc/$$/stat; set -- "$@"; rest=${stat##*) }
      fields=($rest)
      umask 077
      printf '%s %s\\n' $$ "${fields[19]}" > "$1.new" && mv -f "$1.new" "$1" || exit 71
      IFS= read -r stat < /proc/$$/stat; rest=${stat##*) }; fields=($rest)
      [ "${fields[1]}" = "$2" ] || exit 72
      shift 2
      exec "$@"
      """;

  private Spawn() {}

  /** Starts it with its output appended to {@code log}. */
  static Process daemon(State state, Daemon daemon) throws IOException {
    return start(
        state,
        daemon.directory(),
        daemon.directory().resolve("pid"),
        daemon.directory().resolve("log"),
        daemon.command(),
        daemon.environment());
  }

  /** Runs a tool to its end; a refusal with the end of its log if it fails. */
  static void tool(State state, String name, List<String> command, Map<String, String> environment)
      throws IOException, InterruptedException {
    Path directory = state.run(name);
    Path log = directory.resolve("log");
    Process process = start(state, directory, directory.resolve("pid"), log, command, environment);
    try {
      if (!process.waitFor(120, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new Refusal(Refusal.FAILED, name + " failed; its log is " + log + ".");
      }
    } finally {
      process.destroyForcibly();
      Files.deleteIfExists(directory.resolve("pid"));
    }
  }

  private static Process start(
      State state,
      Path directory,
      Path pid,
      Path log,
      List<String> command,
      Map<String, String> environment)
      throws IOException {
    List<String> all = new ArrayList<>(List.of("bash", "-c", ENTER, "crossdock"));
    all.add(pid.toString());
    all.add(Long.toString(ProcessHandle.current().pid()));
    all.addAll(command);
    ProcessBuilder builder =
        new ProcessBuilder(all)
            .directory(directory.toFile())
            .redirectInput(new File("/dev/null"))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.environment().putAll(environment);
    builder.environment().put(MARK, state.secret("mark"));
    return builder.start();
  }

  /** The process that this file names, if it is still that one and not another with its number. */
  static Optional<ProcessHandle> running(Path pidFile) {
    try {
      String[] words = Files.readString(pidFile).strip().split(" ", -1);
      long pid = Long.parseLong(words[0]);
      return words.length == 2 && words[1].equals(startTime(pid))
          ? ProcessHandle.of(pid)
          : Optional.empty();
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  /** Clock ticks from boot to the start of the process: with the pid, a name for it. */
  static String startTime(long pid) throws IOException {
    String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
    // A zombie has ended; only its parent has not looked yet.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return fields[0].equals("Z") ? "" : fields[19];
  }
}
