package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What a provider demands of a machine's evidence, as data: the outcomes of named {@link Check}s
 * that make a verdict. Its digest is what it is known by: who changes a rule has another policy.
 *
 * @param name what its provider calls it
 * @param certificate what must be found where a machine is certified: the exporter's own policy
 *     decides what it signs, the importer's what it takes
 * @param intake what the importer's own dock must find in what it has registered, before it
 *     countersigns
 */
public record Policy(
    @JsonProperty("name") String name,
    @JsonProperty("certificate") List<Rule> certificate,
    @JsonProperty("intake") List<Rule> intake) {

  /**
   * @param check its name
   * @param version of its definition, at least
   * @param accepts the outcomes that are good enough: {@code PASSED} always is, {@code WARNED} and
   *     {@code SKIPPED} where they are said, {@code FAILED} and {@code ERROR} never
   */
  public record Rule(
      @JsonProperty("check") String check,
      @JsonProperty("version") int version,
      @JsonProperty("accepts") Set<Check.Outcome> accepts) {
    public Rule {
      Machine.plain(check);
      // in the order of the outcomes: the same rule must have the same digest
      accepts = java.util.Collections.unmodifiableSet(new TreeSet<>(accepts));
      if (version < 1 || !accepts.contains(Check.Outcome.PASSED)) {
        throw new Refused("a rule has a version from 1, and takes what has passed");
      }
      if (accepts.contains(Check.Outcome.FAILED) || accepts.contains(Check.Outcome.ERROR)) {
        throw new Refused("no policy takes what failed");
      }
    }

    private Optional<String> against(Optional<Check> found) {
      if (found.isEmpty()) {
        return Optional.of(check + " is missing");
      }
      Check it = found.get();
      if (it.version() < version) {
        return Optional.of(check + " is of version " + it.version() + ", not of " + version);
      }
      return accepts.contains(it.outcome())
          ? Optional.empty()
          : Optional.of(check + " " + it.outcome() + ": " + it.detail());
    }
  }

  /** Whatever else it demands, a certificate says of every machine that this passed. */
  public static final Set<String> ALWAYS = Set.of("format-safe", "complete");

  /** The policy of a provider that chose none. */
  public static final Policy STANDARD =
      new Policy(
          "standard",
          List.of(
              new Rule("format-safe", 1, Set.of(Check.Outcome.PASSED)),
              new Rule("complete", 1, Set.of(Check.Outcome.PASSED)),
              new Rule("partition-table", 1, Set.of(Check.Outcome.PASSED, Check.Outcome.WARNED)),
              new Rule("malware", 1, Set.of(Check.Outcome.PASSED, Check.Outcome.SKIPPED))),
          List.of(
              new Rule("format-safe", 1, Set.of(Check.Outcome.PASSED)),
              new Rule("malware", 1, Set.of(Check.Outcome.PASSED, Check.Outcome.SKIPPED))));

  public Policy {
    Machine.plain(name);
    certificate = List.copyOf(certificate);
    intake = List.copyOf(intake);
    once(certificate);
    once(intake);
    Set<String> always = new TreeSet<>(ALWAYS);
    certificate.stream()
        .filter(rule -> rule.accepts().equals(Set.of(Check.Outcome.PASSED)))
        .map(Rule::check)
        .forEach(always::remove);
    if (!always.isEmpty()) {
      throw new Refused("every policy demands that these pass: " + String.join(", ", always));
    }
  }

  private static void once(List<Rule> rules) {
    if (rules.size() > 64 || rules.stream().map(Rule::check).distinct().count() != rules.size()) {
      throw new Refused("a policy has at most 64 rules, one for each check");
    }
  }

  /** Names it. */
  public Sha256 digest() {
    return Json.digest(this);
  }

  /**
   * Why {@code checks} are not enough for a certificate.
   *
   * @return the first reason; empty if they are enough
   */
  public Optional<String> objection(List<Check> checks) {
    return objection(certificate, checks);
  }

  /** Like {@link #objection}, of what the importer's dock found. */
  public Optional<String> intakeObjection(List<Check> checks) {
    return objection(intake, checks);
  }

  /** What failed is no good, whether a rule names it or not. */
  private static Optional<String> objection(List<Rule> rules, List<Check> checks) {
    Map<String, Check> found =
        checks.stream().collect(Collectors.toMap(Check::name, Function.identity()));
    List<String> objections = new ArrayList<>();
    checks.stream()
        .filter(Check::failed)
        .map(check -> check.name() + " " + check.outcome() + ": " + check.detail())
        .forEach(objections::add);
    rules.forEach(
        rule ->
            rule.against(Optional.ofNullable(found.get(rule.check()))).ifPresent(objections::add));
    return objections.stream().findFirst();
  }
}
