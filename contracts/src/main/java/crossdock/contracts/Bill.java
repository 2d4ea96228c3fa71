package crossdock.contracts;

import java.math.BigDecimal;
import java.util.List;

/**
 * What a migration costs: as a quote before it and as a statement after it.
 *
 * @param plan the plan it is bound to
 * @param lines each owed to one party
 * @param total the sum of the lines
 */
public record Bill(Sha256 plan, List<Line> lines, Money total) {

  /**
   * @param payee the party that earns it
   * @param meter what is counted, such as {@code export.gib}
   * @param quantity how much of it
   * @param unit what one of it is
   * @param price of one unit
   * @param amount quantity times price, rounded to the currency's minor unit
   */
  public record Line(
      Party payee, String meter, BigDecimal quantity, String unit, Money price, Money amount) {
    public Line {
      if (quantity.signum() < 0) {
        throw new Refused("a quantity is not negative");
      }
      if (!amount.equals(price.times(quantity).rounded())) {
        throw new Refused("the amount of " + meter + " is not quantity times price");
      }
    }

    /** The line of {@code quantity} units at {@code price}. */
    public static Line of(
        Party payee, String meter, BigDecimal quantity, String unit, Money price) {
      return new Line(payee, meter, quantity, unit, price, price.times(quantity).rounded());
    }
  }

  public Bill {
    lines = List.copyOf(lines);
    if (!total.equals(sum(lines, total.currency()))) {
      throw new Refused("the total is not the sum of the lines");
    }
  }

  /** The bill over {@code lines}, all of one currency. */
  public static Bill of(Sha256 plan, List<Line> lines, String currency) {
    return new Bill(plan, lines, sum(lines, currency));
  }

  /** What {@code party} earns by it. */
  public Money of(Party party) {
    return sum(
        lines.stream().filter(line -> line.payee().equals(party)).toList(), total.currency());
  }

  /** Digest of its canonical form. */
  public Sha256 digest() {
    return Json.digest(this);
  }

  private static Money sum(List<Line> lines, String currency) {
    return lines.stream().map(Line::amount).reduce(Money.zero(currency), Money::plus);
  }
}
