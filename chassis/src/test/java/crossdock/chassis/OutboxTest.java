package crossdock.chassis;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is added goes out in order with its transaction, and nothing else is deleted. */
class OutboxTest {
  private final TestDatabase test = new TestDatabase();
  private final Outbox outbox = new Outbox();

  private void add(Connection tx, String text) throws SQLException {
    outbox.add(tx, "topic", "key", "type", text.getBytes(StandardCharsets.UTF_8));
  }

  private List<String> pending() {
    return test.outbox().stream()
        .map(row -> new String(row.payload(), StandardCharsets.UTF_8))
        .toList();
  }

  @Test
  void messagesGoOutInTheOrderOfAdding() {
    test.database.change(
        tx -> {
          add(tx, "first");
          add(tx, "second");
        });
    test.database.change(tx -> add(tx, "third"));

    assertThat(pending()).containsExactly("first", "second", "third");
    long count = test.database.transaction(outbox::pending);
    assertThat(count).isEqualTo(3);
    assertThat(test.outbox()).extracting(Outbox.Row::id).doesNotHaveDuplicates();
    Outbox.Row row = test.outbox().getFirst();
    assertThat(List.of(row.topic(), row.key(), row.type())).containsExactly("topic", "key", "type");
  }

  @Test
  void whatRolledBackIsNeverSent() throws SQLException {
    try (Connection tx = test.begin()) {
      add(tx, "never");
      tx.rollback();
    }
    assertThat(pending()).isEmpty();
  }

  @Test
  void anOlderOneThatCommitsLaterIsNotDeletedWithTheSent() throws SQLException {
    try (Connection slow = test.begin()) {
      add(slow, "older");
      test.database.change(tx -> add(tx, "younger"));
      List<Outbox.Row> read = test.outbox();
      assertThat(read).hasSize(1);
      slow.commit();
      test.database.change(tx -> outbox.sent(tx, read));
    }

    assertThat(pending()).containsExactly("older");
  }

  @Test
  void payloadsComeOutByteForByte() {
    byte[] bytes = "{ \"n\" : 1.0 ,\u0000}".getBytes(StandardCharsets.UTF_8);
    test.database.change(tx -> outbox.add(tx, "topic", "key", "type", bytes));
    assertThat(test.outbox().getFirst().payload()).isEqualTo(bytes);
  }
}
