package crossdock.chassis;

import io.micrometer.core.instrument.MeterRegistry;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Records that were refused, with the reason, for an operator to look at. */
@Singleton
final class Parked {
  private static final String ADD =
      """
      INSERT INTO parked (topic, partition, position, key, value, reason) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO NOTHING
      """;

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
      add.setString(6, text(reason));
      add.executeUpdate();
    }
    meters.counter("crossdock.parked", "topic", record.topic()).increment();
  }

  /** PostgreSQL keeps no zero characters: one in a hostile key would hold up all that follows. */
  private static String text(String any) {
    return any.replace('\u0000', '\uFFFD');
  }
}
