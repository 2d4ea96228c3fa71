package crossdock.providers.library;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DescriptorTest {
  /** As VMware's tools write one: other URIs, units, names, sections of their own. */
  private static final String FOREIGN =
      """
      <?xml version="1.0" encoding="UTF-8"?>
      <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
          xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
          xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
          xmlns:vmw="http://www.vmware.com/schema/ovf">
        <References><File ovf:href="Mail server-disk1.vmdk" ovf:id="file1" ovf:size="68096"/></References>
        <DiskSection><Info>Virtual disks</Info>
          <Disk ovf:capacity="16" ovf:capacityAllocationUnits="byte * 2^30" ovf:diskId="vmdisk1"
              ovf:fileRef="file1" ovf:populatedSize="0"
              ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
        </DiskSection>
        <NetworkSection><Info>Networks</Info><Network ovf:name="VM Network"/></NetworkSection>
        <VirtualSystem ovf:id="Mail server"><Info>A machine</Info><Name>Mail server</Name>
          <OperatingSystemSection ovf:id="94" vmw:osType="ubuntu64Guest"><Info>OS</Info></OperatingSystemSection>
          <VirtualHardwareSection><Info>Hardware</Info>
            <Item><rasd:AllocationUnits>hertz * 10^6</rasd:AllocationUnits><rasd:ElementName>2 virtual CPU(s)</rasd:ElementName>
              <rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
            <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:InstanceID>2</rasd:InstanceID>
              <rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>1024</rasd:VirtualQuantity></Item>
            <Item><rasd:Address>0</rasd:Address><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>lsilogic</rasd:ResourceSubType>
              <rasd:ResourceType>6</rasd:ResourceType></Item>
            <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:ElementName>Hard Disk 1</rasd:ElementName>
              <rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource><rasd:InstanceID>4</rasd:InstanceID><rasd:Parent>3</rasd:Parent>
              <rasd:ResourceType>17</rasd:ResourceType><vmw:Config ovf:required="false" vmw:key="x" vmw:value="y"/></Item>
            <Item><rasd:Connection>VM Network</rasd:Connection><rasd:ElementName>Ethernet 1</rasd:ElementName>
              <rasd:InstanceID>5</rasd:InstanceID><rasd:ResourceType>10</rasd:ResourceType></Item>
            <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>
          </VirtualHardwareSection>
          <AnnotationSection><Info>Note</Info><Annotation>By hand</Annotation></AnnotationSection>
        </VirtualSystem>
      </Envelope>
      """;

  @Test
  void aDescriptorOfOthersIsRead() {
    Descriptor found = read(FOREIGN);
    Machine machine = found.machine();
    assertThat(found.files()).containsExactly("Mail server-disk1.vmdk");
    assertThat(machine.id()).isEqualTo("mail");
    assertThat(machine.name()).isEqualTo("Mail server");
    assertThat(machine.cpus()).isEqualTo(2);
    assertThat(machine.memoryBytes()).isEqualTo(1L << 30);
    assertThat(machine.firmware()).isEqualTo(Machine.Firmware.UEFI);
    assertThat(machine.guestOs()).isEqualTo("linux");
    assertThat(machine.disks()).containsExactly(new Machine.Disk("Hard-Disk-1", "vmdk", 16L << 30));
    assertThat(machine.nics().getFirst().network()).isEqualTo("VM-Network");
    assertThat(machine.nics()).isEqualTo(read(FOREIGN).machine().nics());
  }

  @Test
  void whatIsWrittenIsReadAsItWas() {
    Descriptor ours = Descriptor.of(LibraryFixture.machine("m1", "qcow2", "z", "a"));
    assertThat(Descriptor.read(ours.write(), "m1")).isEqualTo(ours);
    assertThat(ours.write()).isEqualTo(ours.write());
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\0b", "a\u0001", "a\r\nb", " a", "\uD800"})
  void aNameThatXmlCannotHoldIsRefused(String name) {
    Machine plain = LibraryFixture.machine("m1", "raw", "a");
    Machine odd =
        new Machine(
            "m1",
            name,
            plain.architecture(),
            plain.cpus(),
            plain.memoryBytes(),
            plain.firmware(),
            plain.guestOs(),
            plain.disks(),
            plain.nics(),
            plain.securityGroups());
    assertThatThrownBy(() -> Descriptor.of(odd).write()).isInstanceOf(Refused.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../disk.vmdk",
        "..",
        "/etc/passwd",
        "a/b.vmdk",
        "a\\b.vmdk",
        ".hidden",
        "crossdock.json",
        "file:disk.vmdk",
        "..%2fdisk.vmdk",
        ""
      })
  void aFileElsewhereIsRefused(String href) {
    assertRefused(FOREIGN.replace("Mail server-disk1.vmdk", href), "beside its descriptor");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<!DOCTYPE Envelope>",
        "<!DOCTYPE Envelope SYSTEM \"http://127.0.0.1:1/x.dtd\">",
        "<!DOCTYPE Envelope [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE Envelope [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY e \"&a;&a;&a;&a;\">]>"
      })
  void documentTypesAndEntitiesAreRefused(String type) {
    String typed = FOREIGN.replace("<Envelope", type + "<Envelope");
    assertRefused(typed, "document type");
    assertRefused(typed.replace("<Name>Mail", "<Name>&e;"), "");
  }

  @Test
  void anEntityThatNobodyDeclaredIsRefused() {
    assertRefused(FOREIGN.replace("<Name>Mail", "<Name>&e;"), "");
  }

  @Test
  void aSectionOfOthersMustBeOptional() {
    String other = "<x:Secret xmlns:x=\"urn:x\" ovf:required=\"false\"><x:a/></x:Secret>";
    assertThat(read(before("</VirtualSystem>", other))).isEqualTo(read(FOREIGN));
    assertRefused(before("</VirtualSystem>", other.replace("false", "true")), "requires");
    assertRefused(before("</Envelope>", other.replace(" ovf:required=\"false\"", "")), "requires");
  }

  @Test
  void whatIsNotUtf8IsRefused() {
    byte[] wide = FOREIGN.getBytes(StandardCharsets.UTF_16);
    assertThatThrownBy(() -> Descriptor.read(wide, "mail"))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("UTF-8");
    assertThat(read("\uFEFF" + FOREIGN)).isEqualTo(read(FOREIGN));
  }

  @Test
  void whatIsOutOfRangeIsRefused() {
    for (String capacity : new String[] {"0", "-1", "99999999999999999999", "1e3", "", "${c}"}) {
      assertRefused(FOREIGN.replace("capacity=\"16\"", "capacity=\"" + capacity + "\""), "");
    }
    assertRefused(FOREIGN.replace("2^30", "2^99"), "range");
    assertRefused(FOREIGN.replace("2^30", "2^46"), "64 TiB");
    assertRefused(FOREIGN.replace(">2</rasd:V", ">4294967298</rasd:V"), "CPUs");
    assertRefused(FOREIGN.replace("By hand", "<a>".repeat(100) + "</a>".repeat(100)), "deeper");
    assertRefused(FOREIGN.replace("<Name>", "<Name>" + "x".repeat(5000)), "characters");
    assertRefused(FOREIGN + " ".repeat(Descriptor.LONGEST), "bytes");
  }

  @Test
  void whatIsNotAWholeMachineIsRefused() {
    assertRefused(FOREIGN.replace("ovf:diskId=\"vmdisk1\"", "ovf:diskId=\"other\""), "disk");
    assertRefused(FOREIGN.replace("ovf:id=\"file1\"", "ovf:id=\"other\""), "without a file");
    assertRefused(FOREIGN.replace("ovf:id=\"file1\"", "ovf:id=\"file1\" ovf:chunkSize=\"7\""), "");
    assertRefused(FOREIGN.replace("vmdk.html", "x"), "format");
    assertRefused(FOREIGN.replace("VirtualSystem ", "VirtualSystemCollection "), "");
    assertRefused("<a/>", "envelope");
    assertRefused("", "");
  }

  private static String before(String end, String inserted) {
    return FOREIGN.replace(end, inserted + end);
  }

  private static Descriptor read(String document) {
    return Descriptor.read(document.getBytes(StandardCharsets.UTF_8), "mail");
  }

  private static void assertRefused(String document, String why) {
    assertThatThrownBy(() -> read(document)).isInstanceOf(Refused.class).hasMessageContaining(why);
  }
}
