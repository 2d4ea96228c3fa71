package crossdock.chassis;

import io.micronaut.context.env.Environment;
import io.micronaut.core.naming.conventions.StringConvention;
import jakarta.inject.Singleton;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Clients of the broker, set up from the {@code kafka.*} keys of the service's configuration. */
@Singleton
final class Kafka {
  private final Map<String, Object> settings;
  private final Identity identity;

  Kafka(Environment environment, Identity identity) {
    this.settings = environment.getProperties("kafka", StringConvention.RAW);
    this.identity = identity;
  }

  /** Sends in order, acknowledged by all replicas, without duplicates of its own making. */
  Producer<String, byte[]> producer() {
    Properties properties = properties();
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    properties.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, 4 << 20);
    properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 30_000);
    properties.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 10_000);
    return new KafkaProducer<>(properties, new StringSerializer(), new ByteArraySerializer());
  }

  /**
   * Reads as the group {@code <principal>.<reader>}; offsets are committed by hand.
   *
   * @param reader a plain word
   */
  KafkaConsumer<String, byte[]> consumer(String reader) {
    Properties properties = properties();
    properties.put(ConsumerConfig.GROUP_ID_CONFIG, identity.party().principal() + "." + reader);
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    properties.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 50);
    // The broker answers as soon as there is something; this is how often it is asked if not.
    properties.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 2000);
    // How long a killed reader's partitions stay with it, and whoever is started again waits.
    properties.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 10_000);
    return new KafkaConsumer<>(properties, new StringDeserializer(), new ByteArrayDeserializer());
  }

  private Properties properties() {
    Properties properties = new Properties();
    settings.forEach(
        (key, value) -> {
          if (!key.startsWith("health")) {
            properties.put(key, value.toString());
          }
        });
    return properties;
  }
}
