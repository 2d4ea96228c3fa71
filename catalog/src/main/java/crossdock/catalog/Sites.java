package crossdock.catalog;

import crossdock.catalog.Standing.Change;
import crossdock.catalog.Standing.State;
import crossdock.chassis.Database;
import crossdock.chassis.Trust;
import crossdock.contracts.Conformance;
import crossdock.contracts.Party;
import crossdock.contracts.PublishedListing;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import io.micronaut.context.annotation.Value;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
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
      WHERE published.version < excluded.version OR published.envelope = ?
      """;
  private static final String ALL = "SELECT site, envelope FROM published";
  private static final String ONE = "SELECT envelope FROM published WHERE site = ? FOR UPDATE";
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
  // Who changes every other minute fills nothing.
  private static final String FORGET =
      """
      DELETE FROM site_state WHERE site = ? AND seq <=
        (SELECT seq FROM site_state WHERE site = ? ORDER BY seq DESC OFFSET 100 LIMIT 1)
      """;
  private static final String HISTORY =
      """
      SELECT state, at, bundle, version FROM site_state WHERE site = ? ORDER BY seq DESC LIMIT 100
      """;

  /** For how long a signature that was verified is not verified again. */
  private static final Duration GOOD = Duration.ofMinutes(1);

  /**
   * What an envelope was found to be.
   *
   * @param published if it is a listing at all, and {@code signed} by its site's key
   */
  private record Seen(
      byte[] envelope,
      long bundle,
      Instant at,
      Optional<PublishedListing> published,
      boolean signed) {}

  private final Database database;
  private final Trust trust;
  private final Clock clock;
  private final Reports reports;
  private final List<String> unexamined;
  private final ConcurrentMap<SiteId, Seen> seen = new ConcurrentHashMap<>();

  /**
   * @param unexamined providers whose sites are listed without having shown that they are what they
   *     list; {@code *} for all
   */
  Sites(
      Database database,
      Trust trust,
      Clock clock,
      Reports reports,
      @Value("${crossdock.catalog.unexamined:*}") List<String> unexamined) {
    this.database = database;
    this.trust = trust;
    this.clock = clock;
    this.reports = reports;
    this.unexamined = List.copyOf(unexamined);
  }

  /** Where those who take part now publish. */
  List<String> topics() {
    return members(trust.now()).map(id -> new Party.Site(id).listing()).sorted().toList();
  }

  /**
   * Takes what a site published, as it comes on the site's topic. The same again changes nothing,
   * and neither does one of before, unless what is kept counts no more: its key may have been a
   * thief's, or the site's clock wrong. What holds only later, by a bundle that is on its way, is
   * kept until then; what has expired gives way to nothing older.
   *
   * @throws Refused if its site has not signed it, it is another's, or differs from one of its
   *     version
   */
  void take(Connection tx, String topic, byte[] signed) throws SQLException {
    TrustBundle bundle = trust.now();
    Instant now = clock.instant();
    PublishedListing published = PublishedListing.signed(signed, bundle, now);
    SiteId site = published.listing().site();
    if (!topic.equals(new Party.Site(site).listing())) {
      throw new Refused("a listing of " + site + " on " + topic);
    }
    Optional<byte[]> kept = envelope(tx, site);
    Optional<PublishedListing> counts =
        kept.flatMap(one -> signed(site, one, bundle, now)).filter(one -> !one.isAhead(now));
    long version = counts.map(PublishedListing::version).orElse(0L);
    if (counts.isEmpty() || (version < published.version() && !published.isAhead(now))) {
      keep(tx, published, signed, kept);
    } else if (version != published.version()) {
      LOG.debug("{} published {} beside {}: not taken", site, published.version(), version);
    } else if (!Arrays.equals(kept.orElseThrow(), signed)) {
      throw new Refused("another listing of " + site + " has the version " + version);
    }
  }

  /** In the place of that envelope, or of any of a lower version. */
  private static void keep(
      Connection tx, PublishedListing published, byte[] signed, Optional<byte[]> instead)
      throws SQLException {
    try (PreparedStatement keep = tx.prepareStatement(KEEP)) {
      keep.setString(1, published.listing().site().toString());
      keep.setLong(2, published.version());
      keep.setBytes(3, signed);
      keep.setBytes(4, instead.orElse(null));
      keep.executeUpdate();
    }
  }

  private static Optional<byte[]> envelope(Connection tx, SiteId site) throws SQLException {
    try (PreparedStatement one = tx.prepareStatement(ONE)) {
      one.setString(1, site.toString());
      try (ResultSet found = one.executeQuery()) {
        return found.next() ? Optional.of(found.getBytes(1)) : Optional.empty();
      }
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
        PreparedStatement note = tx.prepareStatement(NOTE);
        PreparedStatement forget = tx.prepareStatement(FORGET)) {
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
          forget.setString(1, standing.site().toString());
          forget.setString(2, standing.site().toString());
          forget.executeUpdate();
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
    Map<SiteId, Conformance> found = reports.all(tx, bundle);
    Instant now = clock.instant();
    return Stream.of(members(bundle), known(tx).stream(), envelopes.keySet().stream())
        .flatMap(sites -> sites)
        .distinct()
        .sorted(Comparator.comparing(SiteId::toString))
        .map(
            site ->
                standing(
                    site,
                    Optional.ofNullable(envelopes.get(site)),
                    Optional.ofNullable(found.get(site)),
                    bundle,
                    now))
        .toList();
  }

  /** What its site has signed, if it did. */
  private Optional<PublishedListing> signed(
      SiteId site, byte[] envelope, TrustBundle bundle, Instant now) {
    return Optional.of(see(site, envelope, bundle, now))
        .filter(Seen::signed)
        .flatMap(Seen::published);
  }

  private Seen see(SiteId site, byte[] envelope, TrustBundle bundle, Instant now) {
    Seen before = seen.get(site);
    if (before != null
        && before.bundle == bundle.version()
        && !now.isBefore(before.at)
        && now.isBefore(before.at.plus(GOOD))
        && Arrays.equals(before.envelope, envelope)) {
      return before;
    }
    boolean signed = false;
    try {
      PublishedListing _ = PublishedListing.signed(envelope, bundle, now);
      signed = true;
    } catch (Refused e) {
      LOG.debug("the listing of {} counts no more: {}", site, e.getMessage());
    }
    Seen found = new Seen(envelope, bundle.version(), now, readable(envelope), signed);
    seen.put(site, found);
    return found;
  }

  /** Empty if it was written by rules that are no more. */
  private static Optional<PublishedListing> readable(byte[] envelope) {
    try {
      return Optional.of(PublishedListing.read(envelope));
    } catch (Refused e) {
      return Optional.empty();
    }
  }

  private Standing standing(
      SiteId site,
      Optional<byte[]> envelope,
      Optional<Conformance> report,
      TrustBundle bundle,
      Instant now) {
    Optional<Seen> found = envelope.map(one -> see(site, one, bundle, now));
    Optional<PublishedListing> published = found.flatMap(Seen::published);
    Optional<Standing.Examined> examined =
        report.map(
            one ->
                new Standing.Examined(
                    one,
                    published.isEmpty()
                        ? Optional.of("it has published no listing")
                        : one.objection(published.get().listing(), now)));
    boolean shown = examined.filter(one -> one.objection().isEmpty()).isPresent();
    State state = state(site, found, bundle, now);
    if (state == State.LISTED && !shown && !mayBeUnexamined(site)) {
      state = State.UNEXAMINED;
    }
    boolean listed = state == State.LISTED;
    return new Standing(
        site,
        state,
        published.map(PublishedListing::version),
        published.map(PublishedListing::expiresAt),
        published.map(PublishedListing::listing).filter(_ -> listed),
        examined);
  }

  private boolean mayBeUnexamined(SiteId site) {
    return unexamined.contains("*") || unexamined.contains(site.provider());
  }

  private static State state(SiteId site, Optional<Seen> found, TrustBundle bundle, Instant now) {
    if (bundle.site(site).isEmpty()) {
      return State.LEFT;
    }
    if (bundle.suspended(site)) {
      return State.SUSPENDED;
    }
    if (bundle.leaving(site)) {
      return State.LEAVING;
    }
    Optional<PublishedListing> published = found.flatMap(Seen::published);
    if (published.isEmpty()) {
      return State.APPLIED;
    }
    if (!now.isBefore(published.get().expiresAt())) {
      return State.EXPIRED;
    }
    if (!found.map(Seen::signed).orElse(false)) {
      return State.APPLIED; // its key is revoked since
    }
    try {
      published.get().holds(bundle, now);
      return State.LISTED;
    } catch (Refused e) {
      return State.APPLIED; // its dock is elsewhere by the bundle, or its clock ahead
    }
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
