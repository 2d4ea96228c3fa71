package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import crossdock.contracts.Envelope;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.TrustBundle;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.providers.library.OvfPackage;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.jspecify.annotations.Nullable;

/**
 * The whole system with library sites, started by the real command line, and what a customer, an
 * operator and a vandal can do to it.
 */
final class Road {
  static final Path HOME = Path.of("..").toAbsolutePath().normalize();
  static final Site NORTH = Site.ALL.get(0);
  static final Site SOUTH = Site.ALL.get(1);
  static final Duration PATIENCE = Duration.ofMinutes(3);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int TAIL = 12;

  final State state;
  final Ports ports;
  final Customer alice;
  final Customer bob;
  private final HttpClient http =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private Duration ahead = Duration.ZERO;

  private Road(State state, Ports ports) throws IOException {
    this.state = state;
    this.ports = ports;
    this.alice = Customer.of(state, "alice", http);
    this.bob = Customer.of(state, "bob", http);
  }

  /** Whether the gateway's clock can be turned. */
  boolean clockTurns() {
    return !FakeTime.offered(state, List.of()).isEmpty();
  }

  /** What the API answered. */
  record Answer(int status, JsonNode body) {
    String type() {
      return body.path("type").asText();
    }

    String id() {
      assertThat(status).as("%s", body).isEqualTo(202);
      return body.path("id").asText();
    }
  }

  /** Starts everything and returns when it is ready. */
  static Road up(Path directory) throws Exception {
    State state = new State(directory.resolve("state"));
    Ports ports = Preflight.unused();
    assertThat(crossdock(state, ports, "up")).isZero();
    return new Road(state, ports);
  }

  /** What the command line says to this, with the core's directory; its exit status. */
  int run(String... arguments) throws Exception {
    return crossdock(state, ports, arguments);
  }

  /** Where a provider's realm is. */
  String realm(String provider) {
    return Realms.issuer(ports, provider);
  }

  void down() throws Exception {
    crossdock(state, ports, "down");
    Reaper.sweep(state);
  }

  // As a customer.

  /** A request from north to south, to be changed by who needs another. */
  static Map<String, Object> request(String machine) {
    return new HashMap<>(
        Map.of(
            "vm",
            machine,
            "source",
            NORTH.id(),
            "target",
            SOUTH.id(),
            "mode",
            "cold",
            "accept",
            "automatic",
            "limit",
            Map.of("amount", "50.00", "currency", "EUR"),
            "eraseSource",
            false));
  }

  Answer ask(Customer customer, String key, Map<String, Object> request) throws Exception {
    return call(customer, "POST", "/v1/migrations", request, "Idempotency-Key", key);
  }

