package crossdock.chassis;

import io.micrometer.core.instrument.MeterRegistry;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/** Records that were refused, with the reason, for an operator to look at and to release. */
@Singleton
final class Parked {
  private static final String ADD =
      """
      INSERT INTO parked (topic, partition, position, key, value, reason) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO NOTHING
      """;

  static final String NEWEST =
      """
      SELECT topic, partition, position, key, octet_length(value), reason, at FROM parked
      ORDER BY at DESC LIMIT 100
      """;
  static final String TAKE =
      "DELETE FROM parked WHERE topic = ? AND partition = ? AND position = ? RETURNING key, value";
  private static final int LONGEST_REASON = 1000;

  /**
   * @param position the record's offset
   * @param bytes of its value
   */
  record Row(
      String topic,
      int partition,
      long position,
      Optional<String> key,
      int bytes,
      String reason,
      Instant at) {}

  /** What came with a record. */
  record Content(@Nullable String key, byte @Nullable [] value) {}

  private final MeterRegistry meters;

  Parked(MeterRegistry meters) {
    this.meters = meters;
  }

  void add(Connection tx, ConsumerRecord<String, byte[]> record, String reason)
      throws SQLException {
    try (PreparedStatement add = tx.prepareStatement(ADD)) {
      add.setString(1, record.topic());
      add.setInt(2, record.partition());
      add.setLong(3, record.offset());
      add.setString(4, record.key() == null ? null : text(record.key()));
      add.setBytes(5, record.value());
      add.setString(6, text(cut(reason)));
      add.executeUpdate();
    }
    meters.counter("crossdock.parked", "topic", record.topic()).increment();
  }

  /** The newest hundred. */
  List<Row> newest(Connection tx) throws SQLException {
    List<Row> rows = new ArrayList<>();
    try (PreparedStatement newest = tx.prepareStatement(NEWEST);
        ResultSet found = newest.executeQuery()) {
      while (found.next()) {
        rows.add(
            new Row(
                found.getString(1),
                found.getInt(2),
                found.getLong(3),
                Optional.ofNullable(found.getString(4)),
                found.getInt(5),
                found.getString(6),
                found.getTimestamp(7).toInstant()));
      }
    }
    return rows;
  }

  /** Takes a record out, for whoever asks first; it is back if {@code tx} does not commit. */
  Optional<Content> take(Connection tx, String topic, int partition, long position)
      throws SQLException {
    try (PreparedStatement take = tx.prepareStatement(TAKE)) {
      take.setString(1, topic);
      take.setInt(2, partition);
      take.setLong(3, position);
      try (ResultSet taken = take.executeQuery()) {
        return taken.next()
            ? Optional.of(new Content(taken.getString(1), taken.getBytes(2)))
            : Optional.empty();
      }
    }
  }

  /** PostgreSQL keeps no zero characters: one in a hostile key would hold up all that follows. */
  private static String text(String any) {
    return any.replace('\u0000', '\uFFFD');
  }

  private static String cut(String any) {
    return any.length() > LONGEST_REASON ? any.substring(0, LONGEST_REASON) : any;
  }
}
