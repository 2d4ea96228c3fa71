package crossdock.disk.ova;

import static crossdock.disk.ImageBytes.bad;

import crossdock.disk.BadImageException;
import crossdock.disk.BadImageException.Reason;
import crossdock.disk.ova.OvfDescriptor.Controller;
import crossdock.disk.ova.OvfDescriptor.Controller.Bus;
import crossdock.disk.ova.OvfDescriptor.Disk;
import crossdock.disk.ova.OvfDescriptor.Drive;
import crossdock.disk.ova.OvfDescriptor.File;
import crossdock.disk.ova.OvfDescriptor.Firmware;
import crossdock.disk.ova.OvfDescriptor.Nic;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.jspecify.annotations.Nullable;

/**
 * Reads descriptors of OVF 0.9 to 2.x. They differ in namespaces, which therefore count only for
 * the envelope, and in how sections are named: by their element or, before 1.0, by their type.
 * There is no document type, no entity, and nothing longer or deeper than a descriptor has to be.
 */
final class OvfReader {
  static final String CPU = "3";
  static final String MEMORY = "4";
  static final String NIC = "10";
  static final String DISK = "17";

  private static final String LOGICAL_DISK = "31";
  private static final String CIM = "http://schemas.dmtf.org/wbem/wscim/1/";
  private static final int LONGEST_TEXT = 4096;
  private static final int MOST_ENTRIES = 1024;
  private static final int DEEPEST = 64;
  private static final Set<String> ENVELOPES =
      Set.of("http://schemas.dmtf.org/ovf/envelope", "http://www.vmware.com/schema/ovf/1/envelope");

  /** All that is asked of an item; how many others it has is up to whoever wrote it. */
  private static final Set<String> ITEM =
      Set.of(
          "Address",
          "AddressOnParent",
          "AllocationUnits",
          "Caption",
          "Connection",
          "ElementName",
          "HostResource",
          "InstanceID",
          "Parent",
          "ResourceSubType",
          "ResourceType",
          "VirtualQuantity",
          "cpu_per_socket",
          "num_of_sockets",
          "threads_per_cpu");

  private static final Pattern POWER = Pattern.compile("bytes? ?\\* ?2\\^([0-9]{1,2})");
  private static final Pattern RESOURCE = Pattern.compile("(?:ovf:)?/?(?:disk|file)/(.+)");

  private final XMLStreamReader xml;
  private final List<File> files = new ArrayList<>();
  private final List<Disk> disks = new ArrayList<>();
  private final Set<String> networks = new LinkedHashSet<>();
  private final List<Map<String, String>> items = new ArrayList<>();
  private final SortedMap<String, String> properties = new TreeMap<>();
  private final List<String> required = new ArrayList<>();
  private String id = "";
  private String name = "";
  private int operatingSystem = 1;
  private Firmware firmware = Firmware.BIOS;
  private boolean seen;
  private int entries;

  private OvfReader(XMLStreamReader xml) {
    this.xml = xml;
  }

  static OvfDescriptor read(byte[] document) throws BadImageException {
    if (document.length > OvfDescriptor.LONGEST) {
      throw refused(document.length + " bytes of descriptor", "at most " + OvfDescriptor.LONGEST);
    }
    XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
    factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    factory.setProperty(XMLInputFactory.IS_REPLACING_ENTITY_REFERENCES, false);
    factory.setProperty(XMLInputFactory.IS_COALESCING, false);
    factory.setXMLResolver(
        (publicId, systemId, base, namespace) -> {
          throw new XMLStreamException("refers to something outside");
        });
    try {
      XMLStreamReader xml = factory.createXMLStreamReader(new StringReader(decode(document)));
      try {
        return new OvfReader(xml).envelope();
      } finally {
        xml.close();
      }
    } catch (XMLStreamException e) {
      throw refused("what is not well-formed", "XML");
    } catch (IllegalArgumentException e) {
      throw refused(String.valueOf(e.getMessage()), "what fits together");
    }
  }

