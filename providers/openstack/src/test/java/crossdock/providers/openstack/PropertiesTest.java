package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Machine;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class PropertiesTest {
  private static Properties of(Map<String, String> all) {
    return name -> Optional.ofNullable(all.get(name));
  }

  @Test
  void whatAnImageSaysBecomesTraitsOfTheVocabulary() {
    Properties windows =
        of(
            Map.of(
                "hw_firmware_type", "uefi",
                "hw_disk_bus", "scsi",
                "hw_scsi_model", "virtio-scsi",
                "hw_vif_model", "virtio",
                "hw_machine_type", "pc-q35-7.2",
                "hw_tpm_version", "2.0",
                "os_secure_boot", "required",
                "os_type", "windows",
                "os_distro", "windows",
                "hw_qemu_guest_agent", "yes"));
    assertThat(windows.firmware()).isEqualTo(Machine.Firmware.UEFI);
    assertThat(windows.guestOs()).isEqualTo("windows");
    assertThat(windows.traits())
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "disk.bus", "scsi",
                "nic.model", "virtio-net",
                "machine.type", "q35",
                "firmware.tpm", "2.0",
                "firmware.secure-boot", "yes",
                "clock.base", "localtime",
                "guest.agents", "qemu-ga",
                "guest.os.name", "windows"));
  }

  @Test
  void whatIsLeftToTheHypervisorOrIsNoWordIsNotSaid() {
    assertThat(of(Map.of()).traits()).isEmpty();
    assertThat(
            of(Map.of(
                    "hw_disk_bus", "scsi",
                    "hw_vif_model", "virtualpcnet32",
                    "hw_machine_type", "s390-ccw-virtio",
                    "os_secure_boot", "optional",
                    "os_version", "22.04\n",
                    "os_distro", "<script>"))
                .traits())
        .isEmpty();
  }

  @Test
  void devicesThatNovaKnowsComeBackAsTheyWereAskedFor() {
    for (String bus : List.of("virtio", "scsi", "lsi", "pvscsi", "sata", "ide")) {
      for (String card : List.of("virtio-net", "e1000", "e1000e", "rtl8139", "vmxnet3")) {
        TreeMap<String, String> wanted = new TreeMap<>(Map.of("disk.bus", bus, "nic.model", card));
        assertThat(of(Properties.devices(wanted).orElseThrow()).traits()).isEqualTo(wanted);
      }
    }
    assertThat(Properties.devices(new TreeMap<>(Map.of("zone", "nova"))).orElseThrow())
        .containsExactlyInAnyOrderEntriesOf(
            Map.of("hw_disk_bus", "virtio", "hw_vif_model", "virtio"));
  }

  @Test
  void devicesThatNovaHasNoWordForAreNone() {
    assertThat(Properties.devices(new TreeMap<>(Map.of("disk.bus", "hyperv")))).isEmpty();
    assertThat(Properties.devices(new TreeMap<>(Map.of("nic.model", "ena")))).isEmpty();
    assertThat(Properties.devices(new TreeMap<>(Map.of("nic.model", "virtio")))).isEmpty();
  }
}
