package crossdock.providers.disks;

import com.fasterxml.jackson.annotation.JsonProperty;
import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Keystone tokens for one ticket's credential, each used until shortly before its end (Identity API
 * v3, "Authenticating with an Application Credential"). Thread-safe.
 */
final class Tokens {
  private static final Duration BEFORE_ITS_END = Duration.ofMinutes(5);
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final DiskTicket.Access access;
  private final HttpClient http;
  private final Clock clock;
  private @Nullable Issued issued;

  private record Issued(String token, Instant until) {}

  private record Answer(Token token) {
    private record Token(@JsonProperty("expires_at") Instant expiresAt) {}
  }

  Tokens(DiskTicket.Access access, HttpClient http, Clock clock) {
    this.access = access;
    this.http = http;
    this.clock = clock;
  }

  /** Adds a token that is good for some minutes at least. */
  void sign(HttpRequest.Builder request) throws IOException {
    request.setHeader("X-Auth-Token", token());
  }

  private synchronized String token() throws IOException {
    Issued now = issued;
    if (now == null || clock.instant().isAfter(now.until().minus(BEFORE_ITS_END))) {
      now = issue();
      issued = now;
    }
    return now.token();
  }

  private Issued issue() throws IOException {
    byte[] body =
        Json.bytes(
            Map.of(
                "auth",
                Map.of(
                    "identity",
                    Map.of(
                        "methods",
                        new String[] {"application_credential"},
                        "application_credential",
                        Map.of("id", access.id(), "secret", access.secret())))));
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(access.keystone() + "/auth/tokens"))
            .timeout(PATIENCE)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
            .build();
    try {
      HttpResponse<byte[]> answer =
          http.send(request, BodyHandlers.limiting(BodyHandlers.ofByteArray(), 1 << 20));
      if (answer.statusCode() != 201) {
        throw new IOException("Keystone answers " + answer.statusCode() + " to a ticket");
      }
      String token =
          answer
              .headers()
              .firstValue("X-Subject-Token")
              .orElseThrow(() -> new IOException("Keystone answers without a token"));
      return new Issued(token, Json.read(answer.body(), Answer.class).token().expiresAt());
    } catch (Refused e) {
      throw new IOException("Keystone's answer is no token: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
