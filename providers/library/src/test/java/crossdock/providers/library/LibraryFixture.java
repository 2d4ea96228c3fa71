package crossdock.providers.library;

import crossdock.contracts.Firewall;
import crossdock.contracts.Machine;
import crossdock.contracts.Machine.Firmware;
import crossdock.contracts.Machine.Nic;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSink;
import crossdock.disk.Disks;
import crossdock.providers.Cloud;
import crossdock.providers.conformance.Fixture;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A library with one machine of two disks, all in one format. */
final class LibraryFixture implements Fixture {
  static final int MIB = 1 << 20;

  private final Path root;
  private final String format;

  LibraryFixture(Path directory, String format) throws IOException {
    this.root = directory.resolve("site");
    this.format = format;
    Map<String, Path> files = new LinkedHashMap<>();
    Machine source = machine("web-1", format, "root", "data");
    for (Machine.Disk disk : source.disks()) {
      Path file = directory.resolve(disk.name());
      try (DiskSink sink =
          Disks.createSink(file, DiskFormat.fromWire(format), disk.virtualBytes())) {
        sink.write(0, ByteBuffer.wrap(content(disk.name())));
        sink.finish();
      }
      files.put(disk.name(), file);
    }
    OvfPackage.create(root, source, owner(), files);
  }

  static Machine machine(String id, String format, String... disks) {
    return new Machine(
        id,
        "Web & <shop> ünï",
        "x86_64",
        2,
        512L * MIB,
        Firmware.BIOS,
        "linux",
        Stream.of(disks).map(name -> new Machine.Disk(name, format, 2 * MIB)).toList(),
        List.of(
            new Nic(
                "nic0",
                "blue",
                "52:54:00:00:00:01",
                List.of("192.0.2.7", "2001:db8::7"),
                Optional.of(Firewall.OPEN)),
            new Nic("nic1", "blue", "52:54:00:00:00:02")),
        List.of("web", "ssh"),
        new TreeMap<>(Map.of("disk.bus", "scsi")));
  }

  @Override
  public Cloud cloud() throws IOException {
    return new Library(root, List.of(format), 1 + room(), Long.MAX_VALUE);
  }

  @Override
  public Path root() {
    return root;
  }

  @Override
  public String owner() {
    return "alice";
  }

  @Override
  public String machine() {
    return "web-1";
  }

  @Override
  public byte[] content(String disk) {
    return image("source " + disk);
  }

  @Override
  public Machine planned(int number) {
    return machine("planned", format, "zz-boot", "data");
  }

  /** Its first half is noise, the rest zeros. */
  @Override
  public byte[] image(String disk) {
    byte[] noise = new byte[MIB];
    new Random(disk.hashCode()).nextBytes(noise);
    byte[] image = new byte[2 * MIB];
    System.arraycopy(noise, 0, image, 0, MIB);
    return image;
  }

  @Override
  public int room() {
    return 3;
  }

  @Override
  public boolean runs(String machine) {
    return false;
  }

  @Override
  public Set<String> remembered() {
    return Set.of(Site.FENCES, Site.LOCK);
  }
}
