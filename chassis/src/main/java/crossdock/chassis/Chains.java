package crossdock.chassis;

import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Refused;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Every migration's events as this service has seen them. What was seen once can only be continued:
 * a chain that says anything else about the past is a fork and is refused.
 */
@Singleton
public final class Chains {
  private static final String LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))";
  private static final String ADD =
      "INSERT INTO chain (migration, sequence, event) VALUES (?, ?, ?)";
  private static final String ALL = "SELECT event FROM chain WHERE migration = ? ORDER BY sequence";

  private final Trust trust;
  private final MeterRegistry meters;

  Chains(Trust trust, MeterRegistry meters) {
    this.trust = trust;
    this.meters = meters;
  }

  /**
   * Continues a migration's chain with what {@code chain} has more, after verifying all of it, and
   * folds it. A shorter chain that agrees changes nothing.
   *
   * @param chain the events' bytes from the first one on
   * @throws Refused if it does not verify or forks from what was seen
   */
  public Migration extend(Connection tx, MigrationId id, List<byte[]> chain) throws SQLException {
    List<byte[]> seen = read(tx, id);
    for (int i = 0; i < Math.min(seen.size(), chain.size()); i++) {
      if (!Arrays.equals(seen.get(i), chain.get(i))) {
        meters.counter("crossdock.chain.forks").increment();
        throw new Refused("a fork: event " + (i + 1) + " of " + id + " is not the one seen before");
      }
    }
    List<byte[]> longer = chain.size() > seen.size() ? chain : seen;
    List<Event> events = Event.verify(longer, trust.now());
    if (!events.getFirst().migration().equals(id)) {
      throw new Refused("a chain of another migration");
    }
    for (int i = seen.size(); i < longer.size(); i++) {
      add(tx, id, i + 1, longer.get(i));
      if (events.get(i).report().fact() instanceof Fact.Unknown unknown) {
        meters.counter("crossdock.facts.unknown", "type", unknown.type()).increment();
      }
    }
    return Migration.of(events);
  }

  /**
   * Continues a migration's chain with one event, as it comes on the topic {@code migrations}.
   *
   * @throws Refused as {@link #extend}, and if events before it have not been seen
   */
  public Migration append(Connection tx, byte[] event) throws SQLException {
    Event next = Json.read(event, Event.class);
    List<byte[]> chain = new ArrayList<>(read(tx, next.migration()));
    if (next.sequence() > chain.size() + 1) {
      throw new Refused(
          "event "
              + next.sequence()
              + " of "
              + next.migration()
              + " came before those it rests on");
    }
    chain.subList((int) next.sequence() - 1, chain.size()).clear();
    chain.add(event);
    return extend(tx, next.migration(), chain);
  }

  /** The migration as far as it has been seen; before its first event if not at all. */
  public Migration migration(Connection tx, MigrationId id) throws SQLException {
    List<byte[]> seen = read(tx, id);
    return seen.isEmpty()
        ? Migration.of(id)
        : Migration.of(seen.stream().map(bytes -> Json.read(bytes, Event.class)).toList());
  }

  /** The bytes of its events, in order; the migration's row set is locked until {@code tx} ends. */
  public List<byte[]> read(Connection tx, MigrationId id) throws SQLException {
    try (PreparedStatement lock = tx.prepareStatement(LOCK)) {
      lock.setString(1, id.value());
      lock.execute();
    }
    List<byte[]> events = new ArrayList<>();
    try (PreparedStatement all = tx.prepareStatement(ALL)) {
      all.setString(1, id.value());
      try (ResultSet found = all.executeQuery()) {
        while (found.next()) {
          events.add(found.getBytes(1));
        }
      }
    }
    return events;
  }

  private static void add(Connection tx, MigrationId id, long sequence, byte[] event)
      throws SQLException {
    try (PreparedStatement add = tx.prepareStatement(ADD)) {
      add.setString(1, id.value());
      add.setLong(2, sequence);
      add.setBytes(3, event);
      add.executeUpdate();
    }
  }
}
