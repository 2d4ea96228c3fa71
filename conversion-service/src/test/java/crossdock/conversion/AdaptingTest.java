package crossdock.conversion;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import crossdock.chassis.Database;
import crossdock.chassis.Held;
import crossdock.chassis.Jobs;
import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.testing.Parties;
import crossdock.contracts.Adaptation;
import crossdock.contracts.Adaptation.Kind;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Countersignature.Change;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Reason;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.disk.LeafFile;
import crossdock.disk.Manifest;
import crossdock.disk.Swap;
import crossdock.providers.DiskTicket;
import crossdock.site.DockMessage;
import crossdock.site.DockSeal;
import crossdock.site.Tickets;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest that was installed elsewhere, from one dock to another that adapts it: with libguestfs,
 * QEMU and a guest that starts; skipped aloud where they are not installed.
 */
@Timeout(900)
class AdaptingTest {
  private static final MigrationId ID = MigrationId.of(new Subject("https://idp", "alice"), "one");
  private static final Path GUESTFISH = Path.of("/usr/bin/guestfish");
  private static final Path QEMU = Path.of("/usr/bin/qemu-system-x86_64");
  private static final Path BUILD = Path.of("../lab/guest/build");
  private static final long MOST = 1L << 40;
  private static final List<Adaptation> ADAPTATIONS =
      List.of(
          new Adaptation(Kind.DRIVERS, List.of("virtio"), "disk-driver-missing"),
          new Adaptation(Kind.ROOT, List.of(), "root-by-device-name"),
          new Adaptation(Kind.FSTAB, List.of(), "file-systems-by-path"),
          new Adaptation(Kind.CLOUD_INIT, List.of("configdrive"), "datasource-not-offered"),
          new Adaptation(
              Kind.CARDS, List.of("52:54:00:00:00:01", "52:54:00:00:00:02"), "network-by-name"));

  @TempDir private Path directory;
  private Parties parties;
  private HttpsServer tickets;
  private EmbeddedServer north;
  private ApplicationContext south;
  private Path there;
  private Path here;

  @BeforeEach
  @SuppressWarnings("SystemOut")
  void open() throws Exception {
    boolean installed =
        Files.isExecutable(GUESTFISH)
            && Files.isExecutable(QEMU)
            && Files.isExecutable(Path.of("/usr/sbin/mke2fs"));
    if (!installed) {
      System.out.println("NOT CHECKED: that adapted guests start, for lack of libguestfs or QEMU");
    }
    assumeTrue(installed, "libguestfs-tools, qemu-system-x86 and e2fsprogs are not installed");
    tickets = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    parties =
        new Parties(URI.create("https://127.0.0.1:" + tickets.getAddress().getPort()), Map.of());
    tickets.setHttpsConfigurator(
        new HttpsConfigurator(parties.context(Parties.SOUTH, Parties.SOUTH.urn())));
    tickets.start();
    there = Files.createDirectories(directory.resolve("north/site"));
    here = Files.createDirectories(directory.resolve("south/site"));
    Map<String, Object> source =
        TestDock.configuration(parties, Parties.NORTH, directory.resolve("north"), there);
    TestDock.serves(source);
    north = ApplicationContext.run(EmbeddedServer.class, source);
    Map<String, Object> target =
        TestDock.configuration(parties, Parties.SOUTH, directory.resolve("south"), here);
    target.put("crossdock.guestfs.program", GUESTFISH.toString());
    target.put("crossdock.guestfs.settings", "force_tcg"); // runs everywhere
    south = ApplicationContext.run(target);
  }

  @AfterEach
  void close() {
    if (south != null) {
      south.close();
      north.close();
    }
    tickets.stop(0);
  }

  /** A disk that the source's dock serves. */
  private Certificate.Disk serve(String name, String format, long bytes) throws IOException {
    DiskTicket.Image ticket = new DiskTicket.Image(name, name + "." + format, format, bytes);
    Openings openings = north.getApplicationContext().getBean(Openings.class);
    try (DiskSource disk = Disks.openSource(there.resolve(ticket.path()), format(format), MOST);
        LeafFile.Writer leaves = new LeafFile.Writer(openings.leaves(ID, name))) {
      Manifest manifest = DiskHasher.hash(disk, leaves);
      leaves.finish();
      Certificate.Disk certified =
          new Certificate.Disk(name, new Sha256(manifest.root().hex()), manifest.length());
      openings.open(ID, new Openings.Opening(ticket, Parties.SOUTH.dockUrn(), certified));
      return certified;
    }
  }

