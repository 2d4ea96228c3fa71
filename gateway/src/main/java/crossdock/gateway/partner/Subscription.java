package crossdock.gateway.partner;

import crossdock.contracts.MigrationId;
import java.time.Instant;
import java.util.List;

/**
 * Where a partner wants to be told, as the partner sees it.
 *
 * @param key that verifies what is sent there
 * @param parked what is not tried any more until it is resumed or replayed, oldest first
 */
record Subscription(String id, String url, String key, Instant createdAt, List<Parked> parked) {

  /**
   * @param sequence of the event that could not be delivered
   */
  record Parked(MigrationId migration, long sequence, String reason, Instant at) {}
}
