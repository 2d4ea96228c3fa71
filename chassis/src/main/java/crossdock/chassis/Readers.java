package crossdock.chassis;

import crossdock.contracts.Refused;
import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.core.async.publisher.Publishers;
import io.micronaut.health.HealthStatus;
import io.micronaut.management.health.indicator.HealthIndicator;
import io.micronaut.management.health.indicator.HealthResult;
import io.micronaut.management.health.indicator.annotation.Readiness;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.reactivestreams.Publisher;

/** Starts the service's topic readers; the service is ready when each holds an assignment. */
@Singleton
@Readiness
public final class Readers implements HealthIndicator, AutoCloseable {
  private final Database database;
  private final Parked parked;
  private final Kafka kafka;
  private final MeterRegistry meters;
  private final List<TopicReader> readers = new CopyOnWriteArrayList<>();

  Readers(Database database, Parked parked, Kafka kafka, MeterRegistry meters) {
    this.database = database;
    this.parked = parked;
    this.kafka = kafka;
    this.meters = meters;
  }

  /**
   * Starts reading.
   *
   * @param name a plain word, unique in the service; the consumer group is the principal and it
   */
  public void start(String name, List<String> topics, TopicReader.Handler handler) {
    start(name, () -> topics, handler);
  }

  /**
   * Starts reading what may change.
   *
   * @param topics what is to be read now; asked often, by the reader's thread and others
   */
  public void start(String name, Supplier<List<String>> topics, TopicReader.Handler handler) {
    readers.add(new TopicReader(name, topics, false, handler, database, parked, kafka, meters));
  }

  /**
   * Like {@link #start(String, Supplier, TopicReader.Handler)}, but all that the topics have is
   * read again at every start: for compacted ones that say how things are, so that a database that
   * was lost knows it again.
   */
  public void startOver(String name, Supplier<List<String>> topics, TopicReader.Handler handler) {
    readers.add(new TopicReader(name, topics, true, handler, database, parked, kafka, meters));
  }

  /**
   * Whether all that was sent while this service was away has been read: until then nothing follows
   * from what has not been heard.
   */
  public boolean caughtUp() {
    return readers.stream().allMatch(TopicReader::caughtUp);
  }

  /**
   * Hands a parked record to whoever reads its topic once more, in the transaction that takes it
   * out: it is handled once, or stays parked.
   *
   * @return false if no such record is parked
   * @throws Refused if it is refused again
   */
  boolean release(String topic, int partition, long position) {
    TopicReader.Handler handler =
        readers.stream()
            .flatMap(reader -> reader.handler(topic).stream())
            .findFirst()
            .orElseThrow(() -> new Refused("nobody here reads " + topic));
    try {
      return database.transaction(
          tx -> {
            Optional<Parked.Content> taken = parked.take(tx, topic, partition, position);
            if (taken.isPresent()) {
              TopicReader.hand(handler, tx, topic, taken.get().key(), taken.get().value());
            }
            return taken.isPresent();
          });
    } catch (Database.DatabaseException e) {
      if (e.refusedTheData()) {
        throw new Refused(String.valueOf(e.getMessage()), e);
      }
      throw e;
    }
  }

  @Override
  public Publisher<HealthResult> getResult() {
    Map<String, String> states = new LinkedHashMap<>();
    readers.forEach(reader -> states.put(reader.name(), reader.state()));
    boolean ready = readers.stream().allMatch(TopicReader::ready);
    return Publishers.just(
        HealthResult.builder("readers", ready ? HealthStatus.UP : HealthStatus.DOWN)
            .details(states)
            .build());
  }

  @Override
  @PreDestroy
  public void close() {
    readers.forEach(TopicReader::close);
  }
}
