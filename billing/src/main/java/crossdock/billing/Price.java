package crossdock.billing;

import crossdock.contracts.Json;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Refused;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A published price.
 *
 * @param party who earns it
 * @param unit that of the meter, written out so that nobody has to guess
 * @param amount of one unit, not negative
 * @param formats {@code source>target}: for this conversion only, before the price for all
 * @param validFrom until a later one begins
 */
record Price(
    Party party,
    Meter meter,
    String unit,
    BigDecimal amount,
    String currency,
    Optional<String> formats,
    Instant validFrom) {
  private static final Pattern FORMATS = Pattern.compile("[a-z0-9]+>[a-z0-9]+");

  Price {
    if (new Money(amount, currency).amount().signum() < 0) {
      throw new Refused("a price is not negative");
    }
    if (!unit.equals(meter.unit())) {
      throw new Refused("the unit of " + meter.wire() + " is " + meter.unit() + ", not " + unit);
    }
    if (formats.isPresent()
        && !(meter == Meter.CONVERSION && FORMATS.matcher(formats.get()).matches())) {
      throw new Refused("only a conversion is priced by formats, written source>target");
    }
  }

  /**
   * Reads a price book: a JSON array of prices.
   *
   * @throws Refused if it is none
   */
  static List<Price> read(byte[] json) {
    return List.of(Json.read(json, Price[].class));
  }
}
