package crossdock.catalog;

import crossdock.contracts.Firewall;
import crossdock.contracts.Listing;
import crossdock.contracts.Listing.Filtering;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan.Concern;
import crossdock.contracts.Plan.Severity;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** What passes to the cards of a machine, in the words of a target. */
final class Firewalls {
  private static final String WIDER = "firewall-wider";
  private static final int SHOWN = 3;

  private Firewalls() {}

  /**
   * For each card, in order; none where that is left to the target's groups: where the source does
   * not say what passes, or nothing can be set there and the customer takes the risk.
   */
  static List<Firewall> of(
      Machine machine,
      Listing target,
      Collection<String> waived,
      Map<Filtering, List<Said>> known,
      List<Concern> concerns) {
    if (machine.nics().stream().anyMatch(nic -> nic.firewall().isEmpty())) {
      concerns.add(
          new Concern(
              "firewall-unknown",
              Severity.WARNING,
              "The source does not say what its firewall lets through.",
              "Look at what the target's security groups allow."));
      for (Machine.Nic nic : machine.nics()) {
        if (nic.firewall().filter(one -> !one.equals(Firewall.OPEN)).isPresent()) {
          concerns.add(
              wider(
                  "What passes to %s is known, and that of another card is not: none is set."
                      .formatted(nic.name()),
                  waived,
                  target.site()));
        }
      }
      return List.of();
    }
    if (target.filtering().isEmpty()) {
      boolean open =
          machine.nics().stream()
              .allMatch(nic -> nic.firewall().equals(Optional.of(Firewall.OPEN)));
      if (!open) {
        concerns.add(
            wider(target.site() + " sets no firewall for a machine.", waived, target.site()));
      }
      return List.of();
    }
    Filtering filtering = target.filtering().get();
    List<Said> said =
        known.computeIfAbsent(
            filtering, _ -> machine.nics().stream().map(nic -> Said.of(nic, filtering)).toList());
    for (int i = 0; i < said.size(); i++) {
      Machine.Nic nic = machine.nics().get(i);
      Translation there = said.get(i).there();
      int room = filtering.rules();
      if (there.rules() > room) {
        concerns.add(
            Mapper.blocking(
                "firewall-too-long",
                "%s has %d rules, and %s takes %d."
                    .formatted(nic.name(), there.rules(), target.site(), room)));
      }
      if (!there.wider().isEmpty()) {
        concerns.add(
            wider(
                "To %s would pass there what does not now: %s."
                    .formatted(nic.name(), some(there.wider())),
                waived,
                target.site()));
      }
      said.get(i).concern().ifPresent(concerns::add);
    }
    return said.stream().map(one -> one.there().firewall()).toList();
  }

  /**
   * A card's firewall in the words of one kind of target.
   *
   * @param concern about what is lost
   */
  record Said(Translation there, Optional<Concern> concern) {
    static Said of(Machine.Nic nic, Filtering target) {
      Translation there;
      try {
        there = Translation.of(nic.firewall().orElseThrow(), target);
      } catch (Refused e) {
        return new Said(
            Translation.CLOSED,
            Optional.of(
                Mapper.blocking(
                    "firewall-too-long",
                    "What passes to %s takes too much to say there: %s."
                        .formatted(nic.name(), e.getMessage()))));
      }
      return new Said(
          there,
          there.narrower().isEmpty()
              ? Optional.empty()
              : Optional.of(
                  new Concern(
                      "firewall-narrower",
                      Severity.WARNING,
                      "What passes to %s now and cannot be said there: %s."
                          .formatted(nic.name(), some(there.narrower())),
                      "Say it by addresses and protocols that the target knows, or do without.",
                      Optional.of("Such conversations begin no more."),
                      Optional.empty())));
    }
  }

  private static Concern wider(String text, Collection<String> waived, SiteId target) {
    boolean taken = waived.contains(WIDER);
    return new Concern(
        WIDER,
        taken ? Severity.WARNING : Severity.BLOCKING,
        taken ? text + " The customer takes that risk." : text,
        "Choose another target, or waive " + WIDER + " in the request.",
        Optional.of("Others reach the machine at " + target + " who do not reach it now."),
        Optional.empty());
  }

  private static String some(Firewall.Difference difference) {
    List<Firewall.Rule> rules = difference.rules();
    String first =
        rules.stream()
            .limit(SHOWN)
            .map(Firewall.Rule::toString)
            .map(rule -> rule.length() > 120 ? rule.substring(0, 120) + "…" : rule)
            .collect(Collectors.joining("; "));
    return rules.size() > SHOWN ? first + "; and %d more".formatted(rules.size() - SHOWN) : first;
  }
}
