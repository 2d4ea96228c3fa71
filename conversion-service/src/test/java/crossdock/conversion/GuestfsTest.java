package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.github.luben.zstd.Zstd;
import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Machine.Firmware;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** With libguestfs itself and disks with file systems; skipped aloud where it is not installed. */
@Timeout(900)
class GuestfsTest {
  private static final Path PROGRAM = Path.of("/usr/bin/guestfish");
  private static final long MOST = 1L << 40;
  private static final Map<String, String> FILES =
      Map.ofEntries(
          Map.entry("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n"),
          Map.entry("etc/debian_version", "12.1\n"),
          Map.entry("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
          Map.entry("etc/hostname", "shop\n"),
          Map.entry("etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n"),
          Map.entry("etc/cloud/cloud.cfg", "datasource_list: [ Ec2 ]\n"),
          Map.entry("etc/network/interfaces", "iface eth0 inet static\n  address 10.0.0.5/24\n"),
          Map.entry("root/.ssh/authorized_keys", "ssh-ed25519 AAAA provider\n"),
          Map.entry("boot/grub/grub.cfg", "linux /boot/vmlinuz root=/dev/sda1 ro quiet\n"),
          Map.entry("lib/modules/6.1.0/modules.builtin", "kernel/drivers/ata/ahci.ko\n"),
          Map.entry("usr/sbin/waagent", "#!/bin/sh\n"),
          Map.entry("bin/sh", "x"),
          Map.entry("usr/bin/true", "x"));

  @TempDir private Path directory;

  @BeforeEach
  @SuppressWarnings("SystemOut")
  void libguestfsIsHere() {
    boolean here = Files.isExecutable(PROGRAM) && Files.isExecutable(Path.of("/usr/sbin/mke2fs"));
    if (!here) {
      System.out.println("NOT CHECKED: guests' file systems, for lack of libguestfs-tools");
    }
    assumeTrue(here, "libguestfs-tools and e2fsprogs are not installed");
  }

  /** A disk of 32 MiB whose first partition holds these files. */
  private Path disk(Map<String, String> files) throws Exception {
    Path tree = directory.resolve("tree");
    for (Map.Entry<String, String> file : files.entrySet()) {
      Path at = tree.resolve(file.getKey());
      Files.createDirectories(at.getParent());
      Files.writeString(at, file.getValue());
    }
    Path part = directory.resolve("part");
    Process made =
        new ProcessBuilder(
                "/usr/sbin/mke2fs",
                "-q",
                "-t",
                "ext4",
                "-d",
                tree.toString(),
                part.toString(),
                "31M")
            .redirectErrorStream(true)
            .start();
    String said = new String(made.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(made.waitFor()).as(said).isZero();
    ByteBuffer whole = ByteBuffer.allocate(32 << 20).order(ByteOrder.LITTLE_ENDIAN);
    whole.put(446 + 4, (byte) 0x83).putInt(446 + 8, 2048).putInt(446 + 12, 31 * 2048);
    whole.putShort(510, (short) 0xaa55).put(1 << 20, Files.readAllBytes(part));
    Path raw = directory.resolve("disk.raw");
    try (FileChannel out =
        FileChannel.open(raw, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      assertThat(out.write(whole)).isEqualTo(32 << 20);
    }
    return raw;
  }

  private Guestfs.Answers ask(Path raw) throws Exception {
    try (DiskSource disk = Disks.openSource(raw, DiskFormat.RAW, MOST)) {
      // Software emulation runs everywhere.
      return new Guestfs(PROGRAM, "force_tcg", directory.resolve("cache"), Duration.ofMinutes(10))
          .ask(List.of(disk), Files.createTempDirectory(Path.of("/tmp"), "gf"), () -> true);
    }
  }

  @Test
  void whatAGuestNeedsElsewhereIsReadFromItsDiskWhichStaysAsItIs() throws Exception {
    Path boot = Files.createDirectories(directory.resolve("tree/boot"));
    byte[] modules = InitrdModulesTest.archive("usr/lib/modules/6.1.0/kernel/virtio_blk.ko.xz");
    Files.write(boot.resolve("initrd.img-6.1.0"), Zstd.compress(modules));
    Path raw = disk(FILES);
    String before = root(raw);
    Guestfs.Answers answers = ask(raw);
    assertThat(answers.lacking()).isEmpty();
    GuestFindings found = GuestFindings.of(answers).orElseThrow();
    assertThat(found.system()).isEqualTo("Debian 12");
    assertThat(found.traits())
        .containsEntry("guest.os.name", "debian")
        .containsEntry("guest.fstab-by", "device")
        .containsEntry("guest.root-by", "device")
        .containsEntry("guest.console", "none")
        .containsEntry("guest.cloud-init", "ec2")
        .containsEntry("guest.addresses", "static")
        .containsEntry("guest.drivers", "virtio_blk,ahci")
        .containsEntry("guest.agents", "waagent")
        .containsEntry("guest.volumes", "plain");
    assertThat(found.leftovers()).contains("agent waagent", "keys in /root/.ssh/authorized_keys");
    assertThat(root(raw)).isEqualTo(before);
    Examination examination = new Examination(Firmware.BIOS, Optional.empty());
    examination.guest(answers);
    assertThat(examination.checks())
        .filteredOn(check -> check.name().equals("leftovers"))
        .extracting(Check::outcome)
        .containsExactly(Outcome.WARNED);
  }

  private static String root(Path raw) throws IOException {
    try (DiskSource disk = Disks.openSource(raw, DiskFormat.RAW, MOST)) {
      return DiskHasher.hash(disk).root().hex();
    }
  }

  @Test
  void whereThereIsNoSystemNothingIsClaimed() throws Exception {
    Guestfs.Answers answers = ask(disk(Map.of("just/data", "x")));
    assertThat(answers.lacking()).hasValue("no system that libguestfs knows");
    Examination examination = new Examination(Firmware.BIOS, Optional.empty());
    examination.guest(answers);
    assertThat(examination.checks())
        .filteredOn(check -> check.name().equals("guest-inventory"))
        .extracting(Check::outcome)
        .containsExactly(Outcome.SKIPPED);
  }
}
