package crossdock.launcher;

import static crossdock.launcher.Road.NORTH;
import static crossdock.launcher.Road.SOUTH;
import static crossdock.launcher.Road.due;
import static crossdock.launcher.Road.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Evidence;
import crossdock.contracts.Fact;
import crossdock.contracts.TrustBundle;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The whole road through every service, started once by the real command line: machines that
 * arrive, whatever is killed meanwhile, and requests that end otherwise and leave nothing behind.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RoadIT {
  private static final String PROBLEM = "urn:crossdock:problem:";
  private static final String NONE = "m-000000000000000000000000";

  @TempDir static Path directory;
  private static Road road;

  @RegisterExtension
  static final AfterTestExecutionCallback LOGS =
      context ->
          context
              .getExecutionException()
              .ifPresent(
                  _ -> System.err.println(context.getDisplayName() + "\n" + road.complaints()));

  @BeforeAll
  static void up() throws Exception {
    road = Road.up(directory);
    road.alice.link(road.ports);
    road.bob.link(road.ports);
    // Standing ones: any machine from north may come to south, and none from south to north.
    road.alice.grantAtTarget(road.ports, SOUTH, NORTH);
    road.bob.grantAtTarget(road.ports, SOUTH, NORTH);
  }

  @AfterAll
  static void down() throws Exception {
    road.down();
  }

  @Test
  @Order(1)
  void aMachineMovesAndEveryoneSignedIt() throws Exception {
    given("web-1", 16);
    JsonNode vms = road.get(road.alice, "/v1/vms").body();
    assertThat(vms.path("unavailable")).isEmpty();
    assertThat(vms.path("items").findValuesAsText("id")).containsExactly("web-1");
    assertThat(road.get(road.bob, "/v1/vms").body().path("items")).isEmpty();
    JsonNode providers = road.get(road.alice, "/v1/providers").body();
    assertThat(providers.findValuesAsText("provider")).containsExactlyInAnyOrder("north", "south");

    Road.Answer asked = road.ask(road.alice, "web-1", request("web-1"));
    String id = asked.id();
    assertThat(road.get(road.alice, "/v1/migrations/" + id + "/certificate").status())
        .isIn(404, 200);
    JsonNode now = road.done(road.alice, id);

    assertThat(now.path("state").asText()).isEqualTo("retired");
    assertThat(now.path("runs").asText()).isEqualTo("target");
    Evidence evidence = verified(id);
    String machine = evidence.countersignature().machine();
    assertThat(now.path("targetMachine").asText()).isEqualTo(machine);
    String root = evidence.certificate().disks().getFirst().root().hex();
    assertThat(road.root(NORTH, "web-1")).isEqualTo(root);
    assertThat(road.root(SOUTH, machine)).isEqualTo(root);
    assertThat(road.get(road.alice, "/v1/migrations/" + id + "/certificate").status())
        .isEqualTo(200);
    JsonNode statement = road.get(road.alice, "/v1/migrations/" + id + "/statement").body();
    BigDecimal total = new BigDecimal(statement.path("total").path("amount").asText());
    assertThat(total).isPositive().isEqualByComparingTo(road.owed(id));
    assertThat(statement.path("net").size()).isEqualTo(3);
    Road.Answer late = road.call(road.alice, "POST", "/v1/migrations/" + id + ":cancel", null);
    assertThat(late.status()).isEqualTo(409);
    assertThat(late.type()).isEqualTo(PROBLEM + "too-late");
    arrivedOnce("web-1", id);
  }

  @Test
  @Order(2)
  void everyServiceRunsOnTheStartUpCacheThatTheBuildMadeForIt() throws Exception {
    for (Services.Service service : Services.ALL) {
      AotCache cache = service.cache(Road.HOME);
      assumeThat(cache.fresh()).as("built without %s", cache.file()).isTrue();
      String pid = Files.readString(road.state.pidFile(service.name())).split(" ", -1)[0];
      assertThat(Files.readString(Path.of("/proc", pid, "maps")))
          .as(service.name())
          .contains(cache.file().toString());
    }
  }

  @Test
  @Order(2)
  void anUnknownMachineAndOneOfSomebodyElseGetTheSameAnswer() throws Exception {
    road.place(NORTH, "of-bob", road.bob, 1);
    road.bob.grantAtSource(road.ports, NORTH, SOUTH, "of-bob");
    road.alice.grantAtSource(road.ports, NORTH, SOUTH, "of-bob");
    List<String> before = road.machines(SOUTH);
    String unknown = road.ask(road.alice, "nothing", request("nothing")).id();
    String foreign = road.ask(road.alice, "of-bob", request("of-bob")).id();

    List<String> answers = new ArrayList<>();
    for (String id : List.of(unknown, foreign)) {
      JsonNode now = undone(id, "NO_SUCH_MACHINE");
      Set<String> fields = new HashSet<>();
      now.fieldNames().forEachRemaining(fields::add);
      List<String> facts =
          road.facts(road.alice, id).stream().map(RoadIT::withoutName).sorted().toList();
      answers.add(fields + " " + facts + " " + now.path("disks") + now.path("seconds").size());
    }
    assertThat(answers.get(0)).isEqualTo(answers.get(1));
    assertThat(road.machines(SOUTH)).isEqualTo(before);
    assertThat(road.locked(NORTH, "of-bob")).isFalse();
  }

  @Test
  @Order(3)
  void whoSaysYesNowhereMovesNothing() throws Exception {
    List<String> south = road.machines(SOUTH);
    road.place(NORTH, "no-yes", road.alice, 1);
    undone(road.ask(road.alice, "no-yes", request("no-yes")).id(), "NOT_GRANTED_AT_SOURCE");
    assertThat(road.machines(SOUTH)).isEqualTo(south);
    assertThat(road.locked(NORTH, "no-yes")).isFalse();

    List<String> north = road.machines(NORTH);
    road.place(SOUTH, "half-yes", road.alice, 1);
    road.alice.grantAtSource(road.ports, SOUTH, NORTH, "half-yes");
    Map<String, Object> back = request("half-yes");
    back.put("source", SOUTH.id());
    back.put("target", NORTH.id());
    undone(road.ask(road.alice, "half-yes", back).id(), "NOT_GRANTED_AT_TARGET");
    assertThat(road.machines(NORTH)).isEqualTo(north);
    assertThat(road.locked(SOUTH, "half-yes")).isFalse();
    nothingUnderWay();
  }

  @Test
  @Order(4)
  void aQuoteAboveTheLimitIsNotApproved() throws Exception {
    given("dear", 1);
    Map<String, Object> poor = request("dear");
    poor.put("limit", Map.of("amount", "0.01", "currency", "EUR"));
    String id = road.ask(road.alice, "dear", poor).id();
    undone(id, "PRICE_ABOVE_LIMIT");
    assertThat(road.owed(id)).isZero();
    assertThat(road.locked(NORTH, "dear")).isFalse();
  }

  @Test
  @Order(5)
  void aRequestThatCannotBeTakenIsAnsweredAtOnce() throws Exception {
    Map<String, Object> nowhere = request("any");
    nowhere.put("target", "west:nowhere");
    Road.Answer unlisted = road.ask(road.alice, "nowhere", nowhere);
    assertThat(unlisted.status()).isEqualTo(422);
    assertThat(unlisted.type()).isEqualTo(PROBLEM + "unknown-provider");

    Road.Answer keyless = road.call(road.alice, "POST", "/v1/migrations", request("any"));
    assertThat(keyless.status()).isEqualTo(400);
    assertThat(keyless.type()).isEqualTo(PROBLEM + "idempotency-key-missing");

    Road.Answer nobody =
        road.call(null, "POST", "/v1/migrations", request("any"), "Idempotency-Key", "any");
    assertThat(nobody.status()).isEqualTo(401);
    assertThat(nobody.type()).isEqualTo(PROBLEM + "unauthenticated");
  }

  @Test
  @Order(6)
  void theSameRequestTwiceIsOneMigrationAndAnotherUnderItsKeyIsNone() throws Exception {
    String id = road.ask(road.alice, "twice", request("nothing")).id();
    assertThat(road.ask(road.alice, "twice", request("nothing")).id()).isEqualTo(id);
    Road.Answer other = road.ask(road.alice, "twice", request("something"));
    assertThat(other.status()).isEqualTo(422);
    assertThat(other.type()).isEqualTo(PROBLEM + "idempotency-key-reused");
    assertThat(road.ask(road.bob, "twice", request("nothing")).id()).isNotEqualTo(id);
    undone(id, "NO_SUCH_MACHINE");
  }

  @Test
  @Order(7)
  void theMigrationOfAnotherCustomerDoesNotExist() throws Exception {
    String id = road.ask(road.alice, "web-1", request("web-1")).id();
    for (String part : List.of("", "/events", "/certificate", "/evidence", "/statement")) {
      Road.Answer foreign = road.get(road.bob, "/v1/migrations/" + id + part);
      assertThat(foreign.status()).as(part).isEqualTo(404);
      assertThat(foreign.type()).isEqualTo(PROBLEM + "not-found");
      assertThat(foreign.body())
          .as(part)
          .isEqualTo(road.get(road.bob, "/v1/migrations/" + NONE + part).body());
    }
    for (String action : List.of(":cancel", ":accept")) {
      Road.Answer foreign = road.call(road.bob, "POST", "/v1/migrations/" + id + action, null);
      assertThat(foreign.status()).as(action).isEqualTo(404);
    }
    JsonNode mine = road.get(road.bob, "/v1/migrations").body();
    assertThat(mine.path("items").findValuesAsText("id")).doesNotContain(id);
  }

  @Test
  @Order(8)
  void cancelledDuringTheImportItIsUndoneAndCanBeAskedForAgain() throws Exception {
    given("undecided", 96);
    List<String> before = road.machines(SOUTH);
    String id = road.ask(road.alice, "undecided-1", request("undecided")).id();
    road.await(road.alice, id, "importing", due("import").and(_ -> road.receives(SOUTH)));
    cancelled(id, before);
    assertThat(road.locked(NORTH, "undecided")).isFalse();

    String again = road.ask(road.alice, "undecided-2", request("undecided")).id();
    assertThat(road.done(road.alice, again).path("state").asText()).isEqualTo("retired");
    arrivedOnce("undecided", again);
  }

  @Test
  @Order(9)
  void cancelledAfterTheBootItIsUndoneToo() throws Exception {
    given("unloved", 16);
    List<String> before = road.machines(SOUTH);
    Map<String, Object> careful = request("unloved");
    careful.put("accept", "manual");
    String id = road.ask(road.alice, "unloved", careful).id();
    JsonNode booted =
        road.await(road.alice, id, "booted", now -> now.path("state").asText().equals("booted"));
    assertThat(booted.path("runs").asText()).isEqualTo("target");
    assertThat(road.machines(SOUTH)).contains(booted.path("targetMachine").asText());
    cancelled(id, before);
    assertThat(road.locked(NORTH, "unloved")).isFalse();
  }

  @Test
  @Order(10)
  void aCopyLeavesTheSourceAsItWas() throws Exception {
    given("twin", 16);
    Map<String, Object> copy = request("twin");
    copy.put("mode", "copy");
    String id = road.ask(road.alice, "twin", copy).id();
    JsonNode now = road.done(road.alice, id);
    assertThat(now.path("state").asText()).isEqualTo("retired");
    assertThat(now.path("runs").asText()).isEqualTo("source");
    assertThat(road.locked(NORTH, "twin")).isFalse();
    assertThat(road.root(SOUTH, now.path("targetMachine").asText()))
        .isEqualTo(road.root(NORTH, "twin"));
    arrivedOnce("twin", id);
  }

  /**
   * A blow.
   *
   * @param step during which it falls
   * @param frozen since what step the service has not done anything: then the step is surely still
   *     its own to do; empty if it is struck at work
   */
  record Blow(String service, String step, String frozen) {
    Predicate<JsonNode> now() {
      return service.equals("south-conversion")
          ? due(step).and(_ -> road.receives(SOUTH))
          : due(step);
    }

    @Override
    public String toString() {
      return service + " at " + step;
    }
  }

  // North exports and south imports: north-import and south-export have no part in it.
  static List<Blow> blows() {
    return List.of(
        new Blow("identity-federation", "authorize", "authorize"),
        new Blow("catalog", "plan", "authorize"),
        new Blow("billing", "settle", "import"),
        new Blow("gateway", "certify", ""),
        new Blow("north-export", "open", ""),
        new Blow("north-conversion", "certify", ""),
        new Blow("north-conversion", "import", ""),
        new Blow("south-import", "import", ""),
        new Blow("south-conversion", "import", ""));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("blows")
  @Order(11)
  void aServiceThatIsKilledGoesOnWhereItWas(Blow blow) throws Exception {
    String machine = "struck-" + blow.toString().replace(" ", "-");
    given(machine, 96);
    long pid = road.pid(blow.service());
    long start = System.nanoTime();
    if (blow.frozen().equals("authorize")) {
      road.freeze(blow.service());
    }
    String id = road.ask(road.alice, machine, request(machine)).id();
    if (!blow.frozen().isEmpty() && !blow.frozen().equals("authorize")) {
      road.await(road.alice, id, "at " + blow.frozen(), due(blow.frozen()));
      road.freeze(blow.service());
    }
    road.await(road.alice, id, "struck", blow.now());
    road.kill(pid);
    road.startedAgain(blow.service(), pid);
    JsonNode now = road.done(road.alice, id);

    assertThat(now.path("state").asText()).isEqualTo("retired");
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Road.PATIENCE);
    arrivedOnce(machine, id);
    System.out.printf(
        "%s: %d s, %s%n",
        blow, Duration.ofNanos(System.nanoTime() - start).toSeconds(), now.path("seconds"));
  }

  @Test
  @Order(12)
  void aTargetOutOfReachAfterTheBootWasAskedForStartsNoSourceButByItsCustomersWord()
      throws Exception {
    assumeThat(road.clockTurns()).as("libfaketime (Debian: faketime)").isTrue();
    given("cut-off", 4);
    List<String> before = road.machines(SOUTH);
    Map<String, Object> careful = request("cut-off");
    careful.put("accept", "manual");
    String id = road.ask(road.alice, "cut-off", careful).id();
    road.await(road.alice, id, "booting", due("boot").or(due("accept")));
    road.freeze("south-import");
    assertThat(road.call(road.alice, "POST", "/v1/migrations/" + id + ":cancel", null).status())
        .isEqualTo(202);
    assertThat(road.override(road.alice, NORTH, id)).isEqualTo(409);

    JsonNode stuck = road.later(road.alice, id, now -> now.path("stuck").asBoolean());
    assertThat(stuck.path("owed").toString()).isEqualTo("[\"source\",\"target\"]");
    assertThat(stuck.path("runs").asText()).isNotEqualTo("source");
    assertThat(road.locked(NORTH, "cut-off")).isTrue();
    assertThat(road.override(road.bob, NORTH, id)).isEqualTo(404);
    long deadline = System.nanoTime() + Road.PATIENCE.toNanos();
    int answer = road.override(road.alice, NORTH, id);
    while (answer == 409 && System.nanoTime() < deadline) {
      TimeUnit.MILLISECONDS.sleep(100); // the source is being asked
      answer = road.override(road.alice, NORTH, id);
    }
    assertThat(answer).isEqualTo(202);
    JsonNode overridden =
        road.await(
            road.alice,
            id,
            "overridden",
            now -> now.path("owed").toString().equals("[\"target\"]"));
    assertThat(overridden.path("runs").asText()).isEqualTo("source");
    assertThat(road.locked(NORTH, "cut-off")).isFalse();

    road.thaw("south-import");
    undone(id, "CANCELLED");
    assertThat(road.machines(SOUTH)).isEqualTo(before);
    nothingUnderWay();
    assertThat(road.charges(id)).isEqualTo(1);
  }

  @Test
  @Order(12)
  void aMachineWhoseDisksCouldNotComeIsNotStoppedUntilTheyCan() throws Exception {
    given("no-way-yet", 4);
    road.freeze("north-conversion");
    String id = road.ask(road.alice, "no-way-yet", request("no-way-yet")).id();
    try {
      road.await(
          road.alice, id, "cleared", now -> due("reserve").test(now) && !due("clear").test(now));
      assertThat(road.locked(NORTH, "no-way-yet")).isFalse();
    } finally {
      road.thaw("north-conversion");
    }
    JsonNode now = road.done(road.alice, id);
    assertThat(now.path("state").asText()).isEqualTo("retired");
    assertThat(now.path("path").path("bytesPerSecond").asLong()).isPositive();
    arrivedOnce("no-way-yet", id);
  }

  @Test
  @Order(12)
  void aSourceThatIsGoneForGoodAfterItStoppedLeavesNothingAtTheTarget() throws Exception {
    assumeThat(road.clockTurns()).as("libfaketime (Debian: faketime)").isTrue();
    given("orphan", 4);
    List<String> before = road.machines(SOUTH);
    String id = road.ask(road.alice, "orphan", request("orphan")).id();
    road.await(road.alice, id, "stopping", due("stop").or(due("open")));
    road.freeze("north-conversion");
    road.await(road.alice, id, "stopped", due("open").or(due("certify")));
    road.freeze("north-export");
    // It is given up by time alone, for nobody cancels.
    JsonNode _ = road.later(road.alice, id, now -> now.path("state").asText().equals("undoing"));
    road.await(
        road.alice,
        id,
        "undone at the target",
        now -> now.path("owed").toString().equals("[\"source\"]"));
    JsonNode stuck = road.later(road.alice, id, now -> now.path("stuck").asBoolean());
    assertThat(stuck.path("reason").asText()).isEqualTo("OVERDUE");
    assertThat(stuck.path("owed").toString()).isEqualTo("[\"source\"]");
    assertThat(road.machines(SOUTH)).isEqualTo(before);
    assertThat(road.leftovers(SOUTH)).isEmpty();

    road.thaw("north-export");
    road.thaw("north-conversion");
    undone(id, "OVERDUE");
    assertThat(road.locked(NORTH, "orphan")).isFalse();
    nothingUnderWay();
  }

  @Test
  @Order(12)
  void aThirdProviderJoinsWhileAMachineMovesTakesPartAndLeaves() throws Exception {
    // Where the tests' servers are containers there is an engine, and the image of the services.
    boolean inContainers = "containers".equals(System.getenv("CROSSDOCK_TEST_SERVERS"));
    given("meanwhile", 32);
    String meanwhile = road.ask(road.alice, "meanwhile", request("meanwhile")).id();
    heldBeforeTheImport(meanwhile);
    // Not under /tmp, where a unit does without PrivateTmp.
    Path place = Files.createTempDirectory(Road.HOME.resolve("launcher/target"), "east");
    try (East east = new East(road, place)) {
      assertThat(east.init()).isZero();
      Path application = east.file("application.json");
      Path welcome = east.file("welcome.json");
      assertThat(road.run("member", "admit", application.toString(), welcome.toString())).isZero();
      assertThat(east.install("0".repeat(64))).isEqualTo(Refusal.CANNOT_START);
      assertThat(east.install(east.pins())).isZero();
      Customer alice = east.customer("alice");
      east.databases();
      east.stands("APPLIED");
      east.lie(true);
      east.start(inContainers ? Keeper.Kind.COMPOSE : Keeper.Kind.LINES);
      east.stands("UNEXAMINED");
      assertThat(east.examine()).isEqualTo(Refusal.FAILED);
      east.until(
          "its objection",
          () ->
              east.shown()
                  .at("/examined/objection")
                  .asText()
                  .startsWith("zones: FAILED 1: nowhere"));
      assertThat(east.standings()).isEqualTo("APPLIED UNEXAMINED");
      east.lie(false);
      east.start(inContainers ? Keeper.Kind.COMPOSE : Keeper.Kind.LINES);
      assertThat(east.examine()).isZero();
      east.stands("LISTED");
      assertThat(east.shown().at("/examined/conforms").asBoolean()).isTrue();
      assertThat(east.machines()).isEmpty();
      road.thaw("south-conversion");
      assertThat(road.done(road.alice, meanwhile).path("state").asText()).isEqualTo("retired");
      arrivedOnce("meanwhile", meanwhile);

      east.link(alice);
      road.place(NORTH, "eastward", road.alice, 4);
      alice.grantAtSource(road.ports, NORTH, East.SITE, "eastward");
      JsonNode offers = offers("eastward");
      assertThat(offers.findValuesAsText("site")).containsExactlyInAnyOrder(East.ID, SOUTH.id());
      assertThat(offers).allMatch(offer -> offer.path("possible").asBoolean());
      east.grant(alice, true, NORTH, "eastward");
      String there = moved("eastward", NORTH.id(), East.ID, east);
      String machine =
          road.get(road.alice, "/v1/migrations/" + there).body().path("targetMachine").asText();
      assertThat(east.machines()).containsExactly(machine);
      assertThat(east.root(machine)).isEqualTo(road.root(NORTH, "eastward"));

      suspended(east, alice);

      if (inContainers) {
        east.start(Keeper.Kind.SYSTEMD);
      }
      east.grant(alice, false, SOUTH, machine);
      alice.grantAtTarget(road.ports, SOUTH, East.SITE);
      Map<String, Object> on = request(machine);
      on.put("source", East.ID);
      String onward = road.ask(road.alice, machine, on).id();
      heldBeforeTheImport(onward);
      assertThat(road.run("member", "leave", "east")).isEqualTo(Refusal.FAILED);
      east.stands("LEAVING");
      road.thaw("south-conversion");
      assertThat(road.done(road.alice, onward).path("state").asText()).isEqualTo("retired");
      verified(onward);
      // Listed no more while its own ended, and now it goes.
      assertThat(road.run("member", "leave", "east")).isZero();
      assertThat(road.run("member", "leave", "east")).isZero();
      east.stands("LEFT");
      assertThat(east.standings())
          .isEqualTo("APPLIED UNEXAMINED LISTED SUSPENDED LISTED LEAVING LEFT");

      Map<String, Object> late = request("late");
      late.put("target", East.ID);
      Road.Answer unlisted = road.ask(road.alice, "late", late);
      assertThat(unlisted.status()).isEqualTo(422);
      assertThat(unlisted.type()).isEqualTo(PROBLEM + "unknown-provider");
      assertThat(road.get(road.alice, "/v1/providers").body().findValuesAsText("provider"))
          .containsExactlyInAnyOrder("north", "south");
      assertThat(road.topics()).noneMatch(topic -> topic.startsWith("site.east"));
      // What it signed while it was a member stays good.
      verified(there);
      verified(onward);
      assertThat(east.leftovers()).isEmpty();
      nothingUnderWay();
    } finally {
      road.thaw("south-conversion");
      Deletion.tree(place);
    }
  }

  /** Its target's dock, which has tried the way, stops before anything comes. */
  private static void heldBeforeTheImport(String id) throws Exception {
    road.await(road.alice, id, "on its way", due("stop").or(due("open")).or(due("certify")));
    road.freeze("south-conversion");
    road.await(road.alice, id, "to be imported", due("import"));
  }

  /** While it is, nothing begins with it, and then again. */
  private static JsonNode offers(String machine) throws Exception {
    Road.Answer answer =
        road.get(road.alice, "/v1/vms/%s/%s/offers".formatted(NORTH.id(), machine));
    assertThat(answer.status()).isEqualTo(200);
    return answer.body().path("items");
  }

  private static void suspended(East east, Customer alice) throws Exception {
    Path[] all = {
      road.state.run("catalog"),
      road.state.run("north-export"),
      road.state.run("south-import"),
      east.file("run/east-export"),
      east.file("run/east-import")
    };
    assertThat(road.run("member", "suspend", "nobody")).isEqualTo(Refusal.CANNOT_START);
    assertThat(road.run("member", "suspend", "east")).isZero();
    road.trusted(all);
    road.place(NORTH, "halted", road.alice, 1);
    alice.grantAtSource(road.ports, NORTH, East.SITE, "halted");
    east.grant(alice, true, NORTH, "halted");
    Map<String, Object> request = request("halted");
    request.put("target", East.ID);
    JsonNode refused = road.done(road.alice, road.ask(road.alice, "halted", request).id());
    assertThat(refused.path("state").asText()).isEqualTo("undone");
    assertThat(refused.path("reason").asText()).isEqualTo("NO_SUCH_PROVIDER");
    assertThat(road.run("member", "resume", "east")).isZero();
    road.trusted(all);
    east.stands("LISTED");
  }

  private static String moved(String machine, String from, String to, East east) throws Exception {
    Map<String, Object> request = request(machine);
    request.put("source", from);
    request.put("target", to);
    String id = road.ask(road.alice, machine, request).id();
    JsonNode now = road.done(road.alice, id);
    assertThat(now.path("state").asText()).as("%s %s", now, east.logs()).isEqualTo("retired");
    verified(id);
    return id;
  }

  private static Evidence verified(String id) throws Exception {
    return Evidence.verify(
        road.alice.bytes(
            Services.url(road.ports, "gateway") + "/v1/migrations/" + id + "/evidence"),
        TrustBundle.accept(
            road.state.trust().resolve("bundle.json"),
            road.state.trust().resolve("members"),
            Instant.now()));
  }

  @Test
  @Order(13)
  void killingTheSupervisorLeavesNoProcess() throws Exception {
    List<ProcessHandle> all = new ArrayList<>();
    for (Status.Line line : Status.read(road.state).orElseThrow().processes()) {
      ProcessHandle process = ProcessHandle.of(line.pid()).orElseThrow();
      all.add(process);
      all.addAll(process.descendants().toList());
    }
    assertThat(all).hasSizeGreaterThan(12);
    all.add(Spawn.running(road.state.reaperPid()).orElseThrow());
    ProcessHandle supervisor = Spawn.running(road.state.supervisorPid()).orElseThrow();
    assertThat(supervisor.destroyForcibly()).isTrue();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (all.stream().anyMatch(ProcessHandle::isAlive)) {
      assertThat(System.nanoTime())
          .as("alive: %s", all.stream().filter(ProcessHandle::isAlive).toList())
          .isLessThan(deadline);
      TimeUnit.MILLISECONDS.sleep(50);
    }
  }

  /** A machine of alice's at north that she lets go to south. */
  private static void given(String machine, int mebibytes) throws Exception {
    road.place(NORTH, machine, road.alice, mebibytes);
    road.alice.grantAtSource(road.ports, NORTH, SOUTH, machine);
  }

  private static JsonNode undone(String id, String reason) throws Exception {
    JsonNode now = road.done(road.alice, id);
    assertThat(now.path("state").asText()).isEqualTo("undone");
    assertThat(now.path("reason").asText()).isEqualTo(reason);
    assertThat(now.path("runs").asText()).isEqualTo("source");
    return now;
  }

  private static void cancelled(String id, List<String> before) throws Exception {
    assertThat(road.call(road.alice, "POST", "/v1/migrations/" + id + ":cancel", null).status())
        .isEqualTo(202);
    JsonNode now = undone(id, "CANCELLED");
    assertThat(road.machines(SOUTH)).isEqualTo(before);
    nothingUnderWay();
    // What the source and the target did is paid for, the core's fee is not.
    JsonNode statement = road.get(road.alice, "/v1/migrations/" + id + "/statement").body();
    for (JsonNode line : statement.path("lines")) {
      if (line.path("meter").asText().equals("migration.fee")) {
        assertThat(new BigDecimal(line.path("amount").path("amount").asText())).isZero();
      }
    }
    assertThat(road.owed(id))
        .isEqualByComparingTo(statement.path("total").path("amount").asText())
        .isLessThan(new BigDecimal(now.path("quote").path("total").path("amount").asText()));
    assertThat(road.charges(id)).isEqualTo(1);
  }

  private static void arrivedOnce(String machine, String id) throws Exception {
    assertThat(road.machines(SOUTH)).filteredOn(name -> name.startsWith(machine + "-")).hasSize(1);
    List<Fact> facts = road.facts(road.alice, id);
    assertThat(facts).filteredOn(Fact.Certified.class::isInstance).hasSize(1);
    assertThat(facts).filteredOn(Fact.Imported.class::isInstance).hasSize(1);
    assertThat(facts).filteredOn(Fact.Settled.class::isInstance).hasSize(1);
    assertThat(road.charges(id)).isEqualTo(1);
    nothingUnderWay();
  }

  private static void nothingUnderWay() throws Exception {
    assertThat(road.leftovers(NORTH)).isEmpty();
    assertThat(road.leftovers(SOUTH)).isEmpty();
  }

  private static String withoutName(Fact fact) {
    return fact instanceof Fact.Requested ? "requested" : String.valueOf(fact);
  }
}
