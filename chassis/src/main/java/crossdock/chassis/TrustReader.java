package crossdock.chassis;

import crossdock.contracts.Refused;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.StartupEvent;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings {@link Trust} the bundles that are published on the topic {@code trust}, from its
 * beginning at every start: it is compacted, and an old bundle changes nothing.
 */
@Singleton
@Requires(property = "kafka.bootstrap.servers")
final class TrustReader implements ApplicationEventListener<StartupEvent>, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TrustReader.class);
  private static final List<TopicPartition> TOPIC = List.of(new TopicPartition(Trust.TOPIC, 0));
  private static final Duration POLL = Duration.ofSeconds(5);
  private static final long BACK_OFF_MILLIS = 5000;

  private final Trust trust;
  private final Kafka kafka;
  private final Thread thread = Thread.ofPlatform().name("trust").daemon().unstarted(this::run);
  private volatile boolean open = true;
  private volatile @Nullable KafkaConsumer<String, byte[]> reading;

  TrustReader(Trust trust, Kafka kafka) {
    this.trust = trust;
    this.kafka = kafka;
  }

  @Override
  public void onApplicationEvent(StartupEvent event) {
    thread.start();
  }

  private void run() {
    while (open) {
      try (KafkaConsumer<String, byte[]> consumer = kafka.consumer("trust")) {
        reading = consumer;
        consumer.assign(TOPIC);
        consumer.seekToBeginning(TOPIC);
        while (open) {
          consumer.poll(POLL).forEach(this::take);
        }
      } catch (WakeupException e) {
        // Closing.
      } catch (RuntimeException e) {
        LOG.warn("no news of the members: {}", e.getMessage());
        Pause.millis(BACK_OFF_MILLIS);
      }
    }
  }

  private void take(ConsumerRecord<String, byte[]> record) {
    byte[] signed = record.value();
    try {
      if (signed != null) {
        trust.offer(signed);
      }
    } catch (Refused e) {
      // Whoever may write there is not believed for it.
      LOG.warn("a trust bundle at {} is refused: {}", record.offset(), e.getMessage());
    }
  }

  @Override
  @PreDestroy
  public void close() {
    open = false;
    KafkaConsumer<String, byte[]> consumer = reading;
    if (consumer != null) {
      consumer.wakeup();
    }
  }
}
