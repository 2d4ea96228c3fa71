package crossdock.providers.openstack;

import crossdock.contracts.Machine;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.openstack4j.model.compute.Server;

/**
 * An OpenStack cloud. A machine's disks leave it as images in Glance and come into it as images,
 * which become Cinder volumes, but for a root of the class {@link #LOCAL}; what is made for a
 * migration has a name that begins with its tag, or the tag in its metadata. Nova cannot make a
 * server without starting it, so what is registered is the set of volumes, and the server is made
 * by {@link #boot}: a machine that came in is known by an id of ours, which its server carries in
 * its metadata.
 *
 * <p>What this side has under way lies in files, so several processes may use one directory; the
 * two sides of a site need not share it. Thread-safe.
 */
public final class OpenStack implements Cloud {
  /** What Nova and Cinder take and give a disk as, beside raw. */
  static final String FORMAT = "qcow2";

  /**
   * The class of storage of a root disk that Nova keeps on the hypervisor and makes of an image,
   * whatever volume types there are. All others are Cinder's volume types.
   */
  static final String LOCAL = "local";

  private final Site site;
  private final Rest rest = new Rest();
  private final Keystone keystone;
  private final Source source;
  private final Images images;
  private final Target target;

  /**
   * @param directory what this side remembers; made if it is not there
   */
  public OpenStack(Path directory, Account account, Clock clock) throws IOException {
    this.site = Site.at(directory);
    this.keystone = new Keystone(account, rest, clock, site.key());
    this.source = new Source(site, keystone);
    this.images = new Images(site, keystone);
    this.target = new Target(site, keystone);
  }

  @Override
  public Set<Capability> capabilities() {
    return Set.of(Capability.RUNS, Capability.SNAPSHOT);
  }

  @Override
  public List<String> formats() {
    return List.of(FORMAT);
  }

  @Override
  public List<Machine> machines(String owner) throws IOException {
    List<Machine> machines = new ArrayList<>();
    for (String id : keystone.projects(owner)) {
      Project project = keystone.project(id);
      List<Server> servers = project.nova().servers();
      if (!servers.isEmpty()) {
        Groups rules = Groups.of(project.neutron());
        for (Server server : servers) {
          new Found(project, server).shown(rules).ifPresent(machines::add);
        }
      }
      machines.addAll(images.in(project));
    }
    for (Reservation one : site.reservations()) {
      boolean booted =
          machines.stream().anyMatch(machine -> machine.id().equals(one.machine().id()));
      if (one.owner().equals(owner) && one.registered().isPresent() && !booted) {
        machines.add(one.machine());
      }
    }
    return machines;
  }

  @Override
  public Optional<Machine> machine(String owner, String id) throws IOException {
    if (!Found.ID.matcher(id).matches()) {
      return Optional.empty();
    }
    if (Images.isOne(id)) {
      return images.machine(keystone.projects(owner), id);
    }
    Optional<Found> found = Found.in(keystone.projects(owner), id, keystone);
    if (found.isPresent()) {
      return found.get().shown(Groups.of(found.get().project().neutron()));
    }
    for (Reservation one : site.reservations()) {
      if (one.owner().equals(owner) && one.registered().equals(Optional.of(id))) {
        return one.server().isPresent() ? made(one, id) : Optional.of(one.machine());
      }
    }
    return Optional.empty();
  }

  /** As Nova shows it, whatever its customer has made of its metadata. */
  private Optional<Machine> made(Reservation reservation, String id) throws IOException {
    Project project = keystone.project(reservation.project());
    Optional<Server> server = project.nova().server(reservation.server().orElseThrow());
    return server.isPresent()
        ? Optional.of(Machines.describe(project, server.get(), id, Groups.of(project.neutron())))
        : Optional.empty();
  }

  @Override
  public String console(String owner, String machine) throws IOException {
    if (!Found.ID.matcher(machine).matches()) {
      return "";
    }
    Optional<Found> found = Found.in(keystone.projects(owner), machine, keystone);
    String text = found.isPresent() ? found.get().project().nova().console(found.get().id()) : "";
    return text.substring(Math.max(0, text.length() - (64 << 10)));
  }

  private Origin origin(String machine) {
    return Images.isOne(machine) ? images : source;
  }

  @Override
  public void stop(String machine, Tag tag) throws IOException, Refusal {
    origin(machine).stop(machine, tag);
  }

  @Override
  public List<DiskTicket> open(String machine, Tag tag) throws IOException, Refusal {
    return origin(machine).open(machine, tag);
  }

  @Override
  public void close(Tag tag) throws IOException {
    Origin origin = images.isOf(tag) ? images : source;
    origin.close(tag);
  }

  @Override
  public void restore(String machine, Tag tag) throws IOException, Refusal {
    origin(machine).restore(machine, tag);
  }

  @Override
  public void retire(String machine, Tag tag, boolean erase) throws IOException, Refusal {
    origin(machine).retire(machine, tag, erase);
  }

  @Override
  public void reserve(Machine machine, String owner, Tag tag) throws IOException, Refusal {
    target.reserve(machine, owner, tag);
  }

  @Override
  public List<DiskTicket> prepare(Tag tag) throws IOException, Refusal {
    return target.prepare(tag);
  }

  @Override
  public String register(Tag tag) throws IOException, Refusal {
    return target.register(tag);
  }

  @Override
  public List<DiskTicket> readBack(Tag tag) throws IOException, Refusal {
    return target.readBack(tag);
  }

  @Override
  public String boot(Tag tag) throws IOException, Refusal {
    return target.boot(tag);
  }

  @Override
  public void release(Tag tag) throws IOException {
    target.release(tag);
  }

  @Override
  public boolean remove(Tag tag) throws IOException {
    return target.remove(tag);
  }

  @Override
  public void close() {
    rest.close();
  }
}
