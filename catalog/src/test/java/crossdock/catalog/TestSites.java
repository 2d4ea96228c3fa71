package crossdock.catalog;

import crossdock.chassis.Database;
import crossdock.chassis.Trust;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.Listing;
import crossdock.contracts.Party;
import crossdock.contracts.PublishedListing;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** What the catalog knows of sites, in a world whose time is set by hand. Not thread-safe. */
final class TestSites {
  static final Duration LIFE = Duration.ofDays(1);
  static final Parties PARTIES = new Parties();

  final Database database = new Database(new TestDatabase().migrated());
  final Trust trust;
  final Sites sites;
  final Reports reports;
  volatile Instant now = Instant.parse("2026-03-01T00:00:00Z");
  private long version;
  private int bundles;

  TestSites(Path directory) throws IOException {
    this.trust = trust(directory);
    this.reports = new Reports(database, trust, clock());
    this.sites = sites(trust);
  }

  /** What another service, in that directory, trusts by. */
  Trust trust(Path directory) throws IOException {
    Map<String, Object> files = PARTIES.configure(Parties.CATALOG, directory);
    return new Trust(
        Path.of(files.getOrDefault("crossdock.trust.bundle", "").toString()),
        Path.of(files.getOrDefault("crossdock.trust.members", "").toString()),
        directory.resolve("work"),
        clock());
  }

  /** Another catalog over the same database. */
  Sites sites(Trust trusted) {
    return sites(trusted, List.of("*"));
  }

  /** One that lists only these providers' sites without a report. */
  Sites sites(Trust trusted, List<String> unexamined) {
    return new Sites(
        database, trusted, clock(), new Reports(database, trusted, clock()), unexamined);
  }

  Clock clock() {
    InstantSource source = () -> now;
    return source.withZone(ZoneOffset.UTC);
  }

  /** The members' next bundle, in which that entry is another and the others are as at first. */
  void change(String provider, UnaryOperator<TrustBundle.Member> change) {
    trust.offer(PARTIES.changing(++bundles, provider, change));
  }

  PublishedListing published(Listing listing, long as) {
    return new PublishedListing(
        listing,
        as,
        now,
        now.plus(LIFE),
        trust.now().members().getFirst().sites().getFirst().dock(),
        "crossdock test");
  }

  /** Each of these sites publishes its next version. */
  void list(List<Listing> listings) {
    version++;
    for (Listing listing : listings) {
      Party.Site site = new Party.Site(listing.site());
      take(site, published(listing, version).sign(PARTIES.key(site)));
    }
  }

  /** Hands the catalog a record of the site's topic. */
  void take(Party.Site site, byte[] signed) {
    database.change(tx -> sites.take(tx, site.listing(), signed));
  }

  int rows(String table, SiteId site) {
    return database.transaction(
        tx -> {
          try (PreparedStatement count =
              tx.prepareStatement("SELECT count(*) FROM " + table + " WHERE site = ?")) {
            count.setString(1, site.toString());
            try (ResultSet found = count.executeQuery()) {
              found.next();
              return found.getInt(1);
            }
          }
        });
  }

  Standing standing(SiteId site) {
    return sites.find(site).orElseThrow();
  }

  Standing.State state(SiteId site) {
    return standing(site).state();
  }
}
