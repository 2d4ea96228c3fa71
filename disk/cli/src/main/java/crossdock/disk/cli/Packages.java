package crossdock.disk.cli;

import crossdock.disk.AtomicOutput;
import crossdock.disk.Container;
import crossdock.disk.Conversion;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.disk.ImageBytes;
import crossdock.disk.ova.Ova;
import crossdock.disk.ova.OvfDescriptor;
import crossdock.disk.ova.OvfDescriptor.Controller;
import crossdock.disk.ova.OvfDescriptor.Controller.Bus;
import crossdock.disk.ova.OvfDescriptor.Firmware;
import crossdock.disk.ova.OvfDescriptor.Nic;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.UUID;

/** The commands for OVAs. */
final class Packages {
  static final String INFO = "ova info FILE [--json]";
  static final String EXTRACT = "ova extract FILE DIRECTORY [--to FORMAT] [--json]";
  static final String CREATE =
      "ova create OUT DISK... [--from FORMAT] [--name NAME] [--cpus N] [--memory MIB]"
          + " [--firmware FIRMWARE] [--bus BUS] [--network NAME] [--json]";

  private static final int DEFAULT_MEBIBYTES = 1024;
  private static final long MEBI = 1 << 20;
  private static final String CONTROLLER = "3";
  private static final Map<String, Integer> MOST_DISKS = Map.of("ide", 2, "scsi", 15, "sata", 30);

  private Packages() {}

  /** Compares every file with the manifest before it says anything. */
  static int info(Arguments arguments) throws IOException {
    try (Ova ova = open(arguments)) {
      boolean verified = verified(ova);
      OvfDescriptor machine = ova.descriptor();
      new Answer()
          .say("name", machine.name())
          .say("cpus", machine.cpus())
          .say("memoryBytes", machine.memoryBytes())
          .say("firmware", machine.firmware())
          .say("disks", disks(ova))
          .say("networks", machine.networks())
          .say("nics", machine.nics().stream().map(Packages::sentence).toList())
          .say("files", ova.members().stream().map(m -> m.name() + " " + m.size()).toList())
          .say("properties", machine.properties().entrySet().stream().toList())
          .say("requires", machine.required())
          .say("verified", verified)
          .print(arguments.has("json"));
      return 0;
    }
  }

  /** All files as they are, or the disks alone in another format; nothing if one is wrong. */
  static int extract(Arguments arguments) throws IOException {
    Path directory = arguments.file(1);
    if (Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
      throw new FileAlreadyExistsException(directory.toString());
    }
    Optional<Container> to =
        arguments.value("to").map(name -> Arguments.oneOf(Container.values(), name));
    try (Ova ova = open(arguments)) {
      boolean verified = verified(ova);
      List<String> written =
          AtomicOutput.write(
              directory,
              partial -> {
                Files.createDirectory(partial);
                return to.isEmpty() ? copy(ova, partial) : convert(ova, to.get(), partial);
              });
      new Answer().say("files", written).say("verified", verified).print(arguments.has("json"));
      return 0;
    }
  }

  private static Ova open(Arguments arguments) throws IOException {
    ImageBytes archive = Image.file(arguments.file(0).toRealPath());
    try {
      return Ova.open(archive);
    } catch (Throwable e) {
      archive.close();
      throw e;
    }
  }

  /** False if there is nothing to compare with. */
  private static boolean verified(Ova ova) throws IOException {
    if (ova.manifest().isEmpty()) {
      return false;
    }
    ova.verify();
    return true;
  }

  private static List<String> copy(Ova ova, Path directory) throws IOException {
    List<String> written = new ArrayList<>();
    for (Ova.Member member : ova.members()) {
      try (OutputStream out =
          Files.newOutputStream(directory.resolve(member.name()), StandardOpenOption.CREATE_NEW)) {
        ova.stream(member).transferTo(out);
      }
      written.add(member.name());
    }
    return written;
  }

  private static List<String> convert(Ova ova, Container to, Path directory) throws IOException {
    List<String> written = new ArrayList<>();
    for (OvfDescriptor.Disk disk : ova.descriptor().disks()) {
      Optional<Ova.Member> member = ova.member(disk);
      if (member.isEmpty()) {
        continue;
      }
      String name = stem(member.get().name()) + "." + to.format().wire();
      if (written.contains(name)) {
        name = member.get().name() + "." + to.format().wire();
      }
      try (DiskSource source =
          Disks.openSource(
              ova.bytes(member.get()), format(disk), Image.MOST, RawContent.NOT_AN_IMAGE)) {
        conversion(to).toFile(source, directory.resolve(name), at -> {});
      }
      written.add(name);
    }
    return written;
  }

  /** With an id that no other image has. */
  private static Conversion conversion(Container to) {
    return new Conversion(to, OptionalInt.empty(), Optional.empty(), UUID.randomUUID(), false);
  }

  private static DiskFormat format(OvfDescriptor.Disk disk) throws IOException {
    return disk.diskFormat()
        .orElseThrow(() -> new IOException("The format of " + disk.id() + " is not known."));
  }

