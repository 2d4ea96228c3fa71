package crossdock.chassis;

import crossdock.contracts.MigrationId;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What this service has to do, as rows: claimed under a lease, kept alive by heartbeats, fenced,
 * and never two of one migration at a time. Clocks are the database's alone.
 */
@Singleton
public final class Jobs {
  /** How long a silent worker keeps a job. */
  static final Duration LEASE = Duration.ofSeconds(15);

  private static final String ADD =
      """
      INSERT INTO job (migration, kind, attempt) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
      """;
  private static final String OUTDATE =
      """
      UPDATE job SET state = 'DROPPED', fence = fence + 1
      WHERE migration = ? AND kind = ? AND attempt < ? AND state IN ('READY', 'WAITING')
      """;
  private static final String DROP =
      """
      UPDATE job SET state = 'DROPPED', fence = fence + 1
      WHERE migration = ? AND state IN ('READY', 'WAITING') AND NOT (kind = ANY (?))
      """;
  // One claim after the other: two at once would not see each other's lease and could take two
  // jobs of one migration.
  private static final String IN_TURN = "SELECT pg_advisory_xact_lock(7002)";
  private static final String CLAIM =
      """
      UPDATE job
      SET lease_until = now() + make_interval(secs => ?), fence = nextval('job_fence'), tries = tries + 1
      WHERE id = (
        SELECT id FROM job due
        WHERE state = 'READY' AND next_run <= now() AND lease_until < now()
          AND (kind = ANY (?)) = ?
          AND NOT EXISTS (
            SELECT 1 FROM job other
            WHERE other.migration = due.migration AND other.id <> due.id AND other.lease_until >= now())
        ORDER BY next_run, id LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING id, migration, kind, attempt, fence, tries, unanswered, result
      """;
  private static final String BEAT =
      """
      UPDATE job SET lease_until = now() + make_interval(secs => ?),
        tries = CASE WHEN ? THEN 0 ELSE tries END, unanswered = CASE WHEN ? THEN 0 ELSE unanswered END
      WHERE id = ? AND fence = ? AND state = 'READY'
      """;
  private static final String END =
      """
      UPDATE job SET state = ?, lease_until = '-infinity' WHERE id = ? AND fence = ? AND state = 'READY'
      """;
  private static final String LATER =
      """
      UPDATE job SET lease_until = '-infinity', next_run = now() + make_interval(secs => ?),
        tries = ?, unanswered = ?
      WHERE id = ? AND fence = ? AND state = 'READY'
      """;
  private static final String READY =
      """
      SELECT migration, kind, attempt, lease_until >= now() AS held FROM job WHERE state = 'READY'
      ORDER BY held DESC, next_run, id
      """;
  private static final String LET_GO =
      "UPDATE job SET lease_until = '-infinity' WHERE id = ? AND fence = ? AND state = 'DROPPED'";
  // A job waits for one result after the other: the one that woke it last wakes it no more.
  private static final String WAKE =
      """
      UPDATE job SET state = 'READY', result = ?, next_run = now(), tries = 0, unanswered = 0
      WHERE migration = ? AND kind = ? AND attempt = ? AND state = 'WAITING'
        AND result IS DISTINCT FROM ?
      """;

  /**
   * @param kind what is to be done; a step's wire name where it is one
   * @param fence larger than in every turn before
   * @param tries including this one, without those that met with no answer; as the next, counted
   *     since it last {@link Held#advanced}
   * @param unanswered how often somebody else did not answer
   * @param result what woke it, if something did
   */
  public record Job(
      long id,
      MigrationId migration,
      String kind,
      int attempt,
      long fence,
      int tries,
      int unanswered,
      Optional<String> result) {}

  /**
   * @param held whether a worker is at it
   */
  public record Ready(MigrationId migration, String kind, int attempt, boolean held) {}

  /** Where a job stands when a worker leaves it. */
  enum End {
    DONE,
    WAITING,
    DROPPED
  }

  /**
   * Adds a job; one that is there already stays as it is. Those of earlier attempts are taken away.
   */
  public void add(Connection tx, MigrationId migration, String kind, int attempt)
      throws SQLException {
    try (PreparedStatement add = tx.prepareStatement(ADD)) {
      add.setString(1, migration.value());
      add.setString(2, kind);
      add.setInt(3, attempt);
      add.executeUpdate();
    }
    try (PreparedStatement outdate = tx.prepareStatement(OUTDATE)) {
      outdate.setString(1, migration.value());
      outdate.setString(2, kind);
      outdate.setInt(3, attempt);
      outdate.executeUpdate();
    }
  }

