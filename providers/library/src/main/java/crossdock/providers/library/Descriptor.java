package crossdock.providers.library;

import static java.nio.charset.StandardCharsets.UTF_8;

import crossdock.contracts.Firewall;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Machine.Firmware;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.disk.BadImageException;
import crossdock.disk.DiskFormat;
import crossdock.disk.ova.OvfDescriptor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/**
 * What an OVF descriptor says about its one machine. What OVF has no words for is in properties of
 * class {@code crossdock}.
 *
 * @param files the names of the disks' files beside the descriptor, in the machine's order
 */
record Descriptor(Machine machine, List<String> files) {
  static final int LONGEST = OvfDescriptor.LONGEST;

  private static final String ARCHITECTURE = "crossdock.architecture";
  private static final String GUEST_OS = "crossdock.guestOs";
  private static final String SECURITY_GROUP = "crossdock.securityGroup";

  /** And the name of a card; the addresses stand beside each other. */
  private static final String ADDRESSES = "crossdock.addresses.";

  /** And the name of a card; the firewall as JSON. */
  private static final String FIREWALL = "crossdock.firewall.";

  /** And the name of a trait. */
  private static final String TRAIT = "crossdock.trait.";

  private static final int LINUX = 101;

  /** Operating systems of CIM that are a Linux. */
  private static final Set<Integer> LINUXES =
      Set.of(36, 79, 80, 82, 83, 84, 85, 93, 94, 95, 96, 97, 98, 99, 100, LINUX);

  Descriptor {
    files = List.copyOf(files);
    if (new HashSet<>(files).size() != files.size()) {
      throw new Refused("two disks in one file");
    }
    files.forEach(Descriptor::requireFileName);
  }

  /** The descriptor of a machine whose disks lie beside it under names of their own. */
  static Descriptor of(Machine machine) {
    return new Descriptor(machine, machine.disks().stream().map(Descriptor::fileOf).toList());
  }

  static String fileOf(Machine.Disk disk) {
    return disk.name() + "." + disk.format();
  }

  /** A name of one file in the package's own directory, hidden from nobody. */
  private static void requireFileName(String href) {
    if (href.isEmpty()
        || href.length() > 200
        || href.startsWith(".")
        || href.equals(State.FILE)
        || href.chars().anyMatch(c -> c < ' ' || c == 0x7f || "/\\:()%".indexOf(c) >= 0)) {
      throw new Refused("a file of a package has a plain name and lies beside its descriptor");
    }
  }

