package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import java.util.List;
import java.util.Optional;

/**
 * The mapping of every construct of the source machine to one of the target site.
 *
 * @param machine digest of the machine that it was made for
 * @param targetName the machine's name at the target
 * @param format the container that the target takes: raw, qcow2, vmdk, …
 * @param size the target's size, by name
 * @param networks one per NIC, in order
 * @param addresses one per address of every NIC, in order; the target is empty where the target
 *     gives another one
 * @param securityGroups one per group of the source; the target is empty where the rules are set
 *     for this machine alone
 * @param firewalls what the target lets through to each NIC, in order; none where the source does
 *     not say what passes
 * @param concerns findings, most severe first
 * @param estimate what it will probably take
 */
public record Plan(
    Sha256 machine,
    String targetName,
    String format,
    Mapping size,
    List<Mapping> networks,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<Mapping> addresses,
    List<Mapping> securityGroups,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<Firewall> firewalls,
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
   * @param seconds of the whole migration, expected
   */
  public record Estimate(long bytes, long seconds) {}

  /** One that says nothing about what passes. */
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
        networks,
        addresses,
        securityGroups,
        List.of(),
        concerns,
        estimate);
  }

  public Plan {
    Machine.plain(targetName);
    networks = List.copyOf(networks);
    addresses = List.copyOf(addresses);
    securityGroups = List.copyOf(securityGroups);
    firewalls = List.copyOf(firewalls);
    concerns = List.copyOf(concerns);
  }

  /** Digest of its canonical form: what the yes of every party is bound to. */
  public Sha256 digest() {
    return Json.digest(this);
  }
}
