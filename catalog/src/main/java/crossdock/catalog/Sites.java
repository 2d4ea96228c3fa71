package crossdock.catalog;

import crossdock.chassis.Database;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.SiteId;
import jakarta.inject.Singleton;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The sites that take part, as they are listed now. Thread-safe. */
@Singleton
final class Sites {
  private static final String LIST =
      """
      INSERT INTO site (site, country, offer) VALUES (?, ?, ?)
      ON CONFLICT (site) DO UPDATE SET country = excluded.country, offer = excluded.offer
      """;
  private static final String DELIST = "DELETE FROM site WHERE NOT (site = ANY (?))";
  private static final String ONE = "SELECT offer FROM site WHERE site = ?";
  private static final String ALL = "SELECT offer FROM site ORDER BY site";

  private final Database database;

  Sites(Database database) {
    this.database = database;
  }

  /** Makes {@code listings} all that is listed. */
  void list(List<Listing> listings) {
    database.change(
        tx -> {
          try (PreparedStatement list = tx.prepareStatement(LIST);
              PreparedStatement delist = tx.prepareStatement(DELIST)) {
            for (Listing listing : listings) {
              list.setString(1, listing.site().toString());
              list.setString(2, listing.country());
              list.setString(3, Json.text(listing));
              list.executeUpdate();
            }
            Object[] names = listings.stream().map(Listing::site).map(SiteId::toString).toArray();
            delist.setArray(1, tx.createArrayOf("text", names));
            delist.executeUpdate();
          }
        });
  }

  /** A site's offer, if it takes part. */
  Optional<Listing> find(SiteId site) {
    return database.transaction(
        tx -> {
          try (PreparedStatement one = tx.prepareStatement(ONE)) {
            one.setString(1, site.toString());
            try (ResultSet found = one.executeQuery()) {
              return found.next()
                  ? Optional.of(Json.read(found.getString(1), Listing.class))
                  : Optional.empty();
            }
          }
        });
  }

  /** Every offer, by name. */
  List<Listing> all() {
    return database.transaction(
        tx -> {
          List<Listing> listings = new ArrayList<>();
          try (PreparedStatement all = tx.prepareStatement(ALL);
              ResultSet found = all.executeQuery()) {
            while (found.next()) {
              listings.add(Json.read(found.getString(1), Listing.class));
            }
          }
          return listings;
        });
  }
}
