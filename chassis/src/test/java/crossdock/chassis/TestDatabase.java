package crossdock.chassis;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import javax.sql.DataSource;

/** A fresh database with the chassis' tables for each test. */
final class TestDatabase {
  final DataSource source = new crossdock.chassis.testing.TestDatabase().migrated();
  final Database database = new Database(source);

  /** A transaction that the test ends. */
  Connection begin() throws SQLException {
    Connection tx = source.getConnection();
    tx.setAutoCommit(false);
    return tx;
  }

  void run(String sql) {
    database.change(
        tx -> {
          try (PreparedStatement statement = tx.prepareStatement(sql)) {
            statement.execute();
          }
        });
  }

  /** The one value that a query finds, as text. */
  String value(String sql) {
    return database.transaction(
        tx -> {
          try (PreparedStatement query = tx.prepareStatement(sql);
              ResultSet found = query.executeQuery()) {
            return found.next() ? String.valueOf(found.getString(1)) : "nothing";
          }
        });
  }

  List<Outbox.Row> outbox() {
    return database.transaction(new Outbox()::next);
  }

  /** Waits until {@code sql} finds {@code expected}; retries that are due later come at once. */
  void await(String sql, String expected) throws InterruptedException {
    Instant deadline = Instant.now().plus(Duration.ofSeconds(20));
    while (!value(sql).equals(expected)) {
      if (Instant.now().isAfter(deadline)) {
        throw new AssertionError(sql + " found " + value(sql) + ", not " + expected);
      }
      run("UPDATE job SET next_run = now() WHERE next_run > now()");
      Thread.sleep(20);
    }
  }
}
