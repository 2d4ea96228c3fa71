package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The mapping of every construct of the source machine to one of the target site.
 *
 * @param machine digest of the machine that it was made for
 * @param targetName the machine's name at the target
 * @param format the container that the target takes: raw, qcow2, vmdk, …
 * @param size the target's size, by name
 * @param hardware what the machine gets of CPUs and memory there; what it has now if absent
 * @param zone where the target has zones, and it is known which one the machine is in or should be
 * @param storage one per disk, in order; none where the target names no classes of storage
 * @param devices what its disks are on and its network cards are, by the trait that says so: {@code
 *     disk.bus} and {@code nic.model}; none where the target does not say what it has
 * @param networks one per NIC, in order
 * @param addresses one per address of every NIC, in order; the target is empty where the target
 *     gives another one
 * @param allowedAddresses one per address that a NIC may send from beside its own, in order; the
 *     target is empty where it drops such packets
 * @param publicAddresses one per NIC that has one, in order: from the address to the network
 *     outside that the target gives one of; empty where it gives none
 * @param securityGroups one per group of the source; the target is empty where the rules are set
 *     for this machine alone
 * @param firewalls what the target lets through to each NIC, in order; none where the source does
 *     not say what passes
 * @param adaptations what the target's dock changes in the guest
 * @param concerns findings, most severe first
 * @param estimate what it will probably take
 */
public record Plan(
    Sha256 machine,
    String targetName,
    String format,
    Mapping size,
    Optional<Listing.Size> hardware,
    Optional<Mapping> zone,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<Mapping> storage,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        SortedMap<String, Mapping> devices,
    List<Mapping> networks,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<Mapping> addresses,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<Mapping> allowedAddresses,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<Mapping> publicAddresses,
    List<Mapping> securityGroups,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<Firewall> firewalls,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<Adaptation> adaptations,
    List<Concern> concerns,
    Estimate estimate) {

  /**
   * @param source the construct's name at the source
   * @param target its name at the target
   * @param rule the rule that chose it, in one sentence
   */
  public record Mapping(String source, String target, String rule) {}

  /** How much a concern weighs. */
  public enum Severity {
    BLOCKING,
    WARNING,
    INFORMATION
  }

  /**
   * @param code stable
   * @param text what was found, in one sentence
   * @param remedy what to do about it
   * @param consequence what happens if nobody does
   * @param fix what the migration does about it by itself, or did
   */
  public record Concern(
      String code,
      Severity severity,
      String text,
      String remedy,
      Optional<String> consequence,
      Optional<String> fix) {
    /** One whose text says all. */
    public Concern(String code, Severity severity, String text, String remedy) {
      this(code, severity, text, remedy, Optional.empty(), Optional.empty());
    }
  }

  /**
   * @param bytes guest-visible bytes of all disks, an upper bound of what travels
   * @param seconds from both sides' yes to the booted guest, expected
   * @param range what it may become, where enough has been seen to say so
   */
  public record Estimate(long bytes, long seconds, Optional<Range> range) {
    /** One that rests on nothing seen. */
    public Estimate(long bytes, long seconds) {
      this(bytes, seconds, Optional.empty());
    }
  }

  /**
   * Between what the last migrations from one site to the other took, as if each had been of this
   * machine's size. If nothing changes there, {@code n} such bounds hold for the next one with the
   * probability (n - 1) / (n + 1), however the times are distributed.
   *
   * @param lowSeconds as the quickest
   * @param highSeconds as the slowest
   * @param migrations how many those were
   * @param percent the probability that it stays between
   */
  public record Range(long lowSeconds, long highSeconds, int migrations, int percent) {
    public Range {
      if (lowSeconds < 0 || highSeconds < lowSeconds || migrations < 2) {
        throw new Refused("a range has two ends, of two migrations at least");
      }
    }
  }

  /**
   * One that says nothing of hardware, zone, storage, devices, allowed and public addresses,
   * firewalls and adaptations.
   */
  public Plan(
      Sha256 machine,
      String targetName,
      String format,
      Mapping size,
      List<Mapping> networks,
      List<Mapping> addresses,
      List<Mapping> securityGroups,
      List<Concern> concerns,
      Estimate estimate) {
    this(
        machine,
        targetName,
        format,
        size,
        Optional.empty(),
        Optional.empty(),
        List.of(),
        Collections.emptySortedMap(),
        networks,
        addresses,
        List.of(),
        List.of(),
        securityGroups,
        List.of(),
        List.of(),
        concerns,
        estimate);
  }

  private static final Set<String> DEVICES = Set.of("disk.bus", "nic.model");

  public Plan {
    Machine.plain(targetName);
    storage = List.copyOf(storage);
    devices = Collections.unmodifiableSortedMap(new TreeMap<>(devices));
    if (!DEVICES.containsAll(devices.keySet())) {
      throw new Refused("devices are planned by " + DEVICES);
    }
    networks = List.copyOf(networks);
    addresses = List.copyOf(addresses);
    allowedAddresses = List.copyOf(allowedAddresses);
    publicAddresses = List.copyOf(publicAddresses);
    securityGroups = List.copyOf(securityGroups);
    firewalls = List.copyOf(firewalls);
    adaptations = List.copyOf(adaptations);
    if (adaptations.stream().map(Adaptation::kind).distinct().count() != adaptations.size()) {
      throw new Refused("a guest is adapted in one way twice");
    }
    concerns = List.copyOf(concerns);
  }

  /** Digest of its canonical form: what the yes of every party is bound to. */
  public Sha256 digest() {
    return Json.digest(this);
  }
}
