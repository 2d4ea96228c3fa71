package crossdock.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Countersignature;
import crossdock.contracts.Evidence;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan;
import crossdock.contracts.TrustBundle;
import java.io.Console;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./crossdock demo}: two customers, two machines, both ways at once. Uses nothing but the
 * interfaces that customers have, and at the end believes nothing that it has not checked by
 * itself.
 */
@Command(name = "demo", description = "Starts everything and moves two real machines.")
final class Demo implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(15);
  private static final long LOOK_MILLIS = 250;

  /** What the customers' data may not leave; both sites list it. */
  private static final String WITHIN = "EEA";

  @Option(names = "--json", description = "Print one JSON object and nothing else.")
  boolean json;

  @Option(names = "--keep", description = "Leave everything running at the end.")
  boolean keep;

  @Option(
      names = "--on",
      defaultValue = "here",
      description =
          "here: as processes (default); compose: in the containers of docker-compose.yml.")
  On on = On.here;

  @Option(
      names = "--with",
      defaultValue = "own",
      description =
          "own: two sites of our own (default); adapting: the same, which look into guests, and the"
              + " first guest is installed on a disk bus that the other site has not; openstack: one"
              + " of them is the cloud that lab/openstack/up has made; openstacks: both are such"
              + " clouds, the second made with LAB_PORT_OFFSET=20000.")
  With with = With.own;

  @Option(names = "--one-way", description = "Move only from the first site to the second.")
  boolean oneWay;

  /** As it is written on the command line. */
  enum With {
    own,
    adapting,
    openstack,
    openstacks
  }

  /** As it is written on the command line. */
  enum On {
    here,
    compose
  }

  /** Of the offers for a machine, what the customer is told about where it is to go. */
  private record Choice(JsonNode offer) {
    boolean good() {
      return offer.path("possible").asBoolean() && price().has("amount");
    }

    JsonNode price() {
      return offer.path("price");
    }
  }

  /** A machine on its way. */
  private record Move(Customer customer, Site from, Site to, String machine, String id) {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    PrintStream out = json ? System.err : System.out;
    return switch (on) {
      case here -> here(out);
      case compose -> compose(out);
    };
  }

  private int here(PrintStream out) throws IOException, InterruptedException {
    State state = Launcher.state();
    Cargo cargo =
        switch (with) {
          case own -> Cargo.choose(Launcher.home(), state, out);
          case adapting -> Cargo.adapted(Launcher.home(), state);
          case openstack -> clouds(state, Site.ALL.subList(0, 1));
          case openstacks -> clouds(state, Site.ALL);
        };
    Launcher.up(Scope.ALL, with == With.adapting ? Site.ADAPTING : cargo.provider());
    try (Receiver receiver = Receiver.open(Launcher.ports())) {
      return run(state, cargo, _ -> {}, Optional.of(receiver), out);
    } finally {
      if (!keep) {
        Launcher.down();
      }
    }
  }

  private static Cargo clouds(State state, List<Site> sites) throws InterruptedException {
    Map<Site, LabCloud> clouds = new HashMap<>();
    for (Site site : sites) {
      int offset = clouds.size() * LabCloud.NEXT;
      LabCloud cloud = LabCloud.of(Launcher.home(), offset, site);
      if (!cloud.answers()) {
        throw new Refusal(
            Refusal.CANNOT_START,
            "No OpenStack answers at %s: LAB_PORT_OFFSET=%d lab/openstack/up."
                .formatted(cloud.keystone(), offset));
      }
      State.write(state.account(site.provider()), Json.bytes(cloud.account()));
      clouds.put(site, cloud);
    }
    return new Cargo.Clouds(state, new Cargo.Guests(Launcher.home(), state), clouds);
  }

  private int compose(PrintStream out) throws IOException, InterruptedException {
    Compose compose = Compose.of(Launcher.state(), Launcher.ports(), Launcher.home());
    try {
      compose.up(out);
      out.println(
          "Containers have no QEMU: moving packages between two libraries."
              + " Not checked: that a guest boots at the target and goes on counting, and that a"
              + " partner is told, for no container reaches a receiver on this machine's loopback.");
      Cargo cargo = new Cargo.Packages(compose.state(), Cargo.PACKAGE_BYTES);
      return run(compose.state(), cargo, compose::handOver, Optional.empty(), out);
    } finally {
      if (!keep) {
        compose.down();
      }
    }
  }

  /**
   * @param handOver makes what was put at a site the site's own
   * @param receiver where the partner is told; empty if nobody can be told there
   */
  private int run(
      State state,
      Cargo cargo,
      Consumer<Path> handOver,
      Optional<Receiver> receiver,
      PrintStream out)
      throws IOException, InterruptedException {
    ObjectNode result = JSON.createObjectNode();
    boolean good = run(state, cargo, handOver, receiver, out, result);
    if (json) {
      System.out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(result));
    }
    return good ? 0 : 1;
  }

  private boolean run(
      State state,
      Cargo cargo,
      Consumer<Path> handOver,
      Optional<Receiver> receiver,
      PrintStream out,
      ObjectNode result)
      throws IOException, InterruptedException {
    Ports ports = Launcher.ports();
    HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    if (receiver.isPresent()) {
      subscribe(ports, Customer.of(state, Realms.PARTNER, http), receiver.get());
    }
    Site north = Site.ALL.get(0);
    Site south = Site.ALL.get(1);
    String run = Long.toString(Instant.now().getEpochSecond(), 36);
    List<Move> moves = new ArrayList<>();
    List<Choice> choices = new ArrayList<>();
    List<Move> wanted =
        List.of(
            new Move(Customer.of(state, "alice", http), north, south, "demo-alpha-" + run, ""),
            new Move(Customer.of(state, "bob", http), south, north, "demo-beta-" + run, ""));
    for (Move move : oneWay ? wanted.subList(0, 1) : wanted) {
      Customer customer = move.customer();
      String provider = move.from().provider();
      out.printf("%s has the machine %s at %s%n", customer.name(), move.machine(), provider);
      boolean uefi = moves.size() == 1 && cargo.hasUefi();
      Cargo.Shape shape =
          uefi
              ? Cargo.Shape.TWO_OF_EACH_BY_UEFI
              : with == With.adapting ? Cargo.Shape.INSTALLED : Cargo.Shape.TWO_OF_EACH;
      String machine = cargo.place(move.from(), move.machine(), customer.subject(provider), shape);
      cargo.admit(move.to(), customer.subject(move.to().provider()));
      handOver.accept(state.site(provider));
      Move there = new Move(customer, move.from(), move.to(), machine, "");
      consent(ports, there);
      choices.add(compare(ports, there, out));
      Move asked = ask(ports, there);
      customer.put(url(ports, asked) + "/shares/" + Realms.PARTNER);
      moves.add(asked);
    }
    watch(ports, moves, out);
    TrustBundle trust =
        TrustBundle.accept(
            state.trust().resolve("bundle.json"), state.trust().resolve("members"), Instant.now());
    ArrayNode migrations = result.putArray("migrations");
    boolean good = true;
    if (!cargo.hasUefi()) {
      out.println("Not checked: a machine that boots by UEFI, for which QEMU needs ovmf.");
    }
    for (int i = 0; i < moves.size(); i++) {
      ObjectNode one = migrations.addObject();
      one.set("offer", choices.get(i).offer());
      good &= prove(ports, cargo, trust, moves.get(i), out, one);
      good &= with != With.adapting || i > 0 || !one.path("adapted").isEmpty();
      JsonNode price = migration(ports, moves.get(i)).path("quote").path("total");
      boolean asOffered = choices.get(i).good() && choices.get(i).price().equals(price);
      one.put("asOffered", asOffered);
      good &= asOffered;
    }
    if (receiver.isPresent()) {
      good &= told(ports, receiver.get(), moves, out, result.putObject("webhooks"));
    }
    ArrayNode subnets = result.putArray("subnets");
    List<Check> checks = Subnets.here().examine(ports);
    for (Check check : checks) {
      out.printf("%s %s: %s%n", check.name(), check.outcome(), check.detail());
      subnets.addPOJO(check);
    }
    good &= Subnets.isolated(checks);
    String api = Services.url(ports, "gateway");
    ObjectNode urls = result.putObject("urls");
    urls.put("api", api + "/v1").put("page", api + "/").put("openapi", api + "/openapi.yaml");
    out.printf("%nAPI: %s/v1   page: %s/%n", api, api);
    return good;
  }

  private static void subscribe(Ports ports, Customer partner, Receiver receiver)
      throws IOException, InterruptedException {
    JsonNode subscription =
        partner.post(
            Services.url(ports, "gateway") + "/v1/subscriptions",
            Realms.BROKER,
            Map.of("url", Receiver.url(ports)));
    receiver.believe(subscription.path("key").asText());
  }

  /** The links at the broker, and the yes at each side, given where it counts. */
  private static void consent(Ports ports, Move move) throws IOException, InterruptedException {
    Customer customer = move.customer();
    customer.link(ports);
    customer.grantAtSource(ports, move.from(), move.to(), move.machine());
    customer.grantAtTarget(ports, move.to(), move.from());
  }

  /** Where the machine could go: here there is but one other site. */
  private static Choice compare(Ports ports, Move move, PrintStream out)
      throws IOException, InterruptedException {
    JsonNode offers =
        move.customer()
            .get(
                Services.url(ports, "gateway")
                    + "/v1/vms/%s/%s/offers?within=%s"
                        .formatted(move.from().id(), move.machine(), WITHIN))
            .path("items");
    JsonNode chosen = JSON.createObjectNode();
    for (JsonNode offer : offers) {
      List<String> reasons = new ArrayList<>();
      offer.path("reasons").forEach(reason -> reasons.add(reason.asText()));
      out.printf("  could go to %s: %s%n", offer.path("site").asText(), String.join(" ", reasons));
      if (offer.path("site").asText().equals(move.to().id())) {
        chosen =
            ((ObjectNode) offer).retain("site", "possible", "price", "downtimeSeconds", "reasons");
      }
    }
    return new Choice(chosen);
  }

  private static Move ask(Ports ports, Move move) throws IOException, InterruptedException {
    JsonNode answer =
        move.customer()
            .post(
                Services.url(ports, "gateway") + "/v1/migrations",
                Realms.BROKER,
                Map.of(
                    "vm", move.machine(),
                    "source", move.from().id(),
                    "target", move.to().id(),
                    "mode", "cold",
                    "accept", "automatic",
                    "limit", Map.of("amount", "50.00", "currency", "EUR"),
                    "eraseSource", false,
                    "choices", Map.of("within", List.of(WITHIN))),
                "Idempotency-Key",
                move.machine());
    return new Move(
        move.customer(), move.from(), move.to(), move.machine(), answer.path("id").asText());
  }

  /** Shows how far they are until none is waited for any more. */
  private static void watch(Ports ports, List<Move> moves, PrintStream out)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    boolean terminal = Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
    String before = "";
    boolean open = true;
    while (open && System.nanoTime() < deadline) {
      open = false;
      StringBuilder lines = new StringBuilder();
      for (Move move : moves) {
        JsonNode now = migration(ports, move);
        open |= !now.path("done").asBoolean();
        lines.append(line(move, now)).append('\n');
      }
      if (!lines.toString().equals(before)) {
        boolean again = terminal && !before.isEmpty();
        out.print((again ? "\u001b[" + moves.size() + "A\u001b[J" : "") + lines);
        before = lines.toString();
      }
      Thread.sleep(LOOK_MILLIS);
    }
    if (open) {
      throw new Refusal(
          Refusal.FAILED,
          "The migrations have not ended within " + PATIENCE.toMinutes() + " minutes.");
    }
  }

  private static String line(Move move, JsonNode now) {
    String state = now.path("state").asText();
    JsonNode progress = now.path("progress");
    long total = progress.path("totalBytes").asLong();
    String bar = "";
    if (total > 0 && !now.path("done").asBoolean()) {
      int tenths = (int) (20 * progress.path("doneBytes").asLong() / total);
      bar =
          " ["
              + "#".repeat(tenths)
              + " ".repeat(20 - tenths)
              + "] "
              + progress.path("step").asText();
    }
    return String.format(
        Locale.ROOT,
        "%-20s %s -> %s  %-10s%s",
        move.machine(),
        move.from().provider(),
        move.to().provider(),
        state,
        bar);
  }

  private static JsonNode migration(Ports ports, Move move)
      throws IOException, InterruptedException {
    return move.customer().get(url(ports, move));
  }

  private static String url(Ports ports, Move move) {
    return Services.url(ports, "gateway") + "/v1/migrations/" + move.id();
  }

  /** What the partner was told, when it should have been told everything. */
  private static boolean told(
      Ports ports, Receiver receiver, List<Move> moves, PrintStream out, ObjectNode result)
      throws IOException, InterruptedException {
    Map<String, Long> last = new HashMap<>();
    for (Move move : moves) {
      byte[] events = move.customer().bytes(url(ports, move) + "/evidence");
      last.put(move.id(), (long) JSON.readTree(events).size());
    }
    Receiver.Heard heard = receiver.heard(last, Duration.ofSeconds(30));
    out.printf(
        "%nThe partner with whom both are shared received %d webhooks, verified %d, %s.%n",
        heard.received(),
        heard.verified(),
        heard.inOrder() ? "each migration in order and to its end" : "but not all or not in order");
    result.put("received", heard.received()).put("verified", heard.verified());
    result.put("inOrder", heard.inOrder());
    return heard.good();
  }

  private static boolean prove(
      Ports ports, Cargo cargo, TrustBundle trust, Move move, PrintStream out, ObjectNode result)
      throws IOException, InterruptedException {
    JsonNode now = migration(ports, move);
    String state = now.path("state").asText();
    result.put("migrationId", move.id()).put("state", state);
    result.put("source", move.from().id()).put("target", move.to().id());
    out.printf("%n%s: %s%n", move.machine(), state);
    if (!state.equals("retired")) {
      out.printf("  it did not arrive: %s%n", now.path("reason").asText());
      result.put("reason", now.path("reason").asText());
      return false;
    }
    String base = url(ports, move);
    Evidence evidence = Evidence.verify(move.customer().bytes(base + "/evidence"), trust);
    Certificate certificate = evidence.certificate();
    String machine = evidence.countersignature().machine();
    out.printf("  now at %s as %s%n", move.to().id(), machine);
    out.printf(
        "  certificate by %s for %s, %d events verified from the pinned members on%n",
        certificate.issuer(), certificate.audience(), evidence.migration().sequence());
    boolean same = true;
    for (Certificate.Disk disk : certificate.disks()) {
      String source = cargo.root(move.from(), move.machine(), disk.name());
      boolean equal = source.equals(disk.root().hex());
      same &= equal;
      long changed =
          evidence.countersignature().layer().stream()
              .filter(change -> change.disk().equals(disk.name()))
              .count();
      out.printf("  disk %s: root %s%n", disk.name(), disk.root());
      out.printf(
          "    source, hashed again now: %s; target, read back and countersigned: %s%n",
          equal ? "same" : source,
          changed == 0 ? "same" : "same but for " + changed + " chunks of the adaptation");
    }
    for (Check check : evidence.countersignature().checks()) {
      if (check.name().startsWith(Countersignature.ADAPTED)) {
        out.printf("  %s %s%n", check.name(), check.detail());
      }
    }
    Machine moved = evidence.migration().machine();
    Plan plan = evidence.migration().plan();
    boolean kept = plan.addresses().stream().allMatch(one -> one.target().equals(one.source()));
    out.printf(
        "  boots by %s; %d network cards, %d addresses of theirs: %s%n",
        moved.firmware(), moved.nics().size(), plan.addresses().size(), kept ? "kept" : "CHANGED");
    long passing = plan.firewalls().stream().mapToLong(one -> one.allowed().size()).sum();
    out.printf(
        "  %s; %d concerns: %s%n",
        plan.firewalls().isEmpty()
            ? "what passes is left to the groups there"
            : passing + " firewall rules of its own there",
        plan.concerns().size(),
        plan.concerns().stream().map(Plan.Concern::code).distinct().toList());
    Cargo.Life life = cargo.life(move.from(), move.machine(), move.to(), machine);
    out.printf("  %s%n", life.sentence());
    JsonNode statement = move.customer().get(base + "/statement");
    for (JsonNode earned : statement.path("lines")) {
      out.printf(
          "  %-36s %-18s %10s %s%n",
          earned.path("payee").asText(),
          earned.path("meter").asText(),
          new BigDecimal(earned.path("amount").path("amount").asText())
              .setScale(2, RoundingMode.UNNECESSARY),
          earned.path("amount").path("currency").asText());
    }
    result.set("disks", now.path("disks"));
    result.set("certificate", JSON.readTree(move.customer().bytes(base + "/certificate")));
    int inputs = evidence.migration().request().inputs();
    out.printf("  %d manual inputs beyond machine, sites, limits and the two yeses%n", inputs);
    result.put("manualInputs", inputs);
    result.put("verified", true).put("sameBytes", same);
    result.put("firmware", moved.firmware().name()).put("addressesKept", kept);
    ArrayNode adapted = result.putArray("adapted");
    plan.adaptations().forEach(one -> adapted.add(one.kind().wire()));
    result.put("changedChunks", evidence.countersignature().layer().size());
    ObjectNode devices = result.putObject("devices");
    plan.devices().forEach((trait, device) -> devices.put(trait, device.target()));
    ArrayNode concerns = result.putArray("concerns");
    plan.concerns().forEach(concern -> concerns.add(concern.code()));
    result.put("firewallRules", passing);
    result.put("booted", life.booted()).put("counterGoesOn", life.good());
    result.put("lastAtSource", life.lastAtSource()).put("firstAtTarget", life.firstAtTarget());
    result.set("statement", statement);
    result.set("seconds", now.path("seconds"));
    return same && kept && life.good();
  }

  /** Where the machines of the demo come from. */
  static Path guestCache(State state) {
    return State.directory(state.root().resolve("demo").resolve("cache"));
  }
}
