package crossdock.chassis;

import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * Messages that become true with the transaction that adds them. Column names are those of the
 * outbox event router of Debezium, so that it could relay them too.
 */
@Singleton
public final class Outbox {
  private static final String ADD =
      "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES (?, ?, ?, ?, ?)";
  private static final String NEXT =
      """
      SELECT seq, id, aggregatetype, aggregateid, type, payload, created_at FROM outbox next
      WHERE NOT EXISTS (
        SELECT 1 FROM outbox before
        WHERE before.refused IS NOT NULL
          AND before.aggregatetype = next.aggregatetype AND before.aggregateid = next.aggregateid
          AND before.seq <= next.seq)
      ORDER BY seq LIMIT 200
      """;
  private static final String REFUSED = "UPDATE outbox SET refused = ? WHERE seq = ?";
  private static final String SENT = "DELETE FROM outbox WHERE seq = ANY (?)";
  private static final String PENDING = "SELECT count(*) FROM outbox";

  /**
   * @param topic where it goes
   * @param key what orders it
   * @param type its CloudEvents type
   */
  record Row(
      long seq,
      UUID id,
      String topic,
      String key,
      String type,
      byte[] payload,
      java.time.Instant at) {
    /** What its order matters among. */
    String lane() {
      return topic + "/" + key;
    }
  }

  /** Adds a message; it is sent after {@code tx} commits, in the order of adding, at least once. */
  public void add(Connection tx, String topic, String key, String type, byte[] payload)
      throws SQLException {
    try (PreparedStatement add = tx.prepareStatement(ADD)) {
      add.setObject(1, UUID.randomUUID());
      add.setString(2, topic);
      add.setString(3, key);
      add.setString(4, type);
      add.setBytes(5, payload);
      add.executeUpdate();
    }
  }

  List<Row> next(Connection tx) throws SQLException {
    List<Row> rows = new ArrayList<>();
    try (PreparedStatement next = tx.prepareStatement(NEXT);
        ResultSet found = next.executeQuery()) {
      while (found.next()) {
        rows.add(
            new Row(
                found.getLong(1),
                found.getObject(2, UUID.class),
                found.getString(3),
                found.getString(4),
                found.getString(5),
                found.getBytes(6),
                found.getTimestamp(7).toInstant()));
      }
    }
    return rows;
  }

  /**
   * Deletes exactly the rows sent: seq is the order of inserting, not of committing, so a smaller
   * one may yet appear.
   */
  void sent(Connection tx, List<Row> rows) throws SQLException {
    try (PreparedStatement sent = tx.prepareStatement(SENT)) {
      sent.setArray(1, tx.createArrayOf("bigint", rows.stream().map(Row::seq).toArray()));
      sent.executeUpdate();
    }
  }

  /** The broker will never take this row: it stays, and those behind it under its key wait. */
  void refused(Connection tx, Row row, String reason) throws SQLException {
    try (PreparedStatement refused = tx.prepareStatement(REFUSED)) {
      refused.setString(1, reason);
      refused.setLong(2, row.seq());
      refused.executeUpdate();
    }
  }

  long pending(Connection tx) throws SQLException {
    try (PreparedStatement pending = tx.prepareStatement(PENDING);
        ResultSet count = pending.executeQuery()) {
      count.next();
      return count.getLong(1);
    }
  }
}
