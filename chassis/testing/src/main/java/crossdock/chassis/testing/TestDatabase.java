package crossdock.chassis.testing;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;

/** A real, empty PostgreSQL database; the server is started once for each JVM. Thread-safe. */
public final class TestDatabase {
  private static final AtomicInteger COUNT = new AtomicInteger();

  private final String name = "test_" + COUNT.incrementAndGet();

  /** Makes a database of its own. */
  public TestDatabase() {
    try (Connection admin = Server.ONE.getPostgresDatabase().getConnection();
        Statement statement = admin.createStatement()) {
      statement.execute("CREATE DATABASE " + name);
    } catch (SQLException e) {
      throw new IllegalStateException("cannot create " + name, e);
    }
  }

  /** Brought to the newest scripts of the chassis and of the service under test. */
  public DataSource migrated() {
    DataSource source = Server.ONE.getDatabase("postgres", name);
    Flyway.configure()
        .dataSource(source)
        .locations("classpath:db/chassis", "classpath:db/service")
        .load()
        .migrate();
    return source;
  }

  /** The keys that an application finds it by. */
  Map<String, Object> configuration() {
    return Map.of(
        "datasources.default.url",
        Server.ONE.getJdbcUrl("postgres", name),
        "datasources.default.username",
        "postgres",
        "datasources.default.password",
        "postgres");
  }

  private static final class Server {
    static final EmbeddedPostgres ONE = start();

    private static EmbeddedPostgres start() {
      try {
        return EmbeddedPostgres.start();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
