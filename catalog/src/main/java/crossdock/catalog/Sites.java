package crossdock.catalog;

import crossdock.catalog.Standing.Change;
import crossdock.catalog.Standing.State;
import crossdock.chassis.Database;
import crossdock.chassis.Trust;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Party;
import crossdock.contracts.PublishedListing;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sites, what each has published of itself, and how it stands. Who takes part and who is
 * suspended follows from the members' bundle, what is offered from the site's own signature: the
 * catalog adds nothing to either. Thread-safe.
 */
@Singleton
final class Sites {
  private static final Logger LOG = LoggerFactory.getLogger(Sites.class);

  private static final String KEEP =
      """
      INSERT INTO published (site, version, envelope) VALUES (?, ?, ?)
      ON CONFLICT (site) DO UPDATE SET version = excluded.version, envelope = excluded.envelope
      WHERE published.version < excluded.version
      """;
  private static final String ALL = "SELECT site, envelope FROM published";
  private static final String KNOWN = "SELECT DISTINCT site FROM site_state";
  private static final String ALONE = "LOCK TABLE site_state IN SHARE ROW EXCLUSIVE MODE";
  // Not by an older bundle than the last time: another catalog may have heard more.
  private static final String NOTE =
      """
      INSERT INTO site_state (site, state, at, bundle, version)
      SELECT ?, ?, ?::timestamptz, ?, ?
      WHERE NOT EXISTS (
        SELECT 1 FROM (SELECT * FROM site_state WHERE site = ? ORDER BY seq DESC LIMIT 1) last
        WHERE last.state = ? OR last.bundle > ?)
      """;
  private static final String HISTORY =
      """
      SELECT state, at, bundle, version FROM site_state WHERE site = ? ORDER BY seq DESC LIMIT 100
      """;

  private final Database database;
  private final Trust trust;
  private final Clock clock;

  Sites(Database database, Trust trust, Clock clock) {
    this.database = database;
    this.trust = trust;
    this.clock = clock;
  }

  /** Where those who take part now publish. */
  List<String> topics() {
    return members(trust.now()).map(id -> new Party.Site(id).listing()).sorted().toList();
  }

  /**
   * Takes what a site published, as it comes on the site's topic. The same again changes nothing,
   * and neither does one of before.
   *
   * @throws Refused if it does not verify, is another's, or differs from one of its version
   */
  void take(Connection tx, String topic, byte[] signed) throws SQLException {
    PublishedListing published = PublishedListing.verify(signed, trust.now(), clock.instant());
    SiteId site = published.listing().site();
    if (!topic.equals(new Party.Site(site).listing())) {
      throw new Refused("a listing of " + site + " on " + topic);
    }
    if (!keep(tx, published, signed)) {
      byte[] kept = envelopes(tx).getOrDefault(site, new byte[0]);
      long version = read(kept).version();
      if (version == published.version() && !Arrays.equals(kept, signed)) {
        throw new Refused("another listing of " + site + " has the version " + version);
      }
      if (version > published.version()) {
        LOG.warn("{} published {} after {}: refused", site, published.version(), version);
      }
    }
  }

  private static boolean keep(Connection tx, PublishedListing published, byte[] signed)
      throws SQLException {
    try (PreparedStatement keep = tx.prepareStatement(KEEP)) {
      keep.setString(1, published.listing().site().toString());
      keep.setLong(2, published.version());
      keep.setBytes(3, signed);
      return keep.executeUpdate() == 1;
    }
  }

  /** How a site stands now, if it is or was a member. */
  Optional<Standing> find(SiteId site) {
    return all().stream().filter(standing -> standing.site().equals(site)).findFirst();
  }

  /** How every site stands now that is or was a member, by name. */
  List<Standing> all() {
    TrustBundle bundle = trust.now();
    return database.transaction(tx -> all(tx, bundle));
  }

  /** Notes whose standing is not what it was when it was last noted. */
  @Scheduled(fixedDelay = "2s")
  void note() {
    try {
      TrustBundle bundle = trust.now();
      for (Standing changed : database.transaction(tx -> note(tx, bundle))) {
        LOG.info("{} {}", changed.site(), changed.state().text());
      }
    } catch (RuntimeException e) {
      LOG.error("no standing is noted", e);
    }
  }

