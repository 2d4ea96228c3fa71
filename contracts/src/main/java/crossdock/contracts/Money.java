package crossdock.contracts;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Currency;

/**
 * An amount in one currency, exact to ten decimals; on the wire the amount is a string.
 *
 * @param amount at most ten decimals, below 10^18 in size
 * @param currency ISO 4217 code
 */
public record Money(BigDecimal amount, String currency) {
  private static final BigDecimal LIMIT = BigDecimal.TEN.pow(18);

  public Money {
    // precision before comparing: a hostile exponent must not be expanded
    if (amount.precision() > 28 || Math.abs((long) amount.scale()) > 28) {
      throw new Refused("an amount has at most ten decimals and 18 digits before them");
    }
    if (amount.stripTrailingZeros().scale() > 10 || amount.abs().compareTo(LIMIT) >= 0) {
      throw new Refused("an amount has at most ten decimals and 18 digits before them");
    }
    try {
      Currency.getInstance(currency);
    } catch (IllegalArgumentException e) {
      throw new Refused("no ISO 4217 currency: " + currency, e);
    }
    BigDecimal plain = amount.stripTrailingZeros();
    amount = plain.scale() < 0 ? plain.setScale(0) : plain;
  }

  /** Nothing of a currency. */
  public static Money zero(String currency) {
    return new Money(BigDecimal.ZERO, currency);
  }

  /** The sum; both must be of one currency. */
  public Money plus(Money other) {
    same(other);
    return new Money(amount.add(other.amount), currency);
  }

  /** The product with a quantity, rounded half up to ten decimals. */
  public Money times(BigDecimal quantity) {
    return new Money(amount.multiply(quantity).setScale(10, RoundingMode.HALF_UP), currency);
  }

  /** Rounded half up to the currency's minor unit: done once, at a statement's line. */
  public Money rounded() {
    int digits = Currency.getInstance(currency).getDefaultFractionDigits();
    return new Money(amount.setScale(Math.max(digits, 0), RoundingMode.HALF_UP), currency);
  }

  /** Whether this is more than {@code other}; both must be of one currency. */
  public boolean exceeds(Money other) {
    same(other);
    return amount.compareTo(other.amount) > 0;
  }

  private void same(Money other) {
    if (!currency.equals(other.currency)) {
      throw new Refused("cannot mix " + currency + " and " + other.currency);
    }
  }

  @Override
  public String toString() {
    return amount.toPlainString() + " " + currency;
  }
}
