package crossdock.gateway.log;

import crossdock.contracts.Due;
import crossdock.contracts.Envelope;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration.State;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Progress;
import crossdock.contracts.Refused;
import crossdock.contracts.Report;
import crossdock.contracts.Sha256;
import crossdock.contracts.SiteId;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** The tables of the log. Times are the caller's clock. */
@Singleton
final class LogStore {
  private static final String CREATE =
      """
      INSERT INTO migration (id, caller_issuer, caller_sub, fingerprint, vm, source, target, state,
        created_at, updated_at, assigned_at, next_look)
      VALUES (?, ?, ?, ?, ?, ?, ?, 'nothing', ?, ?, ?, ?) ON CONFLICT DO NOTHING
      """;
  private static final String FINGERPRINT = "SELECT fingerprint FROM migration WHERE id = ?";
  private static final String LOCK = "SELECT id FROM migration WHERE id = ? FOR UPDATE";
  private static final String ASSIGNED = "SELECT assigned_at FROM migration WHERE id = ?";
  private static final String SAVE =
      """
      UPDATE migration SET state = ?, ended = ?, assigned_at = ?, next_look = ?,
        updated_at = CASE WHEN ? THEN ? ELSE updated_at END
      WHERE id = ?
      """;
  private static final String NEXT =
      """
      UPDATE migration SET next_look = ? WHERE id = (
        SELECT id FROM migration WHERE NOT ended AND next_look <= ?
        ORDER BY next_look LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING id
      """;
  private static final String OPEN =
      "SELECT id FROM migration WHERE NOT ended AND (source = ? OR target = ?) ORDER BY id";
  private static final String EVENTS =
      "SELECT event FROM log WHERE migration = ? AND sequence > ? ORDER BY sequence";
  private static final String APPEND =
      "INSERT INTO log (migration, sequence, event) VALUES (?, ?, ?)";
  private static final String DIGESTS = "SELECT digest FROM report WHERE id = ?";
  private static final String REMEMBER =
      """
      INSERT INTO report (id, digest, migration, verdict, envelope, at) VALUES (?, ?, ?, ?, ?, ?)
      """;
  private static final String HELD =
      """
      SELECT envelope FROM report WHERE migration = ? AND verdict = 'HELD' ORDER BY at, id
      """;
  private static final String JUDGE =
      "UPDATE report SET verdict = ? WHERE id = ? AND verdict = 'HELD'";
  private static final String NOTE =
      """
      INSERT INTO progress AS old
        (migration, step, attempt, done_bytes, heard_bytes, from_bytes, total_bytes, at, since, ahead_bytes)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (migration, step) DO UPDATE SET attempt = excluded.attempt,
        done_bytes = CASE WHEN excluded.attempt > old.attempt THEN excluded.done_bytes
          ELSE greatest(old.done_bytes, excluded.done_bytes) END,
        total_bytes = CASE WHEN excluded.attempt > old.attempt THEN excluded.total_bytes
          ELSE greatest(old.total_bytes, excluded.total_bytes) END,
        heard_bytes = excluded.heard_bytes, ahead_bytes = excluded.ahead_bytes,
        at = CASE WHEN excluded.attempt > old.attempt OR excluded.heard_bytes <> old.heard_bytes
            OR excluded.ahead_bytes < old.ahead_bytes
            OR old.ahead_bytes IS NULL AND excluded.ahead_bytes IS NOT NULL
          THEN excluded.at ELSE old.at END,
        from_bytes = CASE WHEN excluded.attempt > old.attempt OR excluded.heard_bytes < old.heard_bytes
          THEN excluded.heard_bytes ELSE old.from_bytes END,
        since = CASE WHEN excluded.attempt > old.attempt OR excluded.heard_bytes < old.heard_bytes
          THEN excluded.at ELSE old.since END
      WHERE excluded.attempt > old.attempt
        OR excluded.attempt = old.attempt
          AND (excluded.heard_bytes <> old.heard_bytes
            OR excluded.ahead_bytes IS DISTINCT FROM old.ahead_bytes)
      """;
  private static final String HEARD =
      "SELECT at FROM progress WHERE migration = ? AND step = ? AND attempt = ?";
  private static final String PROGRESS =
      """
      SELECT step, attempt, done_bytes, total_bytes, ahead_bytes FROM progress WHERE migration = ?
      ORDER BY at DESC LIMIT 1
      """;
  private static final String RATE =
      """
      SELECT CASE WHEN at > since
        THEN ((heard_bytes - from_bytes) / greatest(extract(epoch FROM at - since), 0.001))::bigint END
      FROM progress
      WHERE migration = ? ORDER BY at DESC LIMIT 1
      """;
  private static final String STORY =
      """
      SELECT id, caller_issuer, caller_sub, created_at, updated_at FROM migration WHERE id = ?
      """;
  private static final String STORIES =
      """
      SELECT id, caller_issuer, caller_sub, created_at, updated_at FROM migration
      WHERE caller_issuer = ? AND caller_sub = ? AND (?::text IS NULL OR (created_at, id) <
        (SELECT created_at, id FROM migration WHERE id = ?))
      ORDER BY created_at DESC, id DESC LIMIT ?
      """;

