package crossdock.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import crossdock.contracts.Firewall;
import crossdock.contracts.Machine;
import crossdock.contracts.Subnet;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.providers.kvm.Kvm;
import crossdock.providers.library.OvfPackage;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the demo moves: running guests where QEMU and the distribution's tools are, packages of a
 * library elsewhere.
 */
sealed interface Cargo {
  ObjectMapper JSON = new ObjectMapper();
  String DISK = "root";

  /** The second disk of who has one. */
  String DATA = "data";

  /** Of the demo's packages. */
  long PACKAGE_BYTES = (96L << 20) + 512;

  /** The adapter that the sites need for it, as {@link Site#adapter} has it. */
  String provider();

  /** Gives somebody an account at a site, where sites have such. */
  default void admit(Site site, String owner) throws IOException, InterruptedException {}

  /** What a machine has. */
  enum Shape {
    /** A disk and a network card; it boots by BIOS. */
    SMALL(Machine.Firmware.BIOS),
    /** Two disks, and two cards in two networks, each with an address. */
    TWO_OF_EACH(Machine.Firmware.BIOS),
    /** The same, and it boots by UEFI. */
    TWO_OF_EACH_BY_UEFI(Machine.Firmware.UEFI),
    /** As {@link #TWO_OF_EACH}, on SCSI (virtio), with a guest that starts from nothing else. */
    INSTALLED(Machine.Firmware.BIOS);

    final Machine.Firmware firmware;

    Shape(Machine.Firmware firmware) {
      this.firmware = firmware;
    }
  }

  /**
   * Puts a machine of {@code owner} at a site.
   *
   * @return its id there
   */
  String place(Site site, String machine, String owner, Shape shape)
      throws IOException, InterruptedException;

  /** Whether its machines can boot by UEFI everywhere they go. */
  default boolean hasUefi() {
    return true;
  }

  /** The manifest root of a disk, hashed now. */
  String root(Site site, String machine, String disk) throws IOException;

  /** Whether its machines run, so that disks change until the stop and after the boot. */
  boolean runs();

  /** What a site itself has written down about a machine of its own. */
  Hold hold(Site site, String machine) throws IOException;

  /**
   * @param locked whether a migration keeps it from being started
   * @param kept whether it was given up to a copy elsewhere, for good
   * @param underTag whether it is still part of a migration that brought it here
   */
  record Hold(boolean locked, boolean kept, boolean underTag) {}

  /** What the two machines themselves say about who ran when. */
  Life life(Site from, String source, Site to, String target) throws IOException;

  /**
   * @param good whether what could be checked is as it must be
   */
  record Life(
      boolean good, boolean booted, long lastAtSource, long firstAtTarget, String sentence) {}

  /** The programs that guests take. */
  List<String> NEEDED =
      List.of(
          "qemu-system-x86_64", "qemu-img", "qemu-nbd", "apt-get", "dpkg-deb", "mke2fs", "debugfs");

  /** What sites look into guests by. */
  String GUESTFISH = "guestfish";

  /** Guests, between sites that look into them and adapt them. */
  static Cargo adapted(Path home, State state) {
    List<String> missing =
        Stream.concat(NEEDED.stream(), Stream.of(GUESTFISH))
            .filter(tool -> !installed(tool))
            .toList();
    if (!missing.isEmpty()) {
      throw new Refusal(
          Refusal.CANNOT_START,
          String.join(", ", missing)
              + " missing (Debian: qemu-system-x86, qemu-utils, e2fsprogs, libguestfs-tools,"
              + " linux-image-amd64).");
    }
    return new Guests(home, state);
  }

  /** Guests if they can be built and run here; says aloud what cannot be checked otherwise. */
  static Cargo choose(Path home, State state, PrintStream out) {
    List<String> missing = NEEDED.stream().filter(tool -> !installed(tool)).toList();
    if (missing.isEmpty()) {
      return new Guests(home, state);
    }
    out.printf(
        "%s missing (Debian: qemu-system-x86, qemu-utils, e2fsprogs): moving packages between two libraries.%n"
            + "Not checked: that a guest boots at the target and goes on counting.%n",
        String.join(", ", missing));
    return new Packages(state, PACKAGE_BYTES);
  }

  private static boolean installed(String tool) {
    return program(tool).isPresent();
  }

  /** Where a program lies, if it is here. */
  static Optional<Path> program(String tool) {
    return Stream.of(System.getenv().getOrDefault("PATH", "").split(":", -1))
        .map(directory -> Path.of(directory, tool))
        .filter(Files::isExecutable)
        .findFirst();
  }