  /**
   * The document; the same descriptor gives the same bytes.
   *
   * @throws Refused if the machine cannot be said in OVF such that it is read again as it is
   */
  byte[] write() {
    List<OvfDescriptor.File> references = new ArrayList<>();
    List<OvfDescriptor.Disk> disks = new ArrayList<>();
    List<OvfDescriptor.Drive> drives = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      Machine.Disk disk = machine.disks().get(i);
      references.add(new OvfDescriptor.File("file" + i, files.get(i), OptionalLong.empty()));
      String uri = uriOf(DiskFormat.fromWire(disk.format()));
      disks.add(new OvfDescriptor.Disk("disk" + i, "file" + i, disk.virtualBytes(), uri));
      drives.add(new OvfDescriptor.Drive(disk.name(), "disk" + i, "", -1));
    }
    TreeMap<String, String> properties = new TreeMap<>();
    properties.put(ARCHITECTURE, machine.architecture());
    properties.put(GUEST_OS, machine.guestOs());
    for (int i = 0; i < machine.securityGroups().size(); i++) {
      // In two digits, which the order of their names is the order of, too.
      properties.put(SECURITY_GROUP + "%02d".formatted(i), machine.securityGroups().get(i));
    }
    for (Machine.Nic nic : machine.nics()) {
      if (!nic.addresses().isEmpty()) {
        properties.put(ADDRESSES + nic.name(), String.join(" ", nic.addresses()));
      }
      nic.firewall()
          .ifPresent(firewall -> properties.put(FIREWALL + nic.name(), Json.text(firewall)));
    }
    machine.traits().forEach((trait, value) -> properties.put(TRAIT + trait, value));
    byte[] written;
    try {
      written =
          new OvfDescriptor(
                  machine.id(),
                  machine.name(),
                  machine.guestOs().equals("linux") ? LINUX : OvfDescriptor.OTHER_SYSTEM,
                  switch (machine.firmware()) {
                    case BIOS -> OvfDescriptor.Firmware.BIOS;
                    case UEFI -> OvfDescriptor.Firmware.EFI;
                  },
                  machine.cpus(),
                  machine.memoryBytes(),
                  references,
                  disks,
                  machine.nics().stream().map(Machine.Nic::network).distinct().toList(),
                  List.of(),
                  drives,
                  machine.nics().stream()
                      .map(nic -> new OvfDescriptor.Nic(nic.name(), nic.network(), nic.mac(), ""))
                      .toList(),
                  properties,
                  List.of())
              .write();
    } catch (IllegalArgumentException e) {
      throw new Refused(String.valueOf(e.getMessage()), e);
    }
    if (!read(written, machine.id()).equals(this)) {
      throw new Refused("has names that OVF cannot hold");
    }
    return written;
  }

  /**
   * Reads one that anybody may have written.
   *
   * @param id the machine's id, which is the package's and not in the descriptor
   * @throws Refused if it is not a descriptor of one machine that can be told in our words
   */
  static Descriptor read(byte[] document, String id) {
    OvfDescriptor ovf;
    try {
      ovf = OvfDescriptor.read(document);
    } catch (BadImageException e) {
      throw new Refused("the descriptor is refused: " + e.getMessage(), e);
    }
    if (!ovf.required().isEmpty()) {
      throw new Refused("the descriptor requires sections that are not OVF's: " + ovf.required());
    }
    List<Machine.Disk> disks = new ArrayList<>();
    List<String> files = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (OvfDescriptor.Drive drive : ovf.drives()) {
      OvfDescriptor.Disk disk = disk(ovf, drive);
      String unique = plain(drive.name(), "disk" + disks.size());
      if (!names.add(unique)) {
        unique = "disk" + disks.size();
      }
      String format =
          disk.diskFormat()
              .map(DiskFormat::wire)
              .orElseThrow(() -> new Refused("a disk's format is not one of ours"));
      disks.add(new Machine.Disk(unique, format, disk.capacityBytes()));
      files.add(file(ovf, disk));
    }
    List<Machine.Nic> nics = new ArrayList<>();
    Set<String> cards = new HashSet<>();
    for (OvfDescriptor.Nic nic : ovf.nics()) {
      String mac = nic.mac().isEmpty() ? macOf(id, nics.size()) : nic.mac();
      String unique = plain(nic.name(), "nic" + nics.size());
      for (int i = nics.size(); !cards.add(unique); i++) {
        unique = "nic" + i;
      }
      String addresses = ovf.properties().getOrDefault(ADDRESSES + unique, "");
      nics.add(
          new Machine.Nic(
              unique,
              plain(nic.network(), "default"),
              mac,
              addresses.isEmpty() ? List.of() : List.of(addresses.split(" ", -1)),
              Optional.ofNullable(ovf.properties().get(FIREWALL + unique))
                  .map(json -> Json.read(json, Firewall.class))));
    }
    TreeMap<String, String> traits = new TreeMap<>();
    ovf.properties()
        .forEach(
            (property, value) -> {
              if (property.startsWith(TRAIT)) {
                traits.put(property.substring(TRAIT.length()), value);
              }
            });
    Machine machine =
        new Machine(
            id,
            ovf.name().isBlank() ? id : ovf.name(),
            ovf.properties().getOrDefault(ARCHITECTURE, "x86_64"),
            ovf.cpus(),
            ovf.memoryBytes(),
            switch (ovf.firmware()) {
              case BIOS -> Firmware.BIOS;
              case EFI -> Firmware.UEFI;
            },
            Optional.ofNullable(ovf.properties().get(GUEST_OS))
                .orElse(LINUXES.contains(ovf.operatingSystem()) ? "linux" : "other"),
            disks,
            nics,
            ovf.properties().entrySet().stream()
                .filter(property -> property.getKey().startsWith(SECURITY_GROUP))
                .map(Map.Entry::getValue)
                .toList(),
            traits);
    return new Descriptor(machine, files);
  }

  /** VMDKs here are monolithic sparse ones. */
  private static String uriOf(DiskFormat format) {
    return OvfDescriptor.uriOf(format).replace("#streamOptimized", "#sparse");
  }

  private static OvfDescriptor.Disk disk(OvfDescriptor ovf, OvfDescriptor.Drive drive) {
    return ovf.disks().stream()
        .filter(disk -> disk.id().equals(drive.disk()))
        .findFirst()
        .orElseThrow(() -> new Refused("a disk drive without a disk of the package"));
  }

  private static String file(OvfDescriptor ovf, OvfDescriptor.Disk disk) {
    return ovf.files().stream()
        .filter(file -> file.id().equals(disk.file()))
        .map(OvfDescriptor.File::href)
        .findFirst()
        .orElseThrow(() -> new Refused("a disk without a file"));
  }

  /** A name as {@link Machine} wants it, made from whatever others call things. */
  private static String plain(String text, String otherwise) {
    String name = text.replaceAll("[^A-Za-z0-9._-]", "-").replaceFirst("^[^A-Za-z0-9]+", "");
    return name.isEmpty() ? otherwise : name.substring(0, Math.min(128, name.length()));
  }

  /** The same one each time it is read, of QEMU's range. */
  private static String macOf(String id, int nic) {
    String hex = Sha256.of((id + "/" + nic).getBytes(UTF_8)).hex();
    return "52:54:00:%s:%s:%s"
        .formatted(hex.substring(0, 2), hex.substring(2, 4), hex.substring(4, 6));
  }
}
