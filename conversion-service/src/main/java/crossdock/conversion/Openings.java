package crossdock.conversion;

import crossdock.chassis.Database;
import crossdock.contracts.Certificate;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Sha256;
import crossdock.disk.DiskSource;
import crossdock.providers.DiskTicket;
import io.micronaut.context.annotation.Value;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** What this dock serves, to whom; kept, so that a restarted dock goes on serving. Thread-safe. */
@Singleton
final class Openings {
  private static final String OPEN =
      """
      INSERT INTO opening (migration, disk, ticket, peer, root, length) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (migration, disk) DO UPDATE
      SET ticket = excluded.ticket, peer = excluded.peer, root = excluded.root, length = excluded.length
      """;
  private static final String FIND =
      "SELECT ticket, peer, root, length FROM opening WHERE migration = ? AND disk = ?";
  private static final long KNOWN_NANOS = 1_000_000_000L;
  private static final String CLOSE = "DELETE FROM opening WHERE migration = ? RETURNING disk";

  /**
   * @param peer the URN of the only dock that may have it
   */
  record Opening(DiskTicket ticket, String peer, Certificate.Disk disk) {}

  /** What was looked up for a chunk, good for the next ones. */
  private record Known(Opening opening, long nanos) {}

  private final Database database;
  private final Sites sites;
  private final Path work;
  private final Map<String, DiskSource> sources = new HashMap<>();
  private final Map<String, Known> known = new ConcurrentHashMap<>();

  Openings(Database database, Sites sites, @Value("${crossdock.work}") Path work)
      throws IOException {
    this.database = database;
    this.sites = sites;
    this.work = Files.createDirectories(work.resolve("leaves"));
  }

  /** Where the leaves of a disk are kept: a {@link crossdock.disk.LeafFile}. */
  Path leaves(MigrationId migration, String disk) {
    return work.resolve(migration + "." + disk + ".leaves");
  }

  void open(MigrationId migration, Opening opening) {
    database.change(
        tx -> {
          try (PreparedStatement open = tx.prepareStatement(OPEN)) {
            open.setString(1, migration.value());
            open.setString(2, opening.disk().name());
            open.setString(3, Json.text(opening.ticket()));
            open.setString(4, opening.peer());
            open.setString(5, opening.disk().root().hex());
            open.setLong(6, opening.disk().length());
            open.executeUpdate();
          }
        });
    known.remove(migration + "/" + opening.disk().name());
  }

  /** What is open; if another process closed it, for a second more. */
  Optional<Opening> find(MigrationId migration, String disk) {
    String name = migration + "/" + disk;
    long now = System.nanoTime();
    Known one = known.get(name);
    if (one != null && now - one.nanos() < KNOWN_NANOS) {
      return Optional.of(one.opening());
    }
    Optional<Opening> found = look(migration, disk);
    found.ifPresentOrElse(
        opening -> known.put(name, new Known(opening, now)), () -> known.remove(name));
    return found;
  }

  private Optional<Opening> look(MigrationId migration, String disk) {
    return database.transaction(
        tx -> {
          try (PreparedStatement find = tx.prepareStatement(FIND)) {
            find.setString(1, migration.value());
            find.setString(2, disk);
            try (ResultSet found = find.executeQuery()) {
              return found.next()
                  ? Optional.of(
                      new Opening(
                          Json.read(found.getString(1), DiskTicket.class),
                          found.getString(2),
                          new Certificate.Disk(
                              disk, new Sha256(found.getString(3)), found.getLong(4))))
                  : Optional.empty();
            }
          }
        });
  }

  /** The disk itself; opened once and shared. */
  synchronized DiskSource source(MigrationId migration, Opening opening) throws IOException {
    String name = migration + "/" + opening.disk().name();
    DiskSource open = sources.get(name);
    if (open == null) {
      // It may have been closed since it was found.
      if (look(migration, opening.disk().name()).isEmpty()) {
        throw new IOException("closed");
      }
      open = sites.source(opening.ticket());
      sources.put(name, open);
    }
    return open;
  }

  /** Drops a source that failed, so that the next request opens it anew. */
  synchronized void drop(MigrationId migration, Opening opening) throws IOException {
    DiskSource open = sources.remove(migration + "/" + opening.disk().name());
    if (open != null) {
      open.close();
    }
  }

  /** Serves nothing of a migration any more. */
  synchronized void close(MigrationId migration) throws IOException {
    java.util.List<String> disks =
        database.transaction(
            tx -> {
              try (PreparedStatement close = tx.prepareStatement(CLOSE)) {
                close.setString(1, migration.value());
                java.util.List<String> closed = new java.util.ArrayList<>();
                try (ResultSet found = close.executeQuery()) {
                  while (found.next()) {
                    closed.add(found.getString(1));
                  }
                }
                return closed;
              }
            });
    known.keySet().removeIf(name -> name.startsWith(migration + "/"));
    for (String disk : disks) {
      DiskSource open = sources.remove(migration + "/" + disk);
      if (open != null) {
        open.close();
      }
    }
    // Those that a killed turn left unfinished, too.
    try (Stream<Path> files = Files.list(work)) {
      for (Path file :
          files.filter(f -> f.getFileName().toString().startsWith(migration + ".")).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  @PreDestroy
  synchronized void shut() throws IOException {
    for (DiskSource source : sources.values()) {
      source.close();
    }
    sources.clear();
  }
}
