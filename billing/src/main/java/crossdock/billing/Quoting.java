package crossdock.billing;

import crossdock.chassis.Database;
import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.StepHandler;
import crossdock.chassis.Work;
import crossdock.contracts.Bill;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;

/**
 * Does the step {@code quote}, in the currency of the request's limit. A plan is quoted once: asked
 * again, whatever the prices are by then, the answer is the same.
 */
@Singleton
final class Quoting implements StepHandler {
  private static final String GIVE =
      "INSERT INTO quote (migration, plan, bill) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
  private static final String GIVEN = "SELECT bill FROM quote WHERE migration = ? AND plan = ?";

  private final Database database;
  private final Clock clock;

  Quoting(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  @Override
  public Outcome perform(Work work) {
    Migration migration = work.migration();
    Bill quote =
        database.transaction(
            tx -> {
              give(tx, migration, price(tx, migration));
              return given(tx, migration);
            });
    return Outcome.done(new Fact.Quoted(quote));
  }

  private Bill price(Connection tx, Migration migration) {
    String currency = migration.request().limit().currency();
    return Tariff.quote(
        migration.plan().digest(),
        migration.plan().format(),
        migration.machine(),
        migration.party(Role.SOURCE),
        migration.party(Role.TARGET),
        migration.party(Role.BILLING),
        currency,
        (party, meter, formats) -> valid(tx, party, meter, formats, currency));
  }

  private Money valid(Connection tx, Party party, Meter meter, String formats, String currency) {
    try {
      return PriceBook.valid(tx, party, meter, formats, currency, clock.instant())
          .orElseThrow(
              () ->
                  new StepFailed(
                      Reason.NO_SUCH_PROVIDER,
                      party + " publishes no price for " + meter.wire() + " in " + currency + "."));
    } catch (SQLException e) {
      throw new IllegalStateException("cannot look up a price", e);
    }
  }

  private static void give(Connection tx, Migration migration, Bill quote) throws SQLException {
    try (PreparedStatement give = tx.prepareStatement(GIVE)) {
      give.setString(1, migration.id().value());
      give.setString(2, quote.plan().hex());
      give.setBytes(3, Json.bytes(quote));
      give.executeUpdate();
    }
  }

  private static Bill given(Connection tx, Migration migration) throws SQLException {
    try (PreparedStatement given = tx.prepareStatement(GIVEN)) {
      given.setString(1, migration.id().value());
      given.setString(2, migration.plan().digest().hex());
      try (ResultSet found = given.executeQuery()) {
        found.next();
        return Json.read(found.getBytes(1), Bill.class);
      }
    }
  }
}