  /**
   * Left to the parser, bad bytes would each be a line on our standard error.
   *
   * @throws BadImageException also for a document type, which nobody may have
   */
  private static String decode(byte[] document) throws BadImageException {
    try {
      String text =
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(document)).toString();
      // The parser reads it even if it is told not to, and not every bad one is an
      // XMLStreamException.
      if (text.contains("<!DOCTYPE")) {
        throw unsupported("a document type", "none");
      }
      return text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw refused("other bytes", "UTF-8");
    }
  }

  private OvfDescriptor envelope() throws XMLStreamException, BadImageException {
    boolean envelope = nextChild() && xml.getLocalName().equals("Envelope") && isOvf();
    if (!envelope) {
      throw bad(Reason.WRONG_FORMAT, 0, "another document", "an OVF envelope");
    }
    while (nextChild()) {
      switch (kind()) {
        case "References" -> references();
        case "DiskSection" -> diskSection();
        case "NetworkSection" -> networkSection();
        case "VirtualSystem" -> system();
        case "VirtualSystemCollection" -> throw severalMachines();
        default -> skipSection();
      }
    }
    if (!seen) {
      throw refused("no machine", "one");
    }
    return descriptor();
  }

  private void references() throws XMLStreamException, BadImageException {
    while (nextChild()) {
      if (kind().equals("File")) {
        String compression = ovf("compression", "identity");
        if (!compression.isEmpty() && !compression.equals("identity")) {
          throw unsupported("a compressed file", "one as it is");
        }
        if (!ovf("chunkSize", "").isEmpty()) {
          throw unsupported("a file in pieces", "one");
        }
        String href = ovf("href", "");
        if (!OvfDescriptor.isBelow(href)) {
          throw bad(
              Reason.FOREIGN_REFERENCE,
              0,
              "a file elsewhere",
              "a name beside its descriptor or a path below");
        }
        String size = ovf("size", "");
        files.add(
            new File(
                ovf("id", href),
                href,
                size.isEmpty() ? OptionalLong.empty() : OptionalLong.of(number(size))));
        count();
      }
      skip();
    }
  }

  private void diskSection() throws XMLStreamException, BadImageException {
    while (nextChild()) {
      if (kind().equals("Disk")) {
        if (!ovf("parentRef", "").isEmpty()) {
          throw bad(Reason.FOREIGN_REFERENCE, 0, "a disk built upon another", "a whole one");
        }
        disks.add(
            new Disk(
                ovf("diskId", ""),
                ovf("fileRef", ""),
                bytes(ovf("capacity", ""), ovf("capacityAllocationUnits", "byte")),
                ovf("format", "")));
        count();
      }
      skip();
    }
  }

  private void networkSection() throws XMLStreamException, BadImageException {
    while (nextChild()) {
      if (kind().equals("Network")) {
        networks.add(ovf("name", ""));
        count();
      }
      skip();
    }
  }

  private void system() throws XMLStreamException, BadImageException {
    if (seen) {
      throw severalMachines();
    }
    seen = true;
    id = ovf("id", "");
    while (nextChild()) {
      switch (kind()) {
        case "Name" -> name = text();
        case "OperatingSystemSection" -> {
          String number = ovf("id", "1");
          operatingSystem = number.matches("[0-9]{1,5}") ? Integer.parseInt(number) : 1;
          skip();
        }
        case "VirtualHardwareSection" -> hardware();
        case "ProductSection" -> product();
        default -> skipSection();
      }
    }
  }

  private void hardware() throws XMLStreamException, BadImageException {
    while (nextChild()) {
      switch (kind()) {
        case "Item", "StorageItem", "EthernetPortItem" -> {
          if (!ovf("configuration", "").isEmpty()) {
            throw unsupported("hardware by choice of configuration", "one hardware");
          }
          items.add(item());
          count();
        }
        default -> {
          // How VMware's exporters say it.
          if ("firmware".equals(any("key")) && "efi".equals(any("value"))) {
            firmware = Firmware.EFI;
          }
          skipSection();
        }
      }
    }
  }

  private void product() throws XMLStreamException, BadImageException {
    String type = ovf("class", "");
    boolean only = ovf("instance", "").isEmpty();
    String prefix = type.isEmpty() ? "" : type + ".";
    while (nextChild()) {
      if (kind().equals("Property") && only) {
        if (properties.put(prefix + ovf("key", ""), attribute("value", "")) != null) {
          throw refused("two properties of one name", "one");
        }
        count();
      }
      skip();
    }
  }

  private Map<String, String> item() throws XMLStreamException, BadImageException {
    Map<String, String> values = new HashMap<>();
    while (nextChild()) {
      String key =
          switch (xml.getLocalName()) {
            case "InstanceId" -> "InstanceID"; // before 1.0
            case "MACAddress" -> "Address"; // virt-v2v
            default -> xml.getLocalName();
          };
      if (ITEM.contains(key)) {
        values.putIfAbsent(key, text());
      } else {
        skip();
      }
    }
    return values;
  }

  private OvfDescriptor descriptor() throws BadImageException {
    int cpus = 0;
    long memory = 0;
    List<Controller> controllers = new ArrayList<>();
    List<Nic> nics = new ArrayList<>();
    for (Map<String, String> item : items) {
      switch (item.getOrDefault("ResourceType", "")) {
        case CPU -> cpus = cpus(item);
        case MEMORY ->
            memory =
                bytes(
                    item.getOrDefault("VirtualQuantity", ""),
                    item.getOrDefault("AllocationUnits", "byte * 2^20"));
        case "5" -> controllers.add(controller(item, Bus.IDE));
        case "6" -> controllers.add(controller(item, Bus.SCSI));
        case "20" -> controllers.add(controller(item, Bus.OTHER_STORAGE));
        case NIC -> {
          String network = item.getOrDefault("Connection", "");
          if (!network.isEmpty()) {
            networks.add(network);
          }
          nics.add(
              new Nic(
                  named(item, "nic" + nics.size()),
                  network,
                  item.getOrDefault("Address", "").toLowerCase(Locale.ROOT),
                  item.getOrDefault("ResourceSubType", "")));
        }
        default -> {} // what every hypervisor has anyway
      }
    }
    disks.replaceAll(this::withFileById);
    return new OvfDescriptor(
        id,
        name.isBlank() ? id : name,
        operatingSystem,
        firmware,
        cpus,
        memory,
        files,
        disks,
        List.copyOf(networks),
        controllers,
        drives(controllers),
        nics,
        properties,
        required);
  }

  private List<Drive> drives(List<Controller> controllers) throws BadImageException {
    List<Drive> drives = new ArrayList<>();
    for (Map<String, String> item : items) {
      String type = item.getOrDefault("ResourceType", "");
      if (type.equals(DISK) || type.equals(LOGICAL_DISK)) {
        String parent = item.getOrDefault("Parent", "");
        boolean known = controllers.stream().anyMatch(one -> one.instance().equals(parent));
        String slot = item.getOrDefault("AddressOnParent", "");
        drives.add(
            new Drive(
                named(item, "disk" + drives.size()),
                disk(item.getOrDefault("HostResource", "")),
                known ? parent : "",
                slot.matches("[0-9]{1,5}") ? Integer.parseInt(slot) : -1));
      }
    }
    return drives;
  }

  /** A disk is named by its id, by that of its file, or (virt-v2v) by the file's path. */
  private String disk(String resource) throws BadImageException {
    Matcher matcher = RESOURCE.matcher(resource);
    String named = matcher.matches() ? matcher.group(1) : resource;
    for (Disk disk : disks) {
      boolean byFile =
          files.stream()
              .filter(file -> file.id().equals(disk.file()))
              .anyMatch(file -> file.id().equals(named) || file.href().equals(named));
      if (disk.id().equals(named) || byFile) {
        return disk.id();
      }
    }
    throw refused("a drive without a disk of the package", "one with");
  }

  private Disk withFileById(Disk disk) {
    boolean byId = files.stream().anyMatch(file -> file.id().equals(disk.file()));
    for (File file : files) {
      if (!byId && file.href().equals(disk.file())) {
        return new Disk(disk.id(), file.id(), disk.capacityBytes(), disk.format());
      }
    }
    return disk;
  }

  private static int cpus(Map<String, String> item) throws BadImageException {
    long cpus = 1;
    if (item.containsKey("VirtualQuantity")) {
      cpus = number(item.getOrDefault("VirtualQuantity", ""));
    } else {
      for (String factor : List.of("num_of_sockets", "cpu_per_socket", "threads_per_cpu")) {
        cpus *= Math.min(1 << 20, number(item.getOrDefault(factor, "1")));
      }
    }
    return (int) Math.min(1 << 20, cpus);
  }

  private static Controller controller(Map<String, String> item, Bus bus) {
    return new Controller(
        item.getOrDefault("InstanceID", ""), bus, item.getOrDefault("ResourceSubType", ""));
  }

  private static String named(Map<String, String> item, String otherwise) {
    String named = item.getOrDefault("ElementName", item.getOrDefault("Caption", ""));
    return named.isEmpty() ? otherwise : named;
  }

  private static long bytes(String quantity, String units) throws BadImageException {
    Matcher power = POWER.matcher(units.strip());
    int shift =
        switch (units.strip().toLowerCase(Locale.ROOT)) {
          case "byte", "bytes", "" -> 0;
          case "kilobytes", "kb" -> 10;
          case "megabytes", "mb" -> 20;
          case "gigabytes", "gb" -> 30;
          default -> power.matches() ? Integer.parseInt(power.group(1)) : 63;
        };
    long number = number(quantity);
    if (shift > 46 || number > Long.MAX_VALUE >> shift) {
      throw refused("a size out of range", "bytes in 63 bits");
    }
    return number << shift;
  }

  private static long number(String text) throws BadImageException {
    if (!text.strip().matches("[0-9]{1,18}")) {
      throw refused("no number", "a number");
    }
    return Long.parseLong(text.strip());
  }

  private static BadImageException refused(String found, String allowed) {
    return bad(Reason.BAD_FIELD, 0, found, allowed);
  }

  private static BadImageException unsupported(String found, String allowed) {
    return bad(Reason.UNSUPPORTED, 0, found, allowed);
  }

  private static BadImageException severalMachines() {
    return unsupported("more than one machine", "one");
  }

  // XML.

  private boolean isOvf() {
    String namespace = String.valueOf(xml.getNamespaceURI());
    return ENVELOPES.stream().anyMatch(namespace::startsWith);
  }

  /** The element's name, or before OVF 1.0 its type, such as ovf:DiskSection_Type. */
  private String kind() throws BadImageException {
    String local = xml.getLocalName();
    if (!local.equals("Section") && !local.equals("Content")) {
      return local;
    }
    String type = any("type");
    return type == null ? "" : type.substring(type.indexOf(':') + 1).replace("_Type", "");
  }

  /** Steps onto the next element inside the current one; false at its end. */
  private boolean nextChild() throws XMLStreamException, BadImageException {
    while (xml.hasNext()) {
      switch (xml.next()) {
        case XMLStreamConstants.START_ELEMENT -> {
          return true;
        }
        case XMLStreamConstants.END_ELEMENT, XMLStreamConstants.END_DOCUMENT -> {
          return false;
        }
        default -> refuseEntities();
      }
    }
    return false;
  }

  private void refuseEntities() throws BadImageException {
    int type = xml.getEventType();
    if (type == XMLStreamConstants.DTD || type == XMLStreamConstants.ENTITY_REFERENCE) {
      throw unsupported("a document type or an entity", "neither");
    }
  }

  private String text() throws XMLStreamException, BadImageException {
    StringBuilder text = new StringBuilder();
    while (true) {
      switch (xml.next()) {
        case XMLStreamConstants.CHARACTERS, XMLStreamConstants.CDATA, XMLStreamConstants.SPACE -> {
          if (text.length() + xml.getTextLength() > LONGEST_TEXT) {
            throw refused("a long text", "at most " + LONGEST_TEXT + " characters");
          }
          text.append(xml.getText());
        }
        case XMLStreamConstants.END_ELEMENT -> {
          return text.toString().strip();
        }
        case XMLStreamConstants.START_ELEMENT -> skip();
        default -> refuseEntities();
      }
    }
  }

  private void skipSection() throws XMLStreamException, BadImageException {
    String namespace = xml.getNamespaceURI();
    boolean known =
        namespace == null || namespace.isEmpty() || namespace.startsWith(CIM) || isOvf();
    if (!known && !ovf("required", "true").equals("false")) {
      required.add(xml.getLocalName());
      count();
    }
    skip();
  }

  private void skip() throws XMLStreamException, BadImageException {
    for (int depth = 1; depth > 0; ) {
      switch (xml.next()) {
        case XMLStreamConstants.START_ELEMENT -> {
          if (++depth > DEEPEST) {
            throw refused("elements deeper", "at most " + DEEPEST + " within each other");
          }
          // How VirtualBox says it, in the part of the descriptor that is its own.
          String type = xml.getLocalName().equals("Firmware") ? any("type") : null;
          if (type != null && type.startsWith("EFI")) {
            firmware = Firmware.EFI;
          }
        }
        case XMLStreamConstants.END_ELEMENT -> depth--;
        default -> refuseEntities();
      }
    }
  }

  /** An attribute of OVF's, or of no namespace. */
  private String ovf(String local, String otherwise) throws BadImageException {
    return shortEnough(attribute(local, otherwise));
  }

  private String attribute(String local, String otherwise) {
    for (int i = 0; i < xml.getAttributeCount(); i++) {
      String namespace = xml.getAttributeNamespace(i);
      boolean ours =
          namespace == null
              || namespace.isEmpty()
              || ENVELOPES.stream().anyMatch(namespace::startsWith);
      if (ours && xml.getAttributeLocalName(i).equals(local)) {
        return xml.getAttributeValue(i);
      }
    }
    return otherwise;
  }

  /** An attribute of whatever namespace. */
  private @Nullable String any(String local) throws BadImageException {
    for (int i = 0; i < xml.getAttributeCount(); i++) {
      if (xml.getAttributeLocalName(i).equals(local)) {
        return shortEnough(xml.getAttributeValue(i));
      }
    }
    return null;
  }

  private static String shortEnough(String value) throws BadImageException {
    if (value.length() > LONGEST_TEXT) {
      throw refused("a long text", "at most " + LONGEST_TEXT + " characters");
    }
    return value;
  }

  private void count() throws BadImageException {
    if (++entries > MOST_ENTRIES) {
      throw refused("more entries", "at most " + MOST_ENTRIES);
    }
  }
}
