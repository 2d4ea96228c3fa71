package crossdock.providers.examination;

import crossdock.contracts.Firewall;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.contracts.Subnet;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import crossdock.providers.library.Library;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** A directory of machines whose provider has exactly what {@code has} says, and starts guests. */
final class Inventory implements Cloud {
  private final Listing has;
  private final Library library;
  private final Map<String, Machine> reserved = new HashMap<>();
  boolean silent;
  boolean forgetful;
  Optional<IOException> broken = Optional.empty();

  Inventory(Path root, Listing has, int room) throws IOException {
    this.has = has;
    this.library = new Library(root, has.formats(), room, 1L << 40);
  }

  @Override
  public Set<Capability> capabilities() {
    return EnumSet.of(Capability.RUNS);
  }

  @Override
  public List<String> formats() {
    return library.formats();
  }

  @Override
  public List<Machine> machines(String owner) throws IOException {
    return library.machines(owner);
  }

  @Override
  public Optional<Machine> machine(String owner, String id) throws IOException {
    return library
        .machine(owner, id)
        .map(
            machine -> {
              TreeMap<String, String> traits = new TreeMap<>(machine.traits());
              has.traits().forEach((trait, values) -> traits.put(trait, values.getFirst()));
              return machine.with(traits);
            });
  }

  @Override
  public void reserve(Machine machine, String owner, Tag tag) throws IOException, Refusal {
    if (broken.isPresent()) {
      throw broken.get();
    }
    require(
        has.sizes().stream().anyMatch(size -> size.holds(machine)),
        "no size of %d CPUs".formatted(machine.cpus()));
    require(has.architectures().contains(machine.architecture()), machine.architecture());
    require(has.firmwares().contains(machine.firmware()), machine.firmware().name());
    require(has.securityGroups().containsAll(machine.securityGroups()), "no such group");
    String zone = machine.traits().get("zone");
    require(zone == null || has.zones().contains(zone), "no zone " + zone);
    require(within("disks", machine.disks().size()), "too many disks");
    require(within("nics", machine.nics().size()), "too many cards");
    require(within("name-length", machine.name().length()), "too long a name");
    for (Machine.Disk disk : machine.disks()) {
      require(within("disk.bytes", disk.virtualBytes()), "too large a disk");
      require(
          disk.storage().isEmpty()
              || has.storage().stream().anyMatch(one -> disk.storage().get().equals(one.name())),
          "no storage " + disk.storage());
    }
    for (Machine.Nic nic : machine.nics()) {
      Optional<Listing.Network> network =
          has.networks().stream().filter(one -> one.name().equals(nic.network())).findFirst();
      require(network.isPresent(), "no network " + nic.network());
      for (String address : nic.addresses()) {
        require(
            network.orElseThrow().subnets().stream()
                .anyMatch(subnet -> subnet.contains(Subnet.address(address))),
            address + " is not in " + nic.network());
      }
      if (nic.publicAddress().isPresent()) {
        String outside = nic.publicAddress().get().network();
        require(network.orElseThrow().publicNetworks().contains(outside), "no " + outside);
      }
      require(
          nic.allowedAddresses().isEmpty()
              || has.traits().getOrDefault("address.floating", List.of()).contains("yes"),
          "no addresses but the card's own");
      if (nic.firewall().isPresent()) {
        require(sayable(nic.firewall().get()), "a firewall that cannot be said here");
      }
    }
    Machine plain =
        new Machine(
            machine.id(),
            machine.name(),
            machine.architecture(),
            machine.cpus(),
            machine.memoryBytes(),
            machine.firmware(),
            machine.guestOs(),
            machine.disks().stream()
                .map(disk -> new Machine.Disk(disk.name(), disk.format(), disk.virtualBytes()))
                .toList(),
            machine.nics().stream()
                .map(
                    nic ->
                        new Machine.Nic(
                            nic.name(), nic.network(), nic.mac(), nic.addresses(), nic.firewall()))
                .toList(),
            machine.securityGroups());
    library.reserve(plain, owner, tag);
    reserved.put(tag.name(), machine);
  }

  private boolean sayable(Firewall firewall) {
    Listing.Filtering can = has.filtering().orElseThrow();
    return firewall.allowed().size() <= can.rules()
        && firewall.allowed().stream()
            .allMatch(
                rule ->
                    rule.protocol().isEmpty()
                        || can.protocols().isEmpty()
                        || can.protocols().get().contains(rule.protocol().get()))
        && (can.ipv6()
            || firewall.allowed().stream()
                .flatMap(rule -> rule.addresses().stream())
                .noneMatch(subnet -> subnet.block().isIPv6()));
  }

  private boolean within(String limit, long value) {
    return value <= has.limits().getOrDefault(limit, Long.MAX_VALUE);
  }

  private static void require(boolean true_, String otherwise) throws Refusal {
    if (!true_) {
      throw new Refusal(Reason.UNMAPPABLE, otherwise);
    }
  }

  @Override
  public List<DiskTicket> prepare(Tag tag) throws IOException, Refusal {
    return library.prepare(tag);
  }

  @Override
  public String register(Tag tag) throws IOException, Refusal {
    return library.register(tag);
  }

  @Override
  public List<DiskTicket> readBack(Tag tag) throws IOException, Refusal {
    return library.readBack(tag);
  }

  @Override
  public String boot(Tag tag) throws IOException, Refusal {
    if (silent) {
      throw new Refusal(Reason.NOT_ALIVE, "No sign of life.");
    }
    Machine machine = reserved.get(tag.name());
    return machine == null ? "" : LandingDisk.says(machine.firmware());
  }

  @Override
  public boolean remove(Tag tag) throws IOException {
    return !forgetful && library.remove(tag);
  }

  // Nothing moves away from here.

  @Override
  public void stop(String machine, Tag tag) {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<DiskTicket> open(String machine, Tag tag) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close(Tag tag) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void restore(String machine, Tag tag) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void retire(String machine, Tag tag, boolean erase) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void release(Tag tag) {
    throw new UnsupportedOperationException();
  }

  @Override
  public String console(String owner, String machine) {
    return "";
  }

  @Override
  public void close() {
    library.close();
  }
}
