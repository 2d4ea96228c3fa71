package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A third provider with a place, a PostgreSQL and a realm of its own, who does what docs/join.md
 * says.
 */
final class East implements AutoCloseable {
  static final Site SITE = new Site("east", "wien", "127.1.3.1", "127.1.3.2", 0, List.of());
  static final String ID = SITE.id();
  private static final String PROVIDER = SITE.provider();
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String LISTING =
      """
      {"country": "AT", "formats": ["raw"], "sizes": [{"name": "s", "cpus": 2, "memoryBytes": 2147483648}],
       "networks": [{"name": "default", "subnets": []}], "securityGroups": ["default"], "architectures": ["x86_64"],
       "firmwares": ["BIOS", "UEFI"]}
      """;

  private static final String PRICES =
      """
      [{"meter": "export.gib", "unit": "GiB", "amount": "0.70", "currency": "EUR", "validFrom": "2026-01-01T00:00:00Z"},
       {"meter": "import.gib", "unit": "GiB", "amount": "0.30", "currency": "EUR", "validFrom": "2026-01-01T00:00:00Z"}]
      """;

  private final Road road;
  private final State state;
  private final Ports ports;
  private final State databases;
  private final List<Process> processes = new ArrayList<>();
  private @Nullable Keeper keeper;
  private final HttpClient http = HttpClient.newHttpClient();

  East(Road road, Path directory) throws IOException {
    this.road = road;
    this.state = new State(directory.resolve("place"));
    this.databases = new State(directory.resolve("postgres"));
    this.ports = Preflight.unused();
    State.directory(state.root());
  }

  Path file(String name) {
    return state.root().resolve(name);
  }

  /** What {@code site init} is told. */
  int init() throws Exception {
    Files.writeString(file("listing.json"), LISTING);
    Files.writeString(file("prices.json"), PRICES);
    String realm = road.realm(PROVIDER);
    return road.run(
        "site",
        "init",
        "--directory=" + state.root(),
        "--site=" + ID,
        "--listing=" + file("listing.json"),
        "--prices=" + file("prices.json"),
        "--export-subnet=" + SITE.exportSubnet(),
        "--import-subnet=" + SITE.importSubnet(),
        "--ports=" + ports.at(10),
        "--issuer=" + realm,
        "--jwks=" + realm + "/protocol/openid-connect/certs");
  }

  int install(String pins) throws Exception {
    return road.run(
        "site",
        "install",
        "--directory=" + state.root(),
        "--welcome=" + file("welcome.json"),
        "--pin=" + pins,
        "--postgres=" + ports.postgres().address());
  }

  /** Holds its listing against what it is. */
  int examine() throws Exception {
    return road.run("site", "examine", "--directory=" + state.root());
  }

  /** As if somebody had put a zone into its listing that its cloud has not. */
  void lie(boolean lies) throws IOException {
    Path listing;
    try (Stream<Path> files = Files.walk(state.root().resolve("run"), 2)) {
      listing = files.filter(file -> file.endsWith("listing.json")).findFirst().orElseThrow();
    }
    ObjectNode said = (ObjectNode) JSON.readTree(listing.toFile());
    said.putArray("zones");
    if (lies) {
      said.withArray("zones").add("nowhere");
    } else {
      said.remove("zones");
    }
    Files.writeString(listing, said.toString());
  }

  /** What the catalog shows of it. */
  JsonNode shown() throws IOException, InterruptedException {
    for (JsonNode site :
        JSON.readTree(Http.text(Services.url(road.ports, "catalog") + "/v1/sites"))) {
      if (site.path("site").asText().equals(ID)) {
        return site;
      }
    }
    throw new AssertionError(ID + " is not shown");
  }

  /** What the founding members say of themselves. */
  String pins() throws Exception {
    Pki pki = Pki.open(road.state, java.time.Clock.systemUTC());
    return String.join(
        ",", pki.members().values().stream().map(a -> JoiningSite.pin(a.certificate())).toList());
  }

