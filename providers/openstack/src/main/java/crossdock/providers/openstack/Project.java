package crossdock.providers.openstack;

import java.io.IOException;
import java.util.Optional;

/**
 * The calls to one project's APIs. What a list is asked to filter by is looked at again: some
 * clouds answer with all there is. Thread-safe.
 */
final class Project {
  private final Session session;
  private final Credentials credentials;

  /**
   * @param key that tickets' secrets are derived with
   */
  Project(Session session, byte[] key) {
    this.session = session;
    this.credentials = new Credentials(session, key);
  }

  String id() {
    return session.project();
  }

  Nova nova() {
    return new Nova(session);
  }

  Glance glance() {
    return new Glance(session);
  }

  Cinder cinder() {
    return new Cinder(session);
  }

  Neutron neutron() {
    return new Neutron(session);
  }

  Credentials credentials() {
    return credentials;
  }

  /** What is left of the project's quota. */
  record Room(long servers, long cpus, long memoryMib, long volumes, long gib) {
    Room less(long count, long cpu, long memory, long disks, long size) {
      return new Room(servers - count, cpus - cpu, memoryMib - memory, volumes - disks, gib - size);
    }

    boolean isThere() {
      return servers >= 0 && cpus >= 0 && memoryMib >= 0 && volumes >= 0 && gib >= 0;
    }
  }

  Room room() throws IOException {
    var nova = session.call(() -> session.client().compute().quotaSets().limits()).getAbsolute();
    var cinder = session.call(() -> session.client().blockStorage().getLimits()).getAbsolute();
    return new Room(
        left(nova.getMaxTotalInstances(), nova.getTotalInstancesUsed()),
        left(nova.getMaxTotalCores(), nova.getTotalCoresUsed()),
        left(nova.getMaxTotalRAMSize(), nova.getTotalRAMUsed()),
        left(cinder.getMaxTotalVolumes(), cinder.getTotalVolumesUsed()),
        left(cinder.getMaxTotalVolumeGigabytes(), cinder.getTotalGigabytesUsed()));
  }

  /** Of a limit that is -1 where there is none. */
  private static long left(int most, int used) {
    return most < 0 ? Integer.MAX_VALUE : (long) most - used;
  }

  /** What Keystone answers to who asks for something that only an administrator is told. */
  int administers() throws IOException {
    return session.raw("GET", session.keystone() + "/users", Optional.empty()).status();
  }
}
