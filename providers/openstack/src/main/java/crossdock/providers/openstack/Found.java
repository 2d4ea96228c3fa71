package crossdock.providers.openstack;

import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import crossdock.providers.Tag;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.openstack4j.model.compute.Server;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A server, the calls to its project, and what Crossdock has written into its metadata. */
record Found(Project project, Server server) {
  static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");

  // Keys of metadata, of servers and volumes.

  /** The tag that something was made under, until it is accepted. */
  static final String MADE_BY = "crossdock";

  /** Our id of a machine that came in. */
  static final String MACHINE = "crossdock-machine";

  /** The image that a server's local root was made of here. */
  static final String IMAGE = "crossdock-image";

  /** The name that a volume has as a disk of its machine, or a server's local root has. */
  static final String DISK = "crossdock-disk";

  /** The tag that a server is locked under, what it did before, and whether it was given up. */
  static final String HELD_BY = "crossdock-held";

  static final String RAN = "crossdock-ran";
  static final String KEPT = "crossdock-kept";

  private static final Logger LOG = LoggerFactory.getLogger(Found.class);
  private static final Pattern UUID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");

  static Optional<Found> in(List<String> projects, String id, Keystone keystone)
      throws IOException {
    return keystone.first(projects, project -> in(project, id));
  }

  /** Whether it is what Nova, Glance and Cinder name things by. */
  static boolean isUuid(String text) {
    return UUID.matcher(text).matches();
  }

  private static Optional<Found> in(Project project, String id) throws IOException {
    if (isUuid(id)) {
      return project.nova().server(id).map(now -> new Found(project, now));
    }
    if (id.endsWith(suffix(project))) {
      for (Server server : project.nova().servers()) {
        if (new Found(project, server).machine().equals(id)) {
          return Optional.of(new Found(project, server));
        }
      }
    }
    return Optional.empty();
  }

  String id() {
    return server.getId();
  }

  Optional<String> meta(String key) {
    return Optional.ofNullable(server.getMetadata()).map(all -> all.get(key));
  }

  boolean isHeldBy(Tag tag) {
    return meta(HELD_BY).equals(Optional.of(tag.name()));
  }

  boolean runs() {
    return server.getStatus() != Server.Status.SHUTOFF;
  }

  /**
   * Ours if it came in, else Nova's. Ours ends with what is the project's alone: somebody else's
   * server may say that it is this machine, and is not believed.
   */
  String machine() {
    return meta(MACHINE)
        .filter(id -> ID.matcher(id).matches() && id.endsWith(suffix(project)))
        .orElse(server.getId());
  }

  static String suffix(Project project) {
    return "-" + project.id().substring(0, Math.min(16, project.id().length()));
  }

  /** One machine that cannot be described does not hide the others. */
  Optional<Machine> shown(Groups rules) throws IOException {
    try {
      return Optional.of(Machines.describe(project, server, machine(), rules));
    } catch (Refused e) {
      LOG.warn("Server {} is not shown: {}", id(), e.getMessage());
      return Optional.empty();
    }
  }
}
