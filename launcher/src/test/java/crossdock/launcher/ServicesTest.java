package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServicesTest {
  private static final Ports PORTS = new Ports(19_000);

  @TempDir Path directory;
  private State state;
  private Pki pki;
  private TrustBundle trust;
  private Services services;

  @BeforeEach
  void open() {
    state = new State(directory);
    pki = Pki.open(state, Clock.systemUTC());
    trust = new TrustBundle(state, pki, PORTS, Clock.systemUTC());
    services = new Services(state, PORTS, pki, trust, directory, "library");
  }

  private Map<String, String> properties(String name) {
    Services.Service service =
        Services.ALL.stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
    return services.properties(service, state.run(name));
  }

  @Test
  void thereAreTenAndNoTwoListenOnTheSamePort() {
    assertThat(Services.ALL).hasSize(10);
    assertThat(Preflight.endpoints(PORTS, false).stream().map(Preflight.Endpoint::port).toList())
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
  void theBundleGrowsItsVersionWithEachWriting() throws Exception {
    trust.write((payload, members) -> payload);
    trust.write((payload, members) -> payload);
    JsonNode bundle = new ObjectMapper().readTree(trust.file().toFile());
    assertThat(bundle.path("version").asInt()).isEqualTo(2);
    assertThat(bundle.path("core").path("services")).hasSize(4);
    assertThat(trust.members().resolve("south.pem"))
        .hasContent(pki.member("south").certificatePem());
  }

  @Test
  void twoServicesOfOnePrincipalReadInGroupsOfTheirOwn() {
    assertThat(properties("south-export").get("crossdock.kafka.group"))
        .isEqualTo("site.south.roma.export");
    assertThat(properties("south-import").get("crossdock.kafka.group"))
        .isEqualTo("site.south.roma.import");
    assertThat(properties("billing").get("crossdock.kafka.group")).isEqualTo("core.billing");
  }

  private String https(String name) {
    Map<String, String> p = properties(name);
    return "https://" + p.get("crossdock.tls.host") + ":" + p.get("crossdock.tls.port");
  }
}