  private static String hash(Path file, String format) throws IOException {
    try (DiskSource source = Disks.openSource(file, DiskFormat.fromWire(format), 1L << 40)) {
      return DiskHasher.hash(source).root().hex();
    }
  }

  /**
   * Whoever is in the networks may log in and ask whether it lives; it may speak with everybody.
   */
  Firewall FIREWALL =
      new Firewall(
          List.of(
              new Firewall.Rule(
                  Firewall.Direction.INGRESS,
                  Optional.of(Firewall.TCP),
                  22,
                  22,
                  List.of(Subnet.parse("10.8.0.0/15")),
                  List.of()),
              new Firewall.Rule(
                  Firewall.Direction.INGRESS,
                  Optional.of(Firewall.ICMP),
                  8 << 8,
                  (8 << 8) + 255,
                  List.of(Subnet.ALL_V4),
                  List.of()),
              Firewall.Rule.any(
                  Firewall.Direction.EGRESS, List.of(Subnet.ALL_V4, Subnet.ALL_V6), List.of())));

  private static Machine machine(
      Site site, String id, Shape shape, String format, long rootBytes, long dataBytes) {
    boolean two = shape != Shape.SMALL;
    Machine.Disk root = new Machine.Disk(DISK, format, rootBytes);
    int hash = id.hashCode();
    String mac = "%02x:%02x:%02x".formatted(hash >> 16 & 0xff, hash >> 8 & 0xff, hash & 0xff);
    // Both sites have it, and no cloud gives it to another of the demo's: see Site.Lan.
    String host = "%d.%d".formatted(128 + (hash >> 8 & 0x3f), 1 + (hash & 0x7f));
    Optional<Firewall> firewall = Optional.of(FIREWALL);
    String lan = site.lans().getFirst().name();
    String back = site.lans().getLast().name();
    String first = "52:54:00:" + mac;
    Machine machine =
        new Machine(
            id,
            id,
            "x86_64",
            1,
            (shape.firmware == Machine.Firmware.UEFI ? 512L : 256L) << 20,
            shape.firmware,
            "linux",
            two ? List.of(root, new Machine.Disk(DATA, format, dataBytes)) : List.of(root),
            two
                ? List.of(
                    new Machine.Nic("eth0", lan, first, List.of("10.8." + host), firewall),
                    new Machine.Nic(
                        "eth1", back, "52:54:01:" + mac, List.of("10.9." + host), firewall))
                : List.of(new Machine.Nic("eth0", lan, first, List.of(), firewall)),
            List.of("default"));
    return shape == Shape.INSTALLED
        ? machine.with(new TreeMap<>(Map.of("disk.bus", "scsi")))
        : machine;
  }

  /** Linux guests that print a counter which they keep on their disk. */
  record Guests(Path home, State state) implements Cargo {
    private static final Pattern COUNTER = Pattern.compile("CROSSDOCK-GUEST \\S+ counter=(\\d+)");
    private static final Pattern CARDS = Pattern.compile("CROSSDOCK-GUEST \\S+ cards=(\\S+)");
    private static final Pattern LAST = Pattern.compile("CROSSDOCK-GUEST \\S+ last=(\\d+)");

    @Override
    public String provider() {
      return "kvm";
    }

    @Override
    public boolean hasUefi() {
      return Kvm.hasUefi();
    }

    @Override
    public String place(Site site, String machine, String owner, Shape shape)
        throws IOException, InterruptedException {
      String format = site.formats(provider()).getFirst();
      Map<String, Path> disks = build(machine, format, shape);
      try (Kvm kvm =
          new Kvm(
              state.site(site.provider()),
              "tcg",
              site.formats(provider()),
              new Kvm.Limits(100, 1L << 40),
              Subnets.here().machines())) {
        Machine wanted = machine(site, machine, shape, format, 64L << 20, 16L << 20);
        kvm.adopt(wanted, owner, disks, true);
      }
      for (Path disk : disks.values()) {
        Files.delete(disk);
      }
      return machine;
    }

