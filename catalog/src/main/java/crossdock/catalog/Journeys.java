package crossdock.catalog;

import crossdock.chassis.Database;
import crossdock.contracts.Fact;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.NetworkPath;
import crossdock.contracts.SiteId;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How long the migrations between each two sites took, by the times of the gateway's events: no
 * site says so of itself. Thread-safe.
 */
@Singleton
final class Journeys {
  private static final String BEGIN =
      """
      INSERT INTO journey (migration, plan, source, target, bytes, path_bytes_per_second, began)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (migration) DO UPDATE
      SET plan = excluded.plan, bytes = excluded.bytes,
        path_bytes_per_second = excluded.path_bytes_per_second, began = excluded.began
      WHERE journey.ended IS NULL AND journey.plan <> excluded.plan
      """;
  private static final String END =
      "UPDATE journey SET ended = ? WHERE migration = ? AND ended IS NULL";
  // Who reads them reads all there are.
  private static final String FORGET =
      """
      DELETE FROM journey WHERE migration IN (
        SELECT migration FROM journey WHERE source = ? AND target = ? AND ended IS NOT NULL
        ORDER BY ended DESC, migration OFFSET ?)
      """;
  private static final String DROP = "DELETE FROM journey WHERE migration = ? AND ended IS NULL";
  private static final String SEEN =
      """
      SELECT target, bytes, greatest(extract(epoch FROM ended - began), 0)::bigint FROM journey
      WHERE source = ? AND ended IS NOT NULL ORDER BY target, ended DESC, migration
      """;
  private static final String PATHS =
      """
      SELECT DISTINCT ON (target) target, path_bytes_per_second FROM journey
      WHERE source = ? AND path_bytes_per_second IS NOT NULL AND began > ?
      ORDER BY target, began DESC, migration
      """;

  /** A path is not what it was for ever. */
  private static final Duration MEASURED = Duration.ofDays(7);

  private final Database database;
  private final Clock clock;
  private final long bytesPerSecond;

  /**
   * @param bytesPerSecond what a migration is expected to move where none has been seen
   */
  Journeys(
      Database database,
      Clock clock,
      @Value("${crossdock.catalog.bytes-per-second:50000000}") long bytesPerSecond) {
    this.database = database;
    this.clock = clock;
    this.bytesPerSecond = Forecast.unseen(bytesPerSecond).bytesPerSecond();
  }

  /**
   * Sees a migration as it moves on. One whose customer wants it slow says nothing of the others.
   */
  void see(Connection tx, Migration migration) throws SQLException {
    if (migration.state() instanceof Migration.State.Approved(boolean cleared, boolean reserved)
        && cleared
        && reserved
        && migration.request().bandwidth().isEmpty()) {
      begin(tx, migration);
    } else if (migration.state() instanceof Migration.State.Booted) {
      end(tx, migration);
    } else if (migration.state() instanceof Migration.State.Undone) {
      try (PreparedStatement drop = tx.prepareStatement(DROP)) {
        drop.setString(1, migration.id().value());
        drop.executeUpdate();
      }
    }
  }

  private static void end(Connection tx, Migration migration) throws SQLException {
    try (PreparedStatement end = tx.prepareStatement(END);
        PreparedStatement forget = tx.prepareStatement(FORGET)) {
      end.setTimestamp(1, Timestamp.from(migration.since()));
      end.setString(2, migration.id().value());
      end.executeUpdate();
      forget.setString(1, migration.request().source().toString());
      forget.setString(2, migration.request().target().toString());
      forget.setInt(3, Forecast.MOST);
      forget.executeUpdate();
    }
  }

  private static void begin(Connection tx, Migration migration) throws SQLException {
    Optional<Long> path =
        migration
            .latest(Fact.Reserved.class)
            .flatMap(Fact.Reserved::path)
            .map(NetworkPath::bytesPerSecond);
    try (PreparedStatement begin = tx.prepareStatement(BEGIN)) {
      begin.setString(1, migration.id().value());
      begin.setString(2, migration.plan().digest().hex());
      begin.setString(3, migration.request().source().toString());
      begin.setString(4, migration.request().target().toString());
      begin.setLong(
          5, migration.machine().disks().stream().mapToLong(Machine.Disk::virtualBytes).sum());
      begin.setObject(6, path.orElse(null), java.sql.Types.BIGINT);
      begin.setTimestamp(7, Timestamp.from(migration.since()));
      begin.executeUpdate();
    }
  }

  /** What to expect of migrations from a site, to each of those that it was seen with. */
  Forecasts from(SiteId source) {
    return database.transaction(
        tx -> {
          Map<SiteId, List<Forecast.Journey>> journeys = new HashMap<>();
          try (PreparedStatement seen = tx.prepareStatement(SEEN)) {
            seen.setString(1, source.toString());
            try (ResultSet found = seen.executeQuery()) {
              while (found.next()) {
                journeys
                    .computeIfAbsent(SiteId.parse(found.getString(1)), _ -> new ArrayList<>())
                    .add(new Forecast.Journey(found.getLong(2), found.getLong(3)));
              }
            }
          }
          Map<SiteId, Long> paths = new HashMap<>();
          try (PreparedStatement all = tx.prepareStatement(PATHS)) {
            all.setString(1, source.toString());
            all.setTimestamp(2, Timestamp.from(clock.instant().minus(MEASURED)));
            try (ResultSet found = all.executeQuery()) {
              while (found.next()) {
                paths.put(SiteId.parse(found.getString(1)), found.getLong(2));
              }
            }
          }
          return target ->
              Forecast.of(
                  bytesPerSecond,
                  Optional.ofNullable(paths.get(target)),
                  journeys.getOrDefault(target, List.of()));
        });
  }

  /** What to expect of migrations from one site to others. */
  @FunctionalInterface
  interface Forecasts {
    Forecast to(SiteId target);
  }
}
