package crossdock.catalog;

import crossdock.contracts.Adaptation;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan.Mapping;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What a machine's disks are on and its network cards are at the target: what it has now if the
 * target lists that, for the guest runs on it; else the quickest listed that the guest is known to
 * start with; else the quickest, and for a Windows the quickest that Windows brings a driver of.
 *
 * @param trait that names them
 * @param order of all that are known, the quickest first
 */
record Devices(String trait, List<Device> order) {
  private static final Devices DISKS =
      new Devices(
          "disk.bus",
          List.of(
              new Device("virtio", "virtio_blk", false),
              new Device("scsi", "virtio_scsi", false),
              new Device("nvme", "nvme", true),
              new Device("pvscsi", "vmw_pvscsi", false),
              new Device("hyperv", "hv_storvsc", true),
              new Device("xen", "xen_blkfront", false),
              new Device("sata", "ahci", true),
              new Device("lsi", "mptspi", false),
              new Device("ide", "ata_piix", true)));
  private static final Devices CARDS =
      new Devices(
          "nic.model",
          List.of(
              new Device("virtio-net", "virtio_net", false),
              new Device("vmxnet3", "vmxnet3", false),
              new Device("ena", "ena", false),
              new Device("hyperv", "hv_netvsc", true),
              new Device("xen", "xen_netfront", false),
              new Device("e1000e", "e1000e", true),
              new Device("e1000", "e1000", true),
              new Device("rtl8139", "8139cp", false)));

  /**
   * @param driver of Linux
   * @param windows whether Windows brings one
   */
  record Device(String name, String driver, boolean windows) {}

  /** None of what the target does not list. */
  static SortedMap<String, Mapping> of(
      Machine machine, Listing target, List<Adaptation> adaptations) {
    SortedMap<String, Mapping> devices = new TreeMap<>();
    for (Devices one : List.of(DISKS, CARDS)) {
      one.chosen(machine, target, adaptations).ifPresent(it -> devices.put(one.trait, it));
    }
    return Collections.unmodifiableSortedMap(devices);
  }

  /** A guest is given the drivers of what it gets, and no others, and names for its own cards. */
  static List<Adaptation> adapted(
      List<Adaptation> planned, Machine machine, Map<String, Mapping> devices) {
    Mapping disks = devices.get(DISKS.trait);
    return planned.stream()
        .map(
            one ->
                switch (one.kind()) {
                  case DRIVERS -> disks == null ? one : to(one, List.of(disks.target()));
                  case CARDS -> to(one, machine.nics().stream().map(Machine.Nic::mac).toList());
                  case FSTAB, ROOT, CLOUD_INIT, CONSOLE -> one;
                })
        .toList();
  }

  private static Adaptation to(Adaptation adaptation, List<String> what) {
    return new Adaptation(adaptation.kind(), what, adaptation.concern());
  }

  private Optional<Mapping> chosen(Machine machine, Listing target, List<Adaptation> adaptations) {
    List<String> there = target.traits().getOrDefault(trait, List.of());
    if (there.isEmpty()) {
      return Optional.empty();
    }
    String now = machine.traits().getOrDefault(trait, "");
    if (there.contains(now)) {
      return Optional.of(new Mapping(now, now, "As it is now."));
    }
    Set<String> drivers =
        Arrays.stream(machine.traits().getOrDefault("guest.drivers", "").split(",", -1))
            .map(String::strip)
            .collect(Collectors.toUnmodifiableSet());
    List<String> driven =
        there.stream()
            .filter(name -> device(name).filter(it -> drivers.contains(it.driver)).isPresent())
            .toList();
    if (!driven.isEmpty()) {
      return Optional.of(
          new Mapping(
              now, quickest(driven), "The quickest of those there that the guest starts with."));
    }
    if (equals(DISKS) && adaptations.stream().anyMatch(Devices::givesDrivers)) {
      return Optional.of(
          new Mapping(now, quickest(there), "The quickest there; the guest is given its driver."));
    }
    List<String> own =
        there.stream().filter(name -> device(name).filter(Device::windows).isPresent()).toList();
    return Optional.of(
        isWindows(machine) && !own.isEmpty()
            ? new Mapping(now, quickest(own), "The quickest there that Windows has a driver of.")
            : new Mapping(now, quickest(there), "The quickest there."));
  }

  private static boolean givesDrivers(Adaptation adaptation) {
    return adaptation.kind() == Adaptation.Kind.DRIVERS;
  }

  private Optional<Device> device(String name) {
    return order.stream().filter(device -> device.name.equals(name)).findFirst();
  }

  /** What nobody here knows comes last, by name. */
  private String quickest(List<String> names) {
    Comparator<String> known =
        Comparator.comparingInt(name -> device(name).map(order::indexOf).orElse(Integer.MAX_VALUE));
    return names.stream().min(known.thenComparing(Comparator.naturalOrder())).orElseThrow();
  }

  private static boolean isWindows(Machine machine) {
    return machine.traits().getOrDefault("guest.os.name", machine.guestOs()).startsWith("windows");
  }
}
