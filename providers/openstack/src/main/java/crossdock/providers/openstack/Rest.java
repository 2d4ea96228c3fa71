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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.openstack4j.core.transport.ObjectMapperSingleton;
import org.openstack4j.model.identity.v3.Token;
import org.openstack4j.openstack.identity.v3.domain.KeystoneToken;

/** The requests that openstack4j does not know. Thread-safe. */
final class Rest implements AutoCloseable {
  static final String TYPE = "application/json";
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
    /**
     * What was asked for; an answer without it is none, whatever its status.
     *
     * @param field of the body
     */
    JsonNode good(String field) throws IOException {
      done();
      if (!body.hasNonNull(field)) {
        throw new IOException("OpenStack answers " + status + " without " + field);
      }
      return body.get(field);
    }

    /** That it was done. */
    void done() throws IOException {
      if (status >= 300) {
        throw Denied.by(
            status,
            "OpenStack answers " + status + ": " + body.findPath("message").asText("no reason"),
            null);
      }
    }

    /** That it was done, or what it is done to is not there any more. */
    void doneOrGone() throws IOException {
      if (status != 404) {
        done();
      }
    }
  }

  static JsonNode json(Object value) {
    return JSON.valueToTree(value);
  }

  Answer call(String method, String uri, String token, Optional<JsonNode> body) throws IOException {
    return call(method, uri, token, TYPE, body);
  }

  /**
   * @param type of the body's media
   */
  Answer call(String method, String uri, String token, String type, Optional<JsonNode> body)
      throws IOException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(uri))
            .timeout(Duration.ofSeconds(60))
            .header("X-Auth-Token", token)
            .header("Content-Type", type)
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

  /** Logs in with an application credential (Identity API v3, "Authenticating with"). */
  Token token(URI keystone, String id, String secret) throws IOException {
    Object body =
        Map.of(
            "auth",
            Map.of(
                "identity",
                Map.of(
                    "methods",
                    List.of("application_credential"),
                    "application_credential",
                    Map.of("id", id, "secret", secret))));
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(keystone + "/auth/tokens"))
            .timeout(Duration.ofSeconds(60))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body)))
            .build();
    try {
      HttpResponse<byte[]> answer =
          http.send(request, BodyHandlers.limiting(BodyHandlers.ofByteArray(), LONGEST));
      String said = "Keystone answers " + answer.statusCode() + " to a credential";
      if (answer.statusCode() == 401) {
        throw new Denied(said, null); // nobody's token has ended here
      }
      if (answer.statusCode() != 201) {
        throw Denied.by(answer.statusCode(), said, null);
      }
      KeystoneToken token =
          ObjectMapperSingleton.getContext(KeystoneToken.class)
              .readValue(answer.body(), KeystoneToken.class);
      token.setId(answer.headers().firstValue("X-Subject-Token").orElse(""));
      token.setEndpoint(keystone.toString());
      return token;
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
