package crossdock.chassis;

import crossdock.contracts.Refused;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads topics and hands each record to a handler inside a transaction; the offset is committed
 * after it. A record may therefore come again, and handlers make repeats harmless. A record that is
 * refused, by its handler or by the database for what is in it, is parked with its reason and does
 * not hold up the rest; so is one that a bug keeps from being handled, after a few tries. What is
 * away is waited for. Without rights it backs off and is not ready.
 */
public final class TopicReader implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TopicReader.class);
  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration LEAVE = Duration.ofSeconds(2);
  private static final long BACK_OFF_MILLIS = 3000;
  private static final int TRIES = 4;

  /** What is done with one record, in one transaction. */
  @FunctionalInterface
  public interface Handler {
    /**
     * Must have the same effect if called twice with the same record.
     *
     * @throws Refused if the record can never be handled
     */
    void handle(Connection tx, String topic, @Nullable String key, byte[] value)
        throws SQLException;
  }

  private final String name;
  private final Supplier<List<String>> topics;
  private final boolean over;
  private final Handler handler;
  private final Database database;
  private final Parked parked;
  private final Kafka kafka;
  private final Counter refused;
  private final Thread thread;
  private volatile boolean open = true;
  private volatile boolean assigned;
  private volatile boolean caughtUp;
  private volatile String state = "starting";
  private String failing = "";
  private int tries;

  TopicReader(
      String name,
      Supplier<List<String>> topics,
      boolean over,
      Handler handler,
      Database database,
      Parked parked,
      Kafka kafka,
      MeterRegistry meters) {
    this.name = name;
    this.topics = topics;
    this.over = over;
    this.handler = handler;
    this.database = database;
    this.parked = parked;
    this.kafka = kafka;
    this.refused = meters.counter("crossdock.reader.refused", "reader", name);
    Gauge.builder("crossdock.reader.assigned", this, reader -> reader.assigned ? 1 : 0)
        .tag("reader", name)
        .register(meters);
    this.thread = Thread.ofPlatform().name("reader-" + name).daemon().start(this::run);
  }

  /** Whether the broker lets it read: a connection alone is not enough. */
  boolean ready() {
    return assigned;
  }

  /** Whether it has read all that was there when it was let in. */
  boolean caughtUp() {
    return caughtUp;
  }

  String state() {
    return state;
  }

  /** What handles the records of a topic, if it reads it. */
  Optional<Handler> handler(String topic) {
    return topics.get().contains(topic) ? Optional.of(handler) : Optional.empty();
  }

  String name() {
    return name;
  }

  private void run() {
    while (open) {
      try (KafkaConsumer<String, byte[]> consumer = kafka.consumer(name)) {
        List<String> subscribed = List.of();
        Set<TopicPartition> begun = new HashSet<>();
        while (open) {
          List<String> now = topics.get();
          if (!now.equals(subscribed)) {
            if (over) {
              consumer.subscribe(now, new FromTheBeginning(consumer, begun));
            } else {
              consumer.subscribe(now);
            }
            subscribed = now;
          }
          ConsumerRecords<String, byte[]> records = consumer.poll(POLL);
          assigned = !consumer.assignment().isEmpty();
          state = assigned ? "reading" : "not assigned";
          for (TopicPartition partition : records.partitions()) {
            records.records(partition).forEach(this::take);
          }
          if (!records.isEmpty()) {
            consumer.commitSync();
          }
          caughtUp =
              assigned
                  && (caughtUp
                      || consumer.assignment().stream()
                          .allMatch(partition -> consumer.currentLag(partition).orElse(1) == 0));
        }
      } catch (AuthorizationException | AuthenticationException e) {
        refused.increment();
        backOff("refused by the broker: " + e.getMessage());
      } catch (RuntimeException | Error e) {
        // Errors too: a reader that ended would still count as ready. The consumer is closed
        // without a commit: everything since the last one is read again.
        backOff(String.valueOf(e.getMessage()));
      }
    }
  }

  /**
   * @param begun what this consumer has begun before: it goes on where it was
   */
  private record FromTheBeginning(KafkaConsumer<?, ?> consumer, Set<TopicPartition> begun)
      implements ConsumerRebalanceListener {
    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
      List<TopicPartition> fresh = partitions.stream().filter(begun::add).toList();
      if (!fresh.isEmpty()) { // of none, Kafka takes it for all
        consumer.seekToBeginning(fresh);
      }
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      // Whoever gets them for the first time begins again.
    }
  }

  static void hand(
      Handler handler, Connection tx, String topic, @Nullable String key, byte @Nullable [] value)
      throws SQLException {
    if (value == null) {
      throw new Refused("a record without a value");
    }
    handler.handle(tx, topic, key, value);
  }

  void take(ConsumerRecord<String, byte[]> record) {
    try {
      database.change(tx -> hand(handler, tx, record.topic(), record.key(), record.value()));
    } catch (Refused e) {
      park(record, String.valueOf(e.getMessage()));
    } catch (Database.DatabaseException e) {
      if (!e.refusedTheData()) {
        throw e;
      }
      park(record, String.valueOf(e.getMessage()));
    } catch (UncheckedIOException e) {
      throw e; // something outside is away
    } catch (RuntimeException e) {
      // A bug: of this record perhaps, and then it must not hold up the others for ever.
      String at = record.topic() + "-" + record.partition() + "@" + record.offset();
      tries = at.equals(failing) ? tries + 1 : 1;
      failing = at;
      if (tries < TRIES) {
        throw e;
      }
      LOG.error("{}: {} failed {} times", name, at, tries, e);
      park(record, e.getClass().getSimpleName() + ": " + e.getMessage());
    }
  }

  private void park(ConsumerRecord<String, byte[]> record, String reason) {
    LOG.warn(
        "{}: parked {}-{}@{}: {}",
        name,
        record.topic(),
        record.partition(),
        record.offset(),
        reason);
    database.change(tx -> parked.add(tx, record, reason));
  }

  private void backOff(String why) {
    assigned = false;
    caughtUp = false;
    state = why;
    LOG.warn("{} waits: {}", name, why);
    Pause.millis(BACK_OFF_MILLIS);
  }

  @Override
  public void close() {
    open = false;
    try {
      // Not interrupted: the poll returns by itself, and the consumer leaves its group in good
      // order before the process ends.
      thread.join(LEAVE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
