package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import crossdock.chassis.Database;
import crossdock.chassis.Jobs;
import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.testing.Parties;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Reason;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import crossdock.disk.DiskSink;
import crossdock.providers.DiskTicket;
import crossdock.site.DockMessage;
import crossdock.site.DockSeal;
import crossdock.site.Tickets;
import io.micronaut.context.ApplicationContext;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a dock leaves where a migration is undone, and serves where not all of it is safe. */
@Timeout(60)
class DockTest {
  private static final MigrationId ID = MigrationId.of(new Subject("https://idp", "alice"), "one");
  private static final int BYTES = 4096;

  private final HttpsServer site;
  private final ApplicationContext context;
  private final Path root;

  /** The site hands out tickets for the places of three disks, whether or not they are there. */
  DockTest(@TempDir Path directory) throws IOException {
    root = Files.createDirectory(directory.resolve("site"));
    site = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    Parties parties =
        new Parties(URI.create("https://127.0.0.1:" + site.getAddress().getPort()), Map.of());
    site.setHttpsConfigurator(
        new HttpsConfigurator(parties.context(Parties.SOUTH, Parties.SOUTH.urn())));
    hand(Tickets.Purpose.WRITE, ticket("one"), ticket("two"), ticket("three"));
    hand(
        Tickets.Purpose.READ,
        new DiskTicket.Image("safe", "safe.raw", "raw", BYTES),
        new DiskTicket.Image("broken", "broken.qcow2", "qcow2", BYTES));
    site.start();
    Map<String, Object> all = TestDock.configuration(parties, Parties.SOUTH, directory, root);
    all.put("crossdock.guestfs.program", "/bin/false");
    context = ApplicationContext.run(all);
  }

