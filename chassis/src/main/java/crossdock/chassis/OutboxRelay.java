package crossdock.chassis;

import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.context.annotation.Context;
import jakarta.annotation.PreDestroy;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends the outbox to Kafka: one relay at a time for each database, in order, as CloudEvents 1.0.2
 * in binary mode. Rows go when the broker has acknowledged them, so a message may be sent twice and
 * is never lost.
 */
@Context
final class OutboxRelay implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(OutboxRelay.class);
  private static final String ALONE = "SELECT pg_try_advisory_xact_lock(7001)";
  private static final long IDLE_MILLIS = 100;
  private static final long BACK_OFF_MILLIS = 2000;

  private final Database database;
  private final Outbox outbox;
  private final Kafka kafka;
  private final Identity identity;
  private final Thread thread;
  private volatile long pending;
  private volatile boolean open = true;

  OutboxRelay(
      Database database, Outbox outbox, Kafka kafka, Identity identity, MeterRegistry meters) {
    this.database = database;
    this.outbox = outbox;
    this.kafka = kafka;
    this.identity = identity;
    meters.gauge("crossdock.outbox.pending", this, relay -> relay.pending);
    this.thread = Thread.ofPlatform().name("outbox-relay").daemon().start(this::run);
  }

  private void run() {
    while (open) {
      try (Producer<String, byte[]> producer = kafka.producer()) {
        while (open) {
          Thread.sleep(database.transaction(tx -> relay(tx, producer)) ? 0 : IDLE_MILLIS);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException | Error e) {
        LOG.warn("outbox waits: {}", String.valueOf(e.getMessage()));
        Pause.millis(BACK_OFF_MILLIS);
      }
    }
  }

  /** Whether there may be more. */
  private boolean relay(Connection tx, Producer<String, byte[]> producer) throws SQLException {
    try (PreparedStatement alone = tx.prepareStatement(ALONE);
        ResultSet locked = alone.executeQuery()) {
      locked.next();
      if (!locked.getBoolean(1)) {
        return false;
      }
    }
    List<Outbox.Row> rows = outbox.next(tx);
    pending = rows.isEmpty() ? 0 : outbox.pending(tx);
    if (rows.isEmpty()) {
      return false;
    }
    List<Future<?>> sends = new ArrayList<>();
    for (Outbox.Row row : rows) {
      sends.add(producer.send(record(row)));
    }
    try {
      for (Future<?> send : sends) {
        send.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while sending", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("cannot send: " + e.getCause(), e);
    }
    outbox.sent(tx, rows);
    return true;
  }

  private ProducerRecord<String, byte[]> record(Outbox.Row row) {
    ProducerRecord<String, byte[]> record =
        new ProducerRecord<>(row.topic(), row.key(), row.payload());
    Headers headers = record.headers();
    header(headers, "content-type", "application/json");
    header(headers, "ce_specversion", "1.0");
    header(headers, "ce_id", row.id().toString());
    header(headers, "ce_source", identity.party().urn());
    header(headers, "ce_type", row.type());
    header(headers, "ce_subject", row.key());
    header(headers, "ce_time", row.at().toString());
    header(headers, "ce_partitionkey", row.key());
    return record;
  }

  private static void header(Headers headers, String name, String value) {
    headers.add(name, value.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  @PreDestroy
  public void close() {
    open = false;
    thread.interrupt();
  }
}
