package crossdock.site;

import crossdock.chassis.Database;
import crossdock.chassis.Identity;
import crossdock.chassis.MutualTls;
import crossdock.chassis.Problem;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.providers.DiskTicket;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What the site's dock may open, kept for it and handed to it alone, over mutual TLS. */
@Requires(property = "crossdock.signing.key")
@Controller("/v1/tickets")
public final class Tickets {
  private static final String KEEP =
      """
      INSERT INTO ticket (migration, purpose, tickets) VALUES (?, ?, ?)
      ON CONFLICT (migration, purpose) DO UPDATE SET tickets = excluded.tickets
      """;
  private static final String FIND =
      "SELECT tickets FROM ticket WHERE migration = ? AND purpose = ?";
  private static final String FORGET = "DELETE FROM ticket WHERE migration = ?";

  /** What a ticket is good for. */
  public enum Purpose {
    READ,
    WRITE,
    READ_BACK,
    /** Disks of the same customer that lie here already. */
    AT_HAND;

    /** As it stands in paths. */
    public String wire() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private final Database database;
  private final Identity identity;
  private final MutualTls tls;

  Tickets(Database database, Identity identity, MutualTls tls) {
    this.database = database;
    this.identity = identity;
    this.tls = tls;
  }

  /** Keeps the tickets of a migration, replacing earlier ones of that purpose. */
  public void keep(MigrationId migration, Purpose purpose, List<DiskTicket> tickets) {
    database.change(
        tx -> {
          try (PreparedStatement keep = tx.prepareStatement(KEEP)) {
            keep.setString(1, migration.value());
            keep.setString(2, purpose.wire());
            keep.setString(3, Json.text(tickets.toArray(DiskTicket[]::new)));
            keep.executeUpdate();
          }
        });
  }

  /** Hands out nothing of a migration any more. */
  public void forget(MigrationId migration) {
    database.change(
        tx -> {
          try (PreparedStatement forget = tx.prepareStatement(FORGET)) {
            forget.setString(1, migration.value());
            forget.executeUpdate();
          }
        });
  }

  @Get("/{migration}/{purpose}")
  @Secured(SecurityRule.IS_ANONYMOUS)
  String fetch(HttpRequest<?> request, String migration, String purpose) {
    if (!(identity.party() instanceof Party.Site site)) {
      throw new IllegalStateException("only a site has tickets");
    }
    tls.require(request, site.dockUrn());
    return database
        .transaction(tx -> find(tx, new MigrationId(migration), purpose))
        .orElseThrow(() -> Problem.NOT_FOUND.because("no such tickets"));
  }

  private static Optional<String> find(Connection tx, MigrationId migration, String purpose)
      throws SQLException {
    try (PreparedStatement find = tx.prepareStatement(FIND)) {
      find.setString(1, migration.value());
      find.setString(2, purpose);
      try (ResultSet found = find.executeQuery()) {
        return found.next() ? Optional.of(found.getString(1)) : Optional.empty();
      }
    }
  }
}
