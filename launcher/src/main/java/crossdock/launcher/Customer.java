package crossdock.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One of the demo's customers: signs in at the broker and at both providers, and calls their
 * interfaces as anybody would. So does the demo's partner, at the broker. Any thread.
 */
final class Customer {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private final String name;
  private final JsonNode accounts;
  private final HttpClient http;
  private final Map<String, Token> tokens = new ConcurrentHashMap<>();

  private record Token(String value, long usableUntilNanos) {}

  private Customer(String name, JsonNode accounts, HttpClient http) {
    this.name = name;
    this.accounts = accounts;
    this.http = http;
  }

  static Customer of(State state, String name, HttpClient http) throws IOException {
    return new Customer(
        name, JSON.readTree(Files.readAllBytes(state.customers())).path(name), http);
  }

  String name() {
    return name;
  }

  /** Who the customer is at a provider. */
  String subject(String realm) {
    return accounts.path(realm).path("subject").asText();
  }

  /** A token of a realm, fetched anew when less than half of its life is left. */
  String token(String realm) throws IOException, InterruptedException {
    return token(realm, "client");
  }

  /** What proves to others that the account at a provider is this customer's, and does no more. */
  String proof(String provider) throws IOException, InterruptedException {
    return token(provider, "linkClient");
  }

  private String token(String realm, String client) throws IOException, InterruptedException {
    String name = realm + "/" + client;
    Token known = tokens.get(name);
    if (known != null && System.nanoTime() < known.usableUntilNanos()) {
      return known.value();
    }
    JsonNode account = accounts.path(realm);
    Map<String, String> proof =
        account.has("secret")
            ? Map.of(
                "grant_type",
                "client_credentials",
                "client_secret",
                account.path("secret").asText())
            : Map.of(
                "grant_type",
                "password",
                "username",
                account.path("username").asText(),
                "password",
                account.path("password").asText(),
                "scope",
                "openid");
    Map<String, String> fields = new HashMap<>(proof);
    fields.put("client_id", account.path(client).asText());
    String form =
        fields.entrySet().stream()
            .map(
                field ->
                    field.getKey()
                        + "="
                        + URLEncoder.encode(field.getValue(), StandardCharsets.UTF_8))
            .collect(Collectors.joining("&"));
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(account.path("token").asText()))
            .timeout(PATIENCE)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(form))
            .build();
    JsonNode answer = answer(request);
    String value = answer.path("access_token").asText();
    long half = Duration.ofSeconds(answer.path("expires_in").asLong()).dividedBy(2).toNanos();
    tokens.put(name, new Token(value, System.nanoTime() + half));
    return value;
  }

  /** Shows the broker who the customer is at every provider. */
  void link(Place place) throws IOException, InterruptedException {
    for (Site site : Site.ALL) {
      post(
          Services.url(place, "identity-federation") + "/v1/links",
          Realms.BROKER,
          Map.of("provider", site.provider(), "token", proof(site.provider())));
    }
  }

  /**
   * Says yes, at the source, to that machine's move to the customer's own account at the target.
   */
  JsonNode grantAtSource(Place place, Site source, Site target, String machine)
      throws IOException, InterruptedException {
    Map<String, Object> yes = yes(place, target);
    yes.put("machine", machine);
    return grant(place, source, "export", yes);
  }

  /** Says yes, at the target, to what comes from the customer's own account at the source. */
  JsonNode grantAtTarget(Place place, Site target, Site source)
      throws IOException, InterruptedException {
    return grant(place, target, "import", yes(place, source));
  }

  private JsonNode grant(Place place, Site at, String service, Map<String, Object> yes)
      throws IOException, InterruptedException {
    String url = Services.url(place, at.provider() + "-" + service) + "/v1/grants";
    return post(url, at.provider(), yes);
  }

  /** A yes for a day to what comes from there or goes there. */
  Map<String, Object> yes(Place place, Site other) {
    String realm = other.provider();
    Map<String, Object> yes = new HashMap<>();
    yes.put("otherSide", other.id());
    yes.put("otherAccount", Map.of("issuer", Realms.issuer(place, realm), "sub", subject(realm)));
    yes.put("maxBytes", 1L << 40);
    yes.put("mayErase", false);
    yes.put("expiresAt", Instant.now().plus(1, ChronoUnit.DAYS).toString());
    return yes;
  }

  JsonNode get(String url) throws IOException, InterruptedException {
    return answer(request(url, Realms.BROKER).GET().build());
  }

  byte[] bytes(String url) throws IOException, InterruptedException {
    return send(request(url, Realms.BROKER).GET().build());
  }

  /** The lines of an answer as they come. The caller closes them. */
  Stream<String> lines(String url) throws IOException, InterruptedException {
    HttpResponse<Stream<String>> response =
        http.send(
            HttpRequest.newBuilder(URI.create(url))
                .header("Authorization", "Bearer " + token(Realms.BROKER))
                .build(),
            HttpResponse.BodyHandlers.ofLines());
    if (response.statusCode() / 100 != 2) {
      response.body().close();
      throw new IOException("GET " + url + " answers " + response.statusCode());
    }
    return response.body();
  }

  JsonNode post(String url, String realm, Object body, String... headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        request(url, realm)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body)));
    return answer((headers.length == 0 ? request : request.headers(headers)).build());
  }

  void put(String url) throws IOException, InterruptedException {
    send(request(url, Realms.BROKER).PUT(HttpRequest.BodyPublishers.noBody()).build());
  }

  private HttpRequest.Builder request(String url, String realm)
      throws IOException, InterruptedException {
    return HttpRequest.newBuilder(URI.create(url))
        .timeout(PATIENCE)
        .header("Authorization", "Bearer " + token(realm));
  }

  private JsonNode answer(HttpRequest request) throws IOException, InterruptedException {
    return JSON.readTree(send(request));
  }

  private byte[] send(HttpRequest request) throws IOException, InterruptedException {
    HttpResponse<byte[]> response = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
    if (response.statusCode() / 100 != 2) {
      throw new IOException(
          request.method()
              + " "
              + request.uri()
              + " answers "
              + response.statusCode()
              + ": "
              + new String(response.body(), StandardCharsets.UTF_8));
    }
    return response.body();
  }
}
