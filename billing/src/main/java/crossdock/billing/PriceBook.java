package crossdock.billing;

import crossdock.chassis.Database;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** All prices that were ever published. Thread-safe. */
@Singleton
final class PriceBook {
  /** The formats of a price that holds for all. */
  static final String ALL = "*";

  private static final String PUBLISH =
      """
      INSERT INTO price (party, meter, formats, unit, amount, currency, valid_from)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (party, meter, formats, currency, valid_from) DO UPDATE SET amount = excluded.amount
      """;
  private static final String VALID =
      """
      SELECT amount FROM price
      WHERE party = ? AND meter = ? AND currency = ? AND formats IN ('*', ?) AND valid_from <= ?
      ORDER BY formats = '*', valid_from DESC LIMIT 1
      """;

  private final Database database;

  PriceBook(Database database) {
    this.database = database;
  }

  /** Adds prices; what was published before stays for its own time. */
  void publish(List<Price> prices) {
    database.change(
        tx -> {
          try (PreparedStatement publish = tx.prepareStatement(PUBLISH)) {
            for (Price price : prices) {
              publish.setString(1, price.party().urn());
              publish.setString(2, price.meter().wire());
              publish.setString(3, price.formats().orElse(ALL));
              publish.setString(4, price.unit());
              publish.setBigDecimal(5, price.amount());
              publish.setString(6, price.currency());
              publish.setTimestamp(7, Timestamp.from(price.validFrom()));
              publish.executeUpdate();
            }
          }
        });
  }

  /**
   * The price of one unit at {@code at}.
   *
   * @param formats {@code source>target}, or {@link #ALL}
   */
  static Optional<Money> valid(
      Connection tx, Party party, Meter meter, String formats, String currency, Instant at)
      throws SQLException {
    try (PreparedStatement valid = tx.prepareStatement(VALID)) {
      valid.setString(1, party.urn());
      valid.setString(2, meter.wire());
      valid.setString(3, currency);
      valid.setString(4, formats);
      valid.setTimestamp(5, Timestamp.from(at));
      try (ResultSet found = valid.executeQuery()) {
        return found.next()
            ? Optional.of(new Money(found.getBigDecimal(1), currency))
            : Optional.empty();
      }
    }
  }
}
