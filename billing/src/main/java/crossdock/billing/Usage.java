package crossdock.billing;

import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Report;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;

/** The newest reading of every meter, as its party stated it. */
final class Usage {
  private static final String RECORD =
      """
      INSERT INTO reading (migration, party, meter, quantity, unit, sequence) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (migration, party, meter) DO UPDATE
      SET quantity = excluded.quantity, unit = excluded.unit, sequence = excluded.sequence
      WHERE reading.sequence < excluded.sequence
      """;
  private static final String NEWEST =
      "SELECT quantity FROM reading WHERE migration = ? AND party = ? AND meter = ? AND unit = ?";

  private Usage() {}

  /** Records every reading in a chain that was verified before; again, it changes nothing. */
  static void record(Connection tx, MigrationId id, List<byte[]> chain) throws SQLException {
    try (PreparedStatement record = tx.prepareStatement(RECORD)) {
      for (byte[] bytes : chain) {
        Event event = Json.read(bytes, Event.class);
        Report report = event.report();
        if (report.fact() instanceof Fact.Used used) {
          record.setString(1, id.value());
          record.setString(2, report.by().urn());
          record.setString(3, used.meter());
          record.setBigDecimal(4, used.quantity());
          record.setString(5, used.unit());
          record.setLong(6, event.sequence());
          record.executeUpdate();
        }
      }
    }
  }

  /** The newest reading in {@code unit}; zero if the party never stated one. */
  static BigDecimal newest(Connection tx, MigrationId id, Party party, String meter, String unit)
      throws SQLException {
    try (PreparedStatement newest = tx.prepareStatement(NEWEST)) {
      newest.setString(1, id.value());
      newest.setString(2, party.urn());
      newest.setString(3, meter);
      newest.setString(4, unit);
      try (ResultSet found = newest.executeQuery()) {
        return found.next() ? found.getBigDecimal(1) : BigDecimal.ZERO;
      }
    }
  }
}
