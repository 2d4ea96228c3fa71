package crossdock.providers.library;

import static crossdock.providers.library.Descriptor.OURS;
import static crossdock.providers.library.Descriptor.OVF;
import static crossdock.providers.library.Descriptor.RASD;
import static crossdock.providers.library.Descriptor.VSSD;

import crossdock.contracts.Machine;
import crossdock.contracts.Machine.Firmware;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.jspecify.annotations.Nullable;

/**
 * Reads a descriptor that anybody may have written: no document type, no entities, nothing that is
 * longer or deeper than a descriptor has to be. What it cannot honour it refuses, unless the
 * descriptor says {@code ovf:required="false"}.
 */
final class OvfReader {
  static final int LONGEST = 12 << 20;
  private static final int LONGEST_TEXT = 4096;
  private static final int MOST_ENTRIES = 1024;
  private static final int DEEPEST = 64;

  private static final Pattern UNITS = Pattern.compile("byte\\s*\\*\\s*2\\^([0-9]{1,2})");
  private static final Pattern DISK = Pattern.compile("(?:ovf:)?/disk/(.+)");

  /** Operating systems of CIM that are a Linux. */
  private static final Set<String> LINUX =
      Set.of(
          "36", "79", "80", "82", "83", "84", "85", "93", "94", "95", "96", "97", "98", "99", "100",
          "101");

  private record Disk(String file, long capacity, String format) {}

  private final XMLStreamReader xml;
  private final Map<String, String> files = new HashMap<>();
  private final Map<String, Disk> disks = new HashMap<>();
  private final List<Map<String, String>> items = new ArrayList<>();
  private final List<String> groups = new ArrayList<>();
  private String name = "";
  private String architecture = "x86_64";
  private String firmware = "bios";
  private String guestOs = "other";
  private boolean systemSeen;
  private int entries;

  private OvfReader(XMLStreamReader xml) {
    this.xml = xml;
  }

