package crossdock.gateway.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import crossdock.chassis.Database;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Progress;
import crossdock.contracts.Role;
import crossdock.contracts.Step;
import crossdock.gateway.Facts;
import crossdock.gateway.log.MigrationLog;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.web.router.Router;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole service but for Kafka, over HTTP, with tokens that somebody signed. */
final class ApiTest {
  private static final String ISSUER = "https://keycloak/realms/crossdock";
  private static final Parties PARTIES = new Parties();
  private static final BlockingQueue<byte[]> HOOKED = new LinkedBlockingQueue<>();
  private static final AtomicInteger KEYS = new AtomicInteger();
  private static final String BODY =
      """
      {"vm":"vm-1","source":"north:oslo","target":"south:roma","mode":"cold","accept":"manual",
       "limit":{"amount":"10.00","currency":"EUR"},"eraseSource":false}
      """;

  @TempDir static Path directory;

  private static HttpServer keycloak;
  private static RSAKey key;
  private static EmbeddedServer gateway;
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  @BeforeAll
  static void start() throws IOException, JOSEException {
    key = new RSAKeyGenerator(2048).keyID("k").algorithm(JWSAlgorithm.RS256).generate();
    keycloak = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    keycloak.createContext(
        "/certs", exchange -> answer(exchange, new JWKSet(key.toPublicJWK()).toString()));
    keycloak.createContext(
        "/v1/links",
        exchange ->
            answer(
                exchange,
                "[{\"provider\":\"north\",\"issuer\":\"i\",\"sub\":\"s\",\"linkedAt\":\"2026-01-01T00:00:00Z\"}]"));
    keycloak.createContext(
        "/hook",
        exchange -> {
          HOOKED.add(exchange.getRequestBody().readAllBytes());
          answer(exchange, "{}");
        });
    keycloak.start();
    String url = "http://127.0.0.1:" + keycloak.getAddress().getPort();
    Map<String, Object> settings = new HashMap<>(PARTIES.configure(Parties.GATEWAY, directory));
    settings.put("micronaut.server.port", -1);
    settings.putAll(new TestDatabase().configuration());
    settings.put("kafka.bootstrap.servers", "127.0.0.1:1");
    settings.put("crossdock.oidc.issuer", ISSUER);
    settings.put("crossdock.oidc.audience", "crossdock-api");
    settings.put("crossdock.oidc.jwks", url + "/certs");
    settings.put("crossdock.identity.url", url);
    settings.put(
        "crossdock.partner.allowed", "10.0.0.0/8,127.0.0.1/32:" + keycloak.getAddress().getPort());
    gateway = ApplicationContext.run(EmbeddedServer.class, settings);
  }

  @AfterAll
  static void stop() {
    gateway.close();
    keycloak.stop(0);
  }

