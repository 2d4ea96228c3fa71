package crossdock.site;

import crossdock.chassis.Database;
import crossdock.contracts.Role;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subject;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * The customers' own yes, given at this site: without one, nothing that the core says moves
 * anything here.
 */
@Singleton
public final class Grants {
  private static final String GIVE =
      """
      INSERT INTO yes (id, side, issuer, sub, machine, other_side, max_bytes, may_erase, given_at, expires_at,
        other_issuer, other_sub)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """;
  private static final String LIVE =
      """
      SELECT id, machine, other_side, max_bytes, may_erase, expires_at, other_issuer, other_sub FROM yes
      WHERE side = ? AND issuer = ? AND sub = ? AND revoked_at IS NULL AND expires_at > ?
      ORDER BY given_at
      """;
  private static final String REVOKE =
      """
      UPDATE yes SET revoked_at = ? WHERE id = ? AND issuer = ? AND sub = ? AND revoked_at IS NULL
      """;

  /**
   * @param machine the only machine it covers; empty for any (as it must be at a target)
   * @param otherSide the site at the other end
   * @param otherAccount the only account there that it is for; empty for whichever the core says is
   *     the same customer's
   * @param maxBytes of all disks of one migration
   * @param mayErase whether an accepted migration may end with erasing the source
   */
  public record Grant(
      UUID id,
      Optional<String> machine,
      SiteId otherSide,
      Optional<Subject> otherAccount,
      long maxBytes,
      boolean mayErase,
      Instant expiresAt) {}

  private final Database database;
  private final Clock clock;

  Grants(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /** Notes what a customer, signed in here, says yes to. */
  public void give(Role side, Subject customer, Grant grant) {
    database.change(
        tx -> {
          try (PreparedStatement give = tx.prepareStatement(GIVE)) {
            give.setObject(1, grant.id());
            give.setString(2, side.wire());
            give.setString(3, customer.issuer());
            give.setString(4, customer.sub());
            give.setString(5, grant.machine().orElse(null));
            give.setString(6, grant.otherSide().toString());
            give.setLong(7, grant.maxBytes());
            give.setBoolean(8, grant.mayErase());
            give.setTimestamp(9, Timestamp.from(clock.instant()));
            give.setTimestamp(10, Timestamp.from(grant.expiresAt()));
            give.setString(11, grant.otherAccount().map(Subject::issuer).orElse(null));
            give.setString(12, grant.otherAccount().map(Subject::sub).orElse(null));
            give.executeUpdate();
          }
        });
  }

  boolean revoke(Subject customer, UUID id) {
    return database.transaction(
        tx -> {
          try (PreparedStatement revoke = tx.prepareStatement(REVOKE)) {
            revoke.setTimestamp(1, Timestamp.from(clock.instant()));
            revoke.setObject(2, id);
            revoke.setString(3, customer.issuer());
            revoke.setString(4, customer.sub());
            return revoke.executeUpdate() == 1;
          }
        });
  }

  /** What a customer has said yes to and not taken back. */
  public List<Grant> live(Role side, Subject customer) {
    return database.transaction(tx -> live(tx, side, customer));
  }

  /**
   * A live grant that covers {@code machine} of {@code bytes} going to or coming from {@code
   * otherAccount} at {@code otherSide}.
   */
  public Optional<Grant> covering(
      Role side,
      Subject customer,
      String machine,
      SiteId otherSide,
      Subject otherAccount,
      long bytes) {
    return live(side, customer).stream()
        .filter(grant -> grant.otherSide().equals(otherSide))
        .filter(grant -> grant.machine().map(machine::equals).orElse(true))
        .filter(grant -> grant.otherAccount().map(otherAccount::equals).orElse(true))
        .filter(grant -> bytes <= grant.maxBytes())
        .findFirst();
  }

  private List<Grant> live(Connection tx, Role side, Subject customer) throws SQLException {
    List<Grant> grants = new ArrayList<>();
    try (PreparedStatement live = tx.prepareStatement(LIVE)) {
      live.setString(1, side.wire());
      live.setString(2, customer.issuer());
      live.setString(3, customer.sub());
      live.setTimestamp(4, Timestamp.from(clock.instant()));
      try (ResultSet found = live.executeQuery()) {
        while (found.next()) {
          grants.add(
              new Grant(
                  found.getObject(1, UUID.class),
                  Optional.ofNullable(found.getString(2)),
                  SiteId.parse(found.getString(3)),
                  found.getString(7) == null
                      ? Optional.empty()
                      : Optional.of(new Subject(found.getString(7), found.getString(8))),
                  found.getLong(4),
                  found.getBoolean(5),
                  found.getTimestamp(6).toInstant()));
        }
      }
    }
    return grants;
  }
}
