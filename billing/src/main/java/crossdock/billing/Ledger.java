package crossdock.billing;

import crossdock.contracts.Bill;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Subject;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Map;
import java.util.TreeMap;

/** Double-entry postings: the customer owes what the payees are owed, to the cent. */
final class Ledger {
  private static final String OPEN =
      """
      INSERT INTO journal (source_key, migration, bill) VALUES (?, ?, ?)
      ON CONFLICT (source_key) DO NOTHING RETURNING id
      """;
  private static final String POST =
      "INSERT INTO posting (journal, account, amount, currency) VALUES (?, ?, ?, ?)";
  private static final String POSTED = "SELECT bill FROM journal WHERE source_key = ?";

  private Ledger() {}

  /**
   * Posts a migration's statement, unless one was posted before.
   *
   * @return the one that is posted: {@code statement} the first time, the first one ever after
   */
  static Bill post(Connection tx, MigrationId id, Subject customer, Bill statement)
      throws SQLException {
    try (PreparedStatement open = tx.prepareStatement(OPEN)) {
      open.setString(1, id.value());
      open.setString(2, id.value());
      open.setBytes(3, Json.bytes(statement));
      try (ResultSet journal = open.executeQuery()) {
        if (!journal.next()) {
          return posted(tx, id);
        }
        entries(tx, journal.getLong(1), customer, statement);
        return statement;
      }
    }
  }

  /** The account of a customer. */
  static String account(Subject customer) {
    return "customer:" + Json.text(new String[] {customer.issuer(), customer.sub()});
  }

  private static void entries(Connection tx, long journal, Subject customer, Bill statement)
      throws SQLException {
    Map<String, Money> amounts = new TreeMap<>();
    amounts.put(account(customer), statement.total());
    for (Bill.Line line : statement.lines()) {
      Party payee = line.payee();
      Money earned = statement.of(payee);
      amounts.put(payee.urn(), new Money(earned.amount().negate(), earned.currency()));
    }
    try (PreparedStatement post = tx.prepareStatement(POST)) {
      for (Map.Entry<String, Money> entry : amounts.entrySet()) {
        if (entry.getValue().amount().signum() != 0) {
          post.setLong(1, journal);
          post.setString(2, entry.getKey());
          post.setBigDecimal(3, entry.getValue().amount());
          post.setString(4, entry.getValue().currency());
          post.executeUpdate();
        }
      }
    }
  }

  private static Bill posted(Connection tx, MigrationId id) throws SQLException {
    try (PreparedStatement posted = tx.prepareStatement(POSTED)) {
      posted.setString(1, id.value());
      try (ResultSet found = posted.executeQuery()) {
        found.next();
        return Json.read(found.getBytes(1), Bill.class);
      }
    }
  }
}