  private static final String ENDED = "SELECT ended FROM migration WHERE id = ?";

  /** What became of a report. */
  enum Verdict {
    ACCEPTED,
    HELD,
    STALE,
    CONFLICT
  }

  /** False if there is a migration of that id; then nothing changes. */
  boolean create(
      Connection tx, MigrationId id, Sha256 fingerprint, Fact.Requested requested, Instant now)
      throws SQLException {
    try (PreparedStatement create = tx.prepareStatement(CREATE)) {
      create.setString(1, id.value());
      create.setString(2, requested.caller().issuer());
      create.setString(3, requested.caller().sub());
      create.setString(4, fingerprint.hex());
      create.setString(5, requested.vm());
      create.setString(6, requested.source().toString());
      create.setString(7, requested.target().toString());
      for (int i = 8; i <= 11; i++) {
        create.setTimestamp(i, Timestamp.from(now));
      }
      return create.executeUpdate() == 1;
    }
  }

  Sha256 fingerprint(Connection tx, MigrationId id) throws SQLException {
    try (PreparedStatement fingerprint = tx.prepareStatement(FINGERPRINT)) {
      fingerprint.setString(1, id.value());
      try (ResultSet found = one(fingerprint, id)) {
        return new Sha256(found.getString(1));
      }
    }
  }

  /**
   * Keeps everybody else from the migration until {@code tx} ends.
   *
   * @throws Refused if there is none
   */
  void lock(Connection tx, MigrationId id) throws SQLException {
    try (PreparedStatement lock = tx.prepareStatement(LOCK)) {
      lock.setString(1, id.value());
      one(lock, id).close();
    }
  }

  Instant assigned(Connection tx, MigrationId id) throws SQLException {
    try (PreparedStatement assigned = tx.prepareStatement(ASSIGNED)) {
      assigned.setString(1, id.value());
      try (ResultSet found = one(assigned, id)) {
        return found.getTimestamp(1).toInstant();
      }
    }
  }

  void save(Connection tx, Chain chain, Instant assigned, Instant look, Instant now)
      throws SQLException {
    try (PreparedStatement save = tx.prepareStatement(SAVE)) {
      save.setString(1, name(chain.migration().state()));
      save.setBoolean(2, chain.migration().ended());
      save.setTimestamp(3, Timestamp.from(assigned));
      save.setTimestamp(4, Timestamp.from(look));
      save.setBoolean(5, chain.grown());
      save.setTimestamp(6, Timestamp.from(now));
      save.setString(7, chain.id().value());
      save.executeUpdate();
    }
  }

  Optional<MigrationId> next(Connection tx, Instant now, Instant postponed) throws SQLException {
    try (PreparedStatement next = tx.prepareStatement(NEXT)) {
      next.setTimestamp(1, Timestamp.from(postponed));
      next.setTimestamp(2, Timestamp.from(now));
      try (ResultSet found = next.executeQuery()) {
        return found.next() ? Optional.of(new MigrationId(found.getString(1))) : Optional.empty();
      }
    }
  }

