package crossdock.launcher;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.SigningKey;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/**
 * Who is a member, with which authority, and where each site is reached: what every party checks
 * every other by. Each founding member signs it with the key of its own authority; its version
 * grows with each writing and never falls.
 */
final class TrustFile {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LIFE = Duration.ofDays(90);

  private final State state;
  private final Pki pki;
  private final Place place;
  private final Clock clock;

  TrustFile(State state, Pki pki, Place place, Clock clock) {
    this.state = state;
    this.pki = pki;
    this.place = place;
    this.clock = clock;
  }

  Path file() {
    return state.trust().resolve("bundle.json");
  }

  /** One {@code <provider>.pem} for each founding member. */
  Path members() {
    return State.directory(state.trust().resolve("members"));
  }

  /** Writes the next version: the same payload in an envelope for each member. */
  void write() {
    pki.members()
        .forEach(
            (provider, authority) ->
                State.write(members().resolve(provider + ".pem"), authority.certificatePem()));
    try {
      Path counter = state.trust().resolve("version");
      long version = Files.exists(counter) ? Long.parseLong(Files.readString(counter)) + 1 : 1;
      State.write(counter, Long.toString(version));
      byte[] payload = payload(version);
      List<Envelope> signed =
          pki.members().values().stream()
              .map(a -> SigningKey.of(a.key(), a.certificate()))
              .map(key -> key.sign(TrustBundle.PAYLOAD_TYPE, payload))
              .toList();
      State.write(file(), Json.bytes(signed));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  byte[] payload(long version) throws JsonProcessingException {
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    ObjectNode root = JSON.createObjectNode();
    root.put("version", version)
        .put("issuedAt", now.toString())
        .put("expiresAt", now.plus(LIFE).toString());
    var members = root.putArray("members");
    for (Site site : Site.ALL) {
      ObjectNode member = members.addObject();
      member
          .put("provider", site.provider())
          .put("ca", pki.member(site.provider()).certificatePem());
      member
          .putArray("sites")
          .addObject()
          .put("urn", site.party().urn())
          .put("class", "provider")
          .put("export", url(site, "export"))
          .put("import", url(site, "import"))
          .put("dock", url(site, "conversion"));
    }
    ObjectNode core = root.putObject("core").put("ca", pki.core().certificatePem());
    var services = core.putArray("services");
    List.of("gateway", "catalog", "identity-federation", "billing")
        .forEach(service -> services.add(Party.core(service).urn()));
    return JSON.writeValueAsBytes(root);
  }

  private String url(Site site, String service) {
    return "https://" + place.mutual(Services.named(site.provider() + "-" + service)).address();
  }
}
