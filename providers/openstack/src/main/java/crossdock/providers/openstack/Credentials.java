package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What tickets get into the cloud by: application credentials of our user in one project (Identity
 * API v3, "Application credentials"). Thread-safe.
 */
final class Credentials {
  private final Session session;
  private final byte[] key;

  /**
   * @param key that secrets are derived with
   */
  Credentials(Session session, byte[] key) {
    this.session = session;
    this.key = key;
  }

  /** A request that a ticket's credential is good for. */
  record Rule(String method, URI uri) {}

  /**
   * What is good for these requests and nothing else: an application credential with access rules.
   * Its secret follows from its name, so that it is found again after a crash.
   */
  DiskTicket.Access give(String name, List<Rule> rules) throws IOException {
    String secret = secret(name);
    JsonNode wanted =
        Rest.json(
            rules.stream()
                .map(
                    rule ->
                        Map.of(
                            "service", "image",
                            "method", rule.method(),
                            "path", rule.uri().getPath()))
                .toList());
    Optional<JsonNode> there = credential(name);
    if (there.isPresent() && !isOf(there.get(), wanted)) {
      // Of an image that there is no more.
      dropCredential(there.get());
      there = Optional.empty();
    }
    if (there.isEmpty()) {
      JsonNode body =
          Rest.json(
              Map.of(
                  "application_credential",
                  Map.of("name", name, "secret", secret, "access_rules", wanted)));
      there =
          Optional.of(session.raw("POST", uri(), Optional.of(body)).good("application_credential"));
    }
    return new DiskTicket.Access(session.keystone(), there.get().path("id").asText(), secret);
  }

  private static boolean isOf(JsonNode credential, JsonNode rules) {
    return requests(credential.path("access_rules")).equals(requests(rules));
  }

  private static Set<String> requests(JsonNode rules) {
    Set<String> requests = new HashSet<>();
    for (JsonNode rule : rules) {
      requests.add(rule.path("method").asText() + " " + rule.path("path").asText());
    }
    return requests;
  }

  private String secret(String name) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return HexFormat.of()
          .formatHex(
              mac.doFinal((session.project() + "/" + name).getBytes(StandardCharsets.UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private Optional<JsonNode> credential(String name) throws IOException {
    for (JsonNode one : credentialList()) {
      if (one.path("name").asText().equals(name)) {
        return Optional.of(one);
      }
    }
    return Optional.empty();
  }

  private JsonNode credentialList() throws IOException {
    return session.raw("GET", uri(), Optional.empty()).good("application_credentials");
  }

  /** Ends what {@link #give} gave under names that begin so. */
  void end(String prefix) throws IOException {
    for (JsonNode one : credentialList()) {
      if (one.path("name").asText().startsWith(prefix)) {
        dropCredential(one);
      }
    }
  }

  private void dropCredential(JsonNode credential) throws IOException {
    session
        .raw("DELETE", uri() + "/" + credential.path("id").asText(), Optional.empty())
        .doneOrGone();
  }

  private String uri() {
    return session.keystone() + "/users/" + session.user() + "/application_credentials";
  }
}
