package crossdock.billing;

import crossdock.chassis.Chains;
import crossdock.chassis.Database;
import crossdock.chassis.Outcome;
import crossdock.chassis.StepHandler;
import crossdock.chassis.Work;
import crossdock.contracts.Bill;
import crossdock.contracts.Fact;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;

/**
 * Does the step {@code settle}. A completed migration costs what was counted, at the prices of the
 * approved quote and never above any of its lines. One that was undone costs the same way, without
 * the core's fee, if its source had been opened under that quote; before that (not approved,
 * cancelled, drifted) nothing. It is posted once, however often it is settled.
 */
@Singleton
final class Settling implements StepHandler {
  private final Database database;
  private final History history;

  /** Where a migration's verified events come from. */
  @FunctionalInterface
  interface History {
    /** Their bytes, in order, all that have been seen. */
    List<byte[]> of(Connection tx, MigrationId id) throws SQLException;
  }

  @Inject
  Settling(Database database, Chains chains) {
    this(database, chains::read);
  }

  Settling(Database database, History history) {
    this.database = database;
    this.history = history;
  }

  @Override
  public Outcome perform(Work work) {
    Migration migration = work.migration();
    Bill statement =
        database.transaction(
            tx -> {
              Usage.record(tx, migration.id(), history.of(tx, migration.id()));
              return Ledger.post(
                  tx, migration.id(), migration.request().caller(), statement(tx, migration));
            });
    return Outcome.done(new Fact.Settled(statement));
  }

  private static Bill statement(Connection tx, Migration migration) {
    Bill quote = migration.need(Fact.Quoted.class).quote();
    if (!opened(migration, quote)) {
      return Bill.of(quote.plan(), List.of(), quote.total().currency());
    }
    boolean completed = migration.latest(Fact.Accepted.class).isPresent();
    return Tariff.settle(
        quote, completed, (party, reading) -> newest(tx, migration.id(), party, reading));
  }

  /** Whether {@code quote} was approved and the source was opened under it. */
  private static boolean opened(Migration migration, Bill quote) {
    boolean approved = false;
    boolean opened = false;
    for (Fact fact : migration.known()) {
      if (fact instanceof Fact.Approved yes) {
        approved = yes.quote().equals(quote.digest());
      }
      opened = approved && (opened || fact instanceof Fact.Opened);
    }
    return opened;
  }

  private static BigDecimal newest(Connection tx, MigrationId id, Party party, String reading) {
    try {
      return Usage.newest(tx, id, party, reading, Meter.BYTE);
    } catch (SQLException e) {
      throw new IllegalStateException("cannot look up a reading", e);
    }
  }
}
