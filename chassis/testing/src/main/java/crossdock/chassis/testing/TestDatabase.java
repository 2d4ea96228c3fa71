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
import org.postgresql.ds.PGSimpleDataSource;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/** A real, empty PostgreSQL database; the server is started once for each JVM. Thread-safe. */
public final class TestDatabase {
  private static final AtomicInteger COUNT = new AtomicInteger();
  private static final String OWNER = "postgres";

  private final String name = "test_" + COUNT.incrementAndGet();

  /** Makes a database of its own. */
  public TestDatabase() {
    try (Connection admin = source("postgres").getConnection();
        Statement statement = admin.createStatement()) {
      statement.execute("CREATE DATABASE " + name);
    } catch (SQLException e) {
      throw new IllegalStateException("cannot create " + name, e);
    }
  }

  /** Brought to the newest scripts of the chassis and of the service under test. */
  public DataSource migrated() {
    DataSource source = source(name);
    Flyway.configure()
        .dataSource(source)
        .locations("classpath:db/chassis", "classpath:db/service")
        .load()
        .migrate();
    return source;
  }

  /** The keys that an application finds it by. */
  public Map<String, Object> configuration() {
    return Map.of(
        "datasources.default.url", Running.URL + name,
        "datasources.default.username", OWNER,
        "datasources.default.password", OWNER);
  }

  /** A container that is not started yet; what it keeps is gone when it ends. */
  public static GenericContainer<?> server(DockerImageName image, String password) {
    return new GenericContainer<>(image)
        .withEnv("POSTGRES_PASSWORD", password)
        .withEnv("PGDATA", "/tmp/data")
        .withTmpFs(Map.of("/tmp", "rw"))
        // As docker-compose.yml has it: nobody's, and never root.
        .withCreateContainerCmdModifier(command -> command.withUser("10001:10001"))
        // The first time it is for the scripts that prepare it only.
        .waitingFor(Wait.forLogMessage(".*ready to accept connections.*\\n", 2));
  }

  private static DataSource source(String database) {
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setUrl(Running.URL + database);
    source.setUser(OWNER);
    source.setPassword(OWNER);
    return source;
  }

  private static final class Running {
    static final String URL =
        "jdbc:postgresql://"
            + Server.POSTGRES.image().map(Running::contained).orElseGet(Running::embedded)
            + "/";

    // It ends with the JVM, as the embedded one does.
    @SuppressWarnings("resource")
    private static String contained(DockerImageName image) {
      GenericContainer<?> server =
          server(image, OWNER)
              .withCommand("postgres", "-c", "fsync=off", "-c", "max_connections=300")
              .withExposedPorts(5432);
      server.start();
      return server.getHost() + ":" + server.getFirstMappedPort();
    }

    private static String embedded() {
      try {
        return "127.0.0.1:" + EmbeddedPostgres.start().getPort();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