  /** As its database's administrator. */
  void databases() throws Exception {
    State.directory(databases.root());
    Daemon postgres = new Postgres(databases, ports, Road.HOME, List.of()).prepare();
    processes.add(
        new ProcessBuilder(postgres.command())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(databases.log("postgres").toFile()))
            .start());
    until("its PostgreSQL", postgres.ready());
    Properties login = new Properties();
    login.setProperty("user", "postgres");
    login.setProperty("password", Postgres.password(databases, "postgres"));
    try (Connection connection =
            DriverManager.getConnection(Postgres.url(ports, "postgres"), login);
        Statement statement = connection.createStatement()) {
      for (String line : Files.readAllLines(file("postgres.sql"))) {
        statement.execute(line);
      }
    }
  }

  /** Its services, kept by that one from now on. */
  void start(Keeper.Kind kind) throws Exception {
    stop();
    keeper = kind.keep(state.root());
    for (int service = 0; service < 3; service++) {
      int port = ports.at(10 + service);
      until("its service at " + port, () -> ready(port));
    }
  }

  /** Waits until the catalog has noted that of it. */
  void stands(String state) throws Exception {
    until("its standing " + state, () -> standings().endsWith(state));
  }

  /** What the catalog has noted of it, in order. */
  String standings() throws IOException, InterruptedException {
    String history =
        Http.text(Services.url(road.ports, "catalog") + "/v1/sites/" + ID + "/history");
    return String.join(" ", JSON.readTree(history).findValuesAsText("state").reversed());
  }

  private void stop() throws IOException {
    if (keeper != null) {
      keeper.close();
      keeper = null;
    }
  }

  /** Whether its export-service says that it is ready. */
  boolean ready() throws Exception {
    return ready(ports.at(10));
  }

  private static boolean ready(int port) throws IOException, InterruptedException {
    return Http.ok("http://127.0.0.1:" + port + "/health/readiness");
  }

  void until(String what, Daemon.Check check) throws Exception {
    long deadline = System.nanoTime() + Road.PATIENCE.toNanos();
    while (true) {
      try {
        if (check.ok()) {
          return;
        }
      } catch (IOException | java.sql.SQLException e) {
        // Not listening yet.
      }
      assertThat(System.nanoTime()).as("%s is not ready: %s", what, logs()).isLessThan(deadline);
      assertThat(processes).as("%s", logs()).allMatch(Process::isAlive);
      assertThat(keeper == null || keeper.keeps()).as("%s", logs()).isTrue();
      TimeUnit.MILLISECONDS.sleep(100);
    }
  }

  String logs() throws IOException {
    return keeper == null ? "" : keeper.logs();
  }

  /** Makes its realm, and alice an account in it; nobody at the core knows more than the issuer. */
  Customer customer(String name) throws Exception {
    JsonNode admin =
        JSON.readTree(
            send(
                HttpRequest.newBuilder(
                        URI.create(
                            "http://"
                                + road.ports.keycloak().address()
                                + "/realms/master/protocol/openid-connect/token"))
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .POST(
                        BodyPublishers.ofString(
                            "grant_type=password&client_id=admin-cli&username=admin&password="
                                + road.state.secret("keycloak.admin")))));
    ObjectNode realm = Realms.provider(PROVIDER, state::secret);
    send(
        HttpRequest.newBuilder(
                URI.create("http://" + road.ports.keycloak().address() + "/admin/realms"))
            .header("Content-Type", "application/json")
            .header("Authorization", "Bearer " + admin.path("access_token").asText())
            .POST(BodyPublishers.ofString(realm.toString())));
    ObjectNode customers = (ObjectNode) JSON.readTree(road.state.customers().toFile());
    String account = Realms.account(name, PROVIDER);
    ((ObjectNode) customers.path(name))
        .putObject(PROVIDER)
        .put("token", road.realm(PROVIDER) + "/protocol/openid-connect/token")
        .put("client", Realms.PROVIDER_CLIENT)
        .put("linkClient", Realms.LINK_CLIENT)
        .put("username", account)
        .put("password", state.secret(PROVIDER + "." + account))
        .put("subject", Realms.subject(PROVIDER, account));
    State.write(road.state.customers(), customers.toString());
    return Customer.of(road.state, name, http);
  }

  void link(Customer customer) throws Exception {
    customer.post(
        Services.url(road.ports, "identity-federation") + "/v1/links",
        Realms.BROKER,
        Map.of("provider", PROVIDER, "token", customer.proof(PROVIDER)));
  }

  /** The customer's yes here: to what comes from there, or to a machine's going there. */
  void grant(Customer customer, boolean imports, Site other, String machine) throws Exception {
    Map<String, Object> yes = customer.yes(road.ports, other);
    if (!imports) {
      yes.put("machine", machine);
    }
    customer.post("http://127.0.0.1:" + ports.at(imports ? 11 : 10) + "/v1/grants", PROVIDER, yes);
  }

  /** Everything in it, whole or half. */
  List<String> machines() throws IOException {
    return Road.list(state.site(PROVIDER).resolve("machines"));
  }

  List<String> leftovers() throws IOException {
    return Stream.of("incoming", "trash")
        .flatMap(
            part -> {
              try {
                return Road.list(state.site(PROVIDER).resolve(part)).stream();
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            })
        .toList();
  }

  String root(String machine) throws IOException {
    return Road.root(state.site(PROVIDER).resolve("machines").resolve(machine));
  }

  private byte[] send(HttpRequest.Builder request) throws Exception {
    var answer =
        http.send(request.timeout(Duration.ofSeconds(30)).build(), BodyHandlers.ofByteArray());
    assertThat(answer.statusCode() / 100)
        .as("%s", new String(answer.body(), StandardCharsets.UTF_8))
        .isEqualTo(2);
    return answer.body();
  }

  @Override
  public void close() throws IOException {
    stop();
    for (Process process : processes.reversed()) {
      process.destroy();
      process.onExit().completeOnTimeout(process, 20, TimeUnit.SECONDS).join();
      process.destroyForcibly().onExit().join();
    }
    http.close();
  }
}
