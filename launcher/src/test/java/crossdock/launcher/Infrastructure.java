package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
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
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/**
 * What is true of PostgreSQL, Kafka and Keycloak as the launcher sets them up, wherever they run.
 */
interface Infrastructure {
  Party NORTH = Site.ALL.get(0).party();
  Party SOUTH = Site.ALL.get(1).party();

  State state();

  Ports ports();

  Pki pki();

  @Test
  @Order(1)
  default void theDatabaseIsDurableAndAsksEverybodyForAPassword() throws Exception {
    try (Connection connection =
            connect("billing", "billing", Postgres.password(state(), "billing"));
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
    try (Connection connection =
            connect("postgres", "postgres", Postgres.password(state(), "postgres"));
        var statement = connection.createStatement();
        var rules = statement.executeQuery("SELECT auth_method FROM pg_hba_file_rules")) {
      assertThat(rules.next()).isTrue();
      do {
        assertThat(rules.getString(1)).isEqualTo("scram-sha-256");
      } while (rules.next());
    }
  }

  @Test
  @Order(2)
  default void aServiceCannotConnectToTheDatabaseOfAnother() {
    assertThatThrownBy(() -> connect("gateway", "billing", Postgres.password(state(), "billing")))
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("permission denied");
  }

  @Test
  @Order(3)
  default void aSiteReadsItsOwnTasksAndNotThoseOfItsCompetitor() throws Exception {
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
  default void nobodyButTheGatewayWritesTheLog() throws Exception {
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
  default void aCertificateOfAProvidersOwnAuthorityOpensNothing() throws Exception {
    Path keys = State.directory(state().root().resolve("forged"));
    // North's own authority says it is the gateway.
    new Pki(pki().member("north"), pki().members())
        .kafka(keys, Party.core("gateway"), Authority.Use.CLIENT);
    State.write(keys.resolve("kafka-trust.pem"), pki().core().certificatePem());
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
  default void aCustomersTokenSaysForWhomItIsAndWhoTheyAre() throws Exception {
    JsonNode accounts = new ObjectMapper().readTree(state().customers().toFile());
    JsonNode alice = accounts.path("alice");
    JsonNode broker = claims(alice.path("crossdock"));
    assertThat(broker.path("aud").asText()).isEqualTo("crossdock-api");
    assertThat(broker.path("sub")).isEqualTo(alice.path("crossdock").path("subject"));
    assertThat(broker.path("iss").asText()).isEqualTo(Realms.issuer(ports(), "crossdock"));
    JsonNode north = claims(alice.path("north"));
    assertThat(north.path("aud").asText()).isEqualTo("export-import");
    assertThat(north.path("sub")).isNotEqualTo(broker.path("sub"));
    JsonNode partner = claims(accounts.path(Realms.PARTNER).path("crossdock"));
    assertThat(partner.path("aud").asText()).isEqualTo("crossdock-api");
    assertThat(partner.path("partner").asText()).isEqualTo(Realms.PARTNER);
    assertThat(broker.has("partner")).isFalse();
  }

  private Connection connect(String database, String user, String password) throws SQLException {
    return DriverManager.getConnection(Postgres.url(ports(), database), user, password);
  }

  private Path keys(Party party) {
    Path keys = State.directory(state().root().resolve("keys").resolve(party.principal()));
    pki().kafka(keys, party, Authority.Use.CLIENT);
    return keys;
  }

  private KafkaProducer<String, String> producer(Party party) {
    return producer(keys(party));
  }

  private KafkaProducer<String, String> producer(Path keys) {
    Properties properties = Kafka.client(keys);
    properties.put("bootstrap.servers", Kafka.bootstrap(ports()));
    properties.put("max.block.ms", "20000");
    return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
  }

  /** Of a party's own. */
  default KafkaConsumer<String, String> consumer(Party party, String group) {
    Properties properties = Kafka.client(keys(party));
    properties.put("bootstrap.servers", Kafka.bootstrap(ports()));
    properties.put("group.id", group);
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "earliest");
    return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
  }

  /** What a topic holds, once it holds something. */
  default List<String> read(KafkaConsumer<String, String> consumer, String topic) {
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
}
