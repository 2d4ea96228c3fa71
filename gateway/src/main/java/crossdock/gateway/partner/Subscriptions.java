package crossdock.gateway.partner;

import crossdock.contracts.MigrationId;
import crossdock.contracts.Subject;
import jakarta.inject.Singleton;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * The tables of what is shared with whom, where it goes and how far it has come; of the log's
 * tables it only reads. Times are the caller's clock.
 */
@Singleton
final class Subscriptions {
  /** How long nobody else delivers what somebody has claimed; far above what a delivery takes. */
  static final Duration LEASE = Duration.ofSeconds(90);

  /** Of one subscription at a time, so that a receiver that hangs holds up no other. */
  static final int AT_ONCE = 4;

  private static final int MOST_PARKED_SHOWN = 100;

  // Sharing and subscribing of one partner come one after the other: each sees what the other made.
  private static final String IN_TURN = "SELECT pg_advisory_xact_lock(hashtextextended(?, 7003))";
  private static final String OWNS =
      "SELECT 1 FROM migration WHERE id = ? AND caller_issuer = ? AND caller_sub = ?";
  private static final String SHARE =
      "INSERT INTO share (migration, partner, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
  private static final String UNSHARE = "DELETE FROM share WHERE migration = ? AND partner = ?";
  private static final String SHARES =
      "SELECT partner, at FROM share WHERE migration = ? ORDER BY partner";
  private static final String DELIVER =
      """
      INSERT INTO delivery (subscription, migration, next_try)
      SELECT subscription.id, share.migration, ? FROM subscription JOIN share USING (partner)
      WHERE partner = ? ON CONFLICT DO NOTHING
      """;
  private static final String SUBSCRIBE =
      """
      INSERT INTO subscription (id, partner, url, secret, key, created_at) VALUES (?, ?, ?, ?, ?, ?)
      """;
  private static final String UNSUBSCRIBE = "DELETE FROM subscription WHERE id = ? AND partner = ?";
  private static final String ALL =
      """
      SELECT id, url, key, created_at FROM subscription
      WHERE partner = ? AND (?::text IS NULL OR id = ?) ORDER BY created_at, id
      """;
  private static final String PARKED =
      """
      SELECT migration, delivered + 1, parked, parked_at FROM delivery
      WHERE subscription = ? AND parked IS NOT NULL ORDER BY parked_at, migration LIMIT ?
      """;
  private static final String RESUME =
      """
      UPDATE delivery SET attempts = 0, next_try = ?, parked = NULL, parked_at = NULL
      WHERE subscription = ? AND parked IS NOT NULL
      """;
  private static final String REPLAY =
      """
      UPDATE delivery
      SET delivered = ?, attempts = 0, next_try = ?, moved = true, parked = NULL, parked_at = NULL
      FROM subscription, share, log
      WHERE subscription.id = ? AND subscription.partner = ? AND log.migration = ? AND log.sequence = ?
        AND share.migration = log.migration AND share.partner = subscription.partner
        AND delivery.migration = log.migration AND delivery.subscription = subscription.id
      """;
  // One claim after the other: two at once would not see each other's lease and could take more
  // of one subscription than it may have at once.
  private static final String ONE_CLAIM = "SELECT pg_advisory_xact_lock(7004)";
  private static final String CLAIM =
      """
      UPDATE delivery SET lease_until = ?, fence = fence + 1, moved = false
      FROM (
        SELECT mine.subscription, mine.migration, subscription.url, subscription.secret,
          subscription.key, log.event
        FROM delivery mine
        JOIN subscription ON subscription.id = mine.subscription
        JOIN share ON share.migration = mine.migration AND share.partner = subscription.partner
        JOIN log ON log.migration = mine.migration AND log.sequence = mine.delivered + 1
        WHERE mine.parked IS NULL AND mine.next_try <= ? AND mine.lease_until < ?
          AND (SELECT count(*) FROM delivery other
            WHERE other.subscription = mine.subscription AND other.lease_until >= ?) < ?
        ORDER BY mine.next_try, mine.migration LIMIT 1 FOR UPDATE OF mine SKIP LOCKED) due
      WHERE delivery.subscription = due.subscription AND delivery.migration = due.migration
      RETURNING due.subscription, due.migration, due.url, due.secret, due.key, due.event,
        delivered + 1, attempts, fence, lease_until
      """;
  // What follows the last event of a migration that has ended is never looked for again.
  private static final String DELIVERED =
      """
      UPDATE delivery SET delivered = delivered + 1, attempts = 0, next_try = CASE
        WHEN (SELECT ended FROM migration WHERE id = delivery.migration) AND NOT EXISTS (
          SELECT 1 FROM log
          WHERE log.migration = delivery.migration AND log.sequence > delivery.delivered + 1)
        THEN 'infinity' ELSE ?::timestamptz END
      WHERE subscription = ? AND migration = ? AND fence = ? AND NOT moved
      """;
  private static final String FAILED =
      """
      UPDATE delivery SET attempts = attempts + 1, next_try = ?, parked = ?, parked_at = ?
      WHERE subscription = ? AND migration = ? AND fence = ? AND NOT moved
      """;
  private static final String LET_GO =
      """
      UPDATE delivery SET lease_until = '-infinity'
      WHERE subscription = ? AND migration = ? AND fence = ?
      """;

