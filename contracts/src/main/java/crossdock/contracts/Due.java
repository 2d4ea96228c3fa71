package crossdock.contracts;

import java.time.Instant;

/**
 * Something the world waits for.
 *
 * @param step what, and through {@link Step#role} by whom
 * @param attempt from 1; a report that names another attempt is stale
 * @param deadline when silence about it becomes a fact
 */
public record Due(Step step, int attempt, Instant deadline) {
  public Due {
    if (attempt < 1) {
      throw new Refused("attempts count from 1");
    }
  }
}