    /** The disks of a guest of that name, in files that the caller deletes. */
    Map<String, Path> build(String machine, String format, Shape shape)
        throws IOException, InterruptedException {
      Map<String, Path> disks = new LinkedHashMap<>();
      for (String disk : shape == Shape.SMALL ? List.of(DISK) : List.of(DISK, DATA)) {
        disks.put(disk, Demo.guestCache(state).resolve(machine + "-" + disk + "." + format));
      }
      List<String> command = new ArrayList<>();
      command.add(home.resolve("lab/guest/build").toString());
      command.addAll(List.of("--out", disks.get(DISK) + ""));
      if (disks.containsKey(DATA)) {
        command.addAll(List.of("--data", disks.get(DATA) + ""));
      }
      if (shape == Shape.INSTALLED) {
        command.addAll(List.of("--installed", "virtio_pci virtio_scsi virtio_net"));
      }
      command.addAll(List.of("--name", machine, "--format", format));
      command.addAll(List.of("--cache", Demo.guestCache(state).toString()));
      Process build =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(state.run("guest").resolve("log").toFile())
              .start();
      if (build.waitFor() != 0) {
        throw new Refusal(
            Refusal.FAILED,
            "The demo's guest cannot be built; see " + state.run("guest").resolve("log") + ".");
      }
      return disks;
    }

    @Override
    public String root(Site site, String machine, String disk) throws IOException {
      String format = site.formats(provider()).getFirst();
      return hash(directory(site, machine).resolve(disk + "." + format), format);
    }

    @Override
    public boolean runs() {
      return true;
    }

    @Override
    public Hold hold(Site site, String machine) throws IOException {
      JsonNode said = JSON.readTree(directory(site, machine).resolve("machine.json").toFile());
      return new Hold(
          said.hasNonNull("lock"),
          said.path("lock").path("kept").asBoolean(),
          said.hasNonNull("tag"));
    }

    /** Whether its process lives. */
    boolean running(Site site, String machine) throws IOException {
      return pid(site, machine).isPresent();
    }

    /** The process of a guest whose name begins so, if it lives. */
    Optional<ProcessHandle> pid(Site site, String prefix) throws IOException {
      try (Stream<Path> pids = Files.list(state.site(site.provider()).resolve("guests"))) {
        for (Path file : pids.toList()) {
          String name = String.valueOf(file.getFileName());
          if (name.startsWith(prefix) && name.endsWith(".pid")) {
            String pid = Files.readString(file).strip().split(" ", -1)[0];
            return ProcessHandle.of(Long.parseLong(pid)).filter(ProcessHandle::isAlive);
          }
        }
        return Optional.empty();
      } catch (NoSuchFileException e) {
        return Optional.empty();
      }
    }

    /**
     * What of the two consoles cannot be if never two copies ran and nothing written was lost, even
     * if the power was cut at the target: each value is on the disk before it is on the console.
     *
     * @param targets what is at the target under the machine's name
     */
    List<String> lives(Site from, String source, Site to, List<String> targets) throws IOException {
      List<String> findings = new ArrayList<>();
      String console = console(from, source);
      long last = number(LAST, console, true);
      long again = number(COUNTER, console.substring(Math.max(0, console.indexOf(" last="))), true);
      if (targets.isEmpty()) {
        if (!running(from, source)) {
          findings.add("undone, and the source does not run");
        }
        if (last > 0 && again >= 0 && again <= last) {
          findings.add("the source counts from " + again + " after its last, " + last);
        }
      } else if (running(from, source) || last < 0 || again >= 0) {
        findings.add("the source runs, or ran after its copy was made");
      }
      for (String target : targets) {
        long first = number(COUNTER, console(to, target), true);
        if (first <= last) {
          findings.add("the target counts from " + first + " after the source's last, " + last);
        }
      }
      return findings;
    }

    @Override
    public Life life(Site from, String source, Site to, String target) throws IOException {
      return life(console(from, source), console(to, target));
    }

    /** What two consoles say. */
    static Life life(String source, String target) {
      long last = number(LAST, source, false);
      long first = number(COUNTER, target, true);
      String before = word(CARDS, source);
      String after = word(CARDS, target);
      boolean good = last > 0 && first == last + 1 && !before.isEmpty() && before.equals(after);
      return new Life(
          good,
          first > 0,
          last,
          first,
          "guest: cards "
              + before
              + " and then "
              + (after.equals(before) ? "the same" : after)
              + "; counter: last at the source "
              + last
              + ", first at the target "
              + first
              + (good
                  ? ": nothing written was lost, and never did two copies run"
                  : ": NOT ITS SUCCESSOR"));
    }

    private Path directory(Site site, String machine) {
      return state.site(site.provider()).resolve("machines").resolve(machine);
    }

    String console(Site site, String machine) throws IOException {
      return Files.readString(
          directory(site, machine).resolve("serial.log"), StandardCharsets.ISO_8859_1);
    }

    private static String word(Pattern pattern, String console) {
      Matcher matcher = pattern.matcher(console);
      return matcher.find() ? matcher.group(1) : "";
    }

