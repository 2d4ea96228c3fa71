package crossdock.launcher;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Who keeps the services of a site that joined running, by the files that were written for it. */
sealed interface Keeper extends AutoCloseable {
  /** Whether they may still become ready. */
  boolean keeps();

  /** The ends of the services' logs. */
  String logs() throws IOException;

  @Override
  void close() throws IOException;

  /** Which. */
  enum Kind {
    /** Nobody: processes by the units' {@code ExecStart}, for where there is no engine. */
    LINES,
    /** {@code compose.yml}. */
    COMPOSE,
    /** systemd itself: the first process of a container with nothing else in it. */
    SYSTEMD;

    Keeper keep(Path place) throws IOException {
      return switch (this) {
        case LINES -> ByLines.start(place);
        case COMPOSE -> ByCompose.start(place);
        case SYSTEMD -> BySystemd.start(place);
      };
    }
  }

  private static List<Path> units(Path place) throws IOException {
    try (Stream<Path> units = Files.list(place.resolve("systemd"))) {
      return units.sorted().toList();
    }
  }

  /** What the command says; it must end well. */
  private static String output(List<String> command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int exit = process.onExit().join().exitValue();
    if (exit != 0) {
      throw new IllegalStateException(command + " ended with " + exit + ": " + output);
    }
    return output;
  }

  /** Processes of this test. */
  record ByLines(List<Process> processes, List<Path> files) implements Keeper {
    static Keeper start(Path place) throws IOException {
      ByLines lines = new ByLines(new ArrayList<>(), new ArrayList<>());
      for (Path unit : units(place)) {
        String line =
            Files.readAllLines(unit).stream()
                .filter(each -> each.startsWith("ExecStart="))
                .findFirst()
                .orElseThrow();
        Path log = place.resolve(unit.getFileName() + ".log");
        lines.files.add(log);
        lines.processes.add(
            new ProcessBuilder(line.substring("ExecStart=".length()).split(" ", -1))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start());
      }
      return lines;
    }

    @Override
    public boolean keeps() {
      return processes.stream().allMatch(Process::isAlive);
    }

    @Override
    public String logs() throws IOException {
      StringBuilder all = new StringBuilder();
      for (Path file : files) {
        all.append(output(List.of("tail", "-n", "15", file.toString())));
      }
      return all.toString();
    }

    @Override
    public void close() {
      for (Process process : processes) {
        process.destroy();
        process.onExit().completeOnTimeout(process, 20, TimeUnit.SECONDS).join();
        process.destroyForcibly().onExit().join();
      }
    }
  }

  /** With the image that the containers of the core have. */
  record ByCompose(List<String> command) implements Keeper {
    static Keeper start(Path place) throws IOException {
      String project = "joined-" + UUID.randomUUID();
      String file = place.resolve("compose.yml").toString();
      ByCompose compose = new ByCompose(List.of("docker-compose", "-p", project, "-f", file));
      compose.run("up", "-d");
      return compose;
    }

    @Override
    public boolean keeps() {
      return true;
    }

    @Override
    public String logs() throws IOException {
      return run("logs", "--tail=15");
    }

    @Override
    public void close() throws IOException {
      run("down");
    }

    private String run(String... words) throws IOException {
      List<String> all = new ArrayList<>(command);
      all.addAll(List.of(words));
      return output(all);
    }
  }

  /** Sees the host's network, this repository, its Java and jars, and the site's directory. */
  record BySystemd(String container) implements Keeper {
    private static final String BOOTED =
        "until systemctl is-system-running --wait | grep -E '^(running|degraded)'; do sleep 0.2; done";

    static Keeper start(Path place) throws IOException {
      String container = "joined-" + UUID.randomUUID();
      List<String> run =
          new ArrayList<>(List.of("docker", "run", "-d", "--rm", "--name", container));
      // What systemd wants of a container: its own mounts for the units, and its control group.
      run.addAll(List.of("--network=host", "--cap-add=SYS_ADMIN", "-e", "container=docker"));
      run.addAll(List.of("--security-opt=seccomp=unconfined", "--tmpfs=/run", "--tmpfs=/tmp"));
      run.addAll(
          List.of("--security-opt=apparmor=unconfined", "-v", "/sys/fs/cgroup:/sys/fs/cgroup"));
      Path jars = Path.of(System.getProperty("user.home"), ".m2");
      for (Path seen : List.of(Path.of(System.getProperty("java.home")), jars, Road.HOME)) {
        run.addAll(List.of("-v", seen + ":" + seen + ":ro"));
      }
      run.addAll(List.of("-v", place + ":" + place, "crossdock-lab/debian", "/sbin/init"));
      output(run);
      BySystemd systemd = new BySystemd(container);
      try {
        systemd.exec("timeout", "60", "sh", "-c", BOOTED);
        List<String> enable = new ArrayList<>(List.of("systemctl", "enable", "--now"));
        units(place).forEach(unit -> enable.add(unit.toString()));
        systemd.exec(enable.toArray(String[]::new));
        return systemd;
      } catch (IOException | IllegalStateException e) {
        systemd.close();
        throw e;
      }
    }

    @Override
    public boolean keeps() {
      return true;
    }

    @Override
    public String logs() throws IOException {
      return exec("journalctl", "--no-pager", "-n", "45");
    }

    @Override
    public void close() throws IOException {
      output(List.of("docker", "rm", "-f", container));
    }

    private String exec(String... words) throws IOException {
      List<String> all = new ArrayList<>(List.of("docker", "exec", container));
      all.addAll(List.of(words));
      return output(all);
    }
  }
}
