package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A virtual machine as planning sees it, in no cloud's words.
 *
 * @param id the provider's id of it, 1 to 128 printable characters
 * @param name what its owner calls it
 * @param architecture {@code x86_64} or {@code aarch64}
 * @param cpus virtual CPUs, 1 to 1024
 * @param memoryBytes guest memory, 1 MiB to 64 TiB
 * @param firmware how it boots
 * @param guestOs a short name such as {@code linux}
 * @param disks in boot order, 1 to 64, names unique
 * @param nics in order, at most 32
 * @param securityGroups names of the groups in force
 * @param traits what else may matter elsewhere, by names of a vocabulary that the catalog's
 *     concerns are written in, such as {@code disk.bus}; at most 64, nothing secret. A trait that
 *     nobody knows is absent
 */
public record Machine(
    String id,
    String name,
    String architecture,
    int cpus,
    long memoryBytes,
    Firmware firmware,
    String guestOs,
    List<Disk> disks,
    List<Nic> nics,
    List<String> securityGroups,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        SortedMap<String, String> traits) {
  private static final Pattern TRAIT = Pattern.compile("[a-z0-9-]{1,32}(\\.[a-z0-9-]{1,32}){0,3}");
  private static final Pattern VALUE = Pattern.compile("[ -~]{1,128}");
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final Pattern MAC = Pattern.compile("([0-9a-f]{2}:){5}[0-9a-f]{2}");

  /** What starts the guest's boot loader. */
  public enum Firmware {
    BIOS,
    UEFI
  }

  /**
   * @param name unique in the machine
   * @param format the container it is stored in now: raw, qcow2, vmdk, vhd, vhdx or vdi
   * @param virtualBytes guest-visible size in bytes, 1 to 64 TiB
   * @param storage the class of storage that it is kept in, by its provider's name, 1 to 128
   *     characters; absent where the provider names none
   */
  public record Disk(String name, String format, long virtualBytes, Optional<String> storage) {
    private static final Set<String> FORMATS = Set.of("raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi");

    public Disk {
      plain(name);
      if (!FORMATS.contains(format)) {
        throw new Refused("no disk format " + format);
      }
      if (virtualBytes < 1 || virtualBytes > 64L << 40) {
        throw new Refused("a disk has 1 byte to 64 TiB, not " + virtualBytes);
      }
      if (storage.filter(one -> one.isBlank() || one.length() > 128).isPresent()) {
        throw new Refused("a class of storage has a name of 1 to 128 characters");
      }
    }

    /** One that no class is known of. */
    public Disk(String name, String format, long virtualBytes) {
      this(name, format, virtualBytes, Optional.empty());
    }
  }

  /**
   * @param name as a rule unique in the machine
   * @param network the network's name at its provider
   * @param mac lower-case, colons
   * @param addresses that the provider gave it, in the order of their texts, at most 16, each once.
   *     None where a provider knows of none
   * @param firewall what passes; absent where a provider does not say
   * @param allowedAddresses that it may send from beside its own, at most 64, each once, in the
   *     order of their texts
   * @param publicAddress that it is reached by from outside, if it is
   */
  public record Nic(
      String name,
      String network,
      String mac,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
          List<String> addresses,
      Optional<Firewall> firewall,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
          List<AllowedAddress> allowedAddresses,
      Optional<PublicAddress> publicAddress) {
    private static final Pattern V4 =
        Pattern.compile("(0|[1-9][0-9]{0,2})(\\.(0|[1-9][0-9]{0,2})){3}");
    private static final Pattern V6 = Pattern.compile("[0-9a-f:.]{2,45}");

    public Nic {
      plain(name);
      plain(network);
      if (!MAC.matcher(mac).matches()) {
        throw new Refused("no MAC address: " + mac);
      }
      if (addresses.size() > 16 || parsed(addresses).size() != addresses.size()) {
        throw new Refused("a network card has at most 16 addresses, each once");
      }
      // Providers name them in no order, and the machine is the same.
      addresses = addresses.stream().sorted().toList();
      allowedAddresses =
          allowedAddresses.stream().map(one -> one.of(mac)).distinct().sorted().toList();
      if (allowedAddresses.size() > 64) {
        throw new Refused("a network card is allowed at most 64 addresses beside its own");
      }
    }

    /** One that no address is known of. */
    public Nic(String name, String network, String mac) {
      this(name, network, mac, List.of());
    }

    /** One of which nobody says what passes. */
    public Nic(String name, String network, String mac, List<String> addresses) {
      this(name, network, mac, addresses, Optional.empty());
    }

    /** One with its own addresses alone. */
    public Nic(
        String name,
        String network,
        String mac,
        List<String> addresses,
        Optional<Firewall> firewall) {
      this(name, network, mac, addresses, firewall, List.of(), Optional.empty());
    }

    /** Several texts may be one address. */
    private static Set<InetAddress> parsed(List<String> addresses) {
      return addresses.stream().map(Nic::parsed).collect(Collectors.toSet());
    }

    private static InetAddress parsed(String address) {
      boolean v6 = address.contains(":");
      try {
        if ((v6 ? V6 : V4).matcher(address).matches()) {
          InetAddress literal = InetAddress.ofLiteral(address);
          if (literal instanceof Inet6Address == v6) {
            return literal;
          }
        }
      } catch (IllegalArgumentException e) {
        throw new Refused("no IP address: " + address, e);
      }
      throw new Refused("no IP address: " + address);
    }

    private boolean maySendFrom(List<AllowedAddress> planned) {
      return allowedAddresses.containsAll(planned)
          || allowedAddresses.equals(AllowedAddress.ANYTHING);
    }

    private boolean has(Nic other) {
      return parsed(addresses).containsAll(parsed(other.addresses));
    }
  }

  /**
   * Addresses that a guest sends from though its card has not them: those that machines take over
   * from one another (VRRP), or of whom it routes for.
   *
   * @param from a single one as a block of one
   * @param mac that it sends them from, if that is not the card's own
   */
  public record AllowedAddress(Subnet from, Optional<String> mac)
      implements Comparable<AllowedAddress> {
    /** What a card has that nobody looks at what it sends from, by whatever MAC address. */
    public static final List<AllowedAddress> ANYTHING =
        List.of(
            new AllowedAddress(Subnet.ALL_V4, Optional.empty()),
            new AllowedAddress(Subnet.ALL_V6, Optional.empty()));

    public AllowedAddress {
      if (mac.filter(one -> !MAC.matcher(one).matches()).isPresent()) {
        throw new Refused("no MAC address: " + mac);
      }
    }

    /** Whether it is every address of a family. */
    public boolean isEverybody() {
      return from.equals(Subnet.ALL_V4) || from.equals(Subnet.ALL_V6);
    }

    private AllowedAddress of(String card) {
      return mac.equals(Optional.of(card)) ? new AllowedAddress(from, Optional.empty()) : this;
    }

    @Override
    public String toString() {
      return from + mac.map(one -> " by " + one).orElse("");
    }

    @Override
    public int compareTo(AllowedAddress other) {
      return toString().compareTo(other.toString());
    }
  }

  /**
   * An address of a network outside, which the provider translates to the card's own (a floating
   * IP).
   *
   * @param network the outer network's name at the provider
   * @param address empty as long as the provider has not chosen it
   */
  public record PublicAddress(String network, Optional<String> address) {
    public PublicAddress {
      plain(network);
      address.ifPresent(Nic::parsed);
    }
  }

  /** One of which nothing else is known. */
  public Machine(
      String id,
      String name,
      String architecture,
      int cpus,
      long memoryBytes,
      Firmware firmware,
      String guestOs,
      List<Disk> disks,
      List<Nic> nics,
      List<String> securityGroups) {
    this(
        id,
        name,
        architecture,
        cpus,
        memoryBytes,
        firmware,
        guestOs,
        disks,
        nics,
        securityGroups,
        new TreeMap<>());
  }

  public Machine {
    plain(id);
    if (name.isBlank() || name.length() > 128) {
      throw new Refused("a machine's name has 1 to 128 characters");
    }
    if (!architecture.equals("x86_64") && !architecture.equals("aarch64")) {
      throw new Refused("no architecture " + architecture);
    }
    if (cpus < 1 || cpus > 1024 || memoryBytes < 1 << 20 || memoryBytes > 64L << 40) {
      throw new Refused("a machine has 1 to 1024 CPUs and 1 MiB to 64 TiB of memory");
    }
    plain(guestOs);
    disks = List.copyOf(disks);
    nics = List.copyOf(nics);
    securityGroups = List.copyOf(securityGroups);
    if (disks.isEmpty() || disks.size() > 64 || nics.size() > 32 || securityGroups.size() > 64) {
      throw new Refused("a machine has 1 to 64 disks, at most 32 NICs and 64 security groups");
    }
    if (disks.stream().map(Disk::name).distinct().count() != disks.size()) {
      throw new Refused("two disks of one name");
    }
    securityGroups.forEach(Machine::plain);
    traits = Collections.unmodifiableSortedMap(new TreeMap<>(traits));
    if (traits.size() > 64) {
      throw new Refused("a machine has at most 64 traits");
    }
    traits.forEach(
        (trait, value) -> {
          if (!TRAIT.matcher(trait).matches() || !VALUE.matcher(value).matches()) {
            throw new Refused("a trait is a dotted name with 1 to 128 printable characters");
          }
        });
  }

  /** The same as another provider, or the same one later, knows it. */
  public Machine withId(String other) {
    return new Machine(
        other,
        name,
        architecture,
        cpus,
        memoryBytes,
        firmware,
        guestOs,
        disks,
        nics,
        securityGroups,
        traits);
  }

  /** The same by another name. */
  public Machine named(String other) {
    return new Machine(
        id,
        other,
        architecture,
        cpus,
        memoryBytes,
        firmware,
        guestOs,
        disks,
        nics,
        securityGroups,
        traits);
  }

  /** The same with other traits. */
  public Machine with(SortedMap<String, String> others) {
    return new Machine(
        id,
        name,
        architecture,
        cpus,
        memoryBytes,
        firmware,
        guestOs,
        disks,
        nics,
        securityGroups,
        others);
  }

  /**
   * What of a planned machine is not in this one, in one sentence: a disk, bytes of it or its class
   * of storage, a network card in its place, its network, an address or the firewall of it, what
   * else it sends from, whence it is reached, a security group, CPUs, memory or firmware. More than
   * planned is no fault, but for cards, disks and what passes.
   */
  public Optional<String> lacks(Machine planned) {
    if (cpus < planned.cpus || memoryBytes < planned.memoryBytes) {
      return Optional.of("it has fewer CPUs or less memory");
    }
    if (firmware != planned.firmware || !architecture.equals(planned.architecture)) {
      return Optional.of("it is " + architecture + " with " + firmware);
    }
    if (disks.size() != planned.disks.size() || nics.size() != planned.nics.size()) {
      return Optional.of(
          "it has %d disks and %d network cards".formatted(disks.size(), nics.size()));
    }
    for (int i = 0; i < disks.size(); i++) {
      Disk wanted = planned.disks.get(i);
      if (!disks.get(i).name.equals(wanted.name)
          || disks.get(i).virtualBytes < wanted.virtualBytes) {
        return Optional.of("disk %d is not %s in full".formatted(i, wanted.name));
      }
      if (wanted.storage.isPresent() && !disks.get(i).storage.equals(wanted.storage)) {
        return Optional.of("disk %d is not in %s".formatted(i, wanted.storage.get()));
      }
    }
    for (int i = 0; i < nics.size(); i++) {
      Nic wanted = planned.nics.get(i);
      if (!nics.get(i).mac.equals(wanted.mac) || !nics.get(i).network.equals(wanted.network)) {
        return Optional.of("card %d is not %s in %s".formatted(i, wanted.mac, wanted.network));
      }
      if (!nics.get(i).has(wanted)) {
        return Optional.of("card %d has not %s".formatted(i, wanted.addresses));
      }
      if (wanted.firewall.isPresent() && !nics.get(i).firewall.equals(wanted.firewall)) {
        return Optional.of("card %d does not let through what was planned".formatted(i));
      }
      if (!nics.get(i).maySendFrom(wanted.allowedAddresses)) {
        return Optional.of("card %d may not send from what was planned".formatted(i));
      }
      if (wanted.publicAddress.isPresent()
          && !nics.get(i)
              .publicAddress
              .map(PublicAddress::network)
              .equals(wanted.publicAddress.map(PublicAddress::network))) {
        return Optional.of(
            "card %d is not reached from %s".formatted(i, wanted.publicAddress.get().network));
      }
    }
    return securityGroups.containsAll(planned.securityGroups)
        ? Optional.empty()
        : Optional.of("it is not in " + planned.securityGroups);
  }

  /** Digest of its canonical form (RFC 8785): what a plan is made for. */
  public Sha256 digest() {
    return Json.digest(this);
  }

  /** Refuses what could mean something else as a file name, a tag or a command-line word. */
  static void plain(String name) {
    if (!ID.matcher(name).matches()) {
      throw new Refused("not a plain name of [A-Za-z0-9._-]{1,128}");
    }
  }
}