    private static long number(Pattern pattern, String console, boolean first) {
      long number = -1;
      Matcher matcher = pattern.matcher(console);
      while (matcher.find()) {
        number = Long.parseLong(matcher.group(1));
        if (first) {
          break;
        }
      }
      return number;
    }
  }

  /** The same guests, between a real OpenStack and a hypervisor of ours, or two of the one. */
  record Clouds(State state, Guests guests, Map<Site, LabCloud> clouds) implements Cargo {
    @Override
    public String provider() {
      return clouds.size() == Site.ALL.size() ? "openstacks" : "openstack";
    }

    @Override
    public boolean hasUefi() {
      return guests.hasUefi();
    }

    @Override
    public void admit(Site site, String owner) throws IOException, InterruptedException {
      LabCloud cloud = clouds.get(site);
      if (cloud != null) {
        cloud.admit(owner);
      }
    }

    @Override
    public String place(Site site, String machine, String owner, Shape shape)
        throws IOException, InterruptedException {
      LabCloud cloud = clouds.get(site);
      if (cloud == null) {
        return guests.place(site, machine, owner, shape);
      }
      cloud.admit(owner);
      Map<String, Path> disks = guests.build(machine, "qcow2", shape);
      String server = cloud.boot(machine, disks, shape);
      for (Path disk : disks.values()) {
        Files.delete(disk);
      }
      return server;
    }

    @Override
    public String root(Site site, String machine, String disk) throws IOException {
      LabCloud cloud = clouds.get(site);
      return cloud == null ? guests.root(site, machine, disk) : cloud.root(machine, disk);
    }

    @Override
    public boolean runs() {
      return true;
    }

    @Override
    public Hold hold(Site site, String machine) throws IOException {
      if (clouds.containsKey(site)) {
        throw new UnsupportedOperationException("nobody asks it of a cloud");
      }
      return guests.hold(site, machine);
    }

    @Override
    public Life life(Site from, String source, Site to, String target) throws IOException {
      return Guests.life(console(from, source), console(to, target));
    }

    private String console(Site site, String machine) throws IOException {
      LabCloud cloud = clouds.get(site);
      return cloud == null ? guests.console(site, machine) : cloud.consoleOf(machine);
    }
  }

  /** OVF packages with a disk of random runs and holes. */
  record Packages(State state, long bytes) implements Cargo {
    private static final int RUN = 1 << 20;

    /** How much of its disk is no hole, in whole chunks: a third, and the last chunk. */
    long data() {
      long runs = Math.ceilDiv(Math.max(0, bytes - RUN), 3L * RUN);
      return runs * RUN + bytes % RUN;
    }

    @Override
    public boolean hasUefi() {
      return false; // nothing boots
    }

    @Override
    public String provider() {
      return "library";
    }

    @Override
    public String place(Site site, String machine, String owner, Shape shape) throws IOException {
      Map<String, Path> disks = new LinkedHashMap<>();
      disks.put(DISK, random(machine, bytes));
      if (shape != Shape.SMALL) {
        disks.put(DATA, random(machine + "-data", RUN + 512));
      }
      OvfPackage.create(
          state.site(site.provider()),
          machine(site, machine, shape, "raw", bytes, RUN + 512),
          owner,
          disks);
      for (Path disk : disks.values()) {
        Files.delete(disk);
      }
      return machine;
    }

    private Path random(String machine, long bytes) throws IOException {
      Path disk = Demo.guestCache(state).resolve(machine + ".raw");
      Random random = new Random(machine.hashCode());
      try (FileChannel file =
          FileChannel.open(
              disk,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        byte[] run = new byte[RUN];
        for (long at = 0; at + run.length < bytes; at += 3L * run.length) {
          random.nextBytes(run);
          file.write(ByteBuffer.wrap(run), at);
        }
        file.write(ByteBuffer.wrap(new byte[] {1}), bytes - 1);
      }
      return disk;
    }

    @Override
    public String root(Site site, String machine, String disk) throws IOException {
      return hash(
          state.site(site.provider()).resolve("machines").resolve(machine).resolve(disk + ".raw"),
          "raw");
    }

    @Override
    public boolean runs() {
      return false;
    }

    @Override
    public Hold hold(Site site, String machine) throws IOException {
      Path file = state.site(site.provider()).resolve("machines").resolve(machine);
      JsonNode said = JSON.readTree(file.resolve("crossdock.json").toFile());
      return new Hold(
          said.hasNonNull("lockedBy"), said.path("kept").asBoolean(), said.hasNonNull("tag"));
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
