package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What was parked an operator sees with its reason, and releases: then it is handled once. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
class ParkedTest {
  private final HttpClient client = HttpClient.newHttpClient();
  private final EmbeddedServer server;
  private final Database database;
  private final Parked parked;
  private final List<String> handled = new CopyOnWriteArrayList<>();
  private volatile boolean mended;

  ParkedTest(@TempDir Path directory) throws IOException, GeneralSecurityException {
    server = TestService.plain(new Parties(), directory);
    database = server.getApplicationContext().getBean(Database.class);
    parked = server.getApplicationContext().getBean(Parked.class);
    server
        .getApplicationContext()
        .getBean(Readers.class)
        .start(
            "tests",
            List.of("topic"),
            (tx, _, _, value) -> {
              new Outbox().add(tx, "out", "key", "type", value);
              if (!mended) {
                throw new Refused("of a later version");
              }
              handled.add(new String(value, StandardCharsets.UTF_8));
            });
  }

  @AfterAll
  void close() {
    client.close();
    server.close();
  }

  @BeforeEach
  void empty() {
    run("TRUNCATE parked, outbox");
    handled.clear();
    mended = false;
  }

  private void run(String sql) {
    database.change(
        tx -> {
          try (PreparedStatement statement = tx.prepareStatement(sql)) {
            statement.execute();
          }
        });
  }

  private List<String> rows(String sql) {
    return database.transaction(
        tx -> {
          try (PreparedStatement query = tx.prepareStatement(sql);
              ResultSet found = query.executeQuery()) {
            List<String> rows = new java.util.ArrayList<>();
            while (found.next()) {
              rows.add(found.getString(1));
            }
            return rows;
          }
        });
  }

  private void park(long offset) {
    database.change(
        tx ->
            parked.add(
                tx,
                new ConsumerRecord<>(
                    "topic", 0, offset, "key", "poison".getBytes(StandardCharsets.UTF_8)),
                "of a later version"));
  }

  private HttpResponse<String> ask(String method, String path, String... headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(server.getURI().resolve("/operator/parked" + path))
            .method(method, HttpRequest.BodyPublishers.noBody());
    if (headers.length > 0) {
      request.headers(headers);
    }
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpResponse<String> operator(String method, String path)
      throws IOException, InterruptedException {
    return ask(method, path, Operator.HEADER, TestService.OPERATOR);
  }

  @Test
  void aParkedRecordIsShownWithItsReasonAndReleasedOnce() throws Exception {
    park(7);
    JsonNode rows = Json.mapper().readTree(operator("GET", "").body());
    assertThat(rows).hasSize(1);
    assertThat(rows.get(0).path("reason").asText()).isEqualTo("of a later version");
    assertThat(rows.get(0).path("position").asLong()).isEqualTo(7);

    mended = true;
    assertThat(operator("POST", "/topic/0/7/release").statusCode()).isEqualTo(204);
    assertThat(operator("POST", "/topic/0/7/release").statusCode()).isEqualTo(404);
    assertThat(handled).containsExactly("poison");
    assertThat(rows("SELECT type FROM outbox")).hasSize(1);
    assertThat(operator("GET", "").body()).isEqualTo("[]");
  }

  @Test
  void whatIsRefusedAgainStaysParkedAndHasDoneNothing() throws Exception {
    park(7);
    HttpResponse<String> answer = operator("POST", "/topic/0/7/release");
    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(answer.body()).contains("of a later version");
    assertThat(rows("SELECT position::text FROM parked")).containsExactly("7");
    assertThat(rows("SELECT type FROM outbox")).isEmpty();
  }

  @Test
  void twentyReleasesAtOnceAreOne() throws Exception {
    park(7);
    mended = true;
    try (ExecutorService many = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<HttpResponse<String>>> answers =
          IntStream.range(0, 20)
              .mapToObj(_ -> many.submit(() -> operator("POST", "/topic/0/7/release")))
              .toList();
      assertThat(answers.stream().map(ParkedTest::status).filter(status -> status == 204))
          .hasSize(1);
    }
    assertThat(rows("SELECT type FROM outbox")).hasSize(1);
  }

  private static int status(Future<HttpResponse<String>> answer) {
    try {
      return answer.get().statusCode();
    } catch (InterruptedException | ExecutionException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void whoDoesNotKnowTheSecretSeesAndReleasesNothing() throws Exception {
    park(7);
    mended = true;
    for (String[] headers :
        List.of(
            new String[0],
            new String[] {Operator.HEADER, ""},
            new String[] {Operator.HEADER, TestService.OPERATOR + "x"},
            new String[] {"Authorization", "Bearer " + TestService.OPERATOR})) {
      HttpResponse<String> list = ask("GET", "", headers);
      assertThat(list.statusCode()).isEqualTo(403);
      assertThat(list.body()).contains("urn:crossdock:problem:forbidden").doesNotContain("poison");
      assertThat(ask("POST", "/topic/0/7/release", headers).statusCode()).isEqualTo(403);
    }
    assertThat(handled).isEmpty();
    assertThat(rows("SELECT position::text FROM parked")).containsExactly("7");
  }

  @Test
  void whatNobodyHereReadsIsNotReleased() throws Exception {
    assertThat(operator("POST", "/elsewhere/0/7/release").statusCode()).isEqualTo(400);
  }

  @Test
  void tenThousandParkedRecordsAreNotLookedAtToParkListOrReleaseOne() throws Exception {
    run(
        """
        INSERT INTO parked (topic, partition, position, key, value, reason, at)
        SELECT 'topic', 0, n, 'key', 'poison', 'refused', now() - n * interval '1 second'
        FROM generate_series(1, 10000) n
        """);
    run("ANALYZE parked");
    assertThat(plan(Parked.NEWEST)).contains("parked_newest").doesNotContain("Seq Scan");
    assertThat(plan(Parked.TAKE.replaceFirst("\\?", "'topic'").replace("?", "7")))
        .contains("parked_pkey")
        .doesNotContain("Seq Scan");
    assertThat(Json.mapper().readTree(operator("GET", "").body())).hasSize(100);
    mended = true;
    assertThat(operator("POST", "/topic/0/9000/release").statusCode()).isEqualTo(204);
    assertThat(handled).containsExactly("poison");
    assertThat(rows("SELECT count(*)::text FROM parked")).containsExactly("9999");
  }

  private String plan(String sql) {
    return String.join("\n", rows("EXPLAIN " + sql));
  }
}
