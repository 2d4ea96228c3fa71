package crossdock.providers.openstack;

import java.util.List;

/**
 * A machine that a migration has to do with as its source, in {@code holds/<tag>.json}.
 *
 * @param project where it is
 * @param server its id in Nova
 * @param volumes that were read as its disks, and are erased with it
 */
record Hold(String project, String server, List<String> volumes) {}
