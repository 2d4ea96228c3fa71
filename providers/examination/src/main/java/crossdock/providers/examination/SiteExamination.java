package crossdock.providers.examination;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Conformance.Line;
import crossdock.contracts.Firewall;
import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Firewall.Rule;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Machine.Firmware;
import crossdock.contracts.Refused;
import crossdock.contracts.Subnet;
import crossdock.providers.Cloud;
import crossdock.providers.Cloud.Capability;
import crossdock.providers.Placement;
import crossdock.providers.disks.TicketDisks;
import inet.ipaddr.IPAddress;
import inet.ipaddr.MACAddressString;
import inet.ipaddr.ipv6.IPv6Address;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Holds every line of a site's listing against its cloud: for each value that it claims a machine
 * is reserved that needs it, of each format one is registered and read back, and by each firmware a
 * guest is started. Nothing of all that is left. What nobody can see from inside is {@code SKIPPED}
 * with the reason, what has no room now {@code WARNED}. Its owner's other machines are not touched.
 * Not for several threads.
 */
public final class SiteExamination {
  private static final Comparator<Listing.Size> SMALLEST =
      Comparator.comparingLong(Listing.Size::memoryBytes).thenComparingInt(Listing.Size::cpus);
  private static final long COMFORTABLE = 256L << 20; // UEFI does not start in less everywhere
  private static final int TRIES = 64;
  private static final int MOST_RULES = 200; // one of addresses can be two of a firewall
  private static final Set<Integer> SOME_PROTOCOLS = Set.of(Firewall.ICMP, 6, 17, 47, 132);
  private static final String FLOATING = "address.floating";
  private static final Subnet SOMEBODY = Subnet.parse("198.51.100.7/32"); // RFC 5737
  private static final Subnet PEERS_V4 = Subnet.parse("192.0.2.0/24");
  private static final Subnet PEERS_V6 = Subnet.parse("2001:db8::/32");

  private final Cloud cloud;
  private final Passages passages;
  private final SecureRandom random = new SecureRandom();
  private final Map<Line, Finding> findings = new EnumMap<>(Line.class);
  private final Set<String> seen = new HashSet<>(); // traits of machines that were shown

  /** The parts of a machine, to change one of them. */
  private static final class Draft {
    private final Machine base;
    private String name;
    private String architecture;
    private int cpus;
    private long memoryBytes;
    private Firmware firmware;
    private List<Machine.Disk> disks;
    private List<Machine.Nic> nics;
    private List<String> groups;
    private SortedMap<String, String> traits;

    Draft(Machine base) {
      this.base = base;
      name = base.name();
      architecture = base.architecture();
      cpus = base.cpus();
      memoryBytes = base.memoryBytes();
      firmware = base.firmware();
      disks = base.disks();
      nics = base.nics();
      groups = base.securityGroups();
      traits = base.traits();
    }

    Machine machine() {
      return new Machine(
          base.id(),
          name,
          architecture,
          cpus,
          memoryBytes,
          firmware,
          base.guestOs(),
          disks,
          nics,
          groups,
          traits);
    }
  }

  /**
   * @param owner for whom machines are made; a customer of the site who has room for one of its
   *     largest
   * @param journal a directory that remembers what an examination that was killed has to remove
   */
  public SiteExamination(Cloud cloud, TicketDisks disks, String owner, Path journal) {
    this.cloud = cloud;
    this.passages = new Passages(cloud, disks, owner, journal);
  }

  /**
   * Examines.
   *
   * @return a check for every line but the two subnets'
   * @throws IOException if another examination runs, or what was made cannot be removed; the next
   *     examination tries that again
   */
  public List<Check> examine(Listing listing) throws IOException {
    findings.clear();
    seen.clear();
    try (Closeable _ = passages.alone()) {
      found(Line.COUNTRY).add(Outcome.SKIPPED, "the provider's word: it does not show");
      found(Line.JURISDICTIONS).add(Outcome.SKIPPED, "the provider's word: it does not show");
      found(Line.COUNTERPARTS).add(Outcome.SKIPPED, "the provider's own to say");
      Optional<Machine> base = base(listing);
      if (base.isPresent()) {
        compare(listing, base.get());
      }
    }
    return findings.entrySet().stream()
        .map(one -> one.getValue().check(one.getKey().wire()))
        .toList();
  }