  private final SecureRandom random = new SecureRandom();

  /** With whom a migration is shared, since when. */
  record Share(String partner, Instant at) {}

  /**
   * One event on its way to one subscription, under a lease.
   *
   * @param event in the log's bytes
   * @param attempts of this event that failed
   * @param until when nobody else delivers it
   */
  record Turn(
      String subscription,
      MigrationId migration,
      String url,
      WebhookKey key,
      byte[] event,
      long sequence,
      int attempts,
      long fence,
      Instant until) {}

  /** Whether the migration is the caller's. */
  boolean owns(Connection tx, String migration, Subject caller) throws SQLException {
    try (PreparedStatement owns = tx.prepareStatement(OWNS)) {
      owns.setString(1, migration);
      owns.setString(2, caller.issuer());
      owns.setString(3, caller.sub());
      try (ResultSet found = owns.executeQuery()) {
        return found.next();
      }
    }
  }

  /** Shares a migration from its first event on; again, it goes on where it was. */
  void share(Connection tx, String migration, String partner, Instant now) throws SQLException {
    inTurn(tx, partner);
    try (PreparedStatement share = tx.prepareStatement(SHARE)) {
      share.setString(1, migration);
      share.setString(2, partner);
      share.setTimestamp(3, Timestamp.from(now));
      share.executeUpdate();
    }
    deliver(tx, partner, now);
  }

  /** What is on its way just now may still arrive; nothing after it does. */
  void unshare(Connection tx, String migration, String partner) throws SQLException {
    try (PreparedStatement unshare = tx.prepareStatement(UNSHARE)) {
      unshare.setString(1, migration);
      unshare.setString(2, partner);
      unshare.executeUpdate();
    }
  }

  List<Share> shares(Connection tx, String migration) throws SQLException {
    List<Share> shares = new ArrayList<>();
    try (PreparedStatement all = tx.prepareStatement(SHARES)) {
      all.setString(1, migration);
      try (ResultSet found = all.executeQuery()) {
        while (found.next()) {
          shares.add(new Share(found.getString(1), found.getTimestamp(2).toInstant()));
        }
      }
    }
    return shares;
  }

  /**
   * Subscribes to all that is or will be shared with the partner; the same URL again is the same
   * subscription.
   *
   * @param most how many a partner may have
   * @return empty if there are as many already
   */
  Optional<Subscription> subscribe(Connection tx, String partner, String url, int most, Instant now)
      throws SQLException {
    inTurn(tx, partner);
    List<Subscription> known = all(tx, partner);
    Optional<Subscription> same = known.stream().filter(one -> one.url().equals(url)).findFirst();
    if (same.isPresent() || known.size() >= most) {
      return same;
    }
    String id = "s-" + HexFormat.of().toHexDigits(random.nextLong());
    WebhookKey key = WebhookKey.generate();
    try (PreparedStatement subscribe = tx.prepareStatement(SUBSCRIBE)) {
      subscribe.setString(1, id);
      subscribe.setString(2, partner);
      subscribe.setString(3, url);
      subscribe.setBytes(4, key.secret());
      subscribe.setString(5, key.shown());
      subscribe.setTimestamp(6, Timestamp.from(now));
      subscribe.executeUpdate();
    }
    deliver(tx, partner, now);
    return one(tx, partner, id);
  }

  /** A partner's subscriptions, oldest first. */
  List<Subscription> all(Connection tx, String partner) throws SQLException {
    return all(tx, partner, Optional.empty());
  }

  Optional<Subscription> one(Connection tx, String partner, String id) throws SQLException {
    return all(tx, partner, Optional.of(id)).stream().findFirst();
  }

  /** Whether there was one. */
  boolean unsubscribe(Connection tx, String partner, String id) throws SQLException {
    try (PreparedStatement unsubscribe = tx.prepareStatement(UNSUBSCRIBE)) {
      unsubscribe.setString(1, id);
      unsubscribe.setString(2, partner);
      return unsubscribe.executeUpdate() == 1;
    }
  }

  /** Tries again what is parked. */
  void resume(Connection tx, String id, Instant now) throws SQLException {
    try (PreparedStatement resume = tx.prepareStatement(RESUME)) {
      resume.setTimestamp(1, Timestamp.from(now));
      resume.setString(2, id);
      resume.executeUpdate();
    }
  }

