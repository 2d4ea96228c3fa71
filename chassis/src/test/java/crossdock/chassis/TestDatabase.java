package crossdock.chassis;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;

/** A PostgreSQL for the whole run, and a fresh database with the chassis' tables for each test. */
final class TestDatabase {
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static final EmbeddedPostgres SERVER = start();

  final DataSource source;
  final Database database;

  private TestDatabase(DataSource source) {
    this.source = source;
    this.database = new Database(source);
  }

  static TestDatabase fresh() {
    DataSource source = SERVER.getDatabase("postgres", create());
    Flyway.configure().dataSource(source).locations("classpath:db/chassis").load().migrate();
    return new TestDatabase(source);
  }

  /** The keys that a service finds an empty database by. */
  static Map<String, Object> configuration() {
    return Map.of(
        "datasources.default.url",
        SERVER.getJdbcUrl("postgres", create()),
        "datasources.default.username",
        "postgres",
        "datasources.default.password",
        "postgres",
        "flyway.datasources.default.locations",
        "classpath:db/chassis");
  }

  private static String create() {
    String name = "t" + NUMBER.incrementAndGet();
    try (Connection admin = SERVER.getPostgresDatabase().getConnection();
        PreparedStatement create = admin.prepareStatement("CREATE DATABASE " + name)) {
      create.execute();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
    return name;
  }

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

  private static EmbeddedPostgres start() {
    try {
      return EmbeddedPostgres.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