  private List<Standing> note(Connection tx, TrustBundle bundle) throws SQLException {
    List<Standing> changed = new ArrayList<>();
    try (PreparedStatement alone = tx.prepareStatement(ALONE);
        PreparedStatement note = tx.prepareStatement(NOTE)) {
      alone.execute();
      for (Standing standing : all(tx, bundle)) {
        note.setString(1, standing.site().toString());
        note.setString(2, standing.state().name());
        note.setTimestamp(3, Timestamp.from(clock.instant()));
        note.setLong(4, bundle.version());
        note.setObject(5, standing.version().orElse(null), Types.BIGINT);
        note.setString(6, standing.site().toString());
        note.setString(7, standing.state().name());
        note.setLong(8, bundle.version());
        if (note.executeUpdate() == 1) {
          changed.add(standing);
        }
      }
    }
    return changed;
  }

  /** The last hundred changes of a site's standing, the newest first. */
  List<Change> history(SiteId site) {
    return database.transaction(
        tx -> {
          List<Change> changes = new ArrayList<>();
          try (PreparedStatement history = tx.prepareStatement(HISTORY)) {
            history.setString(1, site.toString());
            try (ResultSet found = history.executeQuery()) {
              while (found.next()) {
                changes.add(
                    new Change(
                        State.valueOf(found.getString(1)),
                        found.getTimestamp(2).toInstant(),
                        found.getLong(3),
                        Optional.ofNullable(found.getObject(4, Long.class))));
              }
            }
          }
          return changes;
        });
  }

  private List<Standing> all(Connection tx, TrustBundle bundle) throws SQLException {
    Map<SiteId, byte[]> envelopes = envelopes(tx);
    Instant now = clock.instant();
    return Stream.of(members(bundle), known(tx).stream(), envelopes.keySet().stream())
        .flatMap(sites -> sites)
        .distinct()
        .sorted(Comparator.comparing(SiteId::toString))
        .map(site -> standing(site, Optional.ofNullable(envelopes.get(site)), bundle, now))
        .toList();
  }

  private static Standing standing(
      SiteId site, Optional<byte[]> signed, TrustBundle bundle, Instant now) {
    Optional<PublishedListing> published = signed.map(Sites::read);
    State state = state(site, signed, bundle, now);
    return new Standing(
        site,
        state,
        published.map(PublishedListing::version),
        published.map(PublishedListing::expiresAt),
        published.map(PublishedListing::listing).filter(_ -> state == State.LISTED));
  }

  private static State state(
      SiteId site, Optional<byte[]> signed, TrustBundle bundle, Instant now) {
    if (bundle.site(site).isEmpty()) {
      return State.LEFT;
    }
    if (bundle.suspended(site)) {
      return State.SUSPENDED;
    }
    if (bundle.leaving(site)) {
      return State.LEAVING;
    }
    if (signed.isEmpty()) {
      return State.APPLIED;
    }
    if (!now.isBefore(read(signed.get()).expiresAt())) {
      return State.EXPIRED;
    }
    try {
      PublishedListing _ = PublishedListing.verify(signed.get(), bundle, now);
      return State.LISTED;
    } catch (Refused e) {
      // Its key is revoked since, or its dock is elsewhere by the bundle.
      return State.APPLIED;
    }
  }

  /** What was verified when it was kept. */
  private static PublishedListing read(byte[] signed) {
    return Json.read(signed, Envelope.class)
        .read(PublishedListing.PAYLOAD_TYPE, PublishedListing.class);
  }

  private static Stream<SiteId> members(TrustBundle bundle) {
    return bundle.present().stream()
        .flatMap(member -> member.sites().stream())
        .map(site -> site.urn().id());
  }

  private static List<SiteId> known(Connection tx) throws SQLException {
    List<SiteId> known = new ArrayList<>();
    try (PreparedStatement all = tx.prepareStatement(KNOWN);
        ResultSet found = all.executeQuery()) {
      while (found.next()) {
        known.add(SiteId.parse(found.getString(1)));
      }
    }
    return known;
  }

  private static Map<SiteId, byte[]> envelopes(Connection tx) throws SQLException {
    Map<SiteId, byte[]> envelopes = new HashMap<>();
    try (PreparedStatement all = tx.prepareStatement(ALL);
        ResultSet found = all.executeQuery()) {
      while (found.next()) {
        envelopes.put(SiteId.parse(found.getString(1)), found.getBytes(2));
      }
    }
    return envelopes;
  }
}
