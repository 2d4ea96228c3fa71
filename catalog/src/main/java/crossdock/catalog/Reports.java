package crossdock.catalog;

import crossdock.chassis.Database;
import crossdock.chassis.Trust;
import crossdock.contracts.Conformance;
import crossdock.contracts.Party;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the sites found when they examined themselves: of each the newest that it signed.
 * Thread-safe.
 */
@Singleton
final class Reports {
  private static final Logger LOG = LoggerFactory.getLogger(Reports.class);

  // What counts no more may be a thief's, from far ahead.
  private static final String KEEP =
      """
      INSERT INTO conformance (site, at, envelope) VALUES (?, ?, ?)
      ON CONFLICT (site) DO UPDATE SET at = excluded.at, envelope = excluded.envelope
      WHERE conformance.at < excluded.at OR ?
      """;
  private static final String ALL = "SELECT site, envelope FROM conformance";
  private static final String ONE = "SELECT envelope FROM conformance WHERE site = ?";

  /** For how long a signature that was verified is not verified again. */
  private static final Duration GOOD = Duration.ofMinutes(1);

  private record Seen(byte[] envelope, long bundle, Instant until, Optional<Conformance> report) {}

  private final Database database;
  private final Trust trust;
  private final Clock clock;
  private final ConcurrentMap<SiteId, Seen> seen = new ConcurrentHashMap<>();

  Reports(Database database, Trust trust, Clock clock) {
    this.database = database;
    this.trust = trust;
    this.clock = clock;
  }

  /**
   * Takes a report as it comes on its site's topic. The same again, or an older one, changes
   * nothing.
   *
   * @throws Refused if the site has not signed it, it is of another, or from the future
   */
  void take(Connection tx, String topic, byte[] signed) throws SQLException {
    TrustBundle bundle = trust.now();
    Conformance report = Conformance.signed(signed, bundle, clock.instant());
    if (!topic.equals(new Party.Site(report.site()).listing())) {
      throw new Refused("a report on " + report.site() + " on " + topic);
    }
    if (report.isAhead(clock.instant())) {
      throw new Refused("a report of " + report.at() + ", the future");
    }
    boolean holds =
        envelope(tx, report.site()).flatMap(kept -> read(report.site(), kept, bundle)).isPresent();
    try (PreparedStatement keep = tx.prepareStatement(KEEP)) {
      keep.setString(1, report.site().toString());
      keep.setTimestamp(2, Timestamp.from(report.at()));
      keep.setBytes(3, signed);
      keep.setBoolean(4, !holds);
      keep.executeUpdate();
    }
  }

  /** The newest of each that its site's key still counts for. */
  Map<SiteId, Conformance> all(Connection tx, TrustBundle bundle) throws SQLException {
    Map<SiteId, Conformance> reports = new HashMap<>();
    try (PreparedStatement all = tx.prepareStatement(ALL);
        ResultSet found = all.executeQuery()) {
      while (found.next()) {
        SiteId site = SiteId.parse(found.getString(1));
        read(site, found.getBytes(2), bundle).ifPresent(report -> reports.put(site, report));
      }
    }
    return reports;
  }

  /** As its site signed it, for others to verify. */
  Optional<byte[]> envelope(SiteId site) {
    return database.transaction(tx -> envelope(tx, site));
  }

  private static Optional<byte[]> envelope(Connection tx, SiteId site) throws SQLException {
    try (PreparedStatement one = tx.prepareStatement(ONE)) {
      one.setString(1, site.toString());
      try (ResultSet found = one.executeQuery()) {
        return found.next() ? Optional.of(found.getBytes(1)) : Optional.empty();
      }
    }
  }

  private Optional<Conformance> read(SiteId site, byte[] envelope, TrustBundle bundle) {
    Instant now = clock.instant();
    Seen before = seen.get(site);
    if (before != null
        && before.bundle == bundle.version()
        && now.isBefore(before.until)
        && !now.isBefore(before.until.minus(GOOD))
        && Arrays.equals(before.envelope, envelope)) {
      return before.report;
    }
    Optional<Conformance> report = Optional.empty();
    try {
      report = Optional.of(Conformance.signed(envelope, bundle, now));
    } catch (Refused e) {
      LOG.debug("the report of {} counts no more: {}", site, e.getMessage());
    }
    seen.put(site, new Seen(envelope, bundle.version(), now.plus(GOOD), report));
    return report;
  }
}
