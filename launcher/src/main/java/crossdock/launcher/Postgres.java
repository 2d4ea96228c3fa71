package crossdock.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * PostgreSQL as its own process: durable, loopback only, a password for everybody, and for each
 * service a role and a database that no other role may connect to.
 */
final class Postgres {
  private static final String ROLE = "CREATE ROLE %s LOGIN;\n";
  private static final String PASSWORD = "ALTER ROLE %s PASSWORD '%s' CONNECTION LIMIT 20;\n";
  private static final String DATABASE = "CREATE DATABASE %1$s OWNER %1$s;\n";
  private static final String PRIVATE = "REVOKE ALL ON DATABASE %s FROM PUBLIC;\n";

  private final State state;
  private final Place place;
  private final Path home;
  private final List<String> owners;

  /**
   * @param owners who gets a role and a database of that name
   */
  Postgres(State state, Place place, Path home, List<String> owners) {
    this.state = state;
    this.place = place;
    this.home = home;
    this.owners = List.copyOf(owners);
  }

  static String database(String owner) {
    return owner.replace('-', '_');
  }

  static String url(SitePlace place, String owner) {
    return "jdbc:postgresql://" + place.postgres().address() + "/" + database(owner);
  }

  static String password(State state, String owner) {
    return state.secret("postgres." + owner);
  }

  /** Makes the cluster where that has not been done. */
  Daemon prepare() throws IOException, InterruptedException {
    Path directory = state.run("postgres");
    Path binaries = PostgresBinaries.home(home);
    Path data = directory.resolve("data");
    if (!Files.exists(data)) {
      Path password = directory.resolve("password");
      State.write(password, password(state, "postgres"));
      Path fresh = directory.resolve("data.new");
      Deletion.tree(fresh);
      List<String> initdb =
          asUser(
              binaries.resolve("bin/initdb").toString(),
              "--pgdata=" + fresh,
              "--username=postgres",
              "--auth=scram-sha-256",
              "--pwfile=" + password,
              "--encoding=UTF8",
              "--locale=C",
              "--no-instructions");
      Spawn.tool(state, "postgres", initdb, Map.of());
      Files.delete(password);
      // Only a cluster made to its end gets the name.
      Files.move(fresh, data, StandardCopyOption.ATOMIC_MOVE);
    }
    admit(data.resolve("pg_hba.conf"));
    List<String> command = new ArrayList<>();
    command.addAll(asUser(binaries.resolve("bin/postgres").toString(), "-D", data.toString()));
    for (String setting :
        List.of(
            "port=" + place.postgres().port(),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "password_encryption=scram-sha-256",
            "fsync=on",
            "synchronous_commit=on",
            "full_page_writes=on",
            "max_connections=200",
            "shared_buffers=48MB",
            "max_wal_size=256MB",
            "log_timezone=UTC",
            "timezone=UTC")) {
      command.add("-c");
      command.add(setting);
    }
    return new Daemon(
        "postgres",
        directory,
        command,
        Map.of(),
        Daemon.Signal.INT,
        Duration.ofMinutes(1),
        Duration.ofSeconds(10),
        place.postgres().address(),
        this::ready);
  }

  /** By their passwords too, whoever is in a namespace of the lab. */
  private static void admit(Path file) throws IOException {
    for (String network : Subnets.here().networks()) {
      String line = "host all all " + network + " scram-sha-256\n";
      if (!Files.readString(file).contains(line)) {
        Files.writeString(file, "\n" + line, StandardOpenOption.APPEND);
      }
    }
  }

  /** True once it answers and every owner has role and database; done again it changes nothing. */
  private boolean ready() throws SQLException {
    Properties login = new Properties();
    login.setProperty("user", "postgres");
    login.setProperty("password", password(state, "postgres"));
    login.setProperty("connectTimeout", "2");
    try (Connection connection = DriverManager.getConnection(url(place, "postgres"), login);
        Statement statement = connection.createStatement()) {
      for (String owner : owners) {
        own(statement, owner);
      }
      return true;
    }
  }

  // Names and passwords are our own letters and digits: nothing to quote.
  private void own(Statement statement, String owner) throws SQLException {
    String name = database(owner);
    if (!found(statement, "SELECT 1 FROM pg_roles WHERE rolname = '" + name + "'")) {
      statement.execute(ROLE.formatted(name));
    }
    statement.execute(PASSWORD.formatted(name, password(state, owner)));
    if (!found(statement, "SELECT 1 FROM pg_database WHERE datname = '" + name + "'")) {
      statement.execute(DATABASE.formatted(name));
    }
    statement.execute(PRIVATE.formatted(name));
  }

  /** The same for a cluster that was made this moment, to be run by whoever made it. */
  static String script(State state, List<String> owners) {
    StringBuilder script = new StringBuilder();
    for (String owner : owners) {
      String name = database(owner);
      script
          .append(ROLE.formatted(name))
          .append(PASSWORD.formatted(name, password(state, owner)))
          .append(DATABASE.formatted(name))
          .append(PRIVATE.formatted(name));
    }
    return script.toString();
  }

  private static boolean found(Statement statement, String query) throws SQLException {
    try (var rows = statement.executeQuery(query)) {
      return rows.next();
    }
  }

  // It refuses to run as root. In a user namespace of its own without any mapping it is nobody, and
  // the files stay root's.
  private static List<String> asUser(String... command) {
    List<String> all = new ArrayList<>();
    if ("root".equals(System.getProperty("user.name"))) {
      all.addAll(List.of("unshare", "-U"));
    }
    all.addAll(List.of(command));
    return all;
  }
}
