package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Refused;
import crossdock.contracts.SigningKey;
import crossdock.contracts.TrustBundle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServicesTest {
  private static final Ports PORTS = new Ports(19_000);

  @TempDir Path directory;
  private State state;
  private Pki pki;
  private TrustFile trust;
  private Services services;

  @BeforeEach
  void open() {
    state = new State(directory);
    pki = Pki.open(state, Clock.systemUTC());
    trust = new TrustFile(state, pki, PORTS, Clock.systemUTC());
    services = new Services(state, PORTS, pki, trust, directory, "library", Scope.ALL);
  }

  private Map<String, String> properties(String name) {
    Services.Service service =
        Services.ALL.stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
    return services.properties(service, state.run(name));
  }

  @Test
  void thereAreTenAndNoTwoListenOnTheSamePort() {
    assertThat(Services.ALL).hasSize(10);
    assertThat(
            Preflight.endpoints(PORTS, Scope.ALL).stream().map(Preflight.Endpoint::port).toList())
        .hasSize(21)
        .doesNotHaveDuplicates();
  }

  @Test
  void whatAServiceIsToldToReadIsThere() {
    for (Services.Service service : Services.ALL) {
      properties(service.name())
          .forEach(
              (key, value) -> {
                if (value.startsWith(directory.toString())
                    && !key.equals("crossdock.trust.bundle")) {
                  assertThat(Path.of(value)).as(key).exists();
                }
              });
    }
  }

  @Test
  void theDockThatParsesHostileImagesHasNoSigningKeyAndMeetsNoCustomer() {
    assertThat(properties("north-conversion").keySet())
        .noneMatch(k -> k.startsWith("crossdock.signing") || k.startsWith("crossdock.oidc"));
    assertThat(Files.exists(state.run("north-conversion").resolve("signing.key.pem"))).isFalse();
  }

  @Test
  void aSitesImportServiceAndNoOtherHasItsListing() throws Exception {
    for (Services.Service service : Services.ALL) {
      Optional<String> file =
          Optional.ofNullable(properties(service.name()).get("crossdock.site.listing"));
      assertThat(file.isPresent()).as(service.name()).isEqualTo(service.imports());
      Site site = service.site();
      if (file.isPresent() && site != null) {
        Listing listing = Json.read(Files.readAllBytes(Path.of(file.get())), Listing.class);
        assertThat(listing.site()).isEqualTo(site.name());
        assertThat(listing.formats()).isEqualTo(site.formats("library"));
        assertThat(listing.jurisdictions()).isNotEmpty();
      }
    }
  }

  @Test
  void whatASiteHasPutThereIsListedInPlaceOfWhatIsShipped() throws Exception {
    Path shipped = Path.of(properties("north-import").get("crossdock.site.listing"));
    String own = Files.readString(shipped).replace("EEA", "EFTA");
    State.write(state.listing("north"), own);
    Path written = Path.of(properties("north-import").get("crossdock.site.listing"));
    assertThat(Json.read(Files.readAllBytes(written), Listing.class).jurisdictions())
        .containsExactly("EFTA");
    State.write(state.listing("north"), "{}");
    assertThatThrownBy(() -> properties("north-import")).isInstanceOf(Refused.class);
  }

  @Test
  void everyServiceIsWhereTheBundleSaysItIs() throws Exception {
    JsonNode site =
        new ObjectMapper().readTree(trust.payload(7)).path("members").path(0).path("sites").path(0);
    assertThat(site.path("urn").asText())
        .isEqualTo(properties("north-export").get("crossdock.party"));
    assertThat(site.path("export").asText()).isEqualTo(https("north-export"));
    assertThat(site.path("import").asText()).isEqualTo(https("north-import"));
    assertThat(site.path("dock").asText()).isEqualTo(https("north-conversion"));
  }

  @Test
  void aPartyWithThePinnedMembersAcceptsTheBundleAndItsVersionGrows() throws Exception {
    trust.write();
    trust.write();
    List<Envelope> signed = List.of(Json.read(Files.readAllBytes(trust.file()), Envelope[].class));
    List<X509Certificate> pinned = new ArrayList<>();
    for (String provider : List.of("north", "south")) {
      pinned.add(
          Authority.certificate(Files.readString(trust.members().resolve(provider + ".pem"))));
    }
    TrustBundle accepted = TrustBundle.accept(signed, pinned, 1, Instant.now());
    assertThat(accepted.version()).isEqualTo(2);
    assertThat(accepted.core().services()).hasSize(4);
    assertThatThrownBy(
            () -> TrustBundle.accept(List.of(signed.getFirst()), pinned, 1, Instant.now()))
        .hasMessageContaining("no majority");
  }

  @Test
  void whatAServiceSignsAndShowsIsBelievedByTheBundle() throws Exception {
    trust.write();
    TrustBundle accepted = Json.read(trust.payload(1), TrustBundle.class);
    for (String name : List.of("north-export", "south-import", "billing")) {
      Map<String, String> p = properties(name);
      SigningKey key =
          SigningKey.load(
              Path.of(p.get("crossdock.signing.key")),
              Path.of(p.get("crossdock.signing.certificate")));
      assertThat(accepted.signer(key.sign("text/plain", new byte[] {1})).toString())
          .isEqualTo(p.get("crossdock.party"));
    }
    Map<String, String> dock = properties("north-conversion");
    KeyStore store = KeyStore.getInstance("PKCS12");
    char[] password = dock.getOrDefault("crossdock.tls.password", "").toCharArray();
    try (var in = Files.newInputStream(Path.of(dock.get("crossdock.tls.keystore")))) {
      store.load(in, password);
    }
    assertThat(accepted.peer((X509Certificate) store.getCertificate("key"), Instant.now()))
        .isEqualTo("urn:crossdock:site:north:oslo:dock");
  }

  private String https(String name) {
    Map<String, String> p = properties(name);
    String subnet = name.endsWith("-import") ? "VMImportSubnet" : "VMExportSubnet";
    return "https://" + p.get("crossdock.subnet." + subnet) + ":" + p.get("crossdock.tls.port");
  }
}
