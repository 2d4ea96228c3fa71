package crossdock.providers.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import crossdock.contracts.Machine;
import crossdock.providers.conformance.BootSector;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With a real QEMU; skipped where there is none. */
final class GuestsTest {
  private static final Duration SOON = Duration.ofSeconds(30);

  @TempDir private Path site;
  private Guests guests;

  @BeforeEach
  void qemuIsHere() throws IOException {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/qemu-system-x86_64")), "no QEMU here");
    guests = new Guests(site, "tcg");
  }

  @AfterEach
  void nothingIsLeftRunning() throws IOException {
    if (guests != null) {
      guests.kill("m1");
    }
  }

  static Machine machine(String id) {
    return new Machine(
        id,
        id,
        "x86_64",
        1,
        64 << 20,
        Machine.Firmware.BIOS,
        "other",
        List.of(new Machine.Disk("root", "raw", BootSector.DISK_BYTES)),
        List.of(new Machine.Nic("nic0", "lan", "52:54:00:00:00:01")),
        List.of());
  }

  private void start() throws IOException {
    Path disk = site.resolve("root, 1.raw");
    if (!Files.exists(disk)) {
      BootSector.disk(disk);
    }
    guests.start(machine("m1"), List.of(disk));
  }

  private long waitFor(String word, long since) throws IOException {
    Pattern line = Pattern.compile("CROSSDOCK-GUEST sector " + word + "=(\\d+)\n");
    long deadline = System.nanoTime() + SOON.toNanos();
    while (System.nanoTime() < deadline) {
      Matcher matcher = line.matcher(guests.consoleSince("m1", since));
      if (matcher.find()) {
        return Long.parseLong(matcher.group(1));
      }
      LockSupport.parkNanos(5_000_000);
    }
    throw new AssertionError("no " + word + " in " + guests.console("m1"));
  }

  @Test
  void aGuestGoesOnCountingWhereItWasStopped() throws IOException {
    start();
    assertThat(waitFor("counter", 0)).isEqualTo(1);
    assertThat(guests.isRunning("m1")).isTrue();

    assertThat(guests.stop("m1", SOON)).isTrue();
    assertThat(guests.isRunning("m1")).isFalse();
    assertThat(site.resolve("guests/m1.pid")).doesNotExist();
    long last = waitFor("last", 0);

    long before = guests.consoleSize("m1");
    start();
    assertThat(waitFor("counter", before)).isEqualTo(last + 1);
  }

  @Test
  void aMachineWithUefiIsStartedByThatAndKeepsItsVariables() throws IOException {
    assumeTrue(Kvm.hasUefi(), "NOT CHECKED: UEFI, for lack of ovmf");
    Machine bios = machine("m1");
    Machine uefi =
        new Machine(
            "m1",
            "m1",
            "x86_64",
            1,
            512 << 20,
            Machine.Firmware.UEFI,
            "other",
            bios.disks(),
            bios.nics(),
            List.of());
    guests.start(uefi, List.of(BootSector.disk(site.resolve("root.raw"))));
    long deadline = System.nanoTime() + SOON.toNanos();
    while (!guests.console("m1").contains("BdsDxe: ")) { // what looks for something to boot
      assertThat(System.nanoTime()).isLessThan(deadline);
      LockSupport.parkNanos(50_000_000);
    }
    guests.kill("m1");
    Path variables = site.resolve("machines/m1/uefi.vars");
    byte[] said = Files.readAllBytes(variables);
    assertThat(said).isNotEqualTo(Files.readAllBytes(Uefi.installed().orElseThrow().variables()));
    guests.start(uefi, List.of(site.resolve("root.raw")));
    assertThat(guests.isRunning("m1")).isTrue();
    guests.kill("m1");
  }

  @Test
  void aGuestIsFoundAgainByWhoeverKnowsTheDirectory() throws IOException {
    start();
    String pid = Files.readString(site.resolve("guests/m1.pid"));
    Guests other = new Guests(site, "tcg");
    assertThat(other.isRunning("m1")).isTrue();
    other.start(machine("m1"), List.of(site.resolve("not read")));
    assertThat(Files.readString(site.resolve("guests/m1.pid"))).isEqualTo(pid);
    other.kill("m1");
    assertThat(guests.isRunning("m1")).isFalse();
  }

  @Test
  void aProcessThatOnlyHasTheSameNumberIsNotTheGuest() throws IOException {
    Files.writeString(site.resolve("guests/m1.pid"), ProcessHandle.current().pid() + " 1\n");
    assertThat(guests.isRunning("m1")).isFalse();
  }

  @Test
  void aGuestThatDoesNotListenIsNotStopped() throws IOException {
    start();
    try (Qmp qmp = guests.qmp("m1")) {
      qmp.execute("stop", Map.of());
    }
    assertThat(guests.stop("m1", Duration.ofMillis(300))).isFalse();
    assertThat(guests.isRunning("m1")).isTrue();
  }

  @Test
  void twoMachinesDoNotRunOnOneDisk() throws IOException {
    start();
    assertThatThrownBy(() -> guests.start(machine("m2"), List.of(site.resolve("root, 1.raw"))))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("lock");
    assertThat(guests.isRunning("m2")).isFalse();
  }

  @Test
  void aDeepDirectoryIsNoObstacle() throws IOException {
    Path deep = site.resolve("d".repeat(120));
    Guests far = new Guests(deep, "tcg");
    far.start(machine("m1"), List.of(BootSector.disk(deep.resolve("root.raw"))));
    try (Qmp qmp = far.qmp("m1")) {
      assertThat(qmp.execute("query-status", Map.of()).path("status").asText())
          .isEqualTo("running");
    } finally {
      far.kill("m1");
    }
  }
}
