package crossdock.providers.openstack;

import crossdock.contracts.Machine;
import java.util.Optional;

/**
 * A machine that is to come, in {@code reservations/<tag>.json} until it is accepted or removed.
 *
 * @param project where
 * @param owner whose
 * @param machine as planned, later with its id here
 * @param registered its id, once its disks are volumes
 */
record Reservation(String project, String owner, Machine machine, Optional<String> registered) {
  Reservation as(Machine here) {
    return new Reservation(project, owner, here, Optional.of(here.id()));
  }
}
