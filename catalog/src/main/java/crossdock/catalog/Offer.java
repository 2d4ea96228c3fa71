package crossdock.catalog;

import crossdock.contracts.Fact;
import crossdock.contracts.Listing;
import crossdock.contracts.Money;
import crossdock.contracts.Plan;
import crossdock.contracts.Plan.Severity;
import crossdock.contracts.SiteId;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Somewhere a machine could go.
 *
 * @param possible whether no concern stops it
 * @param plan what would become of it there
 * @param downtimeSeconds expected time without the machine: all of the migration when it is cold,
 *     none for a copy
 * @param price by the prices of now; absent where none is known
 * @param reasons why it stands where it does, each in one sentence
 */
record Offer(
    SiteId site,
    String country,
    boolean possible,
    Plan plan,
    long downtimeSeconds,
    Optional<Money> price,
    List<String> reasons) {

  /** What a target makes of a machine of {@code source}'s. */
  static Offer of(
      Plan plan, Listing source, Listing target, Fact.Mode mode, Optional<Money> price) {
    List<String> reasons = new ArrayList<>();
    String stops = codes(plan, Severity.BLOCKING);
    String changes = codes(plan, Severity.WARNING);
    reasons.add(stops.isEmpty() ? "Nothing stops it." : "It is stopped by " + stops + ".");
    if (!changes.isEmpty()) {
      reasons.add("To be looked at: " + changes + ".");
    }
    reasons.add(
        source.country().equals(target.country())
            ? "The data stays in " + source.country() + "."
            : "The data moves from " + source.country() + " to " + target.country() + ".");
    reasons.add(price.map(money -> "It costs " + money + ".").orElse("No price of it is known."));
    reasons.add(time(plan.estimate()));
    return new Offer(
        target.site(),
        target.country(),
        stops.isEmpty(),
        plan,
        mode == Fact.Mode.COPY ? 0 : plan.estimate().seconds(),
        price,
        reasons);
  }

  /** How much stops it, and how much is to be looked at. */
  private record Weighed(Offer offer, long stops, long changes) {}

  /**
   * The best first: what is possible before what is not, then where fewest things stop it or are to
   * be looked at, where the data stays in {@code country}, the cheapest, the soonest done; names
   * decide between equals. Prices are of one currency.
   */
  static List<Offer> ranked(List<Offer> offers, String country) {
    return offers.stream()
        .map(
            offer ->
                new Weighed(offer, offer.count(Severity.BLOCKING), offer.count(Severity.WARNING)))
        .sorted(
            Comparator.comparingLong(Weighed::stops)
                .thenComparingLong(Weighed::changes)
                .thenComparing(
                    Weighed::offer,
                    Comparator.comparing((Offer offer) -> !offer.country.equals(country))
                        .thenComparing(offer -> offer.price.isEmpty())
                        .thenComparing(
                            offer -> offer.price.map(Money::amount).orElse(BigDecimal.ZERO))
                        .thenComparingLong(offer -> offer.plan.estimate().seconds())
                        .thenComparing(offer -> offer.site.toString())))
        .map(Weighed::offer)
        .toList();
  }

  private long count(Severity severity) {
    return plan.concerns().stream().filter(one -> one.severity() == severity).count();
  }

  private static String time(Plan.Estimate estimate) {
    return "It takes some %d s%s"
        .formatted(
            estimate.seconds(),
            estimate
                .range()
                .map(
                    range ->
                        ", with %d %% probability from %d to %d, as the last %d from there did."
                            .formatted(
                                range.percent(),
                                range.lowSeconds(),
                                range.highSeconds(),
                                range.migrations()))
                .orElse("; too few have been seen to say how surely."));
  }

  private static String codes(Plan plan, Severity severity) {
    return plan.concerns().stream()
        .filter(one -> one.severity() == severity)
        .map(Plan.Concern::code)
        .distinct()
        .collect(Collectors.joining(", "));
  }
}
