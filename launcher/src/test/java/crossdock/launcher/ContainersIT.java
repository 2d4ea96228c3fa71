package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import crossdock.chassis.testing.Server;
import crossdock.chassis.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.lifecycle.Startables;
import org.testcontainers.utility.DockerImageName;
import org.testcontainers.utility.MountableFile;

/**
 * The same in containers, set up by the same files; where tests run on embedded servers, {@link
 * InfrastructureIT} is all that can be said.
 */
class ContainersIT implements Infrastructure {
  private static final Path HOME = Path.of("..").toAbsolutePath().normalize();
  private static final Map<Server, DockerImageName> IMAGES = new EnumMap<>(Server.class);
  private static final List<AutoCloseable> OPEN = new ArrayList<>();

  @TempDir static Path directory;
  private static State state;
  private static Ports ports;
  private static Pki pki;

  @BeforeAll
  static void up() throws Exception {
    for (Server server : Server.values()) {
      server.image().ifPresent(image -> IMAGES.put(server, image));
    }
    assumeTrue(IMAGES.size() == Server.values().length, "not all of them are in containers");
    state = new State(directory.resolve("state"));
    ports = Preflight.unused();
    pki = Pki.open(state, Clock.systemUTC());
    Network network = Network.newNetwork();
    OPEN.add(network);
    GenericContainer<?> postgres = postgres().withNetwork(network);
    GenericContainer<?> kafka = kafka();
    GenericContainer<?> keycloak = keycloak().withNetwork(network).dependsOn(postgres);
    OPEN.addAll(0, List.of(keycloak, kafka, postgres));
    Startables.deepStart(kafka, keycloak).join();
    Compose.Topics topics = new Compose.Topics();
    topics.bootstrap = Kafka.bootstrap(ports);
    topics.keys = Kafka.admin(state);
    assertThat(topics.call()).isZero();
  }

  @AfterAll
  static void down() throws Exception {
    for (AutoCloseable each : OPEN) {
      each.close();
    }
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public Ports ports() {
    return ports;
  }

  @Override
  public Pki pki() {
    return pki;
  }

  private static DockerImageName image(Server server) {
    return Objects.requireNonNull(IMAGES.get(server));
  }

  private static GenericContainer<?> postgres() {
    GenericContainer<?> postgres =
        TestDatabase.server(image(Server.POSTGRES), Postgres.password(state, "postgres"))
            .withNetworkAliases("postgres")
            .withEnv("POSTGRES_INITDB_ARGS", "--auth=scram-sha-256")
            .withCopyToContainer(
                Transferable.of(Postgres.script(state, Services.owners())),
                "/docker-entrypoint-initdb.d/owners.sql");
    return published(postgres, ports.postgres().port(), 5432);
  }

  private static GenericContainer<?> kafka() {
    int port = ports.kafka().port();
    Path properties = new Kafka(state, ports, pki, HOME, Scope.ALL).write();
    Path keys = state.run("kafka");
    GenericContainer<?> kafka =
        new GenericContainer<>(image(Server.KAFKA))
            .withEnv("CLUSTER_ID", "Y3Jvc3Nkb2NrLWxhYi0wMQ")
            .withEnv("KAFKA_HEAP_OPTS", "-Xmx320m")
            .withEnv(
                "KAFKA_LISTENERS",
                "BROKER://0.0.0.0:%d,CONTROLLER://127.0.0.1:%d"
                    .formatted(port, ports.kafkaController()))
            .withCopyFileToContainer(MountableFile.forHostPath(keys, 0777), keys.toString())
            .withCopyFileToContainer(
                MountableFile.forHostPath(properties, 0644), "/mnt/shared/config/server.properties")
            .waitingFor(Wait.forListeningPort());
    return published(kafka, port, port);
  }

  private static GenericContainer<?> keycloak() throws IOException {
    int port = ports.keycloak().port();
    Path data = directory.resolve("data");
    Realms.write(state, ports, State.directory(data.resolve("import")));
    GenericContainer<?> keycloak =
        new GenericContainer<>(image(Server.KEYCLOAK))
            .withCommand("start", "--import-realm")
            .withCopyFileToContainer(MountableFile.forHostPath(data, 0777), "/opt/keycloak/data")
            .withExposedPorts(9000)
            .waitingFor(
                Wait.forHttp("/health/ready")
                    .forPort(9000)
                    .withStartupTimeout(Duration.ofMinutes(3)));
    Map<String, String> settings = Keycloak.settings(state, ports);
    settings.put("db", "postgres");
    settings.put("db-url", "jdbc:postgresql://postgres/keycloak");
    settings.put("health-enabled", "true");
    settings.put("http-host", "0.0.0.0");
    settings.forEach(
        (name, value) ->
            keycloak.withEnv("KC_" + name.toUpperCase(Locale.ROOT).replace('-', '_'), value));
    return published(keycloak, port, port);
  }

  /** Where the files that are tested say that it is. */
  private static GenericContainer<?> published(GenericContainer<?> container, int port, int own) {
    container.setPortBindings(List.of(Ports.LOOPBACK + ":" + port + ":" + own));
    return container;
  }
}
