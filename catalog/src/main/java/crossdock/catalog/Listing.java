package crossdock.catalog;

import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import inet.ipaddr.AddressStringParameters.RangeParameters;
import inet.ipaddr.IPAddress;
import inet.ipaddr.IPAddressString;
import inet.ipaddr.IPAddressStringParameters;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What one site offers.
 *
 * @param country ISO 3166-1 alpha-2
 * @param formats of disks, the one it likes best first; at least one
 * @param sizes of machines
 * @param networks the first takes what has no counterpart
 * @param securityGroups by name; the first takes what has no counterpart
 * @param architectures of guests
 */
record Listing(
    SiteId site,
    String country,
    List<String> formats,
    List<Size> sizes,
    List<Network> networks,
    List<String> securityGroups,
    List<String> architectures,
    List<Machine.Firmware> firmwares) {
  private static final Pattern COUNTRY = Pattern.compile("[A-Z]{2}");
  private static final Set<String> FORMATS = Set.of("raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi");

  /**
   * @param cpus virtual CPUs
   * @param memoryBytes guest memory
   */
  record Size(String name, int cpus, long memoryBytes) {
    Size {
      if (name.isBlank() || cpus < 1 || memoryBytes < 1) {
        throw new Refused("a size has a name, CPUs and memory");
      }
    }

    /** Whether {@code machine} gets all that it has now. */
    boolean holds(Machine machine) {
      return cpus >= machine.cpus() && memoryBytes >= machine.memoryBytes();
    }
  }

  /**
   * @param subnets whose addresses machines can have there, such as {@code 10.8.0.0/24}
   */
  record Network(String name, List<String> subnets) {
    private static final IPAddressStringParameters CIDR =
        new IPAddressStringParameters.Builder()
            .allowEmpty(false)
            .allowAll(false)
            .allowMask(false)
            .allowPrefixOnly(false)
            .allowSingleSegment(false)
            .allowWildcardedSeparator(false)
            .setRangeOptions(RangeParameters.NO_RANGE)
            .getIPv4AddressParametersBuilder()
            .allow_inet_aton(false)
            .getParentBuilder()
            .getIPv6AddressParametersBuilder()
            .allowZone(false)
            .getParentBuilder()
            .toParams();

    Network {
      subnets = List.copyOf(subnets);
      if (name.isBlank()) {
        throw new Refused("a network has a name");
      }
      subnets.forEach(Network::parse);
    }

    /** The first subnet that an address is of. */
    Optional<String> holding(String address) {
      IPAddress one = new IPAddressString(address, CIDR).getAddress();
      if (one == null) {
        throw new Refused("no IP address: " + address);
      }
      return subnets.stream().filter(subnet -> parse(subnet).contains(one)).findFirst();
    }

    private static IPAddress parse(String subnet) {
      IPAddress parsed = new IPAddressString(subnet, CIDR).getAddress();
      if (parsed == null || !parsed.isPrefixBlock()) {
        throw new Refused("no subnet with a prefix length: " + subnet);
      }
      return parsed;
    }
  }

  Listing {
    formats = List.copyOf(formats);
    sizes = List.copyOf(sizes);
    networks = List.copyOf(networks);
    securityGroups = List.copyOf(securityGroups);
    architectures = List.copyOf(architectures);
    firmwares = List.copyOf(firmwares);
    if (!COUNTRY.matcher(country).matches()) {
      throw new Refused("no ISO 3166-1 country of " + site + ": " + country);
    }
    if (formats.isEmpty() || !FORMATS.containsAll(formats)) {
      throw new Refused(site + " lists no disk format, or one that nobody knows: " + formats);
    }
    if (sizes.stream().map(Size::name).distinct().count() != sizes.size()) {
      throw new Refused(site + " lists two sizes of one name");
    }
    if (networks.stream().map(Network::name).distinct().count() != networks.size()) {
      throw new Refused(site + " lists two networks of one name");
    }
  }

  /**
   * Reads a listing file: a JSON array of sites.
   *
   * @throws Refused if it is none, or names one site twice
   */
  static List<Listing> read(byte[] json) {
    List<Listing> listings = List.of(Json.read(json, Listing[].class));
    if (listings.stream().map(Listing::site).distinct().count() != listings.size()) {
      throw new Refused("the listing names one site twice");
    }
    return listings;
  }
}
