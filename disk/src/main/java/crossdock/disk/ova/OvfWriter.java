package crossdock.disk.ova;

import crossdock.disk.ova.OvfDescriptor.Controller;
import crossdock.disk.ova.OvfDescriptor.Disk;
import crossdock.disk.ova.OvfDescriptor.Drive;
import crossdock.disk.ova.OvfDescriptor.File;
import crossdock.disk.ova.OvfDescriptor.Firmware;
import crossdock.disk.ova.OvfDescriptor.Nic;
import java.io.ByteArrayOutputStream;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/** Writes descriptors of OVF 1.1. */
final class OvfWriter {
  private static final String CIM = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/";
  private static final String OVF = "http://schemas.dmtf.org/ovf/envelope/1";

  private static final long MEBI = 1 << 20;

  private final XMLStreamWriter xml;
  // Controllers keep their ids, others take what is left.
  private int instance = 1000;

  private OvfWriter(XMLStreamWriter xml) {
    this.xml = xml;
  }

  static byte[] write(OvfDescriptor descriptor) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      XMLStreamWriter xml =
          XMLOutputFactory.newDefaultFactory().createXMLStreamWriter(bytes, "UTF-8");
      new OvfWriter(xml).envelope(descriptor);
      xml.close();
    } catch (XMLStreamException e) {
      throw new IllegalArgumentException("cannot be written as XML", e);
    }
    return bytes.toByteArray();
  }

  private void envelope(OvfDescriptor machine) throws XMLStreamException {
    xml.writeStartDocument("UTF-8", "1.0");
    xml.writeCharacters("\n");
    xml.writeStartElement("Envelope");
    xml.writeDefaultNamespace(OVF);
    xml.writeNamespace("ovf", OVF);
    xml.writeNamespace("rasd", CIM + "CIM_ResourceAllocationSettingData");
    xml.writeNamespace("vssd", CIM + "CIM_VirtualSystemSettingData");
    xml.writeNamespace("vmw", "http://www.vmware.com/schema/ovf");
    xml.writeStartElement("References");
    for (File file : machine.files()) {
      xml.writeEmptyElement("File");
      xml.writeAttribute("ovf:id", file.id());
      xml.writeAttribute("ovf:href", file.href());
      if (file.size().isPresent()) {
        xml.writeAttribute("ovf:size", Long.toString(file.size().getAsLong()));
      }
    }
    xml.writeEndElement();
    section("DiskSection", "The machine's disks");
    for (Disk disk : machine.disks()) {
      xml.writeEmptyElement("Disk");
      xml.writeAttribute("ovf:diskId", disk.id());
      if (!disk.file().isEmpty()) {
        xml.writeAttribute("ovf:fileRef", disk.file());
      }
      xml.writeAttribute("ovf:capacity", Long.toString(disk.capacityBytes()));
      xml.writeAttribute("ovf:capacityAllocationUnits", "byte");
      xml.writeAttribute("ovf:format", disk.format());
    }
    xml.writeEndElement();
    section("NetworkSection", "The networks it is attached to");
    for (String network : machine.networks()) {
      xml.writeStartElement("Network");
      xml.writeAttribute("ovf:name", network);
      text("Description", network);
      xml.writeEndElement();
    }
    xml.writeEndElement();
    system(machine);
    xml.writeEndElement();
    xml.writeCharacters("\n");
    xml.writeEndDocument();
  }

  private void system(OvfDescriptor machine) throws XMLStreamException {
    xml.writeStartElement("VirtualSystem");
    xml.writeAttribute("ovf:id", machine.id());
    text("Info", "One virtual machine");
    text("Name", machine.name());
    xml.writeStartElement("OperatingSystemSection");
    xml.writeAttribute("ovf:id", Integer.toString(machine.operatingSystem()));
    text("Info", "The guest's operating system");
    xml.writeEndElement();
    section("VirtualHardwareSection", "Its virtual hardware");
    xml.writeStartElement("System");
    text("vssd:ElementName", "Virtual Hardware Family");
    text("vssd:InstanceID", "0");
    text("vssd:VirtualSystemIdentifier", machine.id());
    text("vssd:VirtualSystemType", "vmx-10");
    xml.writeEndElement();
    item("CPUs", OvfReader.CPU, Map.of("VirtualQuantity", "" + machine.cpus()));
    // Some readers know no other unit; what is no multiple of it is rare.
    boolean whole = machine.memoryBytes() % MEBI == 0;
    item(
        "Memory",
        OvfReader.MEMORY,
        Map.of(
            "AllocationUnits",
            whole ? "byte * 2^20" : "byte",
            "VirtualQuantity",
            "" + machine.memoryBytes() / (whole ? MEBI : 1)));
    for (Controller controller : machine.controllers()) {
      item(
          "Controller " + controller.instance(),
          controller.bus().resourceType(),
          Map.of("InstanceID", controller.instance(), "ResourceSubType", controller.subType()));
    }
    for (Drive drive : machine.drives()) {
      item(
          drive.name(),
          OvfReader.DISK,
          Map.of(
              "AddressOnParent",
              drive.slot() < 0 ? "" : "" + drive.slot(),
              "HostResource",
              "ovf:/disk/" + drive.disk(),
              "Parent",
              drive.controller()));
    }
    for (Nic nic : machine.nics()) {
      item(
          nic.name(),
          OvfReader.NIC,
          Map.of(
              "Address",
              nic.mac(),
              "AutomaticAllocation",
              "true",
              "Connection",
              nic.network(),
              "ResourceSubType",
              nic.subType()));
    }
    if (machine.firmware() == Firmware.EFI) {
      xml.writeEmptyElement("vmw:Config");
      xml.writeAttribute("ovf:required", "false");
      xml.writeAttribute("vmw:key", "firmware");
      xml.writeAttribute("vmw:value", "efi");
    }
    xml.writeEndElement();
    products(machine.properties());
    xml.writeEndElement();
  }

  /** A section for each class; a key has no dot. */
  private void products(SortedMap<String, String> properties) throws XMLStreamException {
    SortedMap<String, SortedMap<String, String>> products = new TreeMap<>();
    properties.forEach(
        (name, value) -> {
          int dot = name.lastIndexOf('.');
          products
              .computeIfAbsent(name.substring(0, Math.max(0, dot)), type -> new TreeMap<>())
              .put(name.substring(dot + 1), value);
        });
    for (Map.Entry<String, SortedMap<String, String>> product : products.entrySet()) {
      xml.writeStartElement("ProductSection");
      if (!product.getKey().isEmpty()) {
        xml.writeAttribute("ovf:class", product.getKey());
      }
      text("Info", "More about the machine");
      for (Map.Entry<String, String> property : product.getValue().entrySet()) {
        xml.writeEmptyElement("Property");
        xml.writeAttribute("ovf:key", property.getKey());
        xml.writeAttribute("ovf:type", "string");
        xml.writeAttribute("ovf:value", property.getValue());
      }
      xml.writeEndElement();
    }
  }

  /** CIM wants the properties of an item in the order of their names. */
  private void item(String name, String type, Map<String, String> values)
      throws XMLStreamException {
    Map<String, String> all = new TreeMap<>();
    all.put("InstanceID", Integer.toString(instance++));
    all.put("ElementName", name);
    all.put("ResourceType", type);
    all.putAll(values);
    xml.writeStartElement("Item");
    for (Map.Entry<String, String> value : all.entrySet()) {
      if (!value.getValue().isEmpty()) {
        text("rasd:" + value.getKey(), value.getValue());
      }
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