  /** What has not ended and has this site at one end. */
  List<MigrationId> open(Connection tx, SiteId site) throws SQLException {
    List<MigrationId> ids = new ArrayList<>();
    try (PreparedStatement open = tx.prepareStatement(OPEN)) {
      open.setString(1, site.toString());
      open.setString(2, site.toString());
      try (ResultSet found = open.executeQuery()) {
        while (found.next()) {
          ids.add(new MigrationId(found.getString(1)));
        }
      }
    }
    return ids;
  }

  List<byte[]> events(Connection tx, MigrationId id, long after) throws SQLException {
    List<byte[]> events = new ArrayList<>();
    try (PreparedStatement all = tx.prepareStatement(EVENTS)) {
      all.setString(1, id.value());
      all.setLong(2, after);
      try (ResultSet found = all.executeQuery()) {
        while (found.next()) {
          events.add(found.getBytes(1));
        }
      }
    }
    return events;
  }

  void append(Connection tx, Event event, byte[] bytes) throws SQLException {
    try (PreparedStatement append = tx.prepareStatement(APPEND)) {
      append.setString(1, event.migration().value());
      append.setLong(2, event.sequence());
      append.setBytes(3, bytes);
      append.executeUpdate();
    }
  }

  /** What was said under a report's id: more than one is a conflict. */
  List<Sha256> digests(Connection tx, String report) throws SQLException {
    List<Sha256> digests = new ArrayList<>();
    try (PreparedStatement all = tx.prepareStatement(DIGESTS)) {
      all.setString(1, report);
      try (ResultSet found = all.executeQuery()) {
        while (found.next()) {
          digests.add(new Sha256(found.getString(1)));
        }
      }
    }
    return digests;
  }

  void remember(
      Connection tx, Report report, Sha256 digest, Verdict verdict, byte[] envelope, Instant now)
      throws SQLException {
    try (PreparedStatement remember = tx.prepareStatement(REMEMBER)) {
      remember.setString(1, report.id());
      remember.setString(2, digest.hex());
      remember.setString(3, report.migration().value());
      remember.setString(4, verdict.name());
      remember.setBytes(5, envelope);
      remember.setTimestamp(6, Timestamp.from(now));
      remember.executeUpdate();
    }
  }

  List<Envelope> held(Connection tx, MigrationId id) throws SQLException {
    List<Envelope> envelopes = new ArrayList<>();
    try (PreparedStatement held = tx.prepareStatement(HELD)) {
      held.setString(1, id.value());
      try (ResultSet found = held.executeQuery()) {
        while (found.next()) {
          envelopes.add(Json.read(found.getBytes(1), Envelope.class));
        }
      }
    }
    return envelopes;
  }

  /** Of a held report. */
  void judge(Connection tx, Report report, Verdict verdict) throws SQLException {
    try (PreparedStatement judge = tx.prepareStatement(JUDGE)) {
      judge.setString(1, verdict.name());
      judge.setString(2, report.id());
      judge.executeUpdate();
    }
  }

  void note(Connection tx, Progress progress, Instant now) throws SQLException {
    try (PreparedStatement note = tx.prepareStatement(NOTE)) {
      note.setString(1, progress.migration().value());
      note.setString(2, progress.step().wire());
      note.setInt(3, progress.attempt());
      note.setLong(4, progress.doneBytes());
      note.setLong(5, progress.doneBytes());
      note.setLong(6, progress.doneBytes());
      note.setLong(7, progress.totalBytes());
      note.setTimestamp(8, Timestamp.from(now));
      note.setTimestamp(9, Timestamp.from(now));
      note.setObject(10, progress.aheadBytes().orElse(null), Types.BIGINT);
      note.executeUpdate();
    }
  }

  /** When there was progress last in one of these. */
  Optional<Instant> heard(Connection tx, MigrationId id, Collection<Due> due) throws SQLException {
    Optional<Instant> last = Optional.empty();
    for (Due one : due) {
      try (PreparedStatement heard = tx.prepareStatement(HEARD)) {
        heard.setString(1, id.value());
        heard.setString(2, one.step().wire());
        heard.setInt(3, one.attempt());
        try (ResultSet found = heard.executeQuery()) {
          if (found.next()) {
            last = Optional.of(found.getTimestamp(1).toInstant());
          }
        }
      }
    }
    return last;
  }

