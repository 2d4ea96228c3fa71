package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import inet.ipaddr.IPAddress;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * What one site offers. No list of it has more than 256 entries, and no text more than 128
 * characters: every planner keeps all sites' in mind.
 *
 * @param country ISO 3166-1 alpha-2
 * @param formats of disks, the one it likes best first; at least one
 * @param sizes of machines
 * @param networks the first takes what has no counterpart; at most 2048 subnets together
 * @param securityGroups by name; the first takes what has no counterpart
 * @param architectures of guests
 * @param firmwares that guests boot by
 * @param filtering what its network cards' firewalls can say; absent where it sets none
 * @param traits what it has of a machine's traits, such as {@code disk.bus}, by all their values;
 *     where a trait is absent it does not say
 * @param limits of one machine, such as {@code disks} or {@code disk.bytes}; where one is absent it
 *     does not say
 * @param jurisdictions whose law holds there beside the country's, such as {@code EU}
 * @param zones of the region that fail apart, by name; none where it does not say
 * @param storage classes that disks can be of, the first takes what has no counterpart
 * @param counterparts what takes the place of what machines of other providers are in; each of
 *     theirs once
 */
public record Listing(
    SiteId site,
    String country,
    List<String> formats,
    List<Size> sizes,
    List<Network> networks,
    List<String> securityGroups,
    List<String> architectures,
    List<Machine.Firmware> firmwares,
    Optional<Filtering> filtering,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        SortedMap<String, List<String>> traits,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        SortedMap<String, Long> limits,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<String> jurisdictions,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<String> zones,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<Storage> storage,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<Counterpart> counterparts) {
  private static final Pattern COUNTRY = Pattern.compile("[A-Z]{2}");
  private static final Set<String> FORMATS = Set.of("raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi");
  private static final int MOST = 256;
  private static final int MOST_SUBNETS = 2048;
  private static final int LONGEST = 128;
  private static final int MOST_PROTOCOLS = 32;
  private static final Pattern JURISDICTION = Pattern.compile("[A-Z][A-Z0-9-]{1,31}");

  /**
   * What the firewall of a network card can say here, beside addresses of IPv4.
   *
   * @param directions that it filters; in another one everything passes
   * @param protocols by IANA number, if it knows no others, at most 32; every number if absent
   * @param ipv6 whether it has rules for IPv6; if not, none passes
   * @param rules at most, of one address each
   */
  public record Filtering(
      Set<Firewall.Direction> directions,
      Optional<Set<Integer>> protocols,
      boolean ipv6,
      int rules) {
    public Filtering {
      directions = Collections.unmodifiableSet(new TreeSet<>(directions));
      protocols = protocols.map(TreeSet::new).map(Collections::unmodifiableSet);
      if (rules < 1) {
        throw new Refused("a firewall has room for a rule");
      }
      Set<Integer> named = protocols.orElse(Set.of());
      if (named.size() > MOST_PROTOCOLS || named.stream().anyMatch(one -> one < 0 || one > 255)) {
        throw new Refused(
            "a firewall names at most " + MOST_PROTOCOLS + " protocols, by numbers from 0 to 255");
      }
    }
  }

  /**
   * @param cpus virtual CPUs
   * @param memoryBytes guest memory
   */
  public record Size(String name, int cpus, long memoryBytes) {
    public Size {
      if (name.isBlank() || cpus < 1 || memoryBytes < 1) {
        throw new Refused("a size has a name, CPUs and memory");
      }
    }

    /** Whether {@code machine} gets all that it has now. */
    public boolean holds(Machine machine) {
      return cpus >= machine.cpus() && memoryBytes >= machine.memoryBytes();
    }
  }

  /**
   * @param subnets whose addresses machines can have there, such as {@code 10.8.0.0/24}
   * @param publicNetworks outer ones of which a card in it can have a public address, at most 16,
   *     by name; the first takes what has no counterpart
   */
  public record Network(
      String name,
      List<Subnet> subnets,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
          List<String> publicNetworks) {
    public Network {
      subnets = List.copyOf(subnets);
      publicNetworks = List.copyOf(publicNetworks);
      publicNetworks.forEach(Machine::plain);
      if (name.isBlank()) {
        throw new Refused("a network has a name");
      }
      if (publicNetworks.size() > 16) {
        throw new Refused("a network has at most 16 public ones");
      }
    }

    /** One that nobody reaches from outside. */
    public Network(String name, List<Subnet> subnets) {
      this(name, subnets, List.of());
    }

    /** The first subnet that an address is of. */
    public Optional<Subnet> holding(String address) {
      IPAddress one = Subnet.address(address);
      return subnets.stream().filter(subnet -> subnet.contains(one)).findFirst();
    }
  }

  /**
   * A class of storage.
   *
   * @param encrypted whether the provider encrypts what it keeps there
   */
  public record Storage(String name, boolean encrypted) {
    public Storage {
      if (name.isBlank()) {
        throw new Refused("a class of storage has a name");
      }
    }
  }

  /** What may have a counterpart. */
  public enum Construct {
    NETWORK,
    STORAGE,
    ZONE,
    SECURITY_GROUP
  }

  /**
   * What a provider takes for another's, unless a customer chooses otherwise.
   *
   * @param provider the other one
   * @param there the other's name of it
   * @param here one that this listing has
   */
  public record Counterpart(String provider, Construct construct, String there, String here) {
    public Counterpart {
      if (there.isBlank() || there.length() > LONGEST) {
        throw new Refused("what has a counterpart has a name of 1 to " + LONGEST + " characters");
      }
    }
  }

  /** What takes the place of another site's construct here, if this one says so. */
  public Optional<String> counterpart(SiteId other, Construct construct, String there) {
    return counterparts.stream()
        .filter(one -> one.provider.equals(other.provider()))
        .filter(one -> one.construct == construct && one.there.equals(there))
        .map(Counterpart::here)
        .findFirst();
  }

  public Listing {
    formats = List.copyOf(formats);
    sizes = List.copyOf(sizes);
    networks = List.copyOf(networks);
    securityGroups = List.copyOf(securityGroups);
    architectures = List.copyOf(architectures);
    firmwares = List.copyOf(firmwares);
    TreeMap<String, List<String>> values = new TreeMap<>(traits);
    values.replaceAll((_, all) -> List.copyOf(all));
    traits = Collections.unmodifiableSortedMap(values);
    limits = Collections.unmodifiableSortedMap(new TreeMap<>(limits));
    jurisdictions = List.copyOf(jurisdictions);
    zones = List.copyOf(zones);
    storage = List.copyOf(storage);
    counterparts = List.copyOf(counterparts);
    if (!COUNTRY.matcher(country).matches()) {
      throw new Refused("no ISO 3166-1 country of " + site + ": " + country);
    }
    if (formats.isEmpty() || !FORMATS.containsAll(formats)) {
      throw new Refused(site + " lists no disk format, or one that nobody knows: " + formats);
    }
    distinct(site, "formats", formats);
    distinct(site, "sizes", sizes.stream().map(Size::name).toList());
    distinct(site, "networks", networks.stream().map(Network::name).toList());
    distinct(site, "security groups", securityGroups);
    distinct(site, "architectures", architectures);
    distinct(site, "firmwares", firmwares.stream().map(Machine.Firmware::name).toList());
    distinct(site, "jurisdictions", jurisdictions);
    distinct(site, "zones", zones);
    distinct(site, "classes of storage", storage.stream().map(Storage::name).toList());
    distinct(site, "traits", List.copyOf(traits.keySet()));
    distinct(site, "limits", List.copyOf(limits.keySet()));
    traits.forEach((trait, all) -> distinct(site, "values of " + trait, all));
    List<Counterpart> theirs =
        counterparts.stream()
            .map(one -> new Counterpart(one.provider, one.construct, one.there, ""))
            .distinct()
            .toList();
    if (counterparts.size() > MOST || theirs.size() != counterparts.size()) {
      throw new Refused(
          "%s lists more than %d counterparts, or two of one construct".formatted(site, MOST));
    }
    for (Counterpart one : counterparts) {
      List<String> own =
          switch (one.construct) {
            case NETWORK -> networks.stream().map(Network::name).toList();
            case STORAGE -> storage.stream().map(Storage::name).toList();
            case ZONE -> zones;
            case SECURITY_GROUP -> securityGroups;
          };
      if (!own.contains(one.here)) {
        throw new Refused(site + " has no " + one.construct + " " + one.here + " of its own");
      }
    }
    if (networks.stream().mapToInt(network -> network.subnets.size()).sum() > MOST_SUBNETS) {
      throw new Refused(site + " lists more than " + MOST_SUBNETS + " subnets");
    }
    if (!jurisdictions.stream().allMatch(law -> JURISDICTION.matcher(law).matches())
        || zones.stream().anyMatch(String::isBlank)) {
      throw new Refused(site + " lists a jurisdiction or a zone that is no name: " + jurisdictions);
    }
  }

  /** One that says nothing of jurisdictions, zones, storage and counterparts. */
  public Listing(
      SiteId site,
      String country,
      List<String> formats,
      List<Size> sizes,
      List<Network> networks,
      List<String> securityGroups,
      List<String> architectures,
      List<Machine.Firmware> firmwares,
      Optional<Filtering> filtering,
      SortedMap<String, List<String>> traits,
      SortedMap<String, Long> limits) {
    this(
        site,
        country,
        formats,
        sizes,
        networks,
        securityGroups,
        architectures,
        firmwares,
        filtering,
        traits,
        limits,
        List.of(),
        List.of(),
        List.of(),
        List.of());
  }

  private static void distinct(SiteId site, String what, List<String> names) {
    if (names.size() > MOST || names.stream().anyMatch(name -> name.length() > LONGEST)) {
      throw new Refused(
          "%s lists more than %d %s, or one of more than %d characters"
              .formatted(site, MOST, what, LONGEST));
    }
    if (names.stream().distinct().count() != names.size()) {
      throw new Refused(site + " lists two " + what + " of one name");
    }
  }
}
