package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Refused;
import crossdock.contracts.SigningKey;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A provider that wants to join may be hostile, and so may be who answers it. */
class ApplicationTest {
  @TempDir Path directory;

  @BeforeEach
  void apply() throws IOException {
    init("east:wien");
  }

  private static final String LISTING =
      """
      {"country": "AT", "formats": ["raw"], "sizes": [], "networks": [], "securityGroups": [], "architectures": [],
       "firmwares": []}
      """;

  private int init(String site) throws IOException {
    return init(site, LISTING);
  }

  private int init(String site, String listing) throws IOException {
    JoiningSite.Init init = new JoiningSite.Init();
    init.directory = directory.resolve("east");
    init.site = site;
    init.listing = Files.writeString(directory.resolve("listing.json"), listing);
    init.prices =
        Files.writeString(directory.resolve("prices.json"), "[{\"meter\": \"export.gib\"}]");
    init.exportSubnet = "192.0.2.1";
    init.importSubnet = "192.0.2.129";
    init.listen = "127.0.0.1";
    init.ports = 19_010;
    init.issuer = "https://id.east.example";
    init.jwks = URI.create("https://id.east.example/certs");
    init.adapter = "library";
    return init.call();
  }

  private byte[] sent() throws IOException {
    return Files.readAllBytes(directory.resolve("east/application.json"));
  }

  private Authority authority() {
    return Authority.open(directory.resolve("east/pki/east"), "crossdock east", Clock.systemUTC());
  }

  /** The same with something else in it, and a good signature. */
  private byte[] with(Consumer<ObjectNode> change) throws IOException {
    ObjectNode payload =
        (ObjectNode) Json.read(Json.read(sent(), Envelope.class).bytes(), JsonNode.class);
    change.accept(payload);
    Authority authority = authority();
    return Json.bytes(
        SigningKey.of(authority.key(), authority.certificate())
            .sign(Application.PAYLOAD_TYPE, Json.bytes(payload)));
  }

  private static ObjectNode at(ObjectNode payload, String pointer) {
    return (ObjectNode) payload.at(pointer);
  }

  @Test
  void whatInitMakesIsTakenAndNamesWhatItIsFor() throws IOException {
    Application application = Application.read(sent(), Instant.now());
    assertThat(application.site()).hasToString("east:wien");
    assertThat(application.prices().getFirst().path("party").asText())
        .isEqualTo("urn:crossdock:site:east:wien");
    assertThat(application.member().sites().getFirst().imports())
        .isEqualTo(URI.create("https://192.0.2.129:19016"));
    assertThat(application.key(Application.SITE)).isNotEqualTo(application.key(Application.DOCK));
  }

  @Test
  void noPrivateKeyIsInItAndWhatIsKeptIsTheOwnersAlone() throws IOException {
    String all = new String(Json.read(sent(), Envelope.class).bytes(), StandardCharsets.UTF_8);
    assertThat(all).doesNotContain("PRIVATE");
    try (Stream<Path> files = Files.walk(directory.resolve("east"))) {
      assertThat(files.filter(file -> file.toString().endsWith(".key.pem")))
          .hasSize(3)
          .allSatisfy(
              file ->
                  assertThat(Files.getPosixFilePermissions(file))
                      .allMatch(permission -> permission.name().startsWith("OWNER")));
    }
  }

  @Test
  void doneAgainItKeepsTheAuthorityAndMakesNewKeysForTheBroker() throws IOException {
    Application before = Application.read(sent(), Instant.now());
    init("east:wien");
    Application after = Application.read(sent(), Instant.now());
    assertThat(after.authority()).isEqualTo(before.authority());
    assertThat(after.key(Application.SITE)).isNotEqualTo(before.key(Application.SITE));
  }

  @Test
  void anApplicationThatIsNotItsOwnOrSpeaksForOthersIsRefused() throws IOException {
    Authority stranger =
        Authority.open(
            State.directory(directory.resolve("stranger")), "crossdock east", Clock.systemUTC());
    byte[] payload = Json.read(sent(), Envelope.class).bytes();
    Map<String, byte[]> hostile = new HashMap<>();
    hostile.put(
        "signed by another",
        Json.bytes(
            SigningKey.of(stranger.key(), stranger.certificate())
                .sign(Application.PAYLOAD_TYPE, payload)));
    hostile.put(
        "of another type",
        Json.bytes(
            SigningKey.of(authority().key(), authority().certificate())
                .sign(TrustBundle.PAYLOAD_TYPE, payload)));
    hostile.put("cut", java.util.Arrays.copyOf(sent(), sent().length / 2));
    hostile.put("long", new byte[2 << 20]);
    hostile.put(
        "another's site",
        with(p -> at(p, "/member/sites/0").put("urn", "urn:crossdock:site:north:oslo")));
    hostile.put(
        "another's prices",
        with(p -> at(p, "/prices/0").put("party", "urn:crossdock:core:billing")));
    hostile.put("no realm", with(p -> at(p, "/member").remove("realm")));
    hostile.put("gone", with(p -> at(p, "/member").put("leftAt", "2026-01-01T00:00:00Z")));
    for (String endpoint :
        List.of(
            "http://192.0.2.1:80",
            "https://192.0.2.1",
            "https://user@192.0.2.1:443",
            "https://192.0.2.1:443/admin",
            "https://192.0.2.1:443?x",
            "file:///etc/passwd")) {
      hostile.put(endpoint, with(p -> at(p, "/member/sites/0").put("dock", endpoint)));
    }
    hostile.put(
        "a key of another kind",
        with(p -> at(p, "/requests").put("dock", p.at("/member/ca").asText())));
    hostile.put("no key", with(p -> at(p, "/requests").remove("dock")));
    hostile.put(
        "a key more",
        with(p -> at(p, "/requests").put("gateway", p.at("/requests/dock").asText())));
    hostile.put(
        "a leaf for a CA",
        with(
            p ->
                at(p, "/member")
                    .put(
                        "ca",
                        authority()
                            .issue(
                                new Party("site.east.wien", "urn:crossdock:site:east:wien"),
                                Authority.Use.SIGNING)
                            .chainPem())));
    hostile.forEach(
        (why, bytes) ->
            assertThatThrownBy(() -> Application.read(bytes, Instant.now()))
                .as(why)
                .isInstanceOf(Refused.class));
    assertThatThrownBy(() -> Application.read(sent(), Instant.now().plus(Duration.ofDays(731))))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("does not hold");
  }