  private static void answer(HttpExchange exchange, String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().add("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private static String token(String sub) {
    return token(sub, "crossdock-api", ISSUER, Duration.ofMinutes(5));
  }

  private static String token(String sub, String audience, String issuer, Duration life) {
    return token(sub, audience, issuer, life, null);
  }

  private static String partner(String name) {
    return token("service-account", "crossdock-api", ISSUER, Duration.ofMinutes(5), name);
  }

  private static String token(
      String sub, String audience, String issuer, Duration life, @Nullable String partner) {
    try {
      SignedJWT jwt =
          new SignedJWT(
              new JWSHeader.Builder(JWSAlgorithm.RS256).keyID("k").build(),
              new JWTClaimsSet.Builder()
                  .subject(sub)
                  .issuer(issuer)
                  .audience(audience)
                  .claim("partner", partner)
                  .expirationTime(Date.from(Instant.now().plus(life)))
                  .build());
      jwt.sign(new RSASSASigner(key));
      return jwt.serialize();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  private static HttpRequest.Builder to(String path, String token) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(gateway.getURI().resolve(path)).timeout(Duration.ofSeconds(30));
    return token.isEmpty() ? request : request.header("Authorization", "Bearer " + token);
  }

  private static HttpResponse<String> send(HttpRequest.Builder request) {
    try {
      return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static HttpResponse<String> get(String path) {
    return send(to(path, token("alice")));
  }

  private static HttpResponse<String> post(String key, String body) {
    return send(
        to("/v1/migrations", token("alice"))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", key)
            .POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  private static HttpResponse<String> order(String migration, String order) {
    return send(
        to("/v1/migrations/" + migration + ":" + order, token("alice"))
            .POST(HttpRequest.BodyPublishers.noBody()));
  }

  private static HttpResponse<String> call(String method, String path, String token, String body) {
    return send(
        to(path, token)
            .header("Content-Type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(body)));
  }

  private static HttpResponse<String> subscribe(String partner, String url) {
    return call("POST", "/v1/subscriptions", partner(partner), "{\"url\":\"" + url + "\"}");
  }

  private static String hook(String path) {
    return "http://127.0.0.1:" + keycloak.getAddress().getPort() + "/hook/" + path;
  }

  private static JsonNode json(HttpResponse<String> response) {
    return Json.read(response.body(), JsonNode.class);
  }

  private static void problem(HttpResponse<String> response, int status, String code) {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    assertThat(response.headers().firstValue("Content-Type").orElse(""))
        .startsWith("application/problem+json");
    assertThat(json(response).path("type").asText()).isEqualTo("urn:crossdock:problem:" + code);
    assertThat(json(response).path("status").asInt()).isEqualTo(status);
  }

  private static String requested() {
    HttpResponse<String> response = post("key-" + KEYS.incrementAndGet(), BODY);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(202);
    return json(response).path("id").asText();
  }

  private static void say(String migration, Party by, Fact fact) {
    MigrationLog log = gateway.getApplicationContext().getBean(MigrationLog.class);
    byte[] report = Facts.report(PARTIES, by, new MigrationId(migration), 1, fact);
    gateway
        .getApplicationContext()
        .getBean(Database.class)
        .change(tx -> log.take(tx, by.reports(), report));
  }

  private static void upToBoot(String migration) {
    MigrationId id = new MigrationId(migration);
    say(migration, Parties.IDENTITY, Facts.authorized());
    say(migration, Parties.NORTH, new Fact.Inspected(Facts.MACHINE));
    say(migration, Parties.CATALOG, new Fact.Planned(Facts.PLAN));
    say(migration, Parties.BILLING, new Fact.Quoted(Facts.QUOTE));
    say(migration, Parties.NORTH, new Fact.Cleared(Facts.PLAN.digest(), false));
    say(migration, Parties.SOUTH, new Fact.Reserved(Facts.PLAN.digest()));
    say(migration, Parties.NORTH, new Fact.Stopped(Facts.START));
    say(migration, Parties.NORTH, Facts.opened());
    say(migration, Parties.NORTH, new Fact.Certified(1, true, Facts.certificate(PARTIES, id)));
    say(migration, Parties.SOUTH, Facts.imported(Facts.certificate(PARTIES, id)));
    say(migration, Parties.SOUTH, new Fact.Booted("vm-9", "counter 7"));
  }

  /** The frames of an event stream, until it ends. */
  private static List<String> frames(HttpRequest.Builder request) throws Exception {
    HttpResponse<InputStream> response =
        CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("Content-Type").orElse(""))
        .startsWith("text/event-stream");
    List<String> frames = new ArrayList<>();
    StringBuilder frame = new StringBuilder();
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.isEmpty()) {
          frames.add(frame.toString());
          frame.setLength(0);
        } else {
          frame.append(line).append('\n');
        }
      }
    }
    return frames;
  }

  @Test
  void withoutAValidTokenNobodyIsLetIn() {
    problem(send(to("/v1/migrations", "")), 401, "unauthenticated");
    problem(send(to("/v1/providers", "nonsense")), 401, "unauthenticated");
    for (String token :
        List.of(
            token("alice", "another", ISSUER, Duration.ofMinutes(5)),
            token("alice", "crossdock-api", "https://elsewhere", Duration.ofMinutes(5)),
            token("alice", "crossdock-api", ISSUER, Duration.ofMinutes(-5)))) {
      problem(send(to("/v1/migrations", token)), 401, "unauthenticated");
    }
    assertThat(send(to("/v1/migrations", "")).headers().firstValue("WWW-Authenticate"))
        .hasValue("Bearer");
  }

  @Test
  void healthAndTheContractAreForEverybodyAndReadinessNeedsTheBroker() {
    assertThat(send(to("/health/liveness", "")).statusCode()).isEqualTo(200);
    assertThat(send(to("/health/readiness", "")).statusCode()).isEqualTo(503);
    assertThat(send(to("/prometheus", "")).statusCode()).isEqualTo(200);
    HttpResponse<String> page = send(to("/", ""));
    assertThat(page.statusCode()).isEqualTo(200);
    assertThat(page.body()).contains("<title>Crossdock API</title>").doesNotContain("http://");
    assertThat(page.headers().firstValue("Content-Type").orElse("")).startsWith("text/html");
    assertThat(send(to("/page.js", "")).body()).contains("/openapi.json");
    assertThat(send(to("/page.css", "")).statusCode()).isEqualTo(200);
    assertThat(send(to("/openapi.yaml", "")).body()).startsWith("openapi: 3.1.0");
  }

  @Test
  void theSameRequestTwiceIsOneMigration() {
    HttpResponse<String> first = post("\"twice\"", BODY);
    HttpResponse<String> second = post("twice", BODY.replace("10.00", "10.0"));
    assertThat(first.statusCode()).isEqualTo(202);
    assertThat(second.statusCode()).isEqualTo(202);
    assertThat(second.headers().firstValue("Location"))
        .isEqualTo(first.headers().firstValue("Location"))
        .hasValue("/v1/migrations/" + json(first).path("id").asText());
    problem(post("twice", BODY.replace("vm-1", "vm-2")), 422, "idempotency-key-reused");
    String slower = BODY.replace("false", "false,\"bandwidth\":{\"bytesPerSecond\":1048576}");
    problem(post("twice", slower), 422, "idempotency-key-reused");
    assertThat(post("slower", slower).statusCode()).isEqualTo(202);
  }

  @Test
  void whatACustomerHasHadToSayBeyondMachineSitesLimitsAndYesIsCounted() {
    String more =
        """
        false, "waived": ["firewall-wider"],
        "choices": {"size": "large", "networks": {"a": "b", "c": "d"}, "within": ["EU"], "downtimeSeconds": 60}\
        """;
    assertThat(json(post("plain", BODY)).path("inputs").asInt(-1)).isZero();
    assertThat(json(post("tuned", BODY.replace("false", more))).path("inputs").asInt())
        .isEqualTo(4);
  }

  @Test
  void aRequestThatSaysTooLittleOrTooMuchIsRefused() {
    problem(
        send(
            to("/v1/migrations", token("alice"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(BODY))),
        400,
        "idempotency-key-missing");
    problem(post("x".repeat(129), BODY), 400, "malformed-request");
    problem(post("k1", BODY.replace("\"mode\"", "\"mood\"")), 400, "malformed-request");
    problem(post("k1", BODY.replace("false", "false,\"more\":1")), 400, "malformed-request");
    problem(post("k1", BODY.replace("EUR\"", "EUR\",\"more\":1")), 400, "malformed-request");
    problem(post("k1", BODY.replace("cold", "hot")), 400, "malformed-request");
    for (String bandwidth :
        List.of(
            "{}",
            "{\"bytesPerSecond\":1048575}",
            "{\"bytesPerSecond\":2000000,\"from\":\"08:00\"}")) {
      String body = BODY.replace("false", "false,\"bandwidth\":" + bandwidth);
      problem(post("k1", body), 400, "malformed-request");
    }
    problem(post("k1", BODY.replace("vm-1", "../etc")), 400, "malformed-request");
    problem(post("k1", BODY.replace("south:roma", "north:oslo")), 400, "malformed-request");
    problem(post("k1", "[]"), 400, "malformed-request");
    problem(post("k1", BODY.replace("south:roma", "east:kyiv")), 422, "unknown-provider");
  }

  @Test
  void aCustomerSeesOnlyTheirOwn() {
    String id = requested();
    assertThat(json(get("/v1/migrations/" + id)).path("state").asText()).isEqualTo("requested");
    for (String path : List.of("", "/events", "/certificate", "/statement", "/evidence")) {
      problem(send(to("/v1/migrations/" + id + path, token("mallory"))), 404, "not-found");
    }
    for (String order : List.of(":cancel", ":accept")) {
      problem(
          send(
              to("/v1/migrations/" + id + order, token("mallory"))
                  .POST(HttpRequest.BodyPublishers.noBody())),
          404,
          "not-found");
    }
    assertThat(json(send(to("/v1/migrations", token("mallory")))).path("items")).isEmpty();
    problem(get("/v1/migrations/m-1"), 404, "not-found");
    problem(get("/v1/migrations/m-000000000000000000000000"), 404, "not-found");
  }

  @Test
  void theListComesInPagesNewestFirst() {
    String first = requested();
    String second = requested();
    JsonNode page = json(get("/v1/migrations?pageSize=1"));
    assertThat(page.path("items").path(0).path("id").asText()).isEqualTo(second);
    JsonNode next =
        json(get("/v1/migrations?pageSize=1&pageToken=" + page.path("nextPageToken").asText()));
    assertThat(next.path("items").path(0).path("id").asText()).isEqualTo(first);
    problem(get("/v1/migrations?pageSize=0"), 400, "malformed-request");
    problem(get("/v1/migrations?pageSize=many"), 400, "malformed-request");
  }

  @Test
  void aMigrationIsCancelledOnceAndForAll() {
    String id = requested();
    say(id, Parties.IDENTITY, Facts.authorized());
    assertThat(order(id, "cancel").statusCode()).isEqualTo(202);
    JsonNode migration = json(order(id, "cancel"));
    assertThat(migration.path("state").asText()).isEqualTo("undone");
    assertThat(migration.path("reason").asText()).isEqualTo("CANCELLED");
    assertThat(migration.path("done").asBoolean()).isTrue();
    problem(order(id, "accept"), 409, "too-late");
    problem(get("/v1/migrations/" + id + "/certificate"), 404, "not-found");
    problem(get("/v1/migrations/" + id + "/statement"), 404, "not-found");
  }

  @Test
  void afterTheAcceptanceItIsTooLateToCancelAndEverythingIsThereToCheck() {
    String id = requested();
    problem(order(id, "accept"), 409, "too-late");
    upToBoot(id);
    assertThat(json(order(id, "accept")).path("state").asText()).isEqualTo("accepted");
    problem(order(id, "cancel"), 409, "too-late");
    say(id, Parties.NORTH, new Fact.Retired(false));
    say(id, Parties.BILLING, new Fact.Settled(Facts.QUOTE));

    JsonNode migration = json(get("/v1/migrations/" + id));
    assertThat(migration.path("done").asBoolean()).isTrue();
    assertThat(migration.path("runs").asText()).isEqualTo("target");
    assertThat(migration.path("targetMachine").asText()).isEqualTo("vm-9");
    assertThat(migration.path("evidence").asText()).isEqualTo("counter 7");
    assertThat(migration.path("seconds").path("certify").isNumber()).isTrue();
    JsonNode disk = migration.path("disks").path(0);
    assertThat(disk.path("sourceFormat").asText()).isEqualTo("qcow2");
    assertThat(disk.path("targetFormat").asText()).isEqualTo("vmdk");
    assertThat(disk.path("root").asText()).hasSize(64);

    HttpResponse<String> certificate = get("/v1/migrations/" + id + "/certificate");
    assertThat(certificate.headers().firstValue("Content-Type"))
        .hasValue("application/vnd.dev.sigstore.bundle.v0.3+json");
    JsonNode statement = json(get("/v1/migrations/" + id + "/statement"));
    assertThat(statement.path("total").path("amount").asText()).isEqualTo("0.8");
    assertThat(statement.path("net").path("urn:crossdock:site:north:oslo").path("amount").asText())
        .isEqualTo("0.4");
    List<byte[]> chain = new ArrayList<>();
    json(get("/v1/migrations/" + id + "/evidence"))
        .forEach(event -> chain.add(event.toString().getBytes(StandardCharsets.UTF_8)));
    assertThat(Event.verify(chain, PARTIES.trust())).hasSize(16);
  }

  @Test
  void theEventStreamGoesOnAfterTheLastEventSeenAndEndsWithTheMigration() throws Exception {
    String id = requested();
    upToBoot(id);
    order(id, "accept");
    Thread world =
        Thread.ofVirtual()
            .start(
                () -> {
                  say(id, Parties.NORTH, new Fact.Retired(false));
                  say(id, Parties.BILLING, new Fact.Settled(Facts.QUOTE));
                });
    List<String> frames = frames(to("/v1/migrations/" + id + "/events", token("alice")));
    world.join();
    assertThat(frames.getFirst()).isEqualTo("retry: 5000\n");
    assertThat(frames).hasSize(17);
    assertThat(frames.get(1))
        .startsWith("id: 1\nevent: crossdock.migration.requested.v1\ndata: {\"sequence\":1,");
    List<String> rest =
        frames(
            to("/v1/migrations/" + id + "/events", token("alice")).header("Last-Event-ID", "14"));
    assertThat(rest).hasSize(3);
    assertThat(rest.get(1)).startsWith("id: 15\n");
    HttpResponse<String> nothing =
        send(to("/v1/migrations/" + id + "/events", token("alice")).header("Last-Event-ID", "16"));
    assertThat(nothing.statusCode()).isEqualTo(204);
    problem(
        send(to("/v1/migrations/" + id + "/events", token("alice")).header("Last-Event-ID", "x")),
        400,
        "malformed-request");
  }

  @Test
  void progressIsToldWithoutAnId() throws Exception {
    String id = requested();
    say(id, Parties.IDENTITY, Facts.authorized());
    say(id, Parties.NORTH, new Fact.Inspected(Facts.MACHINE));
    say(id, Parties.CATALOG, new Fact.Planned(Facts.PLAN));
    say(id, Parties.BILLING, new Fact.Quoted(Facts.QUOTE));
    say(id, Parties.NORTH, new Fact.Cleared(Facts.PLAN.digest(), false));
    say(id, Parties.SOUTH, new Fact.Reserved(Facts.PLAN.digest()));
    say(id, Parties.NORTH, new Fact.Stopped(Facts.START));
    say(id, Parties.NORTH, Facts.opened());
    MigrationLog log = gateway.getApplicationContext().getBean(MigrationLog.class);
    byte[] progress =
        Json.bytes(new Progress(new MigrationId(id), Step.CERTIFY, 1, 1 << 20, 8L << 30));
    gateway
        .getApplicationContext()
        .getBean(Database.class)
        .change(tx -> log.progress(tx, Parties.NORTH.progress(), progress));
    assertThat(json(get("/v1/migrations/" + id)).path("progress").path("doneBytes").asLong())
        .isEqualTo(1 << 20);
    order(id, "cancel");
    say(id, Parties.SOUTH, Facts.undone(Role.TARGET));
    say(id, Parties.NORTH, Facts.undone(Role.SOURCE));
    say(id, Parties.BILLING, new Fact.Settled(Facts.QUOTE));
    assertThat(frames(to("/v1/migrations/" + id + "/events", token("alice"))))
        .anyMatch(frame -> frame.startsWith("event: progress\ndata: {"));
  }

  @Test
  void aSourceThatSendsNoCertificateTakesNothingFromItsCustomersList() {
    String id = requested();
    say(id, Parties.IDENTITY, Facts.authorized());
    say(id, Parties.NORTH, new Fact.Inspected(Facts.MACHINE));
    say(id, Parties.CATALOG, new Fact.Planned(Facts.PLAN));
    say(id, Parties.BILLING, new Fact.Quoted(Facts.QUOTE));
    say(id, Parties.NORTH, new Fact.Cleared(Facts.PLAN.digest(), false));
    say(id, Parties.SOUTH, new Fact.Reserved(Facts.PLAN.digest()));
    say(id, Parties.NORTH, new Fact.Stopped(Facts.START));
    say(id, Parties.NORTH, Facts.opened());
    String certificate =
        new String(
            Facts.certificate(PARTIES, new MigrationId(id)).dsseEnvelope().bytes(),
            StandardCharsets.UTF_8);
    String other = certificate.replaceFirst("\"subject\":\\[", "\"subject\":[null,");
    assertThat(other).isNotEqualTo(certificate);
    say(
        id,
        Parties.NORTH,
        new Fact.Certified(
            1, true, PARTIES.key(Parties.NORTH).bundle(other.getBytes(StandardCharsets.UTF_8))));
    JsonNode now = json(get("/v1/migrations/" + id));
    assertThat(now.path("state").asText()).isEqualTo("certified");
    assertThat(now.path("disks").path(0).path("name").asText()).isEqualTo("disk-0");
    assertThat(now.path("disks").path(0).has("root")).isFalse();
    assertThat(get("/v1/migrations").statusCode()).isEqualTo(200);
  }

  @Test
  void theDirectoryNamesTheSitesAndSaysWhichDoNotAnswer() {
    JsonNode providers = json(get("/v1/providers")).path("items");
    assertThat(providers).hasSize(3);
    assertThat(providers.path(0).path("sites").path(0).path("id").asText()).isEqualTo("north:oslo");
    assertThat(providers.path(0).path("sites").path(0).path("class").asText())
        .isEqualTo("provider");
    JsonNode vms = json(get("/v1/vms"));
    assertThat(vms.path("items")).isEmpty();
    assertThat(vms.path("unavailable").path(0).asText()).isEqualTo("north:oslo");
  }

  @Test
  void theContractHasEveryRouteAndTheServiceEveryOperation() {
    Set<String> written = new TreeSet<>();
    contract()
        .path("paths")
        .properties()
        .forEach(
            path ->
                List.of("get", "post", "put", "patch", "delete").stream()
                    .filter(method -> path.getValue().has(method))
                    .forEach(
                        method ->
                            written.add(method.toUpperCase(Locale.ROOT) + " " + path.getKey())));
    Set<String> served =
        gateway
            .getApplicationContext()
            .getBean(Router.class)
            .uriRoutes()
            .filter(route -> !route.getHttpMethodName().equals("HEAD"))
            .map(route -> route.getHttpMethodName() + " " + route.getUriMatchTemplate())
            .filter(route -> route.contains(" /v1/"))
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(served).isNotEmpty().isEqualTo(written);
  }

  @Test
  void whatIsAnsweredIsAsTheContractSays() {
    String fresh = requested();
    String id = requested();
    upToBoot(id);
    conforms("Migration", get("/v1/migrations/" + fresh));
    conforms("Migration", order(id, "accept"));
    say(id, Parties.NORTH, new Fact.Retired(false));
    say(id, Parties.BILLING, new Fact.Settled(Facts.QUOTE));
    conforms("Migration", get("/v1/migrations/" + id));
    conforms("Migration", order(fresh, "cancel"));
    conforms("MigrationPage", get("/v1/migrations?pageSize=1"));
    conforms("Statement", get("/v1/migrations/" + id + "/statement"));
    conforms("Providers", get("/v1/providers"));
    conforms("Vms", get("/v1/vms"));
    conforms("Problem", get("/v1/migrations/m-1"));
    conforms("Problem", send(to("/v1/migrations", "")));
  }

  private static JsonNode contract() {
    return json(send(to("/openapi.json", "")));
  }

  private static void conforms(String schema, HttpResponse<String> response) {
    conforms(schema, json(response));
  }

  private static void conforms(String schema, JsonNode value) {
    ObjectNode root = Json.mapper().createObjectNode();
    root.put("$ref", "#/components/schemas/" + schema);
    root.set("components", contract().path("components"));
    assertThat(
            JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
                .getSchema(root)
                .validate(value))
        .as(value.toString())
        .isEmpty();
  }

  @Test
  void aPartnerIsToldOfWhatItsCustomerSharesUntilThatIsWithdrawn() throws Exception {
    HttpResponse<String> made = subscribe("acme", hook("acme"));
    assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
    String subscription = "/v1/subscriptions/" + json(made).path("id").asText();
    assertThat(made.headers().firstValue("Location")).hasValue(subscription);
    assertThat(json(subscribe("acme", hook("acme"))).path("key")).isEqualTo(json(made).path("key"));
    String id = requested();
    String share = "/v1/migrations/" + id + "/shares/acme";
    assertThat(call("PUT", share, token("alice"), "").statusCode()).isEqualTo(204);
    assertThat(call("PUT", share, token("alice"), "").statusCode()).isEqualTo(204);
    say(id, Parties.IDENTITY, Facts.authorized());
    for (int sequence = 1; sequence <= 2; sequence++) {
      byte[] body = Objects.requireNonNull(HOOKED.poll(30, TimeUnit.SECONDS), "nothing comes");
      conforms("PublicEvent", Json.read(body, JsonNode.class));
      assertThat(Json.read(body, JsonNode.class).path("id").asText())
          .isEqualTo(id + "-" + sequence);
    }
    conforms("Subscription", made);
    conforms("Subscription", send(to(subscription, partner("acme"))));
    conforms("Subscriptions", send(to("/v1/subscriptions", partner("acme"))));
    conforms("Shares", get("/v1/migrations/" + id + "/shares"));
    String from = "{\"migration\":\"" + id + "\",\"sequence\":2}";
    conforms("Subscription", call("POST", subscription + ":replay", partner("acme"), from));
    byte[] again = Objects.requireNonNull(HOOKED.poll(30, TimeUnit.SECONDS), "nothing comes");
    assertThat(Json.read(again, JsonNode.class).path("id").asText()).isEqualTo(id + "-2");
    conforms("Subscription", call("POST", subscription + ":resume", partner("acme"), ""));
    assertThat(call("DELETE", share, token("alice"), "").statusCode()).isEqualTo(204);
    assertThat(json(get("/v1/migrations/" + id + "/shares")).path("items")).isEmpty();
    problem(call("POST", subscription + ":replay", partner("acme"), from), 404, "not-found");
    assertThat(call("DELETE", subscription, partner("acme"), "").statusCode()).isEqualTo(204);
    problem(send(to(subscription, partner("acme"))), 404, "not-found");
  }

  @Test
  void whatIsAnotherPartnersOrCustomersDoesNotExist() {
    String id = json(subscribe("one", "https://10.0.0.1/in")).path("id").asText();
    String path = "/v1/subscriptions/" + id;
    String from = "{\"migration\":\"" + requested() + "\",\"sequence\":1}";
    problem(send(to(path, partner("two"))), 404, "not-found");
    problem(call("DELETE", path, partner("two"), ""), 404, "not-found");
    problem(call("POST", path + ":resume", partner("two"), ""), 404, "not-found");
    problem(call("POST", path + ":replay", partner("two"), from), 404, "not-found");
    problem(call("POST", path + ":replay", partner("one"), from), 404, "not-found");
    assertThat(json(send(to("/v1/subscriptions", partner("two")))).path("items")).isEmpty();
    String shares = "/v1/migrations/" + requested() + "/shares";
    problem(send(to(shares, token("mallory"))), 404, "not-found");
    problem(call("PUT", shares + "/one", token("mallory"), ""), 404, "not-found");
    problem(call("DELETE", shares + "/one", token("mallory"), ""), 404, "not-found");
    problem(call("PUT", shares + "/one", partner("one"), ""), 404, "not-found");
  }

  @Test
  void onlyPartnersSubscribeToAddressesThatMayBeCalledAndNotToTooMany() {
    problem(send(to("/v1/subscriptions", token("alice"))), 403, "forbidden");
    problem(send(to("/v1/subscriptions", "")), 401, "unauthenticated");
    problem(
        call("PUT", "/v1/migrations/" + requested() + "/shares/A_B", token("alice"), ""),
        400,
        "malformed-request");
    for (String url :
        List.of(
            "https://127.0.0.1/in",
            "https://localhost/in",
            "https://[::1]/in",
            "https://169.254.169.254/latest/meta-data",
            "http://93.184.216.34/in",
            "https://93.184.216.34:22/in")) {
      problem(subscribe("many", url), 422, "address-refused");
    }
    problem(subscribe("many", "ftp://10.0.0.1/"), 400, "malformed-request");
    problem(call("POST", "/v1/subscriptions", partner("many"), "{}"), 400, "malformed-request");
    for (int i = 0; i < 20; i++) {
      assertThat(subscribe("many", "https://10.0.0.1/" + i).statusCode()).isEqualTo(201);
    }
    problem(subscribe("many", "https://10.0.0.1/20"), 409, "too-many-subscriptions");
    assertThat(subscribe("many", "https://10.0.0.1/19").statusCode()).isEqualTo(201);
  }

  @Test
  void whatIsNotThereIsAProblemToo() {
    problem(get("/v1/nothing"), 404, "not-found");
  }
}
