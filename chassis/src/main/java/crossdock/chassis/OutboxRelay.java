package crossdock.chassis;

import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.context.annotation.Context;
import jakarta.annotation.PostConstruct;
import jakarta.annotation.PreDestroy;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Headers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends the outbox to Kafka: one relay at a time for each database, in order, as CloudEvents 1.0.2
 * in binary mode. Rows go when the broker has acknowledged them, so a message may be sent twice and
 * is never lost. One that cannot be sent holds up those of its own topic and key only.
 */
@Context
final class OutboxRelay implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(OutboxRelay.class);
  private static final String ALONE = "SELECT pg_try_advisory_xact_lock(7001)";
  private static final Duration BACK_OFF = Duration.ofSeconds(2);
  private static final Future<?> BEHIND =
      CompletableFuture.failedFuture(new IllegalStateException("behind one that is not sent"));

  private final Database database;
  private final Outbox outbox;
  private final Kafka kafka;
  private final Identity identity;
  private final MeterRegistry meters;
  private final Thread thread = new Thread(this::run, "outbox-relay");
  private volatile long pending;
  private volatile boolean open = true;

  OutboxRelay(
      Database database, Outbox outbox, Kafka kafka, Identity identity, MeterRegistry meters) {
    this.database = database;
    this.outbox = outbox;
    this.kafka = kafka;
    this.identity = identity;
    this.meters = meters;
    meters.gauge("crossdock.outbox.pending", this, relay -> relay.pending);
  }

  @PostConstruct
  void start() {
    thread.setDaemon(true);
    thread.start();
  }

  private void run() {
    while (open) {
      try (Producer<String, byte[]> producer = kafka.producer()) {
        while (open) {
          long seen = database.commits();
          Optional<Duration> pause = database.look(tx -> relay(tx, producer));
          if (pause.isEmpty()) {
            database.awaitCommit(seen);
          } else {
            Thread.sleep(pause.get());
          }
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException | Error e) {
        LOG.warn("outbox waits: {}", String.valueOf(e.getMessage()));
        Pause.millis(BACK_OFF.toMillis());
      }
    }
  }

  /** Sends what is next, and says how long to pause after it; empty if there was nothing. */
  Optional<Duration> relay(Connection tx, Producer<String, byte[]> producer) throws SQLException {
    try (PreparedStatement alone = tx.prepareStatement(ALONE);
        ResultSet locked = alone.executeQuery()) {
      locked.next();
      if (!locked.getBoolean(1)) {
        return Optional.empty();
      }
    }
    List<Outbox.Row> rows = outbox.next(tx);
    pending = rows.isEmpty() ? 0 : outbox.pending(tx);
    if (rows.isEmpty()) {
      return Optional.empty();
    }
    List<Future<?>> sends = new ArrayList<>();
    Set<String> stopped = new HashSet<>();
    for (Outbox.Row row : rows) {
      boolean behind = stopped.contains(row.lane()) || stopped.contains(row.topic());
      Future<?> send = behind ? BEHIND : producer.send(record(row));
      if (!behind && send.state() == Future.State.FAILED) {
        // A topic that is not there or not ours may take a minute to say so: it is asked once.
        boolean large = send.exceptionNow() instanceof RecordTooLargeException;
        stopped.add(large ? row.lane() : row.topic());
      }
      sends.add(send);
    }
    return Optional.of(took(tx, rows, sends));
  }

  /**
   * Deletes what the broker took. What it did not take stays, and so does everything after it under
   * its key, taken or not: sent again in order, nothing overtakes for good.
   */
  private Duration took(Connection tx, List<Outbox.Row> rows, List<Future<?>> sends)
      throws SQLException {
    List<Outbox.Row> sent = new ArrayList<>();
    Set<String> stopped = new HashSet<>();
    Duration pause = Duration.ZERO;
    for (int i = 0; i < rows.size(); i++) {
      Outbox.Row row = rows.get(i);
      Optional<Throwable> failure = failure(sends.get(i));
      if (failure.isPresent() && stopped.add(row.lane())) {
        LOG.warn("{} to {} is not sent: {}", row.type(), row.lane(), failure.get().getMessage());
        if (failure.get() instanceof RecordTooLargeException never) {
          outbox.refused(tx, row, String.valueOf(never.getMessage()));
          meters.counter("crossdock.outbox.refused", "topic", row.topic()).increment();
        } else {
          pause = BACK_OFF;
        }
      } else if (!stopped.contains(row.lane())) {
        sent.add(row);
      }
    }
    outbox.sent(tx, sent);
    return pause;
  }

  private static Optional<Throwable> failure(Future<?> send) {
    try {
      send.get();
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while sending", e);
    } catch (ExecutionException e) {
      return Optional.of(e.getCause() == null ? e : e.getCause());
    }
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