  /**
   * Takes all jobs of a migration away but those of {@code kinds}; whoever works on them finds the
   * lease lost.
   */
  public void drop(Connection tx, MigrationId migration, List<String> kinds) throws SQLException {
    try (PreparedStatement drop = tx.prepareStatement(DROP)) {
      drop.setString(1, migration.value());
      drop.setArray(2, tx.createArrayOf("text", kinds.toArray()));
      drop.executeUpdate();
    }
  }

  /**
   * Wakes a job that waits; the same result again has no effect.
   *
   * @param result what it waited for, handed to its next turn
   * @return whether it waited
   */
  public boolean wake(Connection tx, MigrationId migration, String kind, int attempt, String result)
      throws SQLException {
    try (PreparedStatement wake = tx.prepareStatement(WAKE)) {
      wake.setString(1, result);
      wake.setString(2, migration.value());
      wake.setString(3, kind);
      wake.setInt(4, attempt);
      wake.setString(5, result);
      return wake.executeUpdate() == 1;
    }
  }

  Optional<Job> claim(Connection tx) throws SQLException {
    return claim(tx, Set.of(), false);
  }

  /**
   * The next job, if there is one to begin now.
   *
   * @param only whether it is to be one of {@code kinds}, or none of them
   */
  Optional<Job> claim(Connection tx, Set<String> kinds, boolean only) throws SQLException {
    try (PreparedStatement inTurn = tx.prepareStatement(IN_TURN)) {
      inTurn.execute();
    }
    try (PreparedStatement claim = tx.prepareStatement(CLAIM)) {
      claim.setLong(1, LEASE.toSeconds());
      claim.setArray(2, tx.createArrayOf("text", kinds.toArray()));
      claim.setBoolean(3, only);
      try (ResultSet found = claim.executeQuery()) {
        if (!found.next()) {
          return Optional.empty();
        }
        return Optional.of(
            new Job(
                found.getLong(1),
                new MigrationId(found.getString(2)),
                found.getString(3),
                found.getInt(4),
                found.getLong(5),
                found.getInt(6),
                found.getInt(7),
                Optional.ofNullable(found.getString(8))));
      }
    }
  }

  /**
   * Whether the job is still this worker's.
   *
   * @param advanced whether its tries are counted anew
   */
  boolean beat(Connection tx, Job job, boolean advanced) throws SQLException {
    try (PreparedStatement beat = tx.prepareStatement(BEAT)) {
      beat.setLong(1, LEASE.toSeconds());
      beat.setBoolean(2, advanced);
      beat.setBoolean(3, advanced);
      beat.setLong(4, job.id());
      beat.setLong(5, job.fence());
      return beat.executeUpdate() == 1;
    }
  }

  /**
   * Whether the job was still this worker's to end; otherwise the transaction must not commit
   * anything for it.
   */
  boolean end(Connection tx, Job job, End end) throws SQLException {
    try (PreparedStatement ended = tx.prepareStatement(END)) {
      ended.setString(1, end.name());
      ended.setLong(2, job.id());
      ended.setLong(3, job.fence());
      return ended.executeUpdate() == 1;
    }
  }

  /** The job's next turn; {@code tries} and {@code unanswered} are what it had until then. */
  void later(Connection tx, Job job, Duration delay, int tries, int unanswered)
      throws SQLException {
    try (PreparedStatement later = tx.prepareStatement(LATER)) {
      later.setDouble(1, delay.toMillis() / 1000.0);
      later.setInt(2, tries);
      later.setInt(3, unanswered);
      later.setLong(4, job.id());
      later.setLong(5, job.fence());
      later.executeUpdate();
    }
  }

  /** All that can be worked on, in the order of it: what somebody holds first. */
  public List<Ready> ready(Connection tx) throws SQLException {
    List<Ready> ready = new ArrayList<>();
    try (PreparedStatement query = tx.prepareStatement(READY);
        ResultSet found = query.executeQuery()) {
      while (found.next()) {
        ready.add(
            new Ready(
                new MigrationId(found.getString(1)),
                found.getString(2),
                found.getInt(3),
                found.getBoolean(4)));
      }
    }
    return ready;
  }

  /** A dropped job's worker has ended: the migration's next job may begin. */
  void letGo(Connection tx, Job job) throws SQLException {
    try (PreparedStatement letGo = tx.prepareStatement(LET_GO)) {
      letGo.setLong(1, job.id());
      // Dropping is what came after this worker's claim, and nobody else's claim between.
      letGo.setLong(2, job.fence() + 1);
      letGo.executeUpdate();
    }
  }
}
