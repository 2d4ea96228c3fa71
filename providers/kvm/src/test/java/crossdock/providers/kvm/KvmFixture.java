package crossdock.providers.kvm;

import crossdock.contracts.Machine;
import crossdock.providers.Cloud;
import crossdock.providers.conformance.BootSector;
import crossdock.providers.conformance.Fixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** A site with one running machine of two raw disks, that takes VMDK. */
final class KvmFixture implements Fixture {
  private final Path root;
  private final Kvm.Networks networks;

  KvmFixture(Path directory, Kvm.Networks networks) throws IOException {
    this.networks = networks;
    root = Files.createDirectory(directory.resolve("site")).toRealPath();
    Machine source = machine("web-1", "raw", 0);
    Path boot = Files.write(directory.resolve("boot"), content("root"));
    Path data = Files.write(directory.resolve("data"), content("data"));
    kvm().adopt(source, owner(), Map.of("root", boot, "data", data), true);
  }

  private static Machine machine(String name, String format, int number) {
    return new Machine(
        name,
        name,
        "x86_64",
        1,
        32 << 20,
        Machine.Firmware.BIOS,
        "other",
        List.of(
            new Machine.Disk("root", format, BootSector.DISK_BYTES),
            new Machine.Disk("data", format, 2 << 20)),
        List.of(
            new Machine.Nic(
                "nic0", "lan", "52:54:00:00:%02x:%02x".formatted(number >> 8, number & 0xff)),
            new Machine.Nic(
                "nic1",
                "back",
                "52:54:00:01:%02x:%02x".formatted(number >> 8, number & 0xff),
                List.of(
                    "10.9.%d.%d".formatted(number >> 8, number & 0xff),
                    "fd00::%x".formatted(1 + number)))),
        List.of());
  }

  Kvm kvm() throws IOException {
    return new Kvm(root, "tcg", List.of("vmdk"), new Kvm.Limits(1 + room(), 1L << 40), networks);
  }

  @Override
  public Cloud cloud() throws IOException {
    return kvm();
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
    if (disk.equals("root")) {
      return BootSector.still();
    }
    byte[] noise = new byte[2 << 20];
    new Random(1).nextBytes(noise);
    return noise;
  }

  @Override
  public Machine planned(int number) {
    return machine("planned", "vmdk", number);
  }

  @Override
  public byte[] image(String disk) {
    return content(disk);
  }

  @Override
  public int room() {
    return 3;
  }

  /** Asks the host, by the directory that a QEMU works in. */
  @Override
  public boolean runs(String machine) {
    Path directory = root.resolve("machines").resolve(machine);
    return ProcessHandle.allProcesses().anyMatch(process -> worksIn(process, directory));
  }

  private static boolean worksIn(ProcessHandle process, Path directory) {
    try {
      Path proc = Path.of("/proc", Long.toString(process.pid()));
      return Files.readSymbolicLink(proc.resolve("cwd")).startsWith(directory)
          && Files.readString(proc.resolve("cmdline")).startsWith("qemu-system-");
    } catch (IOException e) {
      return false; // ended, or somebody else's
    }
  }

  @Override
  public Set<String> remembered() {
    String files = "machines/" + machine() + "/";
    return Set.of(
        "fences",
        "locks",
        "trash",
        "guests",
        files + "serial.log",
        files + "qemu.log",
        files + "qmp.sock");
  }
}
