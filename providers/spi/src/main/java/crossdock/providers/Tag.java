package crossdock.providers;

import crossdock.contracts.MigrationId;
import crossdock.contracts.Role;

/**
 * What every object made for a migration carries, so that it is found again after a crash. One site
 * may be source in one migration and target in another, never both in one.
 *
 * @param fence of the job that makes the call; an adapter that sees a smaller one than before
 *     refuses it with an {@link java.io.IOException}, since that is no verdict on the machine, and
 *     remembers fences longer than what was made under them
 */
public record Tag(MigrationId migration, Role side, long fence) {
  /** The same without the fence: what objects are found by. */
  public String name() {
    return migration.value() + "-" + side.wire();
  }
}
