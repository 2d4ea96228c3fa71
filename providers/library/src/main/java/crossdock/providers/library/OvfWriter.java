package crossdock.providers.library;

import static crossdock.providers.library.Descriptor.OURS;
import static crossdock.providers.library.Descriptor.OVF;
import static crossdock.providers.library.Descriptor.RASD;
import static crossdock.providers.library.Descriptor.VSSD;

import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import java.io.ByteArrayOutputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/** Writes a descriptor; the same one gives the same bytes. */
final class OvfWriter {
  private final XMLStreamWriter xml;

  private OvfWriter(XMLStreamWriter xml) {
    this.xml = xml;
  }

  /**
   * @throws Refused if the machine cannot be said in OVF such that it is read again as it is
   */
  static byte[] write(Descriptor descriptor) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      XMLStreamWriter xml =
          XMLOutputFactory.newDefaultFactory().createXMLStreamWriter(bytes, "UTF-8");
      new OvfWriter(xml).envelope(descriptor);
      xml.close();
    } catch (XMLStreamException e) {
      throw new Refused("cannot be written as XML", e);
    }
    byte[] written = bytes.toByteArray();
    if (!OvfReader.read(written, descriptor.machine().id()).equals(descriptor)) {
      throw new Refused("has names that OVF cannot hold");
    }
    return written;
  }

  private void envelope(Descriptor descriptor) throws XMLStreamException {
    Machine machine = descriptor.machine();
    xml.writeStartDocument("UTF-8", "1.0");
    xml.writeCharacters("\n");
    xml.writeStartElement("Envelope");
    xml.writeDefaultNamespace(OVF);
    xml.writeNamespace("ovf", OVF);
    xml.writeNamespace("rasd", RASD);
    xml.writeNamespace("vssd", VSSD);
    xml.writeNamespace("crossdock", OURS);
    xml.writeStartElement("References");
    for (int i = 0; i < descriptor.files().size(); i++) {
      xml.writeEmptyElement("File");
      xml.writeAttribute("ovf:id", "file" + i);
      xml.writeAttribute("ovf:href", descriptor.files().get(i));
    }
    xml.writeEndElement();
    section("DiskSection", "The machine's disks");
    for (int i = 0; i < machine.disks().size(); i++) {
      Machine.Disk disk = machine.disks().get(i);
      xml.writeEmptyElement("Disk");
      xml.writeAttribute("ovf:diskId", "disk" + i);
      xml.writeAttribute("ovf:fileRef", "file" + i);
      xml.writeAttribute("ovf:capacity", Long.toString(disk.virtualBytes()));
      xml.writeAttribute("ovf:capacityAllocationUnits", "byte");
      xml.writeAttribute("ovf:format", Descriptor.uriOf(disk.format()));
      xml.writeAttribute("crossdock:format", disk.format());
    }
    xml.writeEndElement();
    section("NetworkSection", "The networks it is attached to");
    List<String> networks =
        machine.nics().stream().map(Machine.Nic::network).distinct().sorted().toList();
    for (String network : networks) {
      xml.writeEmptyElement("Network");
      xml.writeAttribute("ovf:name", network);
    }
    xml.writeEndElement();
    system(machine);
    xml.writeEndElement();
    xml.writeCharacters("\n");
    xml.writeEndDocument();
  }

  private void system(Machine machine) throws XMLStreamException {
    xml.writeStartElement("VirtualSystem");
    xml.writeAttribute("ovf:id", machine.id());
    text("Info", "One virtual machine");
    text("Name", machine.name());
    xml.writeStartElement("OperatingSystemSection");
    xml.writeAttribute("ovf:id", machine.guestOs().equals("linux") ? "101" : "1");
    text("Info", "The guest's operating system");
    xml.writeEndElement();
    section("VirtualHardwareSection", "Its virtual hardware");
    xml.writeStartElement("System");
    text("vssd:ElementName", "Virtual Hardware Family");
    text("vssd:InstanceID", "0");
    text("vssd:VirtualSystemIdentifier", machine.id());
    xml.writeEndElement();
    int instance = 1;
    item(instance++, "CPUs", Descriptor.CPU, Map.of("VirtualQuantity", "" + machine.cpus()));
    item(
        instance++,
        "Memory",
        Descriptor.MEMORY,
        Map.of("AllocationUnits", "byte", "VirtualQuantity", "" + machine.memoryBytes()));
    for (int i = 0; i < machine.disks().size(); i++) {
      String name = machine.disks().get(i).name();
      item(instance++, name, Descriptor.DISK, Map.of("HostResource", "ovf:/disk/disk" + i));
    }
    for (Machine.Nic nic : machine.nics()) {
      Map<String, String> values = new LinkedHashMap<>();
      values.put("Address", nic.mac());
      values.put("Connection", nic.network());
      item(instance++, nic.name(), Descriptor.NIC, values);
    }
    xml.writeEndElement();
    xml.writeStartElement("crossdock:MachineSection");
    xml.writeAttribute("ovf:required", "false");
    xml.writeAttribute("crossdock:architecture", machine.architecture());
    xml.writeAttribute("crossdock:firmware", machine.firmware().name().toLowerCase(Locale.ROOT));
    xml.writeAttribute("crossdock:guestOs", machine.guestOs());
    text("Info", "What OVF has no words for");
    for (String group : machine.securityGroups()) {
      xml.writeEmptyElement("crossdock:SecurityGroup");
      xml.writeAttribute("crossdock:name", group);
    }
    xml.writeEndElement();
    xml.writeEndElement();
  }

  /** CIM wants the properties of an item in the order of their names. */
  private void item(int instance, String name, String type, Map<String, String> values)
      throws XMLStreamException {
    Map<String, String> all = new TreeMap<>(values);
    all.put("ElementName", name);
    all.put("InstanceID", Integer.toString(instance));
    all.put("ResourceType", type);
    xml.writeStartElement("Item");
    for (Map.Entry<String, String> value : all.entrySet()) {
      text("rasd:" + value.getKey(), value.getValue());
    }
    xml.writeEndElement();
  }

  private void section(String name, String info) throws XMLStreamException {
    xml.writeStartElement(name);
    text("Info", info);
  }

  private void text(String name, String value) throws XMLStreamException {
    xml.writeStartElement(name);
    xml.writeCharacters(value);
    xml.writeEndElement();
  }
}