  private Finding found(Line line) {
    return findings.computeIfAbsent(line, _ -> new Finding());
  }

  /**
   * The plainest machine that is taken, so that each line can be tried alone. If there is none,
   * nothing of the listing is true.
   */
  private Optional<Machine> base(Listing listing) throws IOException {
    Passages.Verdict last = new Passages.Verdict(Outcome.FAILED, "no size to put a guest in");
    for (Machine machine : plain(listing)) {
      last = passages.reserves(machine);
      if (last.outcome() == Outcome.PASSED) {
        return Optional.of(machine);
      }
    }
    for (Line line : Line.values()) {
      if (!findings.containsKey(line) && line != Line.EXPORT_SUBNET && line != Line.IMPORT_SUBNET) {
        found(line).add("no machine at all is taken", last);
      }
    }
    return Optional.empty();
  }

  /** By every size, network, format, architecture and firmware, the smallest sizes first. */
  private List<Machine> plain(Listing listing) {
    List<Optional<String>> networks =
        listing.networks().isEmpty()
            ? List.of(Optional.empty())
            : listing.networks().stream().map(network -> Optional.of(network.name())).toList();
    List<Machine> all = new ArrayList<>();
    for (Listing.Size size : listing.sizes().stream().sorted(plainest()).toList()) {
      for (Optional<String> network : networks) {
        for (String format : listing.formats()) {
          for (String architecture : listing.architectures()) {
            for (Firmware firmware : listing.firmwares()) {
              if (all.size() < TRIES) {
                all.add(machine(size, network, format, architecture, firmware));
              }
            }
          }
        }
      }
    }
    return all;
  }

  private static Comparator<Listing.Size> plainest() {
    return Comparator.<Listing.Size, Boolean>comparing(size -> size.memoryBytes() < COMFORTABLE)
        .thenComparing(SMALLEST);
  }

  private Machine machine(
      Listing.Size size,
      Optional<String> network,
      String format,
      String architecture,
      Firmware firmware) {
    return new Machine(
        "crossdock-examination",
        "crossdock-examination",
        architecture,
        size.cpus(),
        size.memoryBytes(),
        firmware,
        "other",
        List.of(new Machine.Disk("root", format, LandingDisk.BYTES)),
        network.stream().map(name -> new Machine.Nic("nic0", name, mac())).toList(),
        List.of());
  }

  private String mac() {
    byte[] own = new byte[3];
    random.nextBytes(own);
    return "52:54:00:" + HexFormat.ofDelimiter(":").formatHex(own);
  }

  private void compare(Listing listing, Machine base) throws IOException {
    each(base, Line.SIZES, listing.sizes(), Listing.Size::name, SiteExamination::size);
    each(
        base,
        Line.SECURITY_GROUPS,
        listing.securityGroups(),
        group -> group,
        (draft, group) -> draft.groups = List.of(group));
    each(
        base,
        Line.ARCHITECTURES,
        listing.architectures(),
        one -> one,
        (draft, one) -> draft.architecture = one);
    each(
        base,
        Line.ZONES,
        listing.zones(),
        zone -> zone,
        (draft, zone) -> draft.traits = new TreeMap<>(Map.of(Placement.ZONE, zone)));
    each(
        base,
        Line.STORAGE,
        listing.storage(),
        Listing.Storage::name,
        (draft, one) -> draft.disks = disks(draft, 1, LandingDisk.BYTES, Optional.of(one.name())));
    networks(base, listing.networks());
    floating(base, listing);
    filtering(base, listing.filtering());
    limits(base, listing.limits());
    formats(base, listing);
    firmwares(base, listing);
  }

