package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Every refusal is problem+json with a stable code, and says nothing about our inside. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
class ProblemTest {
  private static final String SECRET = "password=hunter2";

  private final HttpClient client = HttpClient.newHttpClient();
  private final EmbeddedServer server;

  ProblemTest(@TempDir Path directory) throws IOException, GeneralSecurityException {
    server = TestService.plain(new Parties(), directory);
  }

  @AfterAll
  void close() {
    client.close();
    server.close();
  }

  /** Fails in every way. */
  @Controller("/fails")
  @Requires(missingProperty = "crossdock.tls.keystore")
  @SuppressWarnings("DoNotCallSuggester")
  static final class Failing {
    @Get("/{problem}")
    String problem(Problem problem) {
      throw problem.because("this case");
    }

    @Get("/refused")
    String refused() {
      throw new Refused("a site is provider:region");
    }

    @Get("/bug")
    String bug() {
      throw new IllegalStateException(SECRET);
    }

    @Post("/take")
    Map<String, Integer> take(@Body Map<String, Integer> body) {
      return body;
    }
  }

  private HttpResponse<String> send(HttpRequest.Builder request, String path)
      throws IOException, InterruptedException {
    return client.send(
        request.uri(server.getURI().resolve(path)).build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return send(HttpRequest.newBuilder(), path);
  }

  private static JsonNode problem(HttpResponse<String> answer, Problem expected) {
    assertThat(answer.headers().firstValue("content-type").orElse(""))
        .startsWith("application/problem+json");
    JsonNode body = Json.read(answer.body(), JsonNode.class);
    assertThat(body.path("type").asText()).isEqualTo(expected.type());
    assertThat(body.path("status").asInt()).isEqualTo(answer.statusCode());
    assertThat(answer.statusCode()).isEqualTo(expected.status());
    assertThat(body.path("title").asText()).isNotBlank();
    return body;
  }

  @Test
  void everyProblemIsAnsweredWithItsStatusCodeAndDetail() throws Exception {
    for (Problem expected : Problem.values()) {
      JsonNode body = problem(get("/fails/" + expected), expected);
      assertThat(body.path("detail").asText()).isEqualTo("this case");
    }
  }

  @Test
  void codesAreStableAndNoTwoAreAlike() {
    List<String> types = Arrays.stream(Problem.values()).map(Problem::type).toList();
    assertThat(types)
        .doesNotHaveDuplicates()
        .allMatch(type -> type.matches("urn:crossdock:problem:[a-z-]+"))
        .contains("urn:crossdock:problem:idempotency-key-reused");
  }

  @Test
  void whatContractsRefuseIsMalformed() throws Exception {
    assertThat(problem(get("/fails/refused"), Problem.MALFORMED_REQUEST).path("detail").asText())
        .isEqualTo("a site is provider:region");
  }

  @Test
  void aBugIsAnIncidentThatTellsNothing() throws Exception {
    HttpResponse<String> answer = get("/fails/bug");
    assertThat(problem(answer, Problem.INTERNAL).path("detail").asText())
        .matches("incident [0-9a-f-]{36}");
    assertThat(answer.body()).doesNotContain("hunter2").doesNotContain("Exception");
  }

  @Test
  void whatIsNotThereIsNotFound() throws Exception {
    problem(get("/nowhere"), Problem.NOT_FOUND);
  }

  @Test
  void whatIsNoJsonIsMalformed() throws Exception {
    problem(
        send(
            HttpRequest.newBuilder()
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"a\":")),
            "/fails/take"),
        Problem.MALFORMED_REQUEST);
  }

  @Test
  void aWrongMethodOrTypeIsMalformed() throws Exception {
    problem(send(HttpRequest.newBuilder().DELETE(), "/fails/take"), Problem.MALFORMED_REQUEST);
    problem(
        send(
            HttpRequest.newBuilder()
                .header("Content-Type", "text/csv")
                .POST(HttpRequest.BodyPublishers.ofString("a,b")),
            "/fails/take"),
        Problem.MALFORMED_REQUEST);
  }
}
