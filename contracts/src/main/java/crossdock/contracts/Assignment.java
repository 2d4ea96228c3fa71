package crossdock.contracts;

import java.util.List;

/**
 * Tells a site that it is due, with everything that this rests on. It orders nothing: the site
 * folds the chain itself and acts only on what it finds due there.
 *
 * @param chain the bytes of the migration's events from the first one, in order
 */
public record Assignment(MigrationId migration, List<byte[]> chain) {
  public Assignment {
    chain = List.copyOf(chain);
    if (chain.isEmpty() || chain.size() > 10_000) {
      throw new Refused("an assignment rests on 1 to 10,000 events");
    }
  }
}
