package crossdock.launcher;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Keycloak, run as its own script would run it but without the shell between: one process to
 * record, one to end.
 */
final class Keycloak {
  private final State state;
  private final Ports ports;
  private final Path distribution;
  private final AotCache cache;
  private final Scope scope;

  Keycloak(State state, Ports ports, Path home, Scope scope) {
    this.state = state;
    this.ports = ports;
    this.distribution = distribution(home);
    this.cache = cache(home);
    this.scope = scope;
  }

  static AotCache cache(Path home) {
    Path distribution = distribution(home);
    return new AotCache(
        distribution.resolve("app.aot"), List.of(distribution.resolve("lib/quarkus-run.jar")));
  }

  Daemon prepare() throws IOException {
    Path directory = state.run("keycloak");
    Path home = home(directory);
    Realms.write(state, ports, State.directory(home.resolve("data/import")));
    List<String> command = new ArrayList<>();
    command.addAll(
        List.of(
            Jvm.java(),
            "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
                + "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
            "-Xms64m",
            "-Xmx384m",
            "-XX:MetaspaceSize=96M",
            "-XX:MaxMetaspaceSize=256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            state.temporary("keycloak"),
            "-Dfile.encoding=UTF-8",
            "-Dstdout.encoding=UTF-8",
            "-Dstderr.encoding=UTF-8",
            "-Djdk.tls.rejectClientInitiatedRenegotiation=true",
            "--add-opens=java.base/java.util=ALL-UNNAMED",
            "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
            "--add-opens=java.base/java.security=ALL-UNNAMED",
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--enable-native-access=ALL-UNNAMED",
            "-Duser.language=en",
            "-Duser.country=US",
            "-Dkc.home.dir=" + home,
            "-Djboss.server.config.dir=" + home.resolve("conf"),
            "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
            "-Dpicocli.disable.closures=true",
            "-Dquarkus-log-max-startup-records=10000",
            "-cp",
            cache.jars(),
            "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
            "start",
            "--optimized"));
    // Asked again, it would read all realms only to find that they are there.
    Path imported = home.resolve("data/imported");
    if (!Files.exists(imported)) {
      command.add("--import-realm");
    }
    command.addAll(1, cache.options(scope));
    Map<String, String> environment = new HashMap<>();
    settings(state, ports)
        .forEach(
            (name, value) ->
                environment.put("KC_" + name.toUpperCase(Locale.ROOT).replace('-', '_'), value));
    environment.put("KC_HTTP_MANAGEMENT_HOST", Ports.LOOPBACK);
    environment.put("KC_HTTP_MANAGEMENT_PORT", Integer.toString(ports.keycloakManagement()));
    String health = "http://127.0.0.1:" + ports.keycloakManagement() + "/health/ready";
    return new Daemon(
        "keycloak",
        directory,
        command,
        environment,
        Daemon.Signal.TERM,
        Duration.ofMinutes(3),
        scope.grace(),
        "http://" + ports.keycloak().address(),
        () -> {
          boolean ready = Http.ok(health);
          if (ready) {
            State.write(imported, "");
          }
          return ready;
        });
  }

  /** By the names that its configuration file has for them. */
  static Map<String, String> settings(State state, Place place) {
    Map<String, String> settings = new TreeMap<>();
    settings.put("db-url", Postgres.url(place, "keycloak"));
    settings.put("db-username", Postgres.database("keycloak"));
    settings.put("db-password", Postgres.password(state, "keycloak"));
    settings.put("db-pool-initial-size", "2");
    settings.put("db-pool-min-size", "2");
    settings.put("db-pool-max-size", "15");
    settings.put("cache", "local");
    settings.put("hostname", "http://" + place.published().keycloak().address());
    settings.put("http-enabled", "true");
    settings.put("http-host", place.everywhere());
    settings.put("http-port", Integer.toString(place.keycloak().port()));
    settings.put("http-pool-max-threads", "16");
    settings.put("bootstrap-admin-username", "admin");
    settings.put("bootstrap-admin-password", state.secret("keycloak.admin"));
    return settings;
  }

  private static Path distribution(Path home) {
    try (Stream<Path> found = Files.list(home.resolve("launcher/target/keycloak"))) {
      return found
          .filter(d -> Files.exists(d.resolve("built")))
          .findFirst()
          .orElseThrow(
              () ->
                  new Refusal(Refusal.CANNOT_START, "Keycloak is not built: run ./mvnw package."));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // The distribution is shared and only read; what Keycloak writes goes beside the links to it.
  private Path home(Path directory) throws IOException {
    Path home = State.directory(directory.resolve("home"));
    for (String part : List.of("lib", "providers", "themes", "conf")) {
      Path link = home.resolve(part);
      if (Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
        Files.delete(link);
      }
      Files.createSymbolicLink(link, distribution.resolve(part));
    }
    return home;
  }
}