  /** A change of the plainest machine; {@link Refused} where no machine can be so. */
  private interface Change<T> {
    void to(Draft draft, T value);
  }

  private <T> void each(
      Machine base, Line line, List<T> claimed, Function<T, String> name, Change<T> change)
      throws IOException {
    Finding finding = found(line);
    for (T value : claimed) {
      finding.add(name.apply(value), taken(base, draft -> change.to(draft, value)));
    }
  }

  private Passages.Verdict taken(Machine base, Consumer<Draft> change) throws IOException {
    Draft draft = new Draft(base);
    Machine machine;
    try {
      change.accept(draft);
      machine = draft.machine();
    } catch (Refused e) {
      return new Passages.Verdict(Outcome.FAILED, "no machine can be so: " + e.getMessage());
    }
    return passages.reserves(machine);
  }

  private static void size(Draft draft, Listing.Size size) {
    draft.cpus = size.cpus();
    draft.memoryBytes = size.memoryBytes();
  }

  private static List<Machine.Disk> disks(
      Draft draft, long count, long bytes, Optional<String> storage) {
    String format = draft.disks.getFirst().format();
    return LongStream.range(0, Math.min(count, 65))
        .mapToObj(i -> new Machine.Disk(i == 0 ? "root" : "disk" + i, format, bytes, storage))
        .toList();
  }

  /** The one that it boots from may have a limit of its own. */
  private static void second(Draft draft, long bytes) {
    String format = draft.disks.getFirst().format();
    draft.disks = List.of(draft.disks.getFirst(), new Machine.Disk("disk1", format, bytes));
  }

  private static void card(
      Draft draft, String network, String mac, List<String> addresses, Optional<Firewall> passes) {
    draft.nics = List.of(new Machine.Nic("nic0", network, mac, addresses, passes));
  }

  private void card(
      Draft draft,
      String network,
      List<Machine.AllowedAddress> allowed,
      Optional<Machine.PublicAddress> outside) {
    draft.nics =
        List.of(
            new Machine.Nic("nic0", network, mac(), List.of(), Optional.empty(), allowed, outside));
  }

  private void networks(Machine base, List<Listing.Network> claimed) throws IOException {
    Finding finding = found(Line.NETWORKS);
    for (Listing.Network network : claimed) {
      String name = network.name();
      finding.add(
          name, taken(base, draft -> card(draft, name, mac(), List.of(), Optional.empty())));
      for (Subnet subnet : network.subnets()) {
        finding.add(name + " " + subnet, addressed(base, name, subnet));
      }
      for (String outside : network.publicNetworks()) {
        Machine.PublicAddress wanted = new Machine.PublicAddress(outside, Optional.empty());
        finding.add(
            name + " from " + outside,
            taken(base, draft -> card(draft, name, List.of(), Optional.of(wanted))));
      }
    }
  }

  /** With whichever of some addresses nobody has. */
  private Passages.Verdict addressed(Machine base, String network, Subnet subnet)
      throws IOException {
    Passages.Verdict last = new Passages.Verdict(Outcome.FAILED, "no address for a machine in it");
    String mac = mac();
    for (String address : addresses(subnet, mac)) {
      last = taken(base, draft -> card(draft, network, mac, List.of(address), Optional.empty()));
      if (last.outcome() == Outcome.PASSED) {
        break;
      }
    }
    return last;
  }

  /** What a card would give itself (RFC 4291, appendix A), the last ones and the middle one. */
  private static List<String> addresses(Subnet subnet, String mac) {
    IPAddress block = subnet.block();
    int bits = block.getBitCount() - block.getNetworkPrefixLength();
    List<IPAddress> all = new ArrayList<>();
    if (block.isIPv6() && bits >= 64) {
      all.add(new IPv6Address(block.toIPv6(), new MACAddressString(mac).getAddress()));
    }
    IPAddress last = block.getUpper().withoutPrefixLength();
    if (bits < 2) {
      all.add(last);
    } else {
      all.add(last.increment(-1));
      all.add(last.increment(-2));
      all.add(last.increment(-(1L << Math.min(bits - 1, 62))));
    }
    return all.stream().map(IPAddress::toCanonicalString).distinct().toList();
  }

