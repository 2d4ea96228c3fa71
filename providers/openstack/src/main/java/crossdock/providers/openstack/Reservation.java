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
 * @param server its id in Nova, once that has made it; from then on the machine is what Nova shows
 */
record Reservation(
    String project,
    String owner,
    Machine machine,
    Optional<String> registered,
    Optional<String> server) {
  Reservation as(Machine here) {
    return new Reservation(project, owner, here, Optional.of(here.id()), server);
  }

  Reservation made(String id) {
    return new Reservation(project, owner, machine, registered, Optional.of(id));
  }
}
