package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.Environment;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a record makes fail is parked; what fails by itself is waited for. */
@Timeout(60)
class HostileRecordsTest {
  private final TestDatabase test = new TestDatabase();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final Environment nowhere =
      ApplicationContext.builder()
          .properties(Map.of("kafka.bootstrap.servers", "127.0.0.1:1"))
          .build()
          .getEnvironment()
          .start();
  private final TopicReader reader =
      new TopicReader(
          "tests",
          () -> List.of("topic"),
          false,
          this::handle,
          test.database,
          new Parked(meters),
          new Kafka(nowhere, new Identity(Parties.SOURCE)),
          meters);
  private TopicReader.Handler handler = (_, _, _, _) -> {};

  private void handle(Connection tx, String topic, @Nullable String key, byte[] value)
      throws SQLException {
    handler.handle(tx, topic, key, value);
  }

  @AfterEach
  void close() {
    reader.close();
    nowhere.close();
  }

  private void take(long offset, String value) {
    reader.take(
        new ConsumerRecord<>("topic", 0, offset, "key", value.getBytes(StandardCharsets.UTF_8)));
  }

  /** Writes the record into a column, as handlers do with what they have read. */
  private void write(String sql) {
    handler =
        (tx, _, _, value) -> {
          try (PreparedStatement write = tx.prepareStatement(sql)) {
            write.setString(1, new String(value, StandardCharsets.UTF_8));
            write.execute();
          }
        };
  }

  private String parked() {
    return test.value("SELECT string_agg(position::text, ',' ORDER BY position) FROM parked");
  }

  @Test
  void aZeroCharacterIsParkedAndTheNextOneHandled() {
    write("INSERT INTO job (migration, kind, attempt) VALUES (?, 'k', 1)");
    take(1, "m\u0000");
    take(2, "m");
    assertThat(parked()).isEqualTo("1");
    assertThat(test.value("SELECT migration FROM job")).isEqualTo("m");
  }

  @Test
  void aNumberOutOfRangeIsParked() {
    write("INSERT INTO job (migration, kind, attempt) VALUES ('m', 'k', ?::integer)");
    take(1, "99999999999");
    take(2, "no number");
    assertThat(parked()).isEqualTo("1,2");
  }

  @Test
  void aDateThatIsNoneAndAStateThatIsNoneAreParked() {
    write(
        "INSERT INTO chain (migration, sequence, event) SELECT 'm', 1, ''::bytea WHERE ?::date > now()");
    take(1, "+1000000000-12-31");
    write("INSERT INTO job (migration, kind, attempt, state) VALUES ('m', 'k', 1, ?)");
    take(2, "HACKED");
    assertThat(parked()).isEqualTo("1,2");
  }

  @Test
  void whatIsLongerThanAnIndexTakesIsParked() {
    byte[] noise = new byte[300 << 10];
    new Random(1).nextBytes(noise);
    write("INSERT INTO job (migration, kind, attempt) VALUES (?, 'k', 1)");
    take(1, Base64.getEncoder().encodeToString(noise));
    assertThat(parked()).isEqualTo("1");
  }

  @Test
  void aDatabaseThatGoesAwayParksNothing() {
    handler =
        (tx, _, _, _) -> {
          try (PreparedStatement end =
              tx.prepareStatement("SELECT pg_terminate_backend(pg_backend_pid())")) {
            end.execute();
          }
        };
    assertThatThrownBy(() -> take(1, "good")).isInstanceOf(Database.DatabaseException.class);
    assertThat(parked()).isEqualTo("null");
  }

  @Test
  void aCloudThatIsAwayParksNothingHoweverLong() {
    handler =
        (_, _, _, _) -> {
          throw new UncheckedIOException(new IOException("no answer"));
        };
    for (int i = 0; i < 10; i++) {
      assertThatThrownBy(() -> take(1, "good")).isInstanceOf(UncheckedIOException.class);
    }
    assertThat(parked()).isEqualTo("null");
  }

  @Test
  void aBugThatOneRecordMeetsHoldsTheOthersUpForFourTriesAndNoLonger() {
    handler =
        (_, _, _, value) -> {
          if (value.length == 3) {
            throw new IllegalStateException("a bug");
          }
        };
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> take(1, "bad")).hasMessage("a bug");
    }
    take(1, "bad");
    take(2, "good");
    assertThat(test.value("SELECT position || ' ' || reason FROM parked"))
        .isEqualTo("1 IllegalStateException: a bug");
  }

  @Test
  void whatWasAddedMeanwhileIsALostRaceAndTriedAgain() {
    handler =
        (tx, _, _, _) -> {
          if (test.value("SELECT count(*) FROM job").equals("0")) {
            test.run("INSERT INTO job (migration, kind, attempt) VALUES ('m', 'k', 1)");
            try (PreparedStatement add =
                tx.prepareStatement(
                    "INSERT INTO job (migration, kind, attempt) VALUES ('m', 'k', 1)")) {
              add.execute();
            }
          }
        };
    take(1, "good");
    assertThat(parked()).isEqualTo("null");
  }
}