  private void hand(Tickets.Purpose purpose, DiskTicket... tickets) {
    site.createContext(
        "/v1/tickets/" + ID + "/" + purpose.wire(),
        exchange -> {
          byte[] body = Json.bytes(tickets);
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
  }

  @AfterEach
  void close() {
    context.close();
    site.stop(0);
  }

  private static DiskTicket ticket(String disk) {
    return new DiskTicket.Image(disk, disk + "/disk.raw", "raw", BYTES);
  }

  private void write(String disk, boolean finish) throws IOException {
    Files.createDirectory(root.resolve(disk));
    try (DiskSink sink = context.getBean(Sites.class).sink(ticket(disk))) {
      sink.write(0, ByteBuffer.wrap(new byte[] {1}));
      if (finish) {
        sink.finish();
      }
    }
  }

  private DockMessage.Result undo() throws Exception {
    return turn(new DockMessage.Close(ID, Step.UNDO_TARGET, 1));
  }

  private DockMessage.Result turn(DockMessage.Order order) throws Exception {
    Dock dock = context.getBean(Dock.class);
    context.getBean(Database.class).change(tx -> dock.keep(tx, order));
    Jobs.Job job = new Jobs.Job(1, ID, order.kind(), order.attempt(), 1, 1, 0, Optional.empty());
    Outcome.Done done = (Outcome.Done) dock.turn(job, () -> true);
    return (DockMessage.Result)
        context.getBean(DockSeal.class).open(done.send().getFirst().payload());
  }

  @Test
  void nothingOfAMachineIsServedBeforeAllOfItIsFoundSafe() throws Exception {
    Files.write(root.resolve("safe.raw"), new byte[BYTES]);
    Files.write(root.resolve("broken.qcow2"), new byte[BYTES]);
    DockMessage.Serve serve =
        new DockMessage.Serve(ID, 1, Parties.NORTH.dockUrn(), Machine.Firmware.BIOS, 2 * BYTES);
    assertThatThrownBy(() -> turn(serve))
        .isInstanceOfSatisfying(
            StepFailed.class, failed -> assertThat(failed.reason()).isEqualTo(Reason.UNSAFE_IMAGE));
    Openings openings = context.getBean(Openings.class);
    assertThat(openings.find(ID, "safe")).isEmpty();
    assertThat(turn(new DockMessage.Close(ID, Step.UNDO_SOURCE, 1)).failure()).isEmpty();
    assertThat(openings.leaves(ID, "safe").getParent()).isEmptyDirectory();
  }

  @Test
  void aLookThatShowsNothingHindersNothing() throws Exception {
    Files.write(root.resolve("safe.raw"), new byte[BYTES]);
    Files.write(root.resolve("broken.qcow2"), new byte[BYTES]);
    Instant later = Instant.now().plusSeconds(600);
    for (Instant until : List.of(later, Instant.EPOCH)) {
      assertThatThrownBy(() -> turn(new DockMessage.Look(ID, 1, until)))
          .isInstanceOf(StepFailed.class);
    }
    site.removeContext("/v1/tickets/" + ID + "/read");
    hand(Tickets.Purpose.READ, new DiskTicket.Image("safe", "safe.raw", "raw", BYTES));
    assertThat(turn(new DockMessage.Look(ID, 2, later)).traits()).isEmpty();
    assertThat(
            turn(new DockMessage.Serve(
                    ID, 1, Parties.NORTH.dockUrn(), Machine.Firmware.BIOS, BYTES))
                .checks())
        .contains(
            new Check(
                "guest-inventory", 1, Check.Outcome.SKIPPED, "no system that libguestfs knows"));
  }

  @Test
  void aPlaceThatIsGoneIsClosedAndKeepsNoOtherOpen() throws Exception {
    write("two", false);
    write("three", true);
    DockMessage.Result result = undo();
    assertThat(result.step()).isEqualTo(Step.UNDO_TARGET);
    assertThat(result.failure()).isEmpty();
    assertThat(root.resolve("one")).doesNotExist();
    assertThat(root.resolve("two")).isEmptyDirectory();
    assertThat(root.resolve("three/disk.raw")).hasSize(BYTES);
    // The site removes all of it before the dock is asked again.
    Files.delete(root.resolve("two"));
    Files.delete(root.resolve("three/disk.raw"));
    Files.delete(root.resolve("three"));
    assertThat(undo().failure()).isEmpty();
    assertThat(root).isEmptyDirectory();
  }

  @Test
  void eachStepThatEndsASideIsAnsweredThoughAnotherHasEndedItBefore() throws Exception {
    Dock dock = context.getBean(Dock.class);
    Database database = context.getBean(Database.class);
    for (Step ending : List.of(Step.BOOT, Step.UNDO_TARGET, Step.BOOT)) {
      database.change(tx -> dock.take(tx, new DockMessage.Close(ID, ending, 1)));
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!ended().containsAll(List.of(Step.BOOT, Step.UNDO_TARGET))) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      TimeUnit.MILLISECONDS.sleep(20);
    }
    assertThat(ended()).containsExactlyInAnyOrder(Step.BOOT, Step.UNDO_TARGET);
  }

  private List<Step> ended() {
    List<Step> steps = new ArrayList<>();
    for (DockMessage message : said()) {
      if (message instanceof DockMessage.Result result) {
        steps.add(result.step());
      }
    }
    return steps;
  }

  private void ready(Connection tx, DockMessage.Order order, String more) throws SQLException {
    context.getBean(Dock.class).keep(tx, order);
    context.getBean(Jobs.class).add(tx, order.migration(), order.kind(), order.attempt());
    // So that no worker takes it while the test looks.
    String put =
        "UPDATE job SET next_run = now() + interval '1 hour'" + more + " WHERE migration = ?";
    try (PreparedStatement update = tx.prepareStatement(put)) {
      update.setString(1, order.migration().value());
      update.executeUpdate();
    }
  }

  private List<DockMessage> said() {
    return context
        .getBean(Database.class)
        .transaction(
            tx -> {
              List<DockMessage> said = new ArrayList<>();
              try (PreparedStatement query =
                      tx.prepareStatement("SELECT payload FROM outbox ORDER BY seq");
                  ResultSet found = query.executeQuery()) {
                while (found.next()) {
                  said.add(context.getBean(DockSeal.class).open(found.getBytes(1)));
                }
              }
              return said;
            });
  }

  @Test
  void whoWaitsForAWorkerIsToldHowMuchIsDoneBefore() {
    Subject alice = new Subject("https://idp", "alice");
    List<Certificate.Disk> disks = List.of(new Certificate.Disk("one", Sha256.NONE, BYTES));
    List<MigrationId> ids =
        Stream.of("held", "first", "second").map(name -> MigrationId.of(alice, name)).toList();
    context
        .getBean(Database.class)
        .change(
            tx -> {
              DockMessage.Order held =
                  new DockMessage.Fetch(
                      ids.get(0),
                      1,
                      URI.create("https://a"),
                      Parties.NORTH.dockUrn(),
                      disks,
                      Optional.empty(),
                      List.of());
              ready(tx, held, ", lease_until = now() + interval '1 hour'");
              DockMessage.Order first =
                  new DockMessage.Serve(
                      ids.get(1), 1, Parties.NORTH.dockUrn(), Machine.Firmware.BIOS, BYTES);
              ready(tx, first, "");
              DockMessage.Order second =
                  new DockMessage.ReadBack(
                      ids.get(2), 1, disks, Machine.Firmware.BIOS, Optional.empty());
              ready(tx, second, "");
            });
    context.getBean(Dock.class).queue();
    assertThat(said())
        .containsExactly(
            new DockMessage.Advance(ids.get(1), Step.CERTIFY, 1, 0, BYTES, Optional.of(2L * BYTES)),
            new DockMessage.Advance(
                ids.get(2), Step.IMPORT, 1, BYTES, 2 * BYTES, Optional.of(3L * BYTES)));
  }
}
