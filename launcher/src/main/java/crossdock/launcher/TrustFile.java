package crossdock.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.CoreService;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Party;
import crossdock.contracts.Sha256;
import crossdock.contracts.SigningKey;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Who is a member, with which authority, and where each site is reached: what every party checks
 * every other by. Founding members and those who joined are in it; each founding member signs it
 * with the key of its own authority; its version grows with each writing and never falls.
 */
final class TrustFile {
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

  byte[] payload(long version) {
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    List<TrustBundle.Member> members = new ArrayList<>();
    Site.ALL.forEach(site -> members.add(founding(site)));
    Joined.all(state).forEach(joined -> members.add(joined.member()));
    Map<String, Instant> suspended = suspended();
    members.replaceAll(
        member ->
            Optional.ofNullable(suspended.get(member.provider()))
                .map(member::suspended)
                .orElse(member));
    return Json.bytes(
        new TrustBundle(
            version,
            now,
            now.plus(LIFE),
            members,
            new TrustBundle.Core(
                pki.core().certificatePem(),
                Arrays.stream(CoreService.values()).map(Party.Core::new).toList()),
            revoked()));
  }

  private Path suspensions() {
    return state.trust().resolve("suspended.json");
  }

  private Map<String, Instant> suspended() {
    Map<String, Instant> suspended = new TreeMap<>();
    try {
      if (Files.exists(suspensions())) {
        JsonNode kept = Json.read(Files.readAllBytes(suspensions()), JsonNode.class);
        kept.properties()
            .forEach(one -> suspended.put(one.getKey(), Instant.parse(one.getValue().asText())));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return suspended;
  }

  /** From the next writing on: since when a provider begins nothing; it may again if empty. */
  void suspend(String provider, Optional<Instant> since) {
    Map<String, Instant> suspended = suspended();
    if (since.isPresent()) {
      suspended.putIfAbsent(provider, since.get());
    } else {
      suspended.remove(provider);
    }
    State.write(suspensions(), Json.bytes(suspended));
  }

  private Path revocations() {
    return state.trust().resolve("revoked.json");
  }

  private List<TrustBundle.Revocation> revoked() {
    try {
      return Files.exists(revocations())
          ? List.of(Json.read(Files.readAllBytes(revocations()), TrustBundle.Revocation[].class))
          : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** From the next writing on; taken back is taken back, and only ever from an earlier time on. */
  void revoke(Sha256 certificate, Instant from) {
    Map<Sha256, Instant> all = new TreeMap<>(Comparator.comparing(Sha256::hex));
    revoked().forEach(one -> all.put(one.certificate(), one.from()));
    all.merge(certificate, from, (one, other) -> one.isBefore(other) ? one : other);
    State.write(
        revocations(),
        Json.bytes(
            all.entrySet().stream()
                .map(one -> new TrustBundle.Revocation(one.getKey(), one.getValue()))
                .toList()));
  }

  private TrustBundle.Member founding(Site site) {
    return new TrustBundle.Member(
        site.provider(),
        pki.member(site.provider()).certificatePem(),
        List.of(
            new TrustBundle.Site(
                new Party.Site(site.name()),
                TrustBundle.SiteClass.PROVIDER,
                url(site, "export"),
                url(site, "import"),
                url(site, "conversion"))),
        Optional.of(
            new TrustBundle.Realm(
                place.issuer(site.provider()),
                URI.create(place.jwks(site.provider())),
                Realms.LINK_AUDIENCE)),
        state.policyOf(site.provider()).digest());
  }

  private URI url(Site site, String service) {
    return URI.create(
        "https://" + place.mutual(Services.named(site.provider() + "-" + service)).address());
  }
}
