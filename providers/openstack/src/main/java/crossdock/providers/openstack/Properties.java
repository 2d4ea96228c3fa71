package crossdock.providers.openstack;

import crossdock.contracts.Machine;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What an image says of the machines that are made of it, by Glance's names (Image service, "Useful
 * image properties"): Nova makes their virtual hardware by it.
 */
@FunctionalInterface
interface Properties {
  /** Of one property, if it is there. */
  Optional<String> of(String name);

  default String architecture() {
    return of("architecture").orElse("x86_64");
  }

  /** Nova's own default is BIOS. */
  default Machine.Firmware firmware() {
    return is("hw_firmware_type", "uefi") ? Machine.Firmware.UEFI : Machine.Firmware.BIOS;
  }

  default String guestOs() {
    return of("os_distro").or(() -> of("os_type")).filter(Machines::isPlain).orElse("linux");
  }

  /** By the catalog's vocabulary; nothing of what is left to the hypervisor's defaults. */
  default SortedMap<String, String> traits() {
    SortedMap<String, String> traits = new TreeMap<>();
    of("hw_disk_bus").flatMap(this::bus).ifPresent(bus -> traits.put("disk.bus", bus));
    of("hw_vif_model").flatMap(Properties::card).ifPresent(model -> traits.put("nic.model", model));
    of("hw_machine_type")
        .flatMap(Properties::chipset)
        .ifPresent(type -> traits.put("machine.type", type));
    of("hw_tpm_version")
        .filter(version -> version.equals("1.2") || version.equals("2.0"))
        .ifPresent(version -> traits.put("firmware.tpm", version));
    if (is("os_secure_boot", "required")) {
      traits.put("firmware.secure-boot", "yes");
    } else if (is("os_secure_boot", "disabled")) {
      traits.put("firmware.secure-boot", "no");
    }
    of("os_type")
        .ifPresent(type -> traits.put("clock.base", type.equals("windows") ? "localtime" : "utc"));
    if (is("hw_qemu_guest_agent", "yes")) {
      traits.put("guest.agents", "qemu-ga");
    }
    of("os_distro")
        .filter(Machines::isPlain)
        .ifPresent(name -> traits.put("guest.os.name", name.toLowerCase(Locale.ROOT)));
    of("os_version")
        .filter(Machines::isPlain)
        .ifPresent(version -> traits.put("guest.os.version", version));
    return traits;
  }

  /**
   * What an image must say for a machine to get these devices, virtio's where it has none; empty if
   * Nova has no word for them.
   */
  static Optional<SortedMap<String, String>> devices(SortedMap<String, String> traits) {
    SortedMap<String, String> properties = new TreeMap<>();
    properties.put("hw_disk_bus", traits.getOrDefault("disk.bus", "virtio"));
    switch (properties.get("hw_disk_bus")) {
      case "scsi" -> properties.put("hw_scsi_model", "virtio-scsi");
      case "lsi" -> {
        properties.put("hw_disk_bus", "scsi");
        properties.put("hw_scsi_model", "lsilogic");
      }
      case "pvscsi" -> {
        properties.put("hw_disk_bus", "scsi");
        properties.put("hw_scsi_model", "vmpvscsi");
      }
      default -> {}
    }
    String card = traits.getOrDefault("nic.model", "virtio-net");
    properties.put("hw_vif_model", card.equals("virtio-net") ? "virtio" : card);
    // What is read of it must be what was asked for.
    Properties image = name -> Optional.ofNullable(properties.get(name));
    SortedMap<String, String> back = image.traits();
    return Stream.of("disk.bus", "nic.model")
            .allMatch(
                trait -> !traits.containsKey(trait) || traits.get(trait).equals(back.get(trait)))
        ? Optional.of(properties)
        : Optional.empty();
  }

  private boolean is(String property, String value) {
    return of(property).equals(Optional.of(value));
  }

  private Optional<String> bus(String bus) {
    return switch (bus) {
      case "virtio", "sata", "ide", "nvme", "xen" -> Optional.of(bus);
      case "scsi" ->
          of("hw_scsi_model")
              .flatMap(
                  model ->
                      switch (model) {
                        case "virtio-scsi" -> Optional.of("scsi");
                        case "lsilogic" -> Optional.of("lsi");
                        case "vmpvscsi" -> Optional.of("pvscsi");
                        default -> Optional.empty();
                      });
      default -> Optional.empty();
    };
  }

  private static Optional<String> card(String model) {
    return switch (model) {
      case "virtio" -> Optional.of("virtio-net");
      case "e1000", "e1000e", "rtl8139", "vmxnet3" -> Optional.of(model);
      default -> Optional.empty();
    };
  }

  /** Such as pc, q35 and pc-q35-7.2, the names of QEMU's machines. */
  private static Optional<String> chipset(String type) {
    if (type.equals("q35") || type.startsWith("pc-q35")) {
      return Optional.of("q35");
    }
    if (type.equals("pc") || type.startsWith("pc-i440fx")) {
      return Optional.of("pc");
    }
    return type.equals("virt") || type.startsWith("virt-") ? Optional.of("virt") : Optional.empty();
  }
}