  /**
   * @param id the machine's id, which is the package's and not in the descriptor
   * @throws Refused if it is not a descriptor of one machine that can be told in our words
   */
  static Descriptor read(byte[] document, String id) {
    if (document.length > LONGEST) {
      throw new Refused("a descriptor has at most " + LONGEST + " bytes");
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
        return new OvfReader(xml).envelope(id);
      } finally {
        xml.close();
      }
    } catch (XMLStreamException e) {
      throw new Refused("the descriptor is not well-formed XML", e);
    }
  }

  /** Left to the parser, bad bytes would each be a line on our standard error. */
  private static String decode(byte[] document) {
    try {
      String text =
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(document)).toString();
      return text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw new Refused("the descriptor is not UTF-8", e);
    }
  }

  private Descriptor envelope(String id) throws XMLStreamException {
    if (!nextChild() || !is(OVF, "Envelope")) {
      throw new Refused("the descriptor is no OVF 1.1 envelope");
    }
    while (nextChild()) {
      switch (ours()) {
        case "References" -> references();
        case "DiskSection" -> diskSection();
        case "VirtualSystem" -> system();
        case "VirtualSystemCollection" -> throw new Refused("more than one machine in a package");
        default -> skipUnlessRequired();
      }
    }
    if (!systemSeen) {
      throw new Refused("no machine in the package");
    }
    return descriptor(id);
  }

  private void references() throws XMLStreamException {
    while (nextChild()) {
      if (is(OVF, "File")) {
        if (attribute(OVF, "compression") != null || attribute(OVF, "chunkSize") != null) {
          throw new Refused("a disk's file is compressed or in pieces");
        }
        once(files, required("id"), required("href"));
      }
      skip();
    }
  }

  private void diskSection() throws XMLStreamException {
    while (nextChild()) {
      if (is(OVF, "Disk")) {
        String units = attribute(OVF, "capacityAllocationUnits");
        Disk disk =
            new Disk(
                required("fileRef"),
                bytes(required("capacity"), units == null ? "byte" : units),
                format());
        if (attribute(OVF, "parentRef") != null) {
          throw new Refused("a disk is built upon another");
        }
        once(disks, required("diskId"), disk);
      }
      skip();
    }
  }

  /** Declared by URI, by our own attribute, or by both alike. */
  private String format() {
    Optional<String> byUri = Descriptor.formatOf(required("format"));
    String byName = attribute(OURS, "format");
    if (byName != null && byUri.filter(format -> !format.equals(byName)).isPresent()) {
      throw new Refused("a disk is declared as two formats");
    }
    return byName != null
        ? byName
        : byUri.orElseThrow(() -> new Refused("a disk's format is not one of ours"));
  }

  private void system() throws XMLStreamException {
    if (systemSeen) {
      throw new Refused("more than one machine in a package");
    }
    systemSeen = true;
    name = required("id");
    while (nextChild()) {
      switch (ours()) {
        case "Name" -> name = text();
        case "OperatingSystemSection" -> {
          if (guestOs.equals("other") && LINUX.contains(required("id"))) {
            guestOs = "linux";
          }
          skip();
        }
        case "VirtualHardwareSection" -> hardware();
        default -> {
          if (is(OURS, "MachineSection")) {
            machineSection();
          } else {
            skipUnlessRequired();
          }
        }
      }
    }
  }

  private void hardware() throws XMLStreamException {
    while (nextChild()) {
      if (is(OVF, "Item")) {
        if (attribute(OVF, "configuration") != null) {
          throw new Refused("the hardware depends on a choice of configuration");
        }
        items.add(item());
      } else {
        if ("firmware".equals(local("key")) && "efi".equals(local("value"))) {
          firmware = "uefi"; // how VMware's tools say it
        }
        skipUnlessRequired();
      }
    }
  }

  private Map<String, String> item() throws XMLStreamException {
    Map<String, String> values = new HashMap<>();
    while (nextChild()) {
      if (xml.getNamespaceURI() != null && xml.getNamespaceURI().equals(RASD)) {
        values.putIfAbsent(xml.getLocalName(), text());
      } else {
        skip();
      }
    }
    return values;
  }

  private void machineSection() throws XMLStreamException {
    architecture = given("architecture", architecture);
    firmware = given("firmware", firmware);
    guestOs = given("guestOs", guestOs);
    while (nextChild()) {
      if (is(OURS, "SecurityGroup")) {
        groups.add(given("name", ""));
      }
      skip();
    }
  }

  private Descriptor descriptor(String id) {
    int cpus = 0;
    long memory = 0;
    List<Machine.Disk> machineDisks = new ArrayList<>();
    List<String> machineFiles = new ArrayList<>();
    List<Machine.Nic> nics = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (Map<String, String> item : items) {
      String called = item.getOrDefault("ElementName", "");
      switch (item.getOrDefault("ResourceType", "")) {
        case Descriptor.CPU -> cpus = Math.toIntExact(Math.min(1 << 20, number(quantity(item))));
        case Descriptor.MEMORY ->
            memory = bytes(quantity(item), item.getOrDefault("AllocationUnits", "byte * 2^20"));
        case Descriptor.DISK -> {
          Disk disk = disk(item);
          String unique = plain(called, "disk" + machineDisks.size());
          if (!names.add(unique)) {
            unique = "disk" + machineDisks.size();
          }
          machineDisks.add(new Machine.Disk(unique, disk.format(), disk.capacity()));
          machineFiles.add(file(disk));
        }
        case Descriptor.NIC -> {
          String unique = "nic" + nics.size();
          String mac = item.getOrDefault("Address", macOf(id, nics.size()));
          String network = plain(item.getOrDefault("Connection", ""), "default");
          nics.add(new Machine.Nic(plain(called, unique), network, mac.toLowerCase(Locale.ROOT)));
        }
        default -> {} // controllers, drives without a medium, what every hypervisor has
      }
    }
    Machine machine =
        new Machine(
            id,
            name.isBlank() ? id : name,
            architecture,
            cpus,
            memory,
            switch (firmware) {
              case "bios" -> Firmware.BIOS;
              case "uefi" -> Firmware.UEFI;
              default -> throw new Refused("no firmware of that name");
            },
            guestOs,
            machineDisks,
            nics,
            groups);
    return new Descriptor(machine, machineFiles);
  }

  private Disk disk(Map<String, String> item) {
    Matcher resource = DISK.matcher(item.getOrDefault("HostResource", ""));
    Disk disk = resource.matches() ? disks.get(resource.group(1)) : null;
    if (disk == null) {
      throw new Refused("a disk drive without a disk of the package");
    }
    return disk;
  }

  private String file(Disk disk) {
    String href = files.get(disk.file());
    if (href == null) {
      throw new Refused("a disk without a file");
    }
    return href;
  }

  private static String quantity(Map<String, String> item) {
    return item.getOrDefault("VirtualQuantity", "");
  }

  /** A name as {@link Machine} wants it, made from whatever others call things. */
  private static String plain(String text, String otherwise) {
    String name = text.replaceAll("[^A-Za-z0-9._-]", "-").replaceFirst("^[^A-Za-z0-9]+", "");
    return name.isEmpty() ? otherwise : name.substring(0, Math.min(128, name.length()));
  }

  /** The same one each time it is read, of QEMU's range. */
  private static String macOf(String id, int nic) {
    String hex = Sha256.of((id + "/" + nic).getBytes(StandardCharsets.UTF_8)).hex();
    return "52:54:00:%s:%s:%s"
        .formatted(hex.substring(0, 2), hex.substring(2, 4), hex.substring(4, 6));
  }

  private static long bytes(String quantity, String units) {
    Matcher power = UNITS.matcher(units);
    int shift =
        switch (units) {
          case "byte", "" -> 0;
          case "KiloBytes" -> 10;
          case "MegaBytes" -> 20;
          case "GigaBytes" -> 30;
          default -> power.matches() ? Integer.parseInt(power.group(1)) : 63;
        };
    long number = number(quantity);
    if (shift > 46 || number > Long.MAX_VALUE >> shift) {
      throw new Refused("a size out of range");
    }
    return number << shift;
  }

  private static long number(String text) {
    if (text.isEmpty() || text.length() > 18 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw new Refused("not a number");
    }
    return Long.parseLong(text);
  }

  // XML.

  /** Steps onto the next element inside the current one; false at its end. */
  private boolean nextChild() throws XMLStreamException {
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

  private void refuseEntities() {
    int type = xml.getEventType();
    if (type == XMLStreamConstants.DTD || type == XMLStreamConstants.ENTITY_REFERENCE) {
      throw new Refused("a descriptor has neither a document type nor entities");
    }
  }

  private String text() throws XMLStreamException {
    StringBuilder text = new StringBuilder();
    while (true) {
      switch (xml.next()) {
        case XMLStreamConstants.CHARACTERS, XMLStreamConstants.CDATA, XMLStreamConstants.SPACE -> {
          if (text.length() + xml.getTextLength() > LONGEST_TEXT) {
            throw new Refused("a text of more than " + LONGEST_TEXT + " characters");
          }
          text.append(xml.getText());
        }
        case XMLStreamConstants.END_ELEMENT -> {
          return text.toString().strip();
        }
        case XMLStreamConstants.START_ELEMENT -> throw new Refused("an element within a text");
        default -> refuseEntities();
      }
    }
  }

  private void skip() throws XMLStreamException {
    for (int depth = 1; depth > 0; ) {
      switch (xml.next()) {
        case XMLStreamConstants.START_ELEMENT -> {
          if (++depth > DEEPEST) {
            throw new Refused("elements deeper than " + DEEPEST);
          }
        }
        case XMLStreamConstants.END_ELEMENT -> depth--;
        default -> refuseEntities();
      }
    }
  }

  /** OVF's own sections change nothing that we carry; of others we cannot know. */
  private void skipUnlessRequired() throws XMLStreamException {
    String required = attribute(OVF, "required");
    if (!OVF.equals(xml.getNamespaceURI())
        && !VSSD.equals(xml.getNamespaceURI())
        && !"false".equals(required)) {
      throw new Refused("the descriptor requires a section that is not OVF's");
    }
    skip();
  }

  private boolean is(String namespace, String localName) {
    return namespace.equals(xml.getNamespaceURI()) && localName.equals(xml.getLocalName());
  }

  /** The name of an element of OVF itself; empty for others. */
  private String ours() {
    return OVF.equals(xml.getNamespaceURI()) ? xml.getLocalName() : "";
  }

  private @Nullable String attribute(String namespace, String localName) {
    String value = xml.getAttributeValue(namespace, localName);
    if (value != null && value.length() > LONGEST_TEXT) {
      throw new Refused("a text of more than " + LONGEST_TEXT + " characters");
    }
    return value;
  }

  /** The value of an attribute in whatever namespace. */
  private @Nullable String local(String localName) {
    for (int i = 0; i < xml.getAttributeCount(); i++) {
      if (xml.getAttributeLocalName(i).equals(localName)) {
        return xml.getAttributeValue(i);
      }
    }
    return null;
  }

  private String given(String localName, String otherwise) {
    String value = attribute(OURS, localName);
    return value == null ? otherwise : value;
  }

  private String required(String localName) {
    String value = attribute(OVF, localName);
    if (value == null) {
      throw new Refused("an element lacks ovf:" + localName);
    }
    return value;
  }

  private <T> void once(Map<String, T> map, String id, T value) {
    if (++entries > MOST_ENTRIES) {
      throw new Refused("more than " + MOST_ENTRIES + " files and disks");
    }
    if (map.put(id, value) != null) {
      throw new Refused("two of one id");
    }
  }
}
