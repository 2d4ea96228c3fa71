package crossdock.chassis;

import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Report;
import crossdock.contracts.SigningKey;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;

/** Signs what this party states and puts it in the outbox, to its own report topic. */
@Singleton
public final class Reports {
  private final Identity identity;
  private final SigningKey key;
  private final Outbox outbox;
  private final Clock clock;

  Reports(Identity identity, SigningKey key, Outbox outbox, Clock clock) {
    this.identity = identity;
    this.key = key;
    this.outbox = outbox;
    this.clock = clock;
  }

  /** States {@code fact} with {@code tx}. */
  public void add(Connection tx, MigrationId migration, int attempt, Fact fact)
      throws SQLException {
    Report report = new Report(migration, identity.party(), attempt, clock.instant(), fact);
    byte[] envelope = Json.bytes(key.sign(Report.PAYLOAD_TYPE, Json.bytes(report)));
    outbox.add(tx, identity.party().reports(), migration.value(), fact.type(), envelope);
  }
}