  private static List<String> disks(Ova ova) throws IOException {
    List<String> said = new ArrayList<>();
    for (OvfDescriptor.Disk disk : ova.descriptor().disks()) {
      said.add(
          "%s %d %s %s"
              .formatted(
                  disk.id(),
                  disk.capacityBytes(),
                  disk.diskFormat().map(DiskFormat::wire).orElse("unknown"),
                  ova.member(disk).map(Ova.Member::name).orElse("without a file")));
    }
    return said;
  }

  private static String sentence(Nic nic) {
    return String.join(" ", nic.name(), nic.network(), nic.mac(), nic.subType())
        .replaceAll(" +", " ")
        .strip();
  }

  /** Makes each disk twice: an archive says how long a file is before the file. */
  static int create(Arguments arguments) throws IOException {
    Path out = arguments.file(0);
    String name = arguments.value("name").orElseGet(() -> stem("" + out.getFileName()));
    if (!name.matches("[^/\\\\:\\p{Cntrl}]{1,64}")) {
      throw new IllegalArgumentException("'" + name + "' is no name for files: --name.");
    }
    Firmware firmware =
        arguments
            .value("firmware")
            .map(text -> Arguments.oneOf(Firmware.values(), text))
            .orElse(Firmware.BIOS);
    int cpus = arguments.number("cpus").orElse(1);
    int mebibytes = arguments.number("memory").orElse(DEFAULT_MEBIBYTES);
    String bus = arguments.value("bus").orElse("scsi");
    Controller controller = controller(bus);
    if (cpus < 1 || mebibytes < 1 || arguments.words() - 1 > MOST_DISKS.getOrDefault(bus, 0)) {
      throw new IllegalArgumentException(
          "A machine has processors, memory, and at most this many disks: " + MOST_DISKS);
    }
    List<OvfDescriptor.File> files = new ArrayList<>();
    List<OvfDescriptor.Disk> disks = new ArrayList<>();
    List<OvfDescriptor.Drive> drives = new ArrayList<>();
    List<Ova.Content> contents = new ArrayList<>();
    for (int i = 1; i < arguments.words(); i++) {
      Image image = arguments.image(i, "from");
      Conversion conversion = conversion(Container.VMDK_STREAM);
      Ova.Content content =
          Ova.Content.measured(
              name + "-disk" + i + ".vmdk", channel -> stream(conversion, image, channel));
      contents.add(content);
      files.add(
          new OvfDescriptor.File("file" + i, content.name(), OptionalLong.of(content.size())));
      try (Image.Opened opened = image.open()) {
        disks.add(
            new OvfDescriptor.Disk(
                "vmdisk" + i,
                "file" + i,
                opened.disk().size(),
                OvfDescriptor.uriOf(DiskFormat.VMDK)));
      }
      drives.add(new OvfDescriptor.Drive("Disk " + i, "vmdisk" + i, CONTROLLER, slot(bus, i - 1)));
    }
    List<String> networks = arguments.value("network").map(List::of).orElse(List.of());
    OvfDescriptor machine =
        new OvfDescriptor(
            name,
            name,
            OvfDescriptor.OTHER_SYSTEM,
            firmware,
            cpus,
            mebibytes * MEBI,
            files,
            disks,
            networks,
            List.of(controller),
            drives,
            networks.stream().map(network -> new Nic("NIC 1", network, "", "E1000")).toList(),
            new TreeMap<>(),
            List.of());
    AtomicOutput.write(
        out,
        partial -> {
          try (FileChannel channel =
              FileChannel.open(partial, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
            Ova.write(channel, name, machine, contents);
            return channel.size();
          }
        });
    if (arguments.has("json")) {
      new Answer()
          .say("name", name)
          .say("bytes", Files.size(out))
          .say("disks", files.stream().map(file -> file.href()).toList())
          .print(true);
    }
    return 0;
  }

  /** On a SCSI bus the controller itself is number seven. */
  private static int slot(String bus, int disk) {
    return bus.equals("scsi") && disk >= 7 ? disk + 1 : disk;
  }

  /** As VirtualBox names them; VMware knows the first two. */
  private static Controller controller(String bus) {
    return switch (bus) {
      case "scsi" -> new Controller(CONTROLLER, Bus.SCSI, "lsilogic");
      case "ide" -> new Controller(CONTROLLER, Bus.IDE, "PIIX4");
      case "sata" -> new Controller(CONTROLLER, Bus.OTHER_STORAGE, "AHCI");
      default -> throw new IllegalArgumentException("'" + bus + "' is none of scsi ide sata");
    };
  }

  private static void stream(Conversion conversion, Image image, WritableByteChannel to)
      throws IOException {
    try (Image.Opened opened = image.open()) {
      Conversion.Result _ = conversion.toStream(opened.disk(), to);
    }
  }

  private static String stem(String file) {
    int dot = file.lastIndexOf('.');
    return dot > 0 ? file.substring(0, dot) : file;
  }
}
