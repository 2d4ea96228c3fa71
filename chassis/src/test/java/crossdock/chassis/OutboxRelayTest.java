package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.Environment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One message that cannot be sent holds up those of its own key, and no others. */
@Timeout(60)
class OutboxRelayTest {
  private final TestDatabase test = new TestDatabase();
  private final Outbox outbox = new Outbox();
  private final Environment nowhere =
      ApplicationContext.builder()
          .properties(Map.of("kafka.bootstrap.servers", "127.0.0.1:1"))
          .build()
          .getEnvironment()
          .start();
  private final OutboxRelay relay =
      new OutboxRelay(
          test.database,
          outbox,
          new Kafka(nowhere, new Identity(Parties.SOURCE)),
          new Identity(Parties.SOURCE),
          new SimpleMeterRegistry());
  private final Producer broker = new Producer();

  /** Takes nothing that is too large, and nothing to a topic that it was told to close. */
  private static final class Producer extends MockProducer<String, byte[]> {
    private final Set<String> closed = new HashSet<>();
    private int asked;

    Producer() {
      super(true, null, new StringSerializer(), new ByteArraySerializer());
    }

    @Override
    public synchronized Future<RecordMetadata> send(ProducerRecord<String, byte[]> record) {
      asked++;
      if (record.value().length > 100) {
        return CompletableFuture.failedFuture(new RecordTooLargeException("too large"));
      }
      return closed.contains(record.topic())
          ? CompletableFuture.failedFuture(new TopicAuthorizationException(record.topic()))
          : super.send(record);
    }

    List<String> taken() {
      return history().stream()
          .map(record -> new String(record.value(), StandardCharsets.UTF_8))
          .toList();
    }
  }

  @AfterEach
  void close() {
    broker.close();
    nowhere.close();
  }

  private void add(String topic, String key, String text) {
    test.database.change(
        tx -> outbox.add(tx, topic, key, "type", text.getBytes(StandardCharsets.UTF_8)));
  }

  private Optional<Duration> round() {
    return test.database.transaction(tx -> relay.relay(tx, broker));
  }

  private String left() {
    return test.value("SELECT count(*) FROM outbox");
  }

  @Test
  void whatIsTooLargeStaysAndHoldsUpItsOwnKeyOnly() {
    add("topic", "a", "x".repeat(101));
    add("topic", "a", "behind it");
    add("topic", "b", "another key");
    add("other", "a", "another topic");
    assertThat(round()).as("nothing to wait for").hasValue(Duration.ZERO);
    add("topic", "a", "later behind it");
    add("topic", "b", "later");
    round();
    round();

    assertThat(broker.taken()).containsExactly("another key", "another topic", "later");
    assertThat(test.value("SELECT refused FROM outbox WHERE refused IS NOT NULL"))
        .isEqualTo("too large");
    assertThat(left()).isEqualTo("3");
  }

  @Test
  void oneThousandThatAreTooLargeDoNotFillTheWindow() {
    test.run(
        """
        INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload)
        SELECT gen_random_uuid(), 'topic', 'key-' || n, 'type', convert_to(repeat('x', 101), 'UTF8')
        FROM generate_series(1, 1000) n
        """);
    add("topic", "good", "good");
    for (int i = 0; i < 6; i++) {
      round();
    }
    assertThat(broker.taken()).containsExactly("good");
    assertThat(left()).isEqualTo("1000");
  }

  @Test
  void aTopicThatIsClosedToUsIsWaitedForInOrderWhileTheOthersGoOn() {
    broker.closed.add("topic");
    add("topic", "a", "one");
    add("topic", "a", "two");
    add("other", "a", "other");
    add("topic", "b", "three");
    assertThat(round().orElseThrow()).as("it is not asked again at once").isPositive();
    assertThat(broker.taken()).containsExactly("other");
    assertThat(broker.asked).as("it may take long to say no").isEqualTo(2);
    assertThat(left()).isEqualTo("3");

    broker.closed.clear();
    round();
    assertThat(broker.taken()).containsExactly("other", "one", "two", "three");
    assertThat(left()).isEqualTo("0");
  }
}
