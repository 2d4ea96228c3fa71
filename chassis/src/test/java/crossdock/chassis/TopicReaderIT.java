package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Refused;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against a real broker: nothing is lost, nothing that is refused holds up the rest. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class TopicReaderIT {
  private final Broker broker;
  private final Kafka kafka;
  private final TestDatabase test = new TestDatabase();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final AtomicInteger topics = new AtomicInteger();
  private final List<String> handled = new CopyOnWriteArrayList<>();
  private final List<AutoCloseable> open = new ArrayList<>();

  TopicReaderIT(@TempDir Path directory) throws IOException, InterruptedException {
    broker = Broker.start(directory);
    kafka = broker.clients();
  }

  @AfterEach
  void closeReaders() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    open.clear();
    handled.clear();
    test.run("DELETE FROM parked");
    test.run("DELETE FROM outbox");
  }

  @AfterAll
  void close() {
    broker.close();
  }

  private String topic() throws Exception {
    String name = "topic-" + topics.incrementAndGet();
    broker.topic(name);
    return name;
  }

  private TopicReader read(String topic, TopicReader.Handler handler) {
    return read(topic, false, handler);
  }

  private TopicReader read(String topic, boolean over, TopicReader.Handler handler) {
    TopicReader reader =
        new TopicReader(
            "r-" + topic,
            () -> List.of(topic),
            over,
            handler,
            test.database,
            new Parked(meters),
            kafka,
            meters);
    open.add(reader);
    return reader;
  }

  private void handle(byte[] value) {
    handled.add(new String(value, StandardCharsets.UTF_8));
  }

  private void send(String topic, @Nullable String key, String... values) throws Exception {
    try (Producer<String, byte[]> producer = kafka.producer()) {
      for (String value : values) {
        producer
            .send(new ProducerRecord<>(topic, key, value.getBytes(StandardCharsets.UTF_8)))
            .get();
      }
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    Instant deadline = Instant.now().plus(Duration.ofSeconds(30));
    while (!condition.getAsBoolean()) {
      assertThat(Instant.now()).as("deadline").isBefore(deadline);
      Thread.sleep(20);
    }
  }

  @Test
  void aRefusedRecordIsParkedAndTheNextOneHandled() throws Exception {
    String topic = topic();
    send(topic, "k", "one", "bad", "two");
    read(
        topic,
        (tx, _, _, value) -> {
          if (new String(value, StandardCharsets.UTF_8).equals("bad")) {
            new Outbox().add(tx, "t", "k", "type", value);
            throw new Refused("not a report");
          }
          handle(value);
        });
    await(() -> handled.size() == 2);

    assertThat(handled).containsExactly("one", "two");
    assertThat(test.value("SELECT key || ' ' || position || ' ' || reason FROM parked"))
        .isEqualTo("k 1 not a report");
    assertThat(test.value("SELECT convert_from(value, 'UTF8') FROM parked")).isEqualTo("bad");
    assertThat(test.outbox()).as("what a refused record had done").isEmpty();
  }

  @Test
  void whoStartsOverReadsAllAgainAndOthersWhatIsNew() throws Exception {
    for (boolean over : new boolean[] {false, true}) {
      handled.clear();
      String topic = topic();
      send(topic, "k", "one", "two");
      TopicReader first = read(topic, over, (_, _, _, value) -> handle(value));
      await(() -> handled.size() == 2);
      await(first::caughtUp);
      first.close();
      send(topic, "k", "three");
      read(topic, over, (_, _, _, value) -> handle(value));
      await(() -> handled.contains("three"));
      assertThat(handled)
          .isEqualTo(
              over ? List.of("one", "two", "one", "two", "three") : List.of("one", "two", "three"));
    }
  }

  @Test
  void aRefusedRecordIsParkedWhateverStandsInItsKeyAndReason() throws Exception {
    String topic = topic();
    send(topic, "k\u0000y", "bad");
    send(topic, null, "bad", "good");
    read(
        topic,
        (_, _, _, value) -> {
          if (new String(value, StandardCharsets.UTF_8).equals("bad")) {
            throw new Refused("no party: \u0000");
          }
          handle(value);
        });
    await(() -> handled.contains("good"));
    assertThat(test.value("SELECT count(*) FROM parked")).isEqualTo("2");
  }

  @Test
  void aRecordWithoutAValueIsParked() throws Exception {
    String topic = topic();
    try (Producer<String, byte[]> producer = kafka.producer()) {
      producer.send(new ProducerRecord<>(topic, "k", null)).get();
    }
    send(topic, "k", "good");
    read(topic, (_, _, _, value) -> handle(value));
    await(() -> handled.contains("good"));
    assertThat(handled).containsExactly("good");
    assertThat(test.value("SELECT count(*) FROM parked")).isEqualTo("1");
  }

  @Test
  void aFailingHandlerIsTriedAgainUntilItPasses() throws Exception {
    String topic = topic();
    send(topic, "k", "one", "two");
    AtomicInteger tries = new AtomicInteger();
    TopicReader reader =
        read(
            topic,
            (_, _, _, value) -> {
              if (tries.incrementAndGet() == 2) {
                throw new IllegalStateException("the database is away");
              }
              handle(value);
            });
    await(() -> handled.contains("two"));

    // The first was not committed with the second, so it came again.
    assertThat(handled).containsExactly("one", "one", "two");
    assertThat(test.value("SELECT count(*) FROM parked")).isEqualTo("0");
    await(reader::ready);
  }

  @Test
  void aHandlerWithABugIsTriedAgainToo() throws Exception {
    String topic = topic();
    send(topic, "k", "one");
    AtomicInteger tries = new AtomicInteger();
    read(
        topic,
        (_, _, _, value) -> {
          if (tries.incrementAndGet() == 1) {
            throw new AssertionError("a bug");
          }
          handle(value);
        });
    await(() -> handled.contains("one"));
  }

  @Test
  void offsetsSurviveARestartOfTheReader() throws Exception {
    String topic = topic();
    send(topic, "k", "one");
    TopicReader first = read(topic, (_, _, _, value) -> handle(value));
    await(() -> handled.contains("one") && committed(topic) == 1);
    first.close();
    send(topic, "k", "two");

    read(topic, (_, _, _, value) -> handle(value));
    await(() -> handled.contains("two"));

    assertThat(handled).containsExactly("one", "two");
  }

  private long committed(String topic) {
    try (var admin = broker.admin()) {
      return admin
          .listConsumerGroupOffsets("site.north.oslo.r-" + topic)
          .partitionsToOffsetAndMetadata()
          .get()
          .values()
          .stream()
          .mapToLong(offset -> offset.offset())
          .sum();
    } catch (InterruptedException | java.util.concurrent.ExecutionException e) {
      return -1;
    }
  }

  @Test
  void aReaderIsReadyOnlyWhenItHoldsAnAssignment() throws Exception {
    String topic = "topic-" + topics.incrementAndGet();
    TopicReader reader = read(topic, (_, _, _, value) -> handle(value));
    await(() -> !reader.state().equals("starting"));
    assertThat(reader.ready()).isFalse();

    broker.topic(topic);

    await(reader::ready);
    assertThat(reader.state()).isEqualTo("reading");
  }

  @Test
  void theOutboxIsRelayedInOrderAndEmptied() throws Exception {
    String topic = topic();
    Outbox outbox = new Outbox();
    test.database.change(
        tx -> {
          for (int i = 0; i < 300; i++) {
            outbox.add(
                tx,
                topic,
                "k",
                "crossdock.test.v1",
                Integer.toString(i).getBytes(StandardCharsets.UTF_8));
          }
        });
    relay(outbox);
    List<ConsumerRecord<String, byte[]>> records = new ArrayList<>();
    try (KafkaConsumer<String, byte[]> consumer = kafka.consumer("check")) {
      consumer.subscribe(List.of(topic));
      await(
          () -> {
            consumer.poll(Duration.ofMillis(100)).forEach(records::add);
            return records.size() >= 300;
          });
    }

    assertThat(records)
        .extracting(record -> new String(record.value(), StandardCharsets.UTF_8))
        .containsExactlyElementsOf(
            java.util.stream.IntStream.range(0, 300).mapToObj(Integer::toString).toList());
    test.await("SELECT count(*) FROM outbox", "0");
    ConsumerRecord<String, byte[]> first = records.getFirst();
    assertThat(first.key()).isEqualTo("k");
    assertThat(header(first, "ce_type")).isEqualTo("crossdock.test.v1");
    assertThat(header(first, "ce_source")).isEqualTo(Parties.SOURCE.urn());
    assertThat(header(first, "ce_id")).matches("[0-9a-f-]{36}");
  }

  @Test
  void twoRelaysSendEachMessageOnce() throws Exception {
    String topic = topic();
    Outbox outbox = new Outbox();
    relay(outbox);
    relay(outbox);
    List<String> sent = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      String text = Integer.toString(i);
      sent.add(text);
      test.database.change(
          tx -> outbox.add(tx, topic, "k", "type", text.getBytes(StandardCharsets.UTF_8)));
    }
    read(topic, (_, _, _, value) -> handle(value));
    await(() -> handled.size() >= 50);
    test.await("SELECT count(*) FROM outbox", "0");
    assertThat(handled).containsExactlyElementsOf(sent);
  }

  @Test
  void aMessageTooLargeForTheBrokerHoldsUpItsOwnKeyOnly() throws Exception {
    String topic = topic();
    Outbox outbox = new Outbox();
    test.database.change(
        tx -> {
          outbox.add(tx, topic, "large", "type", new byte[5 << 20]);
          outbox.add(tx, topic, "large", "type", "behind".getBytes(StandardCharsets.UTF_8));
          outbox.add(tx, topic, "k", "type", "good".getBytes(StandardCharsets.UTF_8));
        });
    relay(outbox);
    read(topic, (_, _, _, value) -> handle(value));
    await(() -> handled.contains("good"));
    test.await("SELECT count(*) FROM outbox", "2");
    assertThat(handled).containsExactly("good");
  }

  private void relay(Outbox outbox) {
    Identity identity = new Identity(Parties.SOURCE);
    OutboxRelay relay = new OutboxRelay(test.database, outbox, kafka, identity, meters);
    relay.start();
    open.add(relay);
  }

  private static String header(ConsumerRecord<String, byte[]> record, String name) {
    return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
  }
}
