package crossdock.providers.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSink;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import crossdock.providers.conformance.BootSector;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What only an adapter with real guests can show; the rest is in the conformance suite. */
@Timeout(120)
final class KvmTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final Duration SHORT = Duration.ofMillis(700);
  private static final String OWNER = "alice";
  private static final Tag AWAY = new Tag(new MigrationId("m-" + "a".repeat(24)), Role.SOURCE, 1);
  private static final Tag INTO = new Tag(new MigrationId("m-" + "b".repeat(24)), Role.TARGET, 1);

  @TempDir private Path directory;
  private Path north;
  private Path south;

  @BeforeEach
  void twoSites() throws IOException {
    Qemu.assumeHere();
    // Deeper than the address of a socket is long.
    north = directory.resolve("n".repeat(100)).resolve("north");
    south = directory.resolve("south");
  }

  @AfterEach
  void nothingIsLeftRunning() throws IOException {
    if (north != null) {
      kvm(north, LONG).cutPower();
      kvm(south, LONG).cutPower();
    }
  }

  private static Kvm kvm(Path site, Duration patience) throws IOException {
    Kvm.Limits limits = new Kvm.Limits(3, 1L << 30);
    return new Kvm(
        site, "tcg", List.of("vmdk", "qcow2"), limits, Kvm.Networks.ISOLATED, patience, patience);
  }

  private static Machine machine(String id, String format) {
    return new Machine(
        id,
        "Über/web",
        "x86_64",
        1,
        32 << 20,
        Machine.Firmware.BIOS,
        "other",
        List.of(new Machine.Disk("root", format, BootSector.DISK_BYTES)),
        List.of(),
        List.of());
  }

  /** A machine that counts, on a qcow2 disk. */
  private Kvm counting() throws IOException {
    Path image = directory.resolve("counting.qcow2");
    write(image, DiskFormat.QCOW2, BootSector.disk());
    Kvm kvm = kvm(north, LONG);
    kvm.adopt(machine("m1", "qcow2"), OWNER, Map.of("root", image), true);
    return kvm;
  }

  private static void write(Path file, DiskFormat format, byte[] content) throws IOException {
    try (DiskSink sink = Disks.createSink(file, format, content.length)) {
      sink.write(0, ByteBuffer.wrap(content));
      sink.finish();
    }
  }

  private static byte[] read(Path site, DiskTicket ticket) throws IOException {
    try (DiskSource disk = open(site, ticket)) {
      ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(disk.size()));
      disk.read(0, content);
      return content.array();
    }
  }

  private static DiskSource open(Path site, DiskTicket ticket) throws IOException {
    return switch (ticket) {
      case DiskTicket.Image(String disk, String path, String format, long size) ->
          Disks.openSource(site.resolve(path), DiskFormat.fromWire(format), size);
      case DiskTicket.Export(String disk, String socket, String export, long size) ->
          Disks.openNbd(site.resolve(socket), export);
      case DiskTicket.Glance _ -> throw new IOException("not of this provider");
    };
  }

  private static int counter(byte[] disk) {
    return ByteBuffer.wrap(disk).order(ByteOrder.LITTLE_ENDIAN).getInt(512);
  }

  private static int last(String console, String word) {
    Matcher matcher =
        Pattern.compile("CROSSDOCK-GUEST sector " + word + "=(\\d+)").matcher(console);
    int last = -1;
    while (matcher.find()) {
      last = Integer.parseInt(matcher.group(1));
    }
    return last;
  }

  private static void awaitCounter(Kvm kvm, int least) throws IOException {
    long deadline = System.nanoTime() + LONG.toNanos();
    while (last(kvm.console(OWNER, "m1"), "counter") < least) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      LockSupport.parkNanos(20_000_000);
    }
  }

  @Test
  void theGuestGoesOnCountingAtTheTarget() throws Exception {
    Kvm source = counting();
    source.stop("m1", AWAY);
    DiskTicket from = source.open("m1", AWAY).getFirst();
    assertThat(from)
        .isEqualTo(
            new DiskTicket.Image("root", "machines/m1/root.qcow2", "qcow2", BootSector.DISK_BYTES));
    int last = last(source.console(OWNER, "m1"), "last");
    assertThat(last).isPositive();

    Kvm target = kvm(south, LONG);
    target.reserve(machine("planned", "vmdk"), OWNER, INTO);
    DiskTicket.Image to = (DiskTicket.Image) target.prepare(INTO).getFirst();
    write(south.resolve(to.path()), DiskFormat.VMDK, read(north, from));
    assertThat(target.register(INTO)).isEqualTo("m-ber-web-bbbbbbbb");
    String sign = target.boot(INTO);
    assertThat(sign).isEqualTo("CROSSDOCK-GUEST sector counter=" + (last + 1));

    // Whoever asks again, and later, hears the same.
    try (Kvm other = kvm(south, LONG)) {
      assertThat(other.boot(INTO)).isEqualTo(sign);
      other.release(INTO);
    }
    source.retire("m1", AWAY, true);
    assertThat(north.resolve("machines")).isEmptyDirectory();
  }

  @Test
  void aSnapshotStandsStillWhileTheGuestGoesOn() throws Exception {
    Kvm kvm = counting();
    awaitCounter(kvm, 3);
    DiskTicket ticket = kvm.open("m1", AWAY).getFirst();
    assertThat(ticket).isInstanceOf(DiskTicket.Export.class);
    byte[] before = read(north, ticket);
    int counter = counter(before);
    assertThat(counter).isGreaterThanOrEqualTo(3);
    awaitCounter(kvm, counter + 4);
    try (Kvm other = kvm(north, LONG)) {
      assertThat(other.open("m1", AWAY)).containsExactly(ticket);
      assertThat(read(north, ticket)).isEqualTo(before);
      other.close(AWAY);
    }
    assertThatThrownBy(() -> read(north, ticket)).isInstanceOf(IOException.class);
    assertThat(north.resolve("machines/m1/snapshot")).doesNotExist();
    awaitCounter(kvm, last(kvm.console(OWNER, "m1"), "counter") + 2);
    // And again, as somebody else.
    Tag other = new Tag(INTO.migration(), Role.SOURCE, 1);
    assertThat(counter(read(north, kvm.open("m1", other).getFirst()))).isGreaterThan(counter);
    kvm.restore("m1", other);
    assertThat(north.resolve("machines/m1/snapshot")).doesNotExist();
  }

  @Test
  void aSnapshotThatWasHalfMadeIsMadeAnew() throws Exception {
    Kvm kvm = counting();
    kvm.open("m1", AWAY);
    Path file = north.resolve("machines/m1/machine.json");
    Files.writeString(
        file, Files.readString(file).replace("\"complete\":true", "\"complete\":false"));
    byte[] disk = read(north, kvm(north, LONG).open("m1", AWAY).getFirst());
    assertThat(counter(disk)).isPositive();
    kvm.close(AWAY);
  }

  @Test
  void aSnapshotThatEndedWithItsGuestIsNotReplacedByAnotherInstant() throws Exception {
    Kvm kvm = counting();
    kvm.open("m1", AWAY);
    kvm.cutPower();
    assertThatThrownBy(() -> kvm.open("m1", AWAY))
        .isInstanceOfSatisfying(
            Refusal.class, e -> assertThat(e.reason()).isEqualTo(Reason.REFUSED_BY_SOURCE));
    kvm.restore("m1", AWAY);
    assertThat(kvm.open("m1", AWAY).getFirst()).isInstanceOf(DiskTicket.Image.class);
  }

  @Test
  void aGuestThatIgnoresTheButtonIsNotUnplugged() throws Exception {
    counting();
    try (Qmp qmp = new Guests(north, "tcg").qmp("m1")) {
      qmp.execute("stop", Map.of());
    }
    try (Kvm kvm = kvm(north, SHORT)) {
      assertThatThrownBy(() -> kvm.stop("m1", AWAY))
          .isInstanceOfSatisfying(
              Refusal.class, e -> assertThat(e.reason()).isEqualTo(Reason.REFUSED_BY_SOURCE));
      assertThat(new Guests(north, "tcg").isRunning("m1")).isTrue();
      kvm.restore("m1", AWAY);
      assertThat(new Guests(north, "tcg").isRunning("m1")).isTrue();
    }
  }

  @Test
  void aGuestWhosePowerIsCutBeforeItLivesIsNotJudged() throws Exception {
    Kvm kvm = kvm(south, LONG);
    kvm.reserve(machine("planned", "vmdk"), OWNER, INTO);
    DiskTicket.Image to = (DiskTicket.Image) kvm.prepare(INTO).getFirst();
    write(south.resolve(to.path()), DiskFormat.VMDK, new byte[BootSector.DISK_BYTES]);
    String id = kvm.register(INTO);
    CompletableFuture<Void> cut =
        CompletableFuture.runAsync(
            () -> {
              try {
                while (!new Guests(south, "tcg").isRunning(id)) {
                  LockSupport.parkNanos(1_000_000);
                }
                kvm.cutPower();
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    assertThatThrownBy(() -> kvm.boot(INTO)).isInstanceOf(IOException.class);
    cut.join();
    assertThat(kvm.remove(INTO)).isTrue();
  }

  @Test
  void aGuestThatOnlyShowsItsFirmwareIsNotAlive() throws Exception {
    Kvm kvm = kvm(south, SHORT);
    kvm.reserve(machine("planned", "vmdk"), OWNER, INTO);
    DiskTicket.Image to = (DiskTicket.Image) kvm.prepare(INTO).getFirst();
    write(south.resolve(to.path()), DiskFormat.VMDK, new byte[BootSector.DISK_BYTES]);
    kvm.register(INTO);
    assertThatThrownBy(() -> kvm.boot(INTO))
        .isInstanceOfSatisfying(
            Refusal.class, e -> assertThat(e.reason()).isEqualTo(Reason.NOT_ALIVE));
    assertThat(kvm.remove(INTO)).isTrue();
    assertThat(south.resolve("machines")).isEmptyDirectory();
    assertThat(south.resolve("guests")).isEmptyDirectory();
  }

  @Test
  void linksAreNotFollowed() throws Exception {
    Path elsewhere = Files.createDirectories(directory.resolve("elsewhere"));
    Kvm kvm = kvm(south, LONG);
    Files.createSymbolicLink(south.resolve("machines/m9"), elsewhere);
    assertThat(kvm.machine(OWNER, "m9")).isEmpty();
    kvm.reserve(machine("planned", "vmdk"), OWNER, INTO);
    DiskTicket.Image to = (DiskTicket.Image) kvm.prepare(INTO).getFirst();
    Files.createSymbolicLink(south.resolve(to.path()), elsewhere);
    assertThatThrownBy(() -> kvm.register(INTO)).isInstanceOf(Refusal.class);
    Path incoming = directory.resolve("other");
    Files.createDirectories(incoming);
    Files.createSymbolicLink(incoming.resolve("incoming"), elsewhere);
    assertThatThrownBy(() -> kvm(incoming, LONG)).isInstanceOf(IOException.class);
  }

  @Test
  void whatCannotRunHereIsNotReserved() throws Exception {
    Kvm kvm = kvm(south, LONG);
    assertThatThrownBy(() -> kvm.reserve(machine("planned", "vdi"), OWNER, INTO))
        .isInstanceOfSatisfying(
            Refusal.class, e -> assertThat(e.reason()).isEqualTo(Reason.UNMAPPABLE));
    assertThat(kvm.remove(INTO)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"virtio, e1000", "scsi, e1000e", "nvme, virtio-net", "sata, virtio-net"})
  void aMachineStartsOnTheDevicesThatArePlannedForIt(String bus, String card) throws Exception {
    Kvm kvm = kvm(south, LONG);
    Machine one = machine("m1", "qcow2");
    // One more than an AHCI controller has ports.
    List<Machine.Disk> disks =
        IntStream.range(0, 7)
            .mapToObj(i -> new Machine.Disk("disk" + i, "qcow2", BootSector.DISK_BYTES))
            .toList();
    TreeMap<String, String> devices = new TreeMap<>(Map.of("disk.bus", bus, "nic.model", card));
    Machine planned =
        new Machine(
            one.id(),
            one.name(),
            one.architecture(),
            one.cpus(),
            one.memoryBytes(),
            one.firmware(),
            one.guestOs(),
            disks,
            List.of(new Machine.Nic("eth0", "lan", "52:54:00:00:00:01")),
            List.of(),
            devices);
    kvm.reserve(planned, OWNER, INTO);
    byte[] empty = new byte[BootSector.DISK_BYTES];
    for (DiskTicket ticket : kvm.prepare(INTO)) {
      DiskTicket.Image image = (DiskTicket.Image) ticket;
      write(
          south.resolve(image.path()),
          DiskFormat.QCOW2,
          image.disk().equals("disk0") ? BootSector.disk() : empty);
    }
    kvm.register(INTO);
    assertThat(kvm.boot(INTO)).startsWith("CROSSDOCK-GUEST");
    assertThat(kvm.machines(OWNER).getFirst().traits()).containsAllEntriesOf(devices);
  }

  @ParameterizedTest
  @CsvSource({"disk.bus, ide", "disk.bus, floppy", "nic.model, vmxnet3"})
  void devicesThatAreNotHereAreRefusedBeforeAnythingIsReserved(String trait, String device)
      throws Exception {
    Kvm kvm = kvm(south, LONG);
    Machine planned = machine("m1", "qcow2").with(new TreeMap<>(Map.of(trait, device)));
    assertThatThrownBy(() -> kvm.reserve(planned, OWNER, INTO))
        .isInstanceOfSatisfying(
            Refusal.class, refusal -> assertThat(refusal.reason()).isEqualTo(Reason.UNMAPPABLE));
    assertThat(kvm.remove(INTO)).isFalse();
  }
}