  private static DiskFormat format(String name) {
    return name.equals("raw") ? DiskFormat.RAW : DiskFormat.QCOW2;
  }

  private void hand(Tickets.Purpose purpose, List<Certificate.Disk> disks) {
    tickets.createContext(
        "/v1/tickets/" + ID + "/" + purpose.wire(),
        exchange -> {
          byte[] body =
              Json.bytes(
                  disks.stream()
                      .map(
                          disk ->
                              new DiskTicket.Image(
                                  disk.name(), disk.name() + "/disk.qcow2", "qcow2", disk.length()))
                      .toArray(DiskTicket[]::new));
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
  }

  private DockMessage.Result turn(DockMessage.Order order, Held held) throws Exception {
    Dock dock = south.getBean(Dock.class);
    south.getBean(Database.class).change(tx -> dock.keep(tx, order));
    Jobs.Job job = new Jobs.Job(1, ID, order.kind(), order.attempt(), 1, 1, 0, Optional.empty());
    Outcome.Done done = (Outcome.Done) dock.turn(job, held);
    return (DockMessage.Result)
        south.getBean(DockSeal.class).open(done.send().getFirst().payload());
  }

  private DockMessage.Fetch fetch(
      int attempt, List<Certificate.Disk> disks, List<Adaptation> adaptations) {
    return new DockMessage.Fetch(
        ID, attempt, north.getURI(), Parties.NORTH.dockUrn(), disks, Optional.empty(), adaptations);
  }

  /** What a guest says on its console in two minutes, up to the first line of one of these. */
  private static String says(Path image, String device, String... ends) throws Exception {
    Process guest =
        new ProcessBuilder(
                ("timeout 120 " + QEMU + " -accel tcg -m 256 -display none -no-reboot -nic none")
                    .concat(" -serial stdio -monitor none -snapshot")
                    .concat(" -drive file=" + image + ",if=none,id=d,format=qcow2")
                    .concat(" -device " + device + ",drive=d")
                    .split(" "))
            .redirectErrorStream(true)
            .start();
    StringBuilder said = new StringBuilder();
    try (BufferedReader from = guest.inputReader(UTF_8)) {
      for (String line = from.readLine(); line != null; line = from.readLine()) {
        said.append(line).append('\n');
        for (String end : ends) {
          if (line.contains(end)) {
            return said.toString();
          }
        }
      }
      return said.toString();
    } finally {
      guest.descendants().forEach(ProcessHandle::destroyForcibly);
      guest.destroyForcibly();
    }
  }

  private Certificate.Disk guest() throws Exception {
    Process build =
        new ProcessBuilder(
                BUILD.toString(),
                "--out",
                there.resolve("root.qcow2").toString(),
                "--name",
                "installed",
                "--disk-mb",
                "96",
                "--installed",
                "ahci ata_piix")
            .redirectErrorStream(true)
            .start();
    String said = new String(build.getInputStream().readAllBytes(), UTF_8);
    assertThat(build.waitFor(5, TimeUnit.MINUTES) ? build.exitValue() : -1).as(said).isZero();
    return serve("root", "qcow2", 96 << 20);
  }

  @Test
  void aGuestThatWouldNotStartHereStartsAndAllThatWasNotAdaptedIsCertified() throws Exception {
    byte[] data = new byte[3 << 20];
    new Random(1).nextBytes(data);
    Files.write(there.resolve("data.raw"), data);
    List<Certificate.Disk> certified = List.of(guest(), serve("data", "raw", data.length));
    hand(Tickets.Purpose.WRITE, certified);
    hand(Tickets.Purpose.READ_BACK, certified);
    for (Certificate.Disk disk : certified) {
      Files.createDirectory(here.resolve(disk.name()));
    }
    assertThat(says(there.resolve("root.qcow2"), "virtio-blk-pci", "no disk", "counter="))
        .contains("no disk /dev/sda1")
        .doesNotContain("counter=");

    // A worker that loses its job when the first chunk has been changed leaves nothing that counts.
    Path layers = directory.resolve("south/work/layers");
    AtomicBoolean changed = new AtomicBoolean();
    assertThatThrownBy(
            () ->
                turn(
                    fetch(1, certified, ADAPTATIONS),
                    () -> {
                      changed.compareAndSet(false, hasFiles(layers));
                      return !changed.get();
                    }))
        .isNotInstanceOf(StepFailed.class);
    assertThat(changed).isTrue();
    assertThat(here.resolve("root")).isEmptyDirectory();
    assertThat(layers).isEmptyDirectory();

    DockMessage.Result fetched = turn(fetch(1, certified, ADAPTATIONS), () -> true);
    DockMessage.Adapted adapted = fetched.adapted().orElseThrow();
    assertThat(adapted.checks())
        .extracting(Check::name)
        .containsExactly(
            "adapted-drivers",
            "adapted-root",
            "adapted-fstab",
            "adapted-cloud-init",
            "adapted-cards");
    assertThat(adapted.checks()).noneMatch(Check::failed);
    assertThat(adapted.checks().getFirst().detail())
        .contains("by libguestfs 1.", "disk-driver-missing", "virtio_blk", "/boot/initrd.img-");
    assertThat(adapted.layer()).isNotEmpty().hasSizeLessThan(16);
    assertThat(adapted.layer()).extracting(Change::disk).containsOnly("root");
    assertThat(fetched.disks().get(1)).isEqualTo(certified.get(1));

    TreeMap<Long, Swap.Leaf> back = new TreeMap<>();
    for (Change change : adapted.layer()) {
      back.put(change.chunk(), new Swap.Leaf(hash(change.registered()), hash(change.certified())));
    }
    Swap beneath = new Swap(back);
    Path image = here.resolve("root/disk.qcow2");
    try (DiskSource disk = Disks.openSource(image, DiskFormat.QCOW2, MOST)) {
      assertThat(DiskHasher.hash(disk, beneath).root().hex())
          .isEqualTo(fetched.disks().getFirst().root().hex());
    }
    assertThat(beneath.matches()).isTrue();
    assertThat(beneath.root().hex()).isEqualTo(certified.getFirst().root().hex());
    assertThat(says(image, "virtio-blk-pci", "no disk", "counter=3"))
        .contains("CROSSDOCK-GUEST installed counter=1 boot=1")
        .contains("counter=3");
    assertThat(says(image, "ide-hd", "no disk", "counter=1")).contains("counter=1");

    // Delivered again, it is the same layer: it would not be, if it were made anew.
    assertThat(turn(fetch(1, certified, ADAPTATIONS), () -> true)).isEqualTo(fetched);
    DockMessage.ReadBack order =
        new DockMessage.ReadBack(ID, 1, fetched.disks(), Machine.Firmware.BIOS, fetched.adapted());
    DockMessage.Result read = turn(order, () -> true);
    assertThat(read.disks()).isEqualTo(fetched.disks());
    assertThat(read.adapted()).isEqualTo(fetched.adapted());
    assertThat(read.checks()).extracting(Check::name).contains("guest-inventory");
    // On another certificate of the same disks it is the same again, until the guest is started.
    assertThat(turn(fetch(2, certified, ADAPTATIONS), () -> true).adapted())
        .isEqualTo(fetched.adapted());
    assertThat(turn(new DockMessage.Close(ID, Step.BOOT, 1), () -> true).failure()).isEmpty();
    assertThat(layers).isEmptyDirectory();
  }

  private static boolean hasFiles(Path directory) {
    try (Stream<Path> all = Files.exists(directory) ? Files.walk(directory) : Stream.empty()) {
      return all.anyMatch(Files::isRegularFile);
    } catch (IOException | UncheckedIOException e) {
      return false; // it has just been erased
    }
  }

  private static Adapting.Disks none() {
    return new Adapting.Disks(List.of(), Optional.empty());
  }

  private static crossdock.disk.Sha256 hash(Sha256 of) {
    return new crossdock.disk.Sha256(of.hex());
  }

  @Test
  void aGuestThatCannotBeAdaptedIsNotWritten() throws Exception {
    List<Certificate.Disk> certified = List.of(guest());
    hand(Tickets.Purpose.WRITE, certified);
    Files.createDirectory(here.resolve("root"));
    List<Adaptation> lsi =
        List.of(new Adaptation(Kind.DRIVERS, List.of("lsi"), "disk-driver-missing"));
    assertThatThrownBy(() -> turn(fetch(1, certified, lsi), () -> true))
        .isInstanceOfSatisfying(
            StepFailed.class,
            failed -> {
              assertThat(failed.reason()).isEqualTo(Reason.REFUSED_BY_TARGET);
              assertThat(failed).hasMessageContaining("has no drivers of lsi");
            });
    assertThat(here.resolve("root")).isEmptyDirectory();
    assertThat(turn(new DockMessage.Close(ID, Step.UNDO_TARGET, 1), () -> true).failure())
        .isEmpty();
    Path layers = south.getBean(Adapting.class).layer(ID, "root", none()).directory();
    assertThat(layers.getParent()).doesNotExist();
  }
}
