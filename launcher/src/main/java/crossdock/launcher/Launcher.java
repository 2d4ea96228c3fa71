package crossdock.launcher;

import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * The command line: {@code up}, {@code down}, {@code status}. Exit status 0 when it is so, 1 when
 * it went wrong on the way, 2 when it could not begin; what to do is one sentence on standard
 * error.
 */
@Command(
    name = "crossdock",
    mixinStandardHelpOptions = true,
    description = "Moves virtual machines between competing cloud providers.")
public final class Launcher implements Runnable {
  private static final PrintStream OUT = System.out;

  private Launcher() {}

  /** Runs one command and exits with its status. */
  public static void main(String[] args) {
    int status =
        new CommandLine(new Launcher())
            .addSubcommand(new Up())
            .addSubcommand(new Down())
            .addSubcommand(new Show())
            .addSubcommand(new Demo())
            .addSubcommand(new Chaos())
            .addSubcommand(new MemberCommand())
            .addSubcommand(new JoiningSite())
            .addSubcommand(new ProviderCommand())
            .addSubcommand(new Supervise())
            .addSubcommand(new Compose.Prepare())
            .addSubcommand(new Compose.Topics())
            .setExecutionExceptionHandler(Launcher::say)
            .execute(args);
    System.exit(status);
  }

  @Override
  public void run() {
    throw new Refusal(Refusal.CANNOT_START, "What to do? Try ./crossdock --help.");
  }

  private static int say(Exception thrown, CommandLine commandLine, CommandLine.ParseResult result)
      throws Exception {
    if (thrown instanceof Refusal refusal) {
      System.err.println(refusal.getMessage());
      return refusal.status;
    }
    throw thrown;
  }

  /** Where the build is: the repository. */
  static Path home() {
    return Path.of(System.getProperty("crossdock.home", ".")).toAbsolutePath().normalize();
  }

  static State state() {
    String chosen = System.getenv().getOrDefault("CROSSDOCK_STATE", "");
    return new State(chosen.isBlank() ? home().resolve(".crossdock") : Path.of(chosen));
  }

  static Ports ports() {
    return Ports.parse(System.getenv().getOrDefault("CROSSDOCK_PORTS", "19000"));
  }

  /** Starts the supervisor and waits until all is ready; what it says then is the table. */
  static Status up(Scope scope, String sites) throws IOException, InterruptedException {
    return up(state(), ports(), home(), scope, sites, Map.of());
  }

  /**
   * @param environment of the supervisor, beside the usual
   */
  static Status up(
      State state,
      Ports ports,
      Path home,
      Scope scope,
      String sites,
      Map<String, String> environment)
      throws IOException, InterruptedException {
    Optional<ProcessHandle> running = Spawn.running(state.supervisorPid());
    if (running.isPresent()) {
      throw new Refusal(
          Refusal.CANNOT_START,
          "Crossdock is running already (supervisor "
              + running.get().pid()
              + "); ./crossdock status shows it, ./crossdock down ends it.");
    }
    State.directory(state.root());
    Reaper.sweep(state);
    Preflight.check(state, ports, home, scope);
    Files.deleteIfExists(state.status());
    AotCache cache = AotCache.of(home.resolve("launcher/target"));
    List<String> command = new ArrayList<>(List.of("setsid", Jvm.java()));
    command.addAll(cache.options(scope));
    command.addAll(List.of("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    // As ./crossdock says it, which starts from the same cache.
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add(state.temporary("supervisor"));
    command.add("-Dcrossdock.home=" + home);
    command.addAll(List.of("-cp", cache.jars()));
    command.addAll(List.of(Launcher.class.getName(), "supervise", scope.name()));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(state.root().toFile())
            .redirectInput(new File("/dev/null"))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(state.supervisorLog().toFile()));
    builder.environment().putAll(environment);
    builder
        .environment()
        .putAll(
            Map.of(
                "CROSSDOCK_STATE",
                state.root().toString(),
                "CROSSDOCK_PORTS",
                Integer.toString(ports.base()),
                "CROSSDOCK_SITES",
                sites));
    Process supervisor = builder.start();
    while (!supervisor.waitFor(100, TimeUnit.MILLISECONDS)) {
      Optional<Status> status = Status.read(state);
      if (status.isPresent() && status.get().is("ready")) {
        return status.get();
      }
    }
    String why =
        Status.read(state)
            .filter(s -> s.is("failed"))
            .map(Status::message)
            .orElse(
                "The supervisor ended before all was ready; its log is "
                    + state.supervisorLog()
                    + ".");
    throw new Refusal(Refusal.FAILED, why);
  }

  /** Ends everything in good order, or at once where that takes too long. */
  static boolean down() throws InterruptedException {
    return down(state(), Duration.ofSeconds(60));
  }

  static boolean down(State state, Duration patience) throws InterruptedException {
    Optional<ProcessHandle> supervisor = Spawn.running(state.supervisorPid());
    if (supervisor.isPresent()) {
      supervisor.get().destroy();
      long deadline = System.nanoTime() + patience.toNanos();
      while (Spawn.running(state.supervisorPid()).isPresent()) {
        if (System.nanoTime() > deadline) {
          supervisor.get().destroyForcibly();
        }
        // It is not our child, so there is nothing to wait on but its end.
        TimeUnit.MILLISECONDS.sleep(50);
      }
    }
    if (Files.isDirectory(state.root())) {
      Reaper.sweep(state);
      Status.STOPPED.write(state);
    }
    return supervisor.isPresent();
  }

  static Status status() {
    State state = state();
    return Spawn.running(state.supervisorPid()).isPresent()
        ? Status.read(state).orElse(Status.STOPPED)
        : Status.STOPPED;
  }

  @Command(name = "up", description = "Starts everything and returns when it is ready.")
  static final class Up implements Callable<Integer> {
    @Option(names = "--infra", hidden = true, description = "PostgreSQL, Kafka, Keycloak only.")
    boolean infrastructureOnly;

    @Override
    public Integer call() throws IOException, InterruptedException {
      Status status =
          up(
              infrastructureOnly ? Scope.INFRASTRUCTURE : Scope.ALL,
              System.getenv().getOrDefault("CROSSDOCK_SITES", "library"));
      OUT.print(status.table());
      if (!infrastructureOnly) {
        OUT.println("API: " + status.api());
      }
      return 0;
    }
  }

  @Command(name = "down", description = "Ends everything; the data stays.")
  static final class Down implements Callable<Integer> {
    @Override
    public Integer call() throws InterruptedException {
      OUT.println(down() ? "Crossdock is down." : "Crossdock was not running.");
      return 0;
    }
  }

  @Command(
      name = "status",
      description = "Shows what is running; exit status 3 if not all is ready.")
  static final class Show implements Callable<Integer> {
    @Option(names = "--json", description = "Print one JSON object.")
    boolean json;

    @Override
    public Integer call() {
      Status status = status();
      if (json) {
        OUT.print(status.json());
      } else {
        OUT.print(status.table());
        OUT.println("Crossdock is " + status.phase() + ".");
      }
      boolean all = status.processes().stream().allMatch(p -> p.state().equals("ready"));
      return status.is("ready") && all ? 0 : 3;
    }
  }

  @Command(name = "supervise", hidden = true)
  static final class Supervise implements Callable<Integer> {
    @Parameters Scope scope = Scope.ALL;

    @Override
    public Integer call() throws IOException, InterruptedException {
      return new Supervisor(state(), ports(), home()).run(scope);
    }
  }
}
