package crossdock.identity;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.nimbusds.jose.util.Base64URL;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.chassis.testing.TestParty;
import crossdock.contracts.Json;
import crossdock.contracts.TrustBundle;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.io.Writer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LinksApiTest {
  private static final String API = "crossdock-api";
  private static final String FILES = "micronaut.config.files";
  private static final String SITE = "crossdock-site";
  private static final String OPERATOR = "the operator's secret";

  private final HttpClient client = HttpClient.newHttpClient();
  private final List<AutoCloseable> open = new ArrayList<>();
  private TestRealm broker;
  private TestRealm north;
  private TestRealm south;
  private EmbeddedServer server;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    broker = new TestRealm("crossdock");
    open.add(broker);
    north = new TestRealm("north");
    open.add(north);
    south = new TestRealm("south");
    open.add(south);
    Parties parties =
        new Parties(
            URI.create("https://127.0.0.1:1"),
            Map.of(
                "north", new TrustBundle.Realm(north.issuer(), north.jwks(), SITE),
                "south", new TrustBundle.Realm(south.issuer(), south.jwks(), SITE)));
    Map<String, Object> configuration =
        TestParty.configuration(parties, Parties.IDENTITY, new TestDatabase(), directory);
    configuration.put("crossdock.oidc.issuer", broker.issuer());
    configuration.put("crossdock.oidc.jwks", broker.jwks().toString());
    configuration.put("crossdock.oidc.audience", API);
    configuration.put("crossdock.operator.secret", OPERATOR);
    // what a careless deployment would say; the service's own word goes before it
    configuration.put("micronaut.security.token.jwt.claims-validators.audience", SITE);
    configuration.put("micronaut.security.token.jwt.claims-validators.issuer", north.issuer());
    Properties written = new Properties();
    configuration.forEach((key, value) -> written.setProperty(key, value.toString()));
    Path file = directory.resolve("service.properties");
    try (Writer out = Files.newBufferedWriter(file)) {
      written.store(out, null);
    }
    System.setProperty(FILES, file.toString());
    ApplicationContext context =
        ApplicationContext.builder().properties(Application.SECURITY).start();
    System.clearProperty(FILES);
    open.add(context);
    server = context.getBean(EmbeddedServer.class).start();
    open.add(client);
  }

  @AfterAll
  void stop() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  @Test
  void aLinkIsProvenListedProvenAgainAndForgotten() throws Exception {
    String alice = broker.token("alice", API);
    for (int times = 0; times < 2; times++) {
      HttpResponse<byte[]> proven = prove(alice, "north", north.token("a-lice", SITE));
      assertThat(proven.statusCode()).isEqualTo(200);
      assertThat(json(proven).get("sub").asText()).isEqualTo("a-lice");
    }
    assertThat(prove(alice, "south", south.token("al-ice", SITE)).statusCode()).isEqualTo(200);
    JsonNode links = json(send(alice, "GET", "", null));
    assertThat(links).hasSize(2);
    assertThat(links.get(0).get("provider").asText()).isEqualTo("north");
    assertThat(links.get(0).get("issuer").asText()).isEqualTo(north.issuer());
    assertThat(Instant.parse(links.get(0).get("linkedAt").asText())).isBefore(Instant.now());
    assertThat(json(send(broker.token("nobody", API), "GET", "", null))).isEmpty();
    assertThat(send(alice, "DELETE", "/north", null).statusCode()).isEqualTo(204);
    assertProblem(send(alice, "DELETE", "/north", null), 404, "not-found");
    assertThat(json(send(alice, "GET", "", null))).hasSize(1);
  }

  @Test
  void anAccountThatIsLinkedToOneCustomerIsRefusedToAnother() throws Exception {
    assertThat(prove(broker.token("carol", API), "north", north.token("c-arol", SITE)).statusCode())
        .isEqualTo(200);
    assertProblem(
        prove(broker.token("mallory", API), "north", north.token("c-arol", SITE)),
        403,
        "forbidden");
    assertThat(json(send(broker.token("mallory", API), "GET", "", null))).isEmpty();
  }

  @Test
  void onlyTheProvidersOwnFreshTokenForASiteProvesALink() throws Exception {
    String dave = broker.token("dave", API);
    Instant later = Instant.now().plusSeconds(300);
    List<String> refused =
        List.of(
            south.token("d-ave", SITE),
            south.token(north.issuer(), "d-ave", SITE, later),
            north.token(south.issuer(), "d-ave", SITE, later),
            north.token("d-ave", API),
            north.token(north.issuer(), "d-ave", SITE, Instant.now().minusSeconds(3600)),
            broker.token("dave", SITE),
            unsigned(north.token("d-ave", SITE)),
            north.token("d-ave", SITE).replaceAll("[^.]+$", "AAAA"));
    for (String token : refused) {
      HttpResponse<byte[]> answer = prove(dave, "north", token);
      assertThat(answer.statusCode()).as(token).isIn(400, 403);
    }
    assertThat(json(send(dave, "GET", "", null))).isEmpty();
  }

  @Test
  void whatIsNoProofIsMalformedAndAnUnknownProviderIsUnknown() throws Exception {
    String erin = broker.token("erin", API);
    assertProblem(prove(erin, "west", north.token("e", SITE)), 422, "unknown-provider");
    for (String body :
        List.of(
            "{}",
            "null",
            "[",
            "{\"provider\":\"north\"}",
            "{\"provider\":\"north\",\"token\":7}",
            "{\"provider\":\"north\",\"token\":\"x\",\"sub\":\"y\"}",
            "{\"provider\":\"north\",\"token\":\"x\"}")) {
      assertProblem(send(erin, "POST", "", body), 400, "malformed-request");
    }
  }

  @Test
  void onlyTheBrokersOwnTokenForTheApiIsACaller() throws Exception {
    Instant later = Instant.now().plusSeconds(300);
    for (String token :
        List.of(
            "nonsense",
            north.token("alice", API),
            north.token(broker.issuer(), "alice", API, later),
            broker.token(north.issuer(), "alice", API, later),
            broker.token("alice", SITE),
            broker.token(broker.issuer(), "alice", API, Instant.now().minusSeconds(3600)),
            unsigned(broker.token("alice", API)))) {
      assertProblem(send(token, "GET", "", null), 401, "unauthenticated");
    }
    assertProblem(send(null, "GET", "", null), 401, "unauthenticated");
  }

  @Test
  void healthNeedsNoToken() throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(server.getURI().resolve("/health/liveness")).build();
    assertThat(client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode())
        .isEqualTo(200);
  }

  @Test
  void theOperatorIsKnownByASecretAndNotByACustomersToken() throws Exception {
    HttpRequest.Builder parked =
        HttpRequest.newBuilder(server.getURI().resolve("/operator/parked"));
    String token = "Bearer " + broker.token("alice", API);
    assertProblem(
        client.send(
            parked.copy().header("Authorization", token).build(),
            HttpResponse.BodyHandlers.ofByteArray()),
        403,
        "forbidden");
    assertProblem(
        client.send(parked.copy().build(), HttpResponse.BodyHandlers.ofByteArray()),
        403,
        "forbidden");
    assertThat(
            client
                .send(
                    parked.copy().header("Crossdock-Operator", OPERATOR).build(),
                    HttpResponse.BodyHandlers.discarding())
                .statusCode())
        .isEqualTo(200);
  }

  private static String unsigned(String token) {
    return Base64URL.encode("{\"alg\":\"none\"}") + "." + token.split("\\.", -1)[1] + ".";
  }

  private static void assertProblem(HttpResponse<byte[]> answer, int status, String code)
      throws IOException {
    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(answer.headers().firstValue("content-type")).hasValue("application/problem+json");
    assertThat(json(answer).get("type").asText()).isEqualTo("urn:crossdock:problem:" + code);
  }

  private HttpResponse<byte[]> prove(String caller, String provider, String token)
      throws Exception {
    return send(caller, "POST", "", Json.text(new LinksController.Proof(provider, token)));
  }

  private HttpResponse<byte[]> send(
      @Nullable String caller, String method, String path, @Nullable String body) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(server.getURI().resolve("/v1/links" + path))
            .method(
                method,
                body == null
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body));
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    if (caller != null) {
      request.header("Authorization", "Bearer " + caller);
    }
    return client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
  }

  private static JsonNode json(HttpResponse<byte[]> answer) throws IOException {
    return Json.mapper().readTree(answer.body());
  }
}
