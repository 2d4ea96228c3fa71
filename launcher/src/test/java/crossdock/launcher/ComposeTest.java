package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written for the containers, held against the file that starts them. */
class ComposeTest {
  private static final Pattern SERVICE = Pattern.compile("(?m)^  ([a-z-]+):\\n((?:    .*\\n)+)");

  @TempDir Path directory;
  private State state;
  private Containers place;
  private Services services;
  private final Map<String, String> composed = new HashMap<>();

  @BeforeEach
  void open() throws Exception {
    state = new State(directory);
    place = new Containers(new Ports(19_000), state.root());
    Pki pki = Pki.open(state, Clock.systemUTC());
    TrustFile trust = new TrustFile(state, pki, place, Clock.systemUTC());
    services = new Services(state, place, pki, trust, directory, "library", Scope.ALL);
    String text = Files.readString(Path.of("../docker-compose.yml"));
    Matcher found = SERVICE.matcher(text.substring(text.indexOf("\nservices:")));
    while (found.find()) {
      composed.put(found.group(1), found.group(2));
    }
  }

  @Test
  void everyServiceHasAContainerWithItsOwnProgramAndProperties() {
    for (Services.Service service : Services.ALL) {
      assertThat(composed.get(service.name()))
          .as(service.name())
          .contains("<<: *service")
          .contains("command: [\"@" + service.module() + "\"]")
          .contains("MICRONAUT_CONFIG_FILES: /crossdock/run/" + service.name() + "/");
    }
    assertThat(composed.keySet())
        .hasSize(Services.ALL.size() + 4)
        .contains("postgres", "kafka", "topics", "keycloak");
  }

  @Test
  void whereAServiceListensIsANameThatItsContainerHas() {
    for (Services.Service service : Services.ALL) {
      String container = composed.get(service.name());
      assertThat(container).contains("aliases: [" + place.plain(service).host() + "]");
      if (service.site() != null) {
        assertThat(container).contains("aliases: [" + place.mutual(service).host() + "]");
      }
    }
  }

  @Test
  void onlyDocksAndTheGatewayReachIntoAnotherPartysSubnets() {
    for (Services.Service service : Services.ALL) {
      Site site = service.site();
      for (Site other : Site.ALL) {
        String container = composed.getOrDefault(service.name(), "");
        boolean may = service.module().matches("gateway|conversion-service") || other.equals(site);
        assertThat(may || !container.contains(other.provider() + "-VM")).as(container).isTrue();
        assertThat(other.equals(site) || !container.contains(other.provider() + "-VMImport"))
            .as(container)
            .isTrue();
      }
    }
  }

  @Test
  void propertiesNameFilesAsTheContainerSeesThem() throws Exception {
    for (Services.Service service : Services.ALL) {
      Path file = services.write(service);
      assertThat(Files.readString(file))
          .contains("/crossdock/run/" + service.name() + "/kafka.pem")
          .contains("postgres\\:5432/")
          .doesNotContain(directory.toString())
          .doesNotContain("127.0.0.1\\:" + place.published().kafka().port());
    }
  }

  @Test
  void tokensNameKeycloakAsCustomersDoAndItsKeysAreReadInTheNetwork() {
    assertThat(Realms.issuer(place, "north")).isEqualTo("http://127.0.0.1:19053/realms/north");
    assertThat(Realms.jwks(place, "north")).startsWith("http://keycloak:8080/realms/north/");
    assertThat(Keycloak.settings(state, place))
        .containsEntry("hostname", "http://127.0.0.1:19053")
        .containsEntry("db-url", "jdbc:postgresql://postgres:5432/keycloak");
  }

  @Test
  void aCertificateIsForTheNameThatItsOwnerListensOn() throws Exception {
    services.write(Services.named("south-import"));
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (var in = Files.newInputStream(state.run("south-import").resolve("key.p12"))) {
      store.load(in, state.secret("tls.south-import").toCharArray());
    }
    X509Certificate certificate = (X509Certificate) store.getCertificate("key");
    int name = 2;
    assertThat(certificate.getSubjectAlternativeNames())
        .contains(List.of(name, "south-import.vmimportsubnet"));
  }

  @Test
  void everyOwnerGetsARoleAndADatabaseThatIsNobodyElses() {
    String script = Postgres.script(state, List.of("keycloak", "north-export"));
    assertThat(script.lines())
        .hasSize(8)
        .contains(
            "CREATE ROLE north_export LOGIN;",
            "CREATE DATABASE north_export OWNER north_export;",
            "REVOKE ALL ON DATABASE north_export FROM PUBLIC;");
  }
}
