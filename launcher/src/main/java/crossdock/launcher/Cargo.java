package crossdock.launcher;

import crossdock.contracts.Machine;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.providers.library.OvfPackage;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * What the demo moves: running guests where QEMU and the distribution's tools are, packages of a
 * library elsewhere.
 */
sealed interface Cargo {
  String DISK = "root";

  /** The adapter that the sites need for it. */
  String provider();

  /** Puts a machine of {@code owner} at a site. */
  void place(Site site, String machine, String owner) throws IOException, InterruptedException;

  /** The manifest root of a disk, hashed now. */
  String root(Site site, String machine, String disk) throws IOException;

  /** What the two machines themselves say about who ran when. */
  Life life(Site from, String source, Site to, String target) throws IOException;

  /**
   * @param good whether what could be checked is as it must be
   */
  record Life(
      boolean good, boolean booted, long lastAtSource, long firstAtTarget, String sentence) {}

  /** Guests if they can be built and run here; says aloud what cannot be checked otherwise. */
  static Cargo choose(Path home, State state, PrintStream out) {
    return new Packages(state);
  }

  private static String hash(Path file, String format) throws IOException {
    try (DiskSource source = Disks.openSource(file, DiskFormat.fromWire(format), 1L << 40)) {
      return DiskHasher.hash(source).root().hex();
    }
  }

  private static Machine machine(String id, String format, long bytes) {
    return new Machine(
        id,
        id,
        "x86_64",
        1,
        256L << 20,
        Machine.Firmware.BIOS,
        "linux",
        List.of(new Machine.Disk(DISK, format, bytes)),
        List.of(new Machine.Nic("eth0", "default", "52:54:00:" + mac(id))),
        List.of("default"));
  }

  private static String mac(String id) {
    int hash = id.hashCode();
    return String.format("%02x:%02x:%02x", hash >> 16 & 0xff, hash >> 8 & 0xff, hash & 0xff);
  }

  /** OVF packages with a disk of random runs and holes. */
  record Packages(State state) implements Cargo {
    private static final long BYTES = (96L << 20) + 512;

    @Override
    public String provider() {
      return "library";
    }

    @Override
    public void place(Site site, String machine, String owner) throws IOException {
      Path disk = Demo.guestCache(state).resolve(machine + ".raw");
      Random random = new Random(machine.hashCode());
      try (FileChannel file =
          FileChannel.open(
              disk,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        byte[] run = new byte[1 << 20];
        for (long at = 0; at + run.length < BYTES; at += 3L * run.length) {
          random.nextBytes(run);
          file.write(ByteBuffer.wrap(run), at);
        }
        file.write(ByteBuffer.wrap(new byte[] {1}), BYTES - 1);
      }
      OvfPackage.create(
          state.site(site.provider()), machine(machine, "raw", BYTES), owner, Map.of(DISK, disk));
      Files.delete(disk);
    }

    @Override
    public String root(Site site, String machine, String disk) throws IOException {
      return hash(
          state.site(site.provider()).resolve("machines").resolve(machine).resolve(disk + ".raw"),
          "raw");
    }

    @Override
    public Life life(Site from, String source, Site to, String target) throws IOException {
      boolean same = root(from, source, DISK).equals(root(to, target, DISK));
      return new Life(
          same,
          false,
          -1,
          -1,
          "the target's disk, hashed now: "
              + (same ? "same" : "ANOTHER")
              + "; not booted: no QEMU");
    }
  }
}