  /** What the source's provider answers a customer who will not wait for the target any longer. */
  int override(Customer customer, Site source, String id) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(
                URI.create(Services.url(ports, source.provider() + "-export") + "/v1/overrides"))
            .header("Content-Type", "application/json")
            .header("Authorization", "Bearer " + customer.token(source.provider()))
            .POST(BodyPublishers.ofByteArray(JSON.writeValueAsBytes(Map.of("migration", id))))
            .build();
    return http.send(request, BodyHandlers.discarding()).statusCode();
  }

  Answer get(Customer customer, String path) throws Exception {
    return call(customer, "GET", path, null);
  }

  Answer call(
      @Nullable Customer customer,
      String method,
      String path,
      @Nullable Object body,
      String... headers)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(Services.url(ports, "gateway") + path))
            .timeout(Duration.ofSeconds(30))
            .method(
                method,
                body == null
                    ? BodyPublishers.noBody()
                    : BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body)));
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    if (customer != null) {
      request.header("Authorization", "Bearer " + customer.token(Realms.BROKER));
    }
    if (headers.length > 0) {
      request.headers(headers);
    }
    HttpResponse<byte[]> answer = http.send(request.build(), BodyHandlers.ofByteArray());
    return new Answer(
        answer.statusCode(),
        answer.body().length == 0 ? JSON.missingNode() : JSON.readTree(answer.body()));
  }

  /** The migration once it is as wanted; an unreachable gateway is asked again. */
  JsonNode await(Customer customer, String id, String wanted, Predicate<JsonNode> is)
      throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    JsonNode last = JSON.missingNode();
    while (System.nanoTime() < deadline) {
      try {
        last = get(customer, "/v1/migrations/" + id).body();
        if (is.test(last)) {
          return last;
        }
        if (last.path("done").asBoolean()) {
          return fail("%s ended and is never %s: %s", id, wanted, last.toPrettyString());
        }
      } catch (IOException e) {
        // The gateway is being started again.
      }
      TimeUnit.MILLISECONDS.sleep(25);
    }
    return fail("%s is not %s in time: %s", id, wanted, last.toPrettyString());
  }

  JsonNode done(Customer customer, String id) throws Exception {
    return await(customer, id, "done", now -> now.path("done").asBoolean());
  }

  /** It waits for this step. */
  static Predicate<JsonNode> due(String step) {
    return now -> now.path("due").findValuesAsText("step").contains(step);
  }

  /** Every fact that anybody stated in it, with effect or without. */
  List<Fact> facts(Customer customer, String id) throws Exception {
    List<Fact> facts = new ArrayList<>();
    for (JsonNode event : get(customer, "/v1/migrations/" + id + "/evidence").body()) {
      facts.add(Json.read(JSON.writeValueAsBytes(event), Event.class).report().fact());
    }
    return facts;
  }

  // As the owner of the sites.

  /** Places a machine whose disk has that many MiB of random bytes, and a tail. */
  void place(Site site, String machine, Customer owner, int mebibytes) throws IOException {
    long bytes = ((long) mebibytes << 20) + 512;
    Path disk = state.run("road").resolve(machine + ".raw");
    Random random = new Random(machine.hashCode());
    try (FileChannel file =
        FileChannel.open(disk, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      byte[] run = new byte[1 << 20];
      for (int i = 0; i < mebibytes; i++) {
        random.nextBytes(run);
        file.write(ByteBuffer.wrap(run), (long) i << 20);
      }
      file.write(ByteBuffer.wrap(new byte[] {1}), bytes - 1);
    }
    OvfPackage.create(
        state.site(site.provider()),
        new Machine(
            machine,
            machine,
            "x86_64",
            1,
            256L << 20,
            Machine.Firmware.BIOS,
            "linux",
            List.of(new Machine.Disk(Cargo.DISK, "raw", bytes)),
            List.of(new Machine.Nic("eth0", "default", "52:54:00:00:00:01")),
            List.of("default")),
        owner.subject(site.provider()),
        Map.of(Cargo.DISK, disk));
    Files.delete(disk);
  }

  /** The manifest root of a machine's disk, hashed now. */
  String root(Site site, String machine) throws IOException {
    return root(part(site, "machines").resolve(machine));
  }

  static String root(Path machine) throws IOException {
    Path disk = machine.resolve(Cargo.DISK + ".raw");
    try (DiskSource source = Disks.openSource(disk, DiskFormat.RAW, 1L << 40)) {
      return DiskHasher.hash(source).root().hex();
    }
  }

  List<String> machines(Site site) throws IOException {
    return list(part(site, "machines"));
  }

  /** What there is at the broker. */
  Set<String> topics() throws Exception {
    Properties admin = Kafka.client(Kafka.admin(state));
    admin.setProperty("bootstrap.servers", Kafka.bootstrap(ports));
    try (Admin broker = Admin.create(admin)) {
      return broker.listTopics().names().get();
    }
  }

  /** What is under way into a site, or half removed from it. */
  List<String> leftovers(Site site) throws IOException {
    List<String> left = new ArrayList<>(list(part(site, "incoming")));
    left.addAll(list(part(site, "trash")));
    return left;
  }

  /** Whether bytes of a disk are being written at a site. */
  boolean receives(Site site) {
    try (Stream<Path> files = Files.walk(part(site, "incoming"))) {
      return files.anyMatch(file -> !file.toString().endsWith(".json") && file.toFile().isFile());
    } catch (IOException | java.io.UncheckedIOException e) {
      return false; // renamed while we looked
    }
  }

  /** Whether a migration keeps the machine from being used. */
  boolean locked(Site site, String machine) throws IOException {
    JsonNode state =
        JSON.readTree(part(site, "machines").resolve(machine).resolve("crossdock.json").toFile());
    return state.hasNonNull("lockedBy") || state.path("kept").asBoolean();
  }

  private Path part(Site site, String name) {
    return state.site(site.provider()).resolve(name);
  }

  static List<String> list(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  // As the owner of the core.

  /** How many entries the ledger has for a migration. */
  int charges(String id) throws SQLException {
    return number("billing", "SELECT count(*) FROM journal WHERE migration = ?", id)
        .intValueExact();
  }

  /** What its customer owes for it. */
  BigDecimal owed(String id) throws SQLException {
    return number(
        "billing",
        "SELECT coalesce(sum(p.amount), 0) FROM posting p JOIN journal j ON p.journal = j.id"
            + " WHERE j.migration = ? AND p.account LIKE 'customer:%'",
        id);
  }

  /** How many facts the gateway has written down for a migration. */
  private int events(String id) throws SQLException {
    return number("gateway", "SELECT count(*) FROM log WHERE migration = ?", id).intValueExact();
  }

  private BigDecimal number(String service, String query, String id) throws SQLException {
    try (Connection database =
            DriverManager.getConnection(
                Postgres.url(ports, service), service, Postgres.password(state, service));
        var statement = database.prepareStatement(query)) {
      statement.setString(1, id);
      try (var rows = statement.executeQuery()) {
        assertThat(rows.next()).isTrue();
        return rows.getBigDecimal(1);
      }
    }
  }

  // As a vandal.

  long pid(String service) throws Exception {
    Status status = Status.read(state).orElseThrow();
    return status.processes().stream()
        .filter(process -> process.name().equals(service))
        .findFirst()
        .orElseThrow()
        .pid();
  }

  /** From here it does nothing, though it has not ended. */
  void freeze(String service) throws Exception {
    assertThat(new ProcessBuilder("bash", "-c", "kill -STOP " + pid(service)).start().waitFor())
        .isZero();
  }

  void thaw(String service) throws Exception {
    assertThat(new ProcessBuilder("bash", "-c", "kill -CONT " + pid(service)).start().waitFor())
        .isZero();
  }

  /**
   * Lets the gateway live hours from now until it has stated something, and again until something
   * is so. Its clock is right whenever it is asked, for tokens end too, and further ahead each
   * time: what it noted for then, and the timers of its connections, wait until that hour.
   */
  JsonNode later(Customer customer, String id, Predicate<JsonNode> is) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < deadline) {
      ahead = ahead.plusHours(2);
      int before = events(id);
      FakeTime.turn(state, "gateway", ahead);
      while (events(id) == before && System.nanoTime() < deadline) {
        TimeUnit.MILLISECONDS.sleep(100);
      }
      FakeTime.turn(state, "gateway", Duration.ZERO);
      JsonNode now = await(customer, id, "answered", any -> any.hasNonNull("state"));
      if (is.test(now)) {
        return now;
      }
    }
    return fail("%s is not so however late it is", id);
  }

  void kill(long pid) {
    assertThat(ProcessHandle.of(pid).orElseThrow().destroyForcibly()).isTrue(); // SIGKILL
  }

  /** Waits until the supervisor has started it again. */
  void startedAgain(String service, long before) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (Status.read(state).orElseThrow().processes().stream()
        .noneMatch(
            process ->
                process.name().equals(service)
                    && process.state().equals("ready")
                    && process.pid() != 0
                    && process.pid() != before)) {
      assertThat(System.nanoTime()).as("%s is not started again", service).isLessThan(deadline);
      TimeUnit.MILLISECONDS.sleep(50);
    }
  }

  /** Waits until these services, by their directories, trust by the newest bundle. */
  void trusted(Path... services) throws Exception {
    long newest = version(state.trust().resolve("bundle.json"));
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    for (Path service : services) {
      while (version(service.resolve("work").resolve("trust.json")) < newest) {
        assertThat(System.nanoTime())
            .as("%s trusts by an older bundle", service)
            .isLessThan(deadline);
        TimeUnit.MILLISECONDS.sleep(50);
      }
    }
  }

  private static long version(Path bundle) throws IOException {
    Envelope signed = Json.read(Files.readAllBytes(bundle), Envelope[].class)[0];
    return signed.read(TrustBundle.PAYLOAD_TYPE, TrustBundle.class).version();
  }

  /** The last warnings of every service. */
  String complaints() {
    StringBuilder out = new StringBuilder();
    for (Services.Service service : Services.ALL) {
      try (Stream<String> lines = Files.lines(state.log(service.name()))) {
        List<String> bad =
            lines
                .filter(line -> line.contains(" WARN ") || line.contains(" ERROR "))
                .filter(line -> !line.contains("Flyway"))
                .toList();
        out.append("--- ").append(service.name()).append('\n');
        bad.stream()
            .skip(Math.max(0, bad.size() - TAIL))
            .forEach(line -> out.append(line, 0, Math.min(400, line.length())).append('\n'));
      } catch (IOException | java.io.UncheckedIOException e) {
        out.append("--- no log of ").append(service.name()).append(": ").append(e).append('\n');
      }
    }
    return out.toString();
  }

  private static int crossdock(State state, Ports ports, String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Jvm.java());
    command.add("-Dcrossdock.home=" + HOME);
    command.add("-cp");
    command.add(
        HOME.resolve("launcher/target/classes")
            + ":"
            + Files.readString(HOME.resolve("launcher/target/classpath")).strip());
    command.add(Launcher.class.getName());
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
    builder.environment().put("CROSSDOCK_STATE", state.root().toString());
    builder.environment().put("CROSSDOCK_PORTS", Integer.toString(ports.base()));
    builder.environment().put("CROSSDOCK_SITES", "library");
    builder.environment().putAll(FakeTime.offered(state, List.of("gateway")));
    Process process = builder.start();
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
    return process.exitValue();
  }
}
