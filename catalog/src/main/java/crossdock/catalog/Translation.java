package crossdock.catalog;

import crossdock.contracts.Firewall;
import crossdock.contracts.Firewall.Difference;
import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Firewall.Rule;
import crossdock.contracts.Listing.Filtering;
import crossdock.contracts.Refused;
import crossdock.contracts.Subnet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A card's firewall in what the target can say. What it cannot say is left out, so that less passes
 * than before, never more; only in a direction that the target does not filter everything does.
 * Pure, immutable.
 *
 * @param firewall as the target will have it
 * @param wider what passes there and did not at the source
 * @param narrower what passed at the source and does not there
 */
record Translation(Firewall firewall, Difference wider, Difference narrower) {
  /** Of one through which nothing passes. */
  static final Translation CLOSED =
      new Translation(
          Firewall.CLOSED,
          new Difference(Map.of(), List.of()),
          new Difference(Map.of(), List.of()));

  /**
   * @throws Refused if it is more than a firewall can have
   */
  static Translation of(Firewall source, Filtering target) {
    List<Rule> said = new ArrayList<>();
    for (Direction direction : Direction.values()) {
      if (!target.directions().contains(direction)) {
        said.add(Rule.any(direction, List.of(Subnet.ALL_V4, Subnet.ALL_V6), List.of()));
      }
    }
    for (Rule rule : source.allowed()) {
      // Members of a group are machines of the source's: nobody there is one of them.
      List<Subnet> addresses =
          rule.addresses().stream()
              .filter(subnet -> target.ipv6() || subnet.block().isIPv4())
              .toList();
      if (target.directions().contains(rule.direction()) && !addresses.isEmpty()) {
        for (Optional<Integer> protocol : protocols(rule, target.protocols())) {
          said.add(
              new Rule(rule.direction(), protocol, rule.from(), rule.to(), addresses, List.of()));
        }
      }
    }
    Firewall firewall = new Firewall(said);
    return new Translation(firewall, firewall.minus(source), source.minus(firewall));
  }

  /** Those of the rule that the target can name. */
  private static List<Optional<Integer>> protocols(Rule rule, Optional<Set<Integer>> named) {
    if (named.isEmpty()) {
      return List.of(rule.protocol());
    }
    if (rule.protocol().isPresent()) {
      return named.get().contains(rule.protocol().get()) ? List.of(rule.protocol()) : List.of();
    }
    return named.get().stream().map(Optional::of).toList();
  }

  /** How many rules of one address each it takes. */
  int rules() {
    return firewall.allowed().stream().mapToInt(rule -> rule.addresses().size()).sum();
  }
}
