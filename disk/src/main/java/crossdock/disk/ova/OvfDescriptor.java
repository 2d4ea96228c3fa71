package crossdock.disk.ova;

import crossdock.disk.BadImageException;
import crossdock.disk.DiskFormat;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What an OVF descriptor (DMTF DSP0243) says about its one machine and the machine's disks.
 *
 * @param id of the machine in the package
 * @param operatingSystem of CIM's list of them
 * @param networks by their names, those that NICs are attached to among them
 * @param properties of its product sections that are not one of several instances: by class, a dot
 *     and key, or by key where there is no class; in the order of their names
 * @param required the names of sections that are not OVF's and not said to be optional: who cannot
 *     honour them should not take the machine (DSP0243, 9); one that has some cannot be written
 */
public record OvfDescriptor(
    String id,
    String name,
    int operatingSystem,
    Firmware firmware,
    int cpus,
    long memoryBytes,
    List<File> files,
    List<Disk> disks,
    List<String> networks,
    List<Controller> controllers,
    List<Drive> drives,
    List<Nic> nics,
    SortedMap<String, String> properties,
    List<String> required) {
  /** Bytes of the longest descriptor that is read. */
  public static final int LONGEST = 12 << 20;

  /** An operating system that is not on CIM's list, or not known. */
  public static final int OTHER_SYSTEM = 1;

  private static final String VMDK = "http://www.vmware.com/interfaces/specifications/vmdk.html#";
  private static final Map<DiskFormat, String> URIS =
      Map.of(
          DiskFormat.RAW, "urn:crossdock:format:raw",
          DiskFormat.QCOW2, "http://www.gnome.org/~markmc/qcow-image-format.html",
          DiskFormat.VMDK, VMDK + "streamOptimized",
          DiskFormat.VHD, "http://go.microsoft.com/fwlink/?LinkId=137171",
          DiskFormat.VHDX, "urn:crossdock:format:vhdx",
          DiskFormat.VDI, "urn:crossdock:format:vdi");

  /** What starts the machine. */
  public enum Firmware {
    BIOS,
    EFI
  }

  /** A file beside the descriptor, or below; its name may be percent-encoded. */
  public record File(String id, String href, OptionalLong size) {
    public File {
      if (!isBelow(href)) {
        throw new IllegalArgumentException("a file that is not beside the descriptor or below");
      }
    }
  }

  /**
   * A disk's content.
   *
   * @param file the id of its file, or empty for a disk of zeros without one
   * @param format the URI that says what the file is
   */
  public record Disk(String id, String file, long capacityBytes, String format) {
    public Disk {
      if (capacityBytes < 0) {
        throw new IllegalArgumentException("a disk of " + capacityBytes + " bytes");
      }
    }

    /** The format of the file, if its URI is one that is known. */
    public Optional<DiskFormat> diskFormat() {
      // Some write other paths and fragments for the same family: #sparse, #compressed.
      if (format.startsWith("http://www.vmware.com/") && format.contains("specifications/vmdk")) {
        return Optional.of(DiskFormat.VMDK);
      }
      return URIS.entrySet().stream()
          .filter(entry -> entry.getValue().equals(format))
          .map(Map.Entry::getKey)
          .findFirst();
    }
  }

  /**
   * Where drives are attached.
   *
   * @param instance its id among the machine's items
   * @param subType as the hypervisor says, such as lsilogic or AHCI; may be empty
   */
  public record Controller(String instance, Bus bus, String subType) {
    /** The kinds that have types of their own in CIM; SATA and NVMe share one. */
    public enum Bus {
      IDE("5"),
      SCSI("6"),
      OTHER_STORAGE("20");

      private final String resourceType;

      Bus(String resourceType) {
        this.resourceType = resourceType;
      }

      String resourceType() {
        return resourceType;
      }
    }
  }

  /**
   * A disk drive.
   *
   * @param controller the instance of it, or empty
   * @param slot on the controller, or negative if it is not said
   */
  public record Drive(String name, String disk, String controller, int slot) {}

  /**
   * A network card.
   *
   * @param mac may be empty
   * @param subType as the hypervisor says, such as VmxNet3 or E1000; may be empty
   */
  public record Nic(String name, String network, String mac, String subType) {}

  /** Refuses what does not fit together. */
  public OvfDescriptor {
    files = List.copyOf(files);
    disks = List.copyOf(disks);
    networks = List.copyOf(networks);
    controllers = List.copyOf(controllers);
    drives = List.copyOf(drives);
    nics = List.copyOf(nics);
    properties = Collections.unmodifiableSortedMap(new TreeMap<>(properties));
    required = List.copyOf(required);
    if (cpus < 1 || memoryBytes < 1) {
      throw new IllegalArgumentException("a machine needs a processor and memory");
    }
    Set<String> fileIds = unique(files.stream().map(File::id).toList(), "two files of one id");
    unique(files.stream().map(File::href).toList(), "two files of one name");
    Set<String> diskIds = unique(disks.stream().map(Disk::id).toList(), "two disks of one id");
    for (Disk disk : disks) {
      if (!disk.file().isEmpty() && !fileIds.contains(disk.file())) {
        throw new IllegalArgumentException("a disk without a file that is there");
      }
    }
    for (Drive drive : drives) {
      boolean attached =
          drive.controller().isEmpty()
              || controllers.stream().anyMatch(one -> one.instance().equals(drive.controller()));
      if (!diskIds.contains(drive.disk()) || !attached) {
        throw new IllegalArgumentException("a drive whose disk or controller is not there");
      }
    }
    for (Nic nic : nics) {
      if (!nic.network().isEmpty() && !networks.contains(nic.network())) {
        throw new IllegalArgumentException("a network card whose network is not there");
      }
    }
  }

  private static Set<String> unique(List<String> ids, String otherwise) {
    Set<String> unique = new HashSet<>(ids);
    if (unique.size() != ids.size()) {
      throw new IllegalArgumentException(otherwise);
    }
    return unique;
  }

  /** The URI by which a format is declared; VMDKs are declared as streamOptimized. */
  public static String uriOf(DiskFormat format) {
    return Optional.ofNullable(URIS.get(format)).orElseThrow();
  }

  /** Whether it is the name of a file in the package's own directory. */
  static boolean isPlain(String name) {
    return !name.isEmpty()
        && name.length() <= 255
        && !name.equals(".")
        && !name.equals("..")
        && name.chars().noneMatch(c -> c < ' ' || c == 0x7f || "/\\:".indexOf(c) >= 0);
  }

  /** Whether it is a path that leads nowhere but to the package's own directory and below. */
  static boolean isBelow(String path) {
    return Stream.of(path.split("/", -1)).allMatch(OvfDescriptor::isPlain);
  }

  /**
   * Reads a descriptor of OVF 0.9 to 2.x, as hypervisors' exporters write them.
   *
   * @throws BadImageException if it is longer than 12 MiB, has a document type, describes no or
   *     several machines, needs a choice of configuration, or names files elsewhere, compressed or
   *     in pieces
   */
  public static OvfDescriptor read(byte[] document) throws BadImageException {
    return OvfReader.read(document);
  }

  /**
   * Writes it as OVF 1.1; the same one gives the same bytes.
   *
   * @throws IllegalArgumentException if it would not be read again as it is
   */
  public byte[] write() {
    byte[] written = OvfWriter.write(this);
    try {
      if (!read(written).equals(this)) {
        throw new IllegalArgumentException("has names that OVF cannot hold");
      }
    } catch (BadImageException e) {
      throw new IllegalArgumentException("has what OVF cannot hold", e);
    }
    return written;
  }
}