  Optional<Story> story(Connection tx, MigrationId id) throws SQLException {
    try (PreparedStatement story = tx.prepareStatement(STORY)) {
      story.setString(1, id.value());
      return stories(tx, story).stream().findFirst();
    }
  }

  List<Story> stories(Connection tx, Subject caller, Optional<MigrationId> after, int limit)
      throws SQLException {
    try (PreparedStatement stories = tx.prepareStatement(STORIES)) {
      stories.setString(1, caller.issuer());
      stories.setString(2, caller.sub());
      stories.setString(3, after.map(MigrationId::value).orElse(null));
      stories.setString(4, after.map(MigrationId::value).orElse(null));
      stories.setInt(5, limit);
      return stories(tx, stories);
    }
  }

  private List<Story> stories(Connection tx, PreparedStatement query) throws SQLException {
    List<Story> stories = new ArrayList<>();
    try (ResultSet found = query.executeQuery()) {
      while (found.next()) {
        MigrationId id = new MigrationId(found.getString(1));
        stories.add(
            new Story(
                id,
                new Subject(found.getString(2), found.getString(3)),
                found.getTimestamp(4).toInstant(),
                found.getTimestamp(5).toInstant(),
                events(tx, id, 0),
                progress(tx, id),
                rate(tx, id)));
      }
    }
    return stories;
  }

  News news(Connection tx, MigrationId id, long after) throws SQLException {
    boolean ended;
    // before the events: an ended migration has no more than those that are read next
    try (PreparedStatement query = tx.prepareStatement(ENDED)) {
      query.setString(1, id.value());
      try (ResultSet found = one(query, id)) {
        ended = found.getBoolean(1);
      }
    }
    return new News(events(tx, id, after), progress(tx, id), ended);
  }

  private static Optional<Progress> progress(Connection tx, MigrationId id) throws SQLException {
    try (PreparedStatement progress = tx.prepareStatement(PROGRESS)) {
      progress.setString(1, id.value());
      try (ResultSet found = progress.executeQuery()) {
        return found.next()
            ? Optional.of(
                new Progress(
                    id,
                    step(found.getString(1)),
                    found.getInt(2),
                    found.getLong(3),
                    found.getLong(4),
                    Optional.ofNullable(found.getObject(5, Long.class))))
            : Optional.empty();
      }
    }
  }

  private static OptionalLong rate(Connection tx, MigrationId id) throws SQLException {
    try (PreparedStatement rate = tx.prepareStatement(RATE)) {
      rate.setString(1, id.value());
      try (ResultSet found = rate.executeQuery()) {
        long bytes = found.next() ? found.getLong(1) : 0;
        return bytes > 0 ? OptionalLong.of(bytes) : OptionalLong.empty();
      }
    }
  }

  private static Step step(String wire) {
    for (Step step : Step.values()) {
      if (step.wire().equals(wire)) {
        return step;
      }
    }
    throw new Refused("no step " + wire);
  }

  private static ResultSet one(PreparedStatement query, MigrationId id) throws SQLException {
    ResultSet found = query.executeQuery();
    if (!found.next()) {
      found.close();
      throw new Refused("there is no migration " + id);
    }
    return found;
  }

  /** The state's name for customers and operators; part of the API. */
  static String name(State state) {
    return switch (state) {
      case State.Nothing _ -> "nothing";
      case State.Requested _ -> "requested";
      case State.Authorized _ -> "authorized";
      case State.Inspected _ -> "inspected";
      case State.Planned _ -> "planned";
      case State.Quoted _ -> "quoted";
      case State.Approved _ -> "approved";
      case State.Stopped _ -> "stopped";
      case State.Opened _ -> "opened";
      case State.Certified _ -> "certified";
      case State.Imported _ -> "imported";
      case State.Booted _ -> "booted";
      case State.Accepted _ -> "accepted";
      case State.Retired _ -> "retired";
      case State.Undoing _ -> "undoing";
      case State.Undone _ -> "undone";
    };
  }
}