  /** Whether a card may send from addresses that it has not. */
  private void floating(Machine base, Listing listing) throws IOException {
    if (listing.traits().getOrDefault(FLOATING, List.of()).contains("yes")
        && !base.nics().isEmpty()) {
      String network = base.nics().getFirst().network();
      Machine.AllowedAddress other = new Machine.AllowedAddress(SOMEBODY, Optional.empty());
      found(Line.TRAITS)
          .add(
              FLOATING + " is yes",
              taken(base, draft -> card(draft, network, List.of(other), Optional.empty())));
      boolean _ = seen.add(FLOATING);
    }
  }

  private void filtering(Machine base, Optional<Listing.Filtering> claimed) throws IOException {
    Finding finding = found(Line.FILTERING);
    if (claimed.isEmpty()) {
      finding.add(Outcome.PASSED, "it says that it sets no firewalls");
      return;
    }
    if (base.nics().isEmpty()) {
      finding.add(Outcome.FAILED, "it lists no network with a card to filter");
      return;
    }
    String network = base.nics().getFirst().network();
    for (Map.Entry<String, Firewall> one : firewalls(claimed.get()).entrySet()) {
      finding.add(
          one.getKey(),
          taken(
              base, draft -> card(draft, network, mac(), List.of(), Optional.of(one.getValue()))));
    }
  }

  private static Map<String, Firewall> firewalls(Listing.Filtering claimed) {
    Map<String, Firewall> all = new LinkedHashMap<>();
    all.put("nothing passes", firewall(claimed, List.of()));
    for (int protocol : claimed.protocols().orElse(SOME_PROTOCOLS)) {
      Subnet peers = protocol == Firewall.ICMP_V6 ? PEERS_V6 : PEERS_V4;
      all.put(
          "protocol " + protocol, firewall(claimed, List.of(rule(claimed, protocol, 8, peers))));
    }
    if (claimed.ipv6()) {
      Rule rule = rule(claimed, Firewall.TCP, 8, PEERS_V6);
      all.put("IPv6", firewall(claimed, List.of(rule)));
    }
    int most = Math.min(claimed.rules(), MOST_RULES);
    all.put(
        most + " rules",
        firewall(
            claimed,
            IntStream.range(0, most)
                .mapToObj(i -> rule(claimed, Firewall.TCP, 1000 + 2 * i, PEERS_V4))
                .toList()));
    return all;
  }

  private static Rule rule(Listing.Filtering claimed, int protocol, int selector, Subnet peers) {
    boolean parts = Firewall.hasSelector(protocol);
    return new Rule(
        claimed.directions().iterator().next(),
        Optional.of(protocol),
        parts ? selector : 0,
        parts ? selector : 0xffff,
        List.of(peers),
        List.of());
  }

  /** What is not filtered passes. */
  private static Firewall firewall(Listing.Filtering claimed, List<Rule> rules) {
    List<Subnet> everybody =
        claimed.ipv6() ? List.of(Subnet.ALL_V4, Subnet.ALL_V6) : List.of(Subnet.ALL_V4);
    return new Firewall(
        Stream.concat(
                rules.stream(),
                Stream.of(Direction.values())
                    .filter(direction -> !claimed.directions().contains(direction))
                    .map(direction -> Rule.any(direction, everybody, List.of())))
            .toList());
  }

  private void limits(Machine base, SortedMap<String, Long> claimed) throws IOException {
    Finding finding = found(Line.LIMITS);
    for (Map.Entry<String, Long> limit : claimed.entrySet()) {
      String name = limit.getKey() + " " + limit.getValue();
      Optional<Change<Long>> change = limit(base, limit.getKey());
      if (change.isPresent()) {
        finding.add(name, taken(base, draft -> change.get().to(draft, limit.getValue())));
      } else {
        finding.add(Outcome.SKIPPED, name + ": no machine shows it");
      }
    }
  }

