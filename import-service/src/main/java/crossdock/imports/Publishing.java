package crossdock.imports;

import crossdock.chassis.Database;
import crossdock.chassis.Identity;
import crossdock.chassis.Outbox;
import crossdock.chassis.Trust;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Party;
import crossdock.contracts.PublishedListing;
import crossdock.contracts.Refused;
import crossdock.contracts.SigningKey;
import crossdock.contracts.TrustBundle;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.annotation.PostConstruct;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes what the site offers: at every start, again when half of its life is over, and when the
 * members say that the dock is elsewhere. This service does it, and not the export-service, because
 * a listing is what the site takes in. Not for several threads.
 */
@Context
@Requires(property = "crossdock.site.listing")
final class Publishing {
  /** A site that is silent for longer is not offered. */
  static final Duration LIFE = Duration.ofDays(1);

  private static final Logger LOG = LoggerFactory.getLogger(Publishing.class);

  // Seconds since 1970, so that a new database does not begin below what the old one published.
  private static final String NEXT =
      """
      INSERT INTO published (version) VALUES (?)
      ON CONFLICT (one) DO UPDATE SET version = greatest(excluded.version, published.version + 1)
      RETURNING version
      """;

  private final Listing listing;
  private final Party.Site site;
  private final Trust trust;
  private final SigningKey key;
  private final Database database;
  private final Outbox outbox;
  private final Clock clock;
  private @Nullable PublishedListing last;

  /**
   * @param file a {@link Listing} as JSON
   * @throws Refused if it is none, or of another site
   */
  Publishing(
      @Value("${crossdock.site.listing}") Path file,
      Identity identity,
      Trust trust,
      SigningKey key,
      Database database,
      Outbox outbox,
      Clock clock)
      throws IOException {
    this.listing = Json.read(Files.readAllBytes(file), Listing.class);
    this.site = new Party.Site(listing.site());
    if (!identity.party().equals(site)) {
      throw new Refused(identity.party() + " cannot publish a listing of " + listing.site());
    }
    this.trust = trust;
    this.key = key;
    this.database = database;
    this.outbox = outbox;
    this.clock = clock;
  }

  /** Publishes if it is time to. */
  @PostConstruct
  @Scheduled(initialDelay = "1m", fixedDelay = "1m")
  synchronized void publish() {
    Optional<URI> dock = trust.now().site(site.id()).map(TrustBundle.Site::dock);
    if (dock.isEmpty()) {
      LOG.warn("{} is not in the trust bundle, and publishes nothing", site);
      return;
    }
    Instant now = clock.instant();
    if (!due(dock.get(), now)) {
      return;
    }
    PublishedListing next =
        database.transaction(
            tx -> {
              PublishedListing published =
                  new PublishedListing(
                      listing, next(tx, now), now, now.plus(LIFE), dock.get(), software());
              outbox.add(
                  tx,
                  site.listing(),
                  site.id().toString(),
                  PublishedListing.TYPE,
                  published.sign(key));
              return published;
            });
    last = next;
    LOG.info("published listing {}, until {}", next.version(), next.expiresAt());
  }

  private boolean due(URI dock, Instant now) {
    PublishedListing before = last;
    return before == null
        || !now.isBefore(before.issuedAt().plus(LIFE.dividedBy(2)))
        || !before.endpoint().equals(dock);
  }

  private static long next(Connection tx, Instant now) throws SQLException {
    try (PreparedStatement next = tx.prepareStatement(NEXT)) {
      next.setLong(1, now.getEpochSecond());
      try (ResultSet version = next.executeQuery()) {
        version.next();
        return version.getLong(1);
      }
    }
  }

  /** As the build wrote it into the jar; classes without one are nobody's release. */
  private static String software() {
    return "crossdock "
        + Optional.ofNullable(Publishing.class.getPackage().getImplementationVersion())
            .orElse("unreleased");
  }
}
