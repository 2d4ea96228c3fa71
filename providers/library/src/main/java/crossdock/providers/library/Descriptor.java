package crossdock.providers.library;

import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an OVF 1.1 descriptor says about its one machine.
 *
 * @param files the names of the disks' files beside the descriptor, in the machine's order
 */
record Descriptor(Machine machine, List<String> files) {
  static final String OVF = "http://schemas.dmtf.org/ovf/envelope/1";
  static final String CIM = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/";
  static final String RASD = CIM + "CIM_ResourceAllocationSettingData";
  static final String VSSD = CIM + "CIM_VirtualSystemSettingData";
  static final String OURS = "urn:crossdock:ovf:1";

  /** Resource types of CIM that matter here. */
  static final String CPU = "3";

  static final String MEMORY = "4";
  static final String NIC = "10";
  static final String DISK = "17";

  private static final Map<String, String> URIS =
      Map.of(
          "raw", "urn:crossdock:format:raw",
          "qcow2", "http://www.gnome.org/~markmc/qcow-image-format.html",
          "vmdk", "http://www.vmware.com/interfaces/specifications/vmdk.html#sparse",
          "vhd", "http://go.microsoft.com/fwlink/?LinkId=137171",
          "vhdx", "urn:crossdock:format:vhdx",
          "vdi", "urn:crossdock:format:vdi");

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
  static void requireFileName(String href) {
    if (href.isEmpty()
        || href.length() > 200
        || href.startsWith(".")
        || href.equals(State.FILE)
        || href.chars().anyMatch(c -> c < ' ' || c == 0x7f || "/\\:()%".indexOf(c) >= 0)) {
      throw new Refused("a file of a package has a plain name and lies beside its descriptor");
    }
  }

  static String uriOf(String format) {
    return Optional.ofNullable(URIS.get(format))
        .orElseThrow(() -> new Refused("no disk format " + format));
  }

  /** The format that a URI declares; empty if it is none we know. */
  static Optional<String> formatOf(String uri) {
    // Some write other paths and fragments for the same family: #streamOptimized, #compressed.
    if (uri.startsWith("http://www.vmware.com/") && uri.contains("specifications/vmdk.html")) {
      return Optional.of("vmdk");
    }
    return URIS.entrySet().stream()
        .filter(entry -> entry.getValue().equals(uri))
        .map(Map.Entry::getKey)
        .findFirst();
  }
}