  /** A machine at that limit; what none can have, a machine of Crossdock cannot be. */
  private Optional<Change<Long>> limit(Machine base, String limit) {
    return switch (limit) {
      case "disks" ->
          Optional.of(
              (draft, count) ->
                  draft.disks = disks(draft, count, LandingDisk.BYTES, Optional.empty()));
      case "boot-disk.bytes" ->
          Optional.of((draft, bytes) -> draft.disks = disks(draft, 1, bytes, Optional.empty()));
      case "disk.bytes" -> Optional.of((draft, bytes) -> second(draft, bytes));
      case "total.bytes" ->
          Optional.of((draft, bytes) -> second(draft, Math.max(1, bytes - LandingDisk.BYTES)));
      case "name-length" ->
          Optional.of((draft, length) -> draft.name = "m".repeat((int) Math.min(length, 129)));
      case "nics" ->
          base.nics().isEmpty()
              ? Optional.empty()
              : Optional.of(
                  (draft, count) ->
                      draft.nics =
                          LongStream.range(0, Math.min(count, 33))
                              .mapToObj(
                                  i ->
                                      new Machine.Nic(
                                          "nic" + i, base.nics().getFirst().network(), mac()))
                              .toList());
      default -> Optional.empty();
    };
  }

  /** A disk of each; a reservation writes none. */
  private void formats(Machine base, Listing listing) throws IOException {
    for (String format : listing.formats()) {
      Draft draft = new Draft(base);
      draft.disks = List.of(new Machine.Disk("root", format, LandingDisk.BYTES));
      Passages.Landing landing = passages.registers(draft.machine());
      found(Line.FORMATS).add(format, landing.verdict());
      traits(listing, landing);
    }
  }

  /** A guest started by each, and one of the largest size. */
  private void firmwares(Machine base, Listing listing) throws IOException {
    if (!cloud.capabilities().contains(Capability.RUNS)) {
      each(
          base,
          Line.FIRMWARES,
          listing.firmwares(),
          Firmware::name,
          (draft, one) -> draft.firmware = one);
      found(Line.LANDING).add(Outcome.SKIPPED, "machines do not run here");
    } else {
      for (Firmware firmware : listing.firmwares()) {
        Draft draft = new Draft(base);
        draft.firmware = firmware;
        Passages.Landing landing = lands(listing, draft.machine());
        found(Line.FIRMWARES).add(firmware.name(), landing.verdict());
        if (firmware == base.firmware()) {
          found(Line.LANDING).add(landing.sign().orElse("a guest"), landing.verdict());
        }
      }
      Listing.Size largest = listing.sizes().stream().max(SMALLEST).orElseThrow();
      Draft draft = new Draft(base);
      size(draft, largest);
      if (!draft.machine().equals(base)) {
        found(Line.SIZES)
            .add(largest.name() + " with a guest", lands(listing, draft.machine()).verdict());
      }
    }
    Finding traits = found(Line.TRAITS);
    for (String trait : listing.traits().keySet()) {
      if (!seen.contains(trait)) {
        traits.add(Outcome.SKIPPED, trait + ": no machine shows it");
      }
    }
  }

  private Passages.Landing lands(Listing listing, Machine machine) throws IOException {
    Passages.Landing landing = passages.boots(machine);
    traits(listing, landing);
    return landing;
  }

  /** What is shown of a machine is what the site has. */
  private void traits(Listing listing, Passages.Landing landing) {
    SortedMap<String, String> shown = landing.shown().map(Machine::traits).orElseGet(TreeMap::new);
    listing
        .traits()
        .forEach(
            (trait, listed) -> {
              String here = shown.get(trait);
              if (here != null) {
                boolean _ = seen.add(trait);
                found(Line.TRAITS)
                    .add(
                        listed.contains(here) ? Outcome.PASSED : Outcome.FAILED,
                        trait + " is " + here);
              }
            });
  }
}
