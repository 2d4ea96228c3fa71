package crossdock.identity;

import crossdock.chassis.Database;
import crossdock.chassis.Problem;
import crossdock.contracts.Subject;
import jakarta.inject.Singleton;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The proven links of every customer. Thread-safe. */
@Singleton
final class Links {
  private static final String PROVE =
      """
      INSERT INTO link (broker_issuer, broker_sub, provider, issuer, sub, linked_at)
      VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (broker_issuer, broker_sub, provider) DO UPDATE
      SET issuer = excluded.issuer, sub = excluded.sub, linked_at = excluded.linked_at
      """;
  private static final String ALL =
      """
      SELECT provider, issuer, sub, linked_at FROM link
      WHERE broker_issuer = ? AND broker_sub = ? ORDER BY provider
      """;
  private static final String REMOVE =
      "DELETE FROM link WHERE broker_issuer = ? AND broker_sub = ? AND provider = ?";
  private static final String TAKEN = "23505";

  /**
   * @param provider as in its sites' names
   * @param account who the customer is there
   * @param linkedAt when they last proved it
   */
  record Link(String provider, Subject account, Instant linkedAt) {}

  private final Database database;

  Links(Database database) {
    this.database = database;
  }

  /**
   * Records that {@code customer} proved to be {@code account}; an account elsewhere at the same
   * provider is theirs no more.
   *
   * @throws Problem.Thrown if the account is another customer's
   */
  void prove(Subject customer, Link link) {
    database.change(
        tx -> {
          try (PreparedStatement prove = tx.prepareStatement(PROVE)) {
            prove.setString(1, customer.issuer());
            prove.setString(2, customer.sub());
            prove.setString(3, link.provider());
            prove.setString(4, link.account().issuer());
            prove.setString(5, link.account().sub());
            prove.setTimestamp(6, Timestamp.from(link.linkedAt()));
            prove.executeUpdate();
          } catch (SQLException e) {
            if (TAKEN.equals(e.getSQLState())) {
              throw Problem.FORBIDDEN.because(
                  "This account at " + link.provider() + " is linked to another customer.");
            }
            throw e;
          }
        });
  }

  /** Every link of a customer, by provider. */
  List<Link> of(Subject customer) {
    return database.transaction(
        tx -> {
          List<Link> links = new ArrayList<>();
          try (PreparedStatement all = tx.prepareStatement(ALL)) {
            all.setString(1, customer.issuer());
            all.setString(2, customer.sub());
            try (ResultSet found = all.executeQuery()) {
              while (found.next()) {
                links.add(
                    new Link(
                        found.getString(1),
                        new Subject(found.getString(2), found.getString(3)),
                        found.getTimestamp(4).toInstant()));
              }
            }
          }
          return links;
        });
  }

  /** The link of a customer at one provider, if there is one. */
  Optional<Link> find(Subject customer, String provider) {
    return of(customer).stream().filter(link -> link.provider().equals(provider)).findFirst();
  }

  /** Forgets a link; whether there was one. */
  boolean remove(Subject customer, String provider) {
    return database.transaction(
        tx -> {
          try (PreparedStatement remove = tx.prepareStatement(REMOVE)) {
            remove.setString(1, customer.issuer());
            remove.setString(2, customer.sub());
            remove.setString(3, provider);
            return remove.executeUpdate() == 1;
          }
        });
  }
}
