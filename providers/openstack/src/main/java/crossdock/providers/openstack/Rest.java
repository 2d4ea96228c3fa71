package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Optional;

/** The requests that openstack4j does not know. Thread-safe. */
final class Rest implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int LONGEST = 4 << 20;

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(10))
          .build();

  /**
   * @param status of the answer
   * @param body empty unless it is JSON
   */
  record Answer(int status, JsonNode body) {
    JsonNode good() throws IOException {
      if (status >= 300) {
        throw Denied.by(
            status,
            "OpenStack answers " + status + ": " + body.findPath("message").asText("no reason"),
            null);
      }
      return body;
    }
  }

  JsonNode json(Object value) {
    return JSON.valueToTree(value);
  }

  Answer call(String method, String uri, String token, Optional<JsonNode> body) throws IOException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(uri))
            .timeout(Duration.ofSeconds(60))
            .header("X-Auth-Token", token)
            .header("Content-Type", "application/json")
            .method(
                method,
                body.isPresent()
                    ? BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body.get()))
                    : BodyPublishers.noBody())
            .build();
    try {
      HttpResponse<byte[]> answer =
          http.send(request, BodyHandlers.limiting(BodyHandlers.ofByteArray(), LONGEST));
      boolean json =
          answer.headers().firstValue("Content-Type").orElse("").startsWith("application/json");
      return new Answer(
          answer.statusCode(),
          json && answer.body().length > 0
              ? JSON.readTree(answer.body())
              : MissingNode.getInstance());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /**
   * Logs in.
   *
   * @return the token (Identity API v3, {@code X-Subject-Token})
   */
  String token(String uri, JsonNode body) throws IOException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(uri))
            .timeout(Duration.ofSeconds(60))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body)))
            .build();
    try {
      HttpResponse<Void> answer = http.send(request, BodyHandlers.discarding());
      return answer
          .headers()
          .firstValue("X-Subject-Token")
          .orElseThrow(() -> new IOException("Keystone answers " + answer.statusCode()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