  @Test
  void aListingIsWholeAndOfTheSiteThatJoins() throws IOException {
    Listing kept =
        Json.read(Files.readAllBytes(directory.resolve("east/listings/east.json")), Listing.class);
    assertThat(kept.site()).isEqualTo(SiteId.parse("east:wien"));
    for (String listing :
        List.of("[]", "{\"country\": \"AT\"}", LISTING.replace("raw", "floppy"))) {
      assertThatThrownBy(() -> init("east:wien", listing))
          .as(listing)
          .isInstanceOf(Refusal.class)
          .hasMessageContaining("It cannot be so");
    }
  }

  @Test
  void aSiteIsNamedAsSitesAre() {
    for (String site : List.of("east", "east:wien:2", "East:wien", "../x:wien", "east.a:wien")) {
      assertThatThrownBy(() -> init(site)).as(site).isInstanceOf(Refusal.class);
    }
  }

  @Test
  void anAnswerIsBelievedOnlyWithTheFoundingMembersThatWereNamedAndOurOwnEntry()
      throws IOException {
    State core = new State(directory.resolve("core"));
    State.directory(core.root());
    Pki pki = Pki.open(core, Clock.systemUTC());
    TrustFile trust = new TrustFile(core, pki, new Ports(19_000), Clock.systemUTC());
    Application application = Application.read(sent(), Instant.now());
    Set<String> pins = new java.util.HashSet<>();
    Map<String, String> founders = new HashMap<>();
    pki.members()
        .forEach(
            (name, authority) -> {
              pins.add(JoiningSite.pin(authority.certificate()));
              founders.put(name, authority.certificatePem());
            });
    Map<String, String> certificates = new HashMap<>();
    for (String of : List.of(Application.SITE, Application.DOCK)) {
      certificates.put(
          of,
          Authority.pem(
              pki.core()
                  .certify(
                      application.key(of), Party.site(application.site()), Authority.Use.CLIENT)));
    }
    trust.write();
    Welcome without =
        new Welcome(
            List.of(Json.read(Files.readAllBytes(trust.file()), Envelope[].class)),
            founders,
            "127.0.0.1:9092",
            certificates);
    assertThatThrownBy(() -> install(without, pins))
        .isInstanceOf(Refusal.class)
        .hasMessageContaining("our own entry");
    new Joined(application, Optional.empty(), Optional.empty()).write(core);
    trust.write();
    List<Envelope> signed = List.of(Json.read(Files.readAllBytes(trust.file()), Envelope[].class));
    Welcome good = new Welcome(signed, founders, "127.0.0.1:9092", certificates);
    assertThatThrownBy(() -> install(good, Set.of("0".repeat(64))))
        .isInstanceOf(Refusal.class)
        .hasMessageContaining("--pin");
    Welcome minority =
        new Welcome(List.of(signed.getFirst()), founders, "127.0.0.1:9092", certificates);
    assertThatThrownBy(() -> install(minority, pins))
        .isInstanceOf(Refusal.class)
        .hasMessageContaining("no majority");
    Welcome outward =
        new Welcome(
            signed,
            Map.of("../../out", founders.get("north"), "south", founders.get("south")),
            "127.0.0.1:9092",
            certificates);
    assertThatThrownBy(() -> install(outward, pins)).isInstanceOf(Refusal.class);
    Welcome nowhere = new Welcome(signed, founders, "nowhere", certificates);
    assertThatThrownBy(() -> install(nowhere, pins)).isInstanceOf(Refusal.class);
  }

  private int install(Welcome welcome, Set<String> pins) throws IOException {
    JoiningSite.Install install = new JoiningSite.Install();
    install.directory = directory.resolve("east");
    install.welcome = Files.write(directory.resolve("welcome.json"), Json.bytes(welcome));
    install.pins = pins;
    install.postgres = "127.0.0.1:5432";
    return install.call();
  }
}