  /**
   * Delivers a migration's events again from one of them on, or leaves out those before it.
   *
   * @return false if the partner has no such subscription or is not shown such an event
   */
  boolean replay(
      Connection tx, String partner, String id, String migration, long sequence, Instant now)
      throws SQLException {
    try (PreparedStatement replay = tx.prepareStatement(REPLAY)) {
      replay.setLong(1, sequence - 1);
      replay.setTimestamp(2, Timestamp.from(now));
      replay.setString(3, id);
      replay.setString(4, partner);
      replay.setString(5, migration);
      replay.setLong(6, sequence);
      return replay.executeUpdate() == 1;
    }
  }

  /** What is due next, for this caller alone until the lease ends. */
  Optional<Turn> claim(Connection tx, Instant now) throws SQLException {
    try (PreparedStatement alone = tx.prepareStatement(ONE_CLAIM)) {
      alone.execute();
    }
    try (PreparedStatement claim = tx.prepareStatement(CLAIM)) {
      claim.setTimestamp(1, Timestamp.from(now.plus(LEASE)));
      for (int i = 2; i <= 4; i++) {
        claim.setTimestamp(i, Timestamp.from(now));
      }
      claim.setInt(5, AT_ONCE);
      try (ResultSet found = claim.executeQuery()) {
        return found.next()
            ? Optional.of(
                new Turn(
                    found.getString(1),
                    new MigrationId(found.getString(2)),
                    found.getString(3),
                    new WebhookKey(found.getBytes(4), found.getString(5)),
                    found.getBytes(6),
                    found.getLong(7),
                    found.getInt(8),
                    found.getLong(9),
                    found.getTimestamp(10).toInstant()))
            : Optional.empty();
      }
    }
  }

  /** Goes on to the next event, unless that was decided otherwise meanwhile. */
  void delivered(Connection tx, Turn turn, Instant now) throws SQLException {
    try (PreparedStatement delivered = tx.prepareStatement(DELIVERED)) {
      delivered.setTimestamp(1, Timestamp.from(now));
      name(delivered, 2, turn);
      delivered.executeUpdate();
    }
    letGo(tx, turn);
  }

  /**
   * Stays at the event.
   *
   * @param parked why it is not tried again
   */
  void failed(Connection tx, Turn turn, Instant again, Optional<String> parked, Instant now)
      throws SQLException {
    try (PreparedStatement failed = tx.prepareStatement(FAILED)) {
      failed.setTimestamp(1, Timestamp.from(again));
      failed.setString(2, parked.orElse(null));
      failed.setTimestamp(3, parked.map(_ -> Timestamp.from(now)).orElse(null));
      name(failed, 4, turn);
      failed.executeUpdate();
    }
    letGo(tx, turn);
  }

  private static void letGo(Connection tx, Turn turn) throws SQLException {
    try (PreparedStatement letGo = tx.prepareStatement(LET_GO)) {
      name(letGo, 1, turn);
      letGo.executeUpdate();
    }
  }

  private static void name(PreparedStatement statement, int first, Turn turn) throws SQLException {
    statement.setString(first, turn.subscription());
    statement.setString(first + 1, turn.migration().value());
    statement.setLong(first + 2, turn.fence());
  }

  private static void inTurn(Connection tx, String partner) throws SQLException {
    try (PreparedStatement inTurn = tx.prepareStatement(IN_TURN)) {
      inTurn.setString(1, partner);
      inTurn.execute();
    }
  }

  /** A cursor for each of the partner's subscriptions and each migration shared with it. */
  private static void deliver(Connection tx, String partner, Instant now) throws SQLException {
    try (PreparedStatement deliver = tx.prepareStatement(DELIVER)) {
      deliver.setTimestamp(1, Timestamp.from(now));
      deliver.setString(2, partner);
      deliver.executeUpdate();
    }
  }

  private static List<Subscription> all(Connection tx, String partner, Optional<String> id)
      throws SQLException {
    List<Subscription> subscriptions = new ArrayList<>();
    try (PreparedStatement all = tx.prepareStatement(ALL)) {
      all.setString(1, partner);
      all.setString(2, id.orElse(null));
      all.setString(3, id.orElse(null));
      try (ResultSet found = all.executeQuery()) {
        while (found.next()) {
          subscriptions.add(
              new Subscription(
                  found.getString(1),
                  found.getString(2),
                  found.getString(3),
                  found.getTimestamp(4).toInstant(),
                  parked(tx, found.getString(1))));
        }
      }
    }
    return subscriptions;
  }

  private static List<Subscription.Parked> parked(Connection tx, String subscription)
      throws SQLException {
    List<Subscription.Parked> parked = new ArrayList<>();
    try (PreparedStatement all = tx.prepareStatement(PARKED)) {
      all.setString(1, subscription);
      all.setInt(2, MOST_PARKED_SHOWN);
      try (ResultSet found = all.executeQuery()) {
        while (found.next()) {
          parked.add(
              new Subscription.Parked(
                  new MigrationId(found.getString(1)),
                  found.getLong(2),
                  found.getString(3),
                  found.getTimestamp(4).toInstant()));
        }
      }
    }
    return parked;
  }
}
