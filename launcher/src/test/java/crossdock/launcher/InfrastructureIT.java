package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.SslAuthenticationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** The real PostgreSQL, Kafka and Keycloak, started once by the real command line. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class InfrastructureIT {
  private static final Path HOME = Path.of("..").toAbsolutePath().normalize();
  private static final Party NORTH = Site.ALL.get(0).party();
  private static final Party SOUTH = Site.ALL.get(1).party();

  @TempDir static Path directory;
  private static State state;
  private static Ports ports;
  private static Pki pki;

  @BeforeAll
  static void up() throws Exception {
    state = new State(directory.resolve("state"));
    ports = Preflight.unused();
    assertThat(crossdock("up", "--infra")).isZero();
    pki = Pki.open(state, Clock.systemUTC());
  }

  @AfterAll
  static void down() throws Exception {
    crossdock("down");
    Reaper.sweep(state);
  }

  @Test
  @Order(1)
  void theDatabaseIsDurableAndAsksEverybodyForAPassword() throws Exception {
    try (Connection connection =
            connect("billing", "billing", Postgres.password(state, "billing"));
        var statement = connection.createStatement()) {
      for (String setting : List.of("fsync", "synchronous_commit", "full_page_writes")) {
        try (var rows = statement.executeQuery("SHOW " + setting)) {
          assertThat(rows.next()).isTrue();
          assertThat(rows.getString(1)).as(setting).isEqualTo("on");
        }
      }
    }
    assertThatThrownBy(() -> connect("billing", "billing", "guess"))
        .isInstanceOfSatisfying(
            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("28P01"));
    assertThatThrownBy(() -> connect("postgres", "postgres", "")).isInstanceOf(SQLException.class);
    try (var lines = Files.lines(state.run("postgres").resolve("data/pg_hba.conf"))) {
      assertThat(lines.filter(l -> !l.isBlank() && !l.startsWith("#")))
          .isNotEmpty()
          .allMatch(l -> l.endsWith("scram-sha-256"));
    }
  }

  @Test
  @Order(2)
  void aServiceCannotConnectToTheDatabaseOfAnother() {
    assertThatThrownBy(() -> connect("gateway", "billing", Postgres.password(state, "billing")))
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("permission denied");
  }

  @Test
  @Order(3)
  void aSiteReadsItsOwnTasksAndNotThoseOfItsCompetitor() throws Exception {
    try (var gateway = producer(Party.core("gateway"))) {
      gateway.send(new ProducerRecord<>(NORTH.principal() + ".tasks", "m", "due")).get();
    }
    try (var north = consumer(NORTH, NORTH.principal() + ".export")) {
      assertThat(read(north, NORTH.principal() + ".tasks")).contains("due");
    }
    try (var south = consumer(SOUTH, SOUTH.principal())) {
      assertThatThrownBy(() -> read(south, NORTH.principal() + ".tasks"))
          .isInstanceOf(TopicAuthorizationException.class);
    }
    try (var south = consumer(SOUTH, NORTH.principal())) {
      south.subscribe(List.of(SOUTH.principal() + ".tasks"));
      assertThatThrownBy(() -> south.poll(Duration.ofSeconds(20)))
          .isInstanceOf(GroupAuthorizationException.class);
    }
  }

  @Test
  @Order(4)
  void nobodyButTheGatewayWritesTheLog() throws Exception {
    try (var gateway = producer(Party.core("gateway"))) {
      gateway.send(new ProducerRecord<>("migrations", "m", "requested")).get();
    }
    for (Party party : List.of(SOUTH, Party.core("billing"))) {
      try (var other = producer(party)) {
        assertThatThrownBy(() -> other.send(new ProducerRecord<>("migrations", "m", "x")).get())
            .isInstanceOf(ExecutionException.class)
            .hasCauseInstanceOf(TopicAuthorizationException.class);
      }
    }
  }

  @Test
  @Order(5)
  void aCertificateOfAProvidersOwnAuthorityOpensNothing() throws Exception {
    Path keys = State.directory(directory.resolve("forged"));
    // North's own authority says it is the gateway.
    new Pki(pki.member("north"), pki.members())
        .kafka(keys, Party.core("gateway"), Authority.Use.CLIENT);
    State.write(keys.resolve("kafka-trust.pem"), pki.core().certificatePem());
    try (var forged = producer(keys)) {
      assertThatThrownBy(() -> forged.send(new ProducerRecord<>("migrations", "m", "x")).get())
          .hasRootCauseInstanceOf(javax.net.ssl.SSLException.class)
          .satisfiesAnyOf(
              e -> assertThat(e).hasCauseInstanceOf(SslAuthenticationException.class),
              e -> assertThat(e).isInstanceOf(SslAuthenticationException.class));
    }
  }

  @Test
  @Order(6)
  void aCustomersTokenSaysForWhomItIsAndWhoTheyAre() throws Exception {
    JsonNode accounts = new ObjectMapper().readTree(state.customers().toFile());
    JsonNode alice = accounts.path("alice");
    JsonNode broker = claims(alice.path("crossdock"));
    assertThat(broker.path("aud").asText()).isEqualTo("crossdock-api");
    assertThat(broker.path("sub")).isEqualTo(alice.path("crossdock").path("subject"));
    assertThat(broker.path("iss").asText()).isEqualTo(Realms.issuer(ports, "crossdock"));
    JsonNode north = claims(alice.path("north"));
    assertThat(north.path("aud").asText()).isEqualTo("export-import");
    assertThat(north.path("sub")).isNotEqualTo(broker.path("sub"));
    JsonNode partner = claims(accounts.path(Realms.PARTNER).path("crossdock"));
    assertThat(partner.path("aud").asText()).isEqualTo("crossdock-api");
    assertThat(partner.path("partner").asText()).isEqualTo(Realms.PARTNER);
    assertThat(broker.has("partner")).isFalse();
  }

  @Test
  @Order(7)
  void aSecondUpSaysThatItIsRunningAndStatusShowsIt() throws Exception {
    assertThat(crossdock("up", "--infra")).isEqualTo(2);
    assertThat(crossdock("status", "--json")).isZero();
  }

  @Test
  @Order(8)
  void aProcessThatEndsIsStartedAgain() throws Exception {
    ProcessHandle kafka = Spawn.running(state.pidFile("kafka")).orElseThrow();
    kafka.destroyForcibly();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
    while (!restarted("kafka", kafka.pid())) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      TimeUnit.MILLISECONDS.sleep(100);
    }
  }

  @Test
  @Order(9)
  void killingTheSupervisorEndsAllThatItStarted() throws Exception {
    List<ProcessHandle> all = new ArrayList<>();
    for (String name : List.of("postgres", "kafka", "keycloak")) {
      ProcessHandle process = Spawn.running(state.pidFile(name)).orElseThrow();
      all.add(process);
      all.addAll(process.descendants().toList());
    }
    assertThat(all).hasSizeGreaterThan(5);
    all.add(Spawn.running(state.reaperPid()).orElseThrow());
    ProcessHandle supervisor = Spawn.running(state.supervisorPid()).orElseThrow();
    supervisor.destroyForcibly();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
    while (all.stream().anyMatch(InfrastructureIT::lives)) {
      assertThat(System.nanoTime()).as("still alive: %s", all).isLessThan(deadline);
      TimeUnit.MILLISECONDS.sleep(50);
    }
    assertThat(crossdock("status")).isEqualTo(3);
  }

  @Test
  @Order(10)
  void startedAgainItFindsItsDataAndDownLeavesNothing() throws Exception {
    assertThat(crossdock("up", "--infra")).isZero();
    try (var north = consumer(NORTH, NORTH.principal() + ".import")) {
      assertThat(read(north, NORTH.principal() + ".tasks")).contains("due");
    }
    List<ProcessHandle> all = new ArrayList<>();
    for (String name : List.of("postgres", "kafka", "keycloak")) {
      all.add(Spawn.running(state.pidFile(name)).orElseThrow());
    }
    all.add(Spawn.running(state.supervisorPid()).orElseThrow());
    assertThat(crossdock("down")).isZero();
    assertThat(all).noneMatch(InfrastructureIT::lives);
  }

  private static boolean restarted(String name, long before) throws IOException {
    Status status = Status.read(state).orElseThrow();
    return status.processes().stream()
        .anyMatch(p -> p.name().equals(name) && p.state().equals("ready") && p.pid() != before);
  }

  // An ended process that nobody has waited for is no process any more.
  private static boolean lives(ProcessHandle handle) {
    try {
      return !Spawn.startTime(handle.pid()).isEmpty();
    } catch (IOException e) {
      return false;
    }
  }

  private static Connection connect(String database, String user, String password)
      throws SQLException {
    return DriverManager.getConnection(Postgres.url(ports, database), user, password);
  }

  private static Path keys(Party party) {
    Path keys = State.directory(directory.resolve("keys").resolve(party.principal()));
    pki.kafka(keys, party, Authority.Use.CLIENT);
    return keys;
  }

  private static KafkaProducer<String, String> producer(Party party) {
    return producer(keys(party));
  }

  private static KafkaProducer<String, String> producer(Path keys) {
    Properties properties = Kafka.client(keys);
    properties.put("bootstrap.servers", Kafka.bootstrap(ports));
    properties.put("max.block.ms", "20000");
    return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
  }

  private static KafkaConsumer<String, String> consumer(Party party, String group) {
    Properties properties = Kafka.client(keys(party));
    properties.put("bootstrap.servers", Kafka.bootstrap(ports));
    properties.put("group.id", group);
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "earliest");
    return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
  }

  private static List<String> read(KafkaConsumer<String, String> consumer, String topic) {
    List<TopicPartition> partitions = new ArrayList<>();
    for (int partition = 0; partition < 8; partition++) {
      partitions.add(new TopicPartition(topic, partition));
    }
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    List<String> values = new ArrayList<>();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (values.isEmpty() && System.nanoTime() < deadline) {
      consumer.poll(Duration.ofMillis(500)).forEach(r -> values.add(r.value()));
    }
    return values;
  }

  private static JsonNode claims(JsonNode account) throws Exception {
    String form =
        (account.has("secret")
                ? "grant_type=client_credentials&client_secret=" + account.path("secret").asText()
                : "grant_type=password")
            + "&client_id="
            + account.path("client").asText()
            + "&username="
            + account.path("username").asText()
            + "&password="
            + account.path("password").asText();
    try (HttpClient client = HttpClient.newHttpClient()) {
      String body =
          client
              .send(
                  HttpRequest.newBuilder(URI.create(account.path("token").asText()))
                      .header("content-type", "application/x-www-form-urlencoded")
                      .POST(HttpRequest.BodyPublishers.ofString(form))
                      .build(),
                  BodyHandlers.ofString())
              .body();
      String token = new ObjectMapper().readTree(body).path("access_token").asText();
      String claims = token.substring(token.indexOf('.') + 1, token.lastIndexOf('.'));
      return new ObjectMapper()
          .readTree(new String(Base64.getUrlDecoder().decode(claims), StandardCharsets.UTF_8));
    }
  }

  private static int crossdock(String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Jvm.java());
    command.add("-Dcrossdock.home=" + HOME);
    command.add("-cp");
    command.add(
        HOME.resolve("launcher/target/classes")
            + ":"
            + Files.readString(HOME.resolve("launcher/target/classpath")).strip());
    command.add(Launcher.class.getName());
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
    builder.environment().put("CROSSDOCK_STATE", state.root().toString());
    builder.environment().put("CROSSDOCK_PORTS", Integer.toString(ports.base()));
    Process process = builder.start();
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
    return process.exitValue();
  }
}
