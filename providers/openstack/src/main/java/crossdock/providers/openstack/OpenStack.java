package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Firewall;
import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.SignOfLife;
import crossdock.providers.Tag;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.openstack4j.api.Builders;
import org.openstack4j.model.compute.Action;
import org.openstack4j.model.compute.BDMDestType;
import org.openstack4j.model.compute.BDMSourceType;
import org.openstack4j.model.compute.Flavor;
import org.openstack4j.model.compute.Server;
import org.openstack4j.model.compute.builder.ServerCreateBuilder;
import org.openstack4j.model.image.v2.ContainerFormat;
import org.openstack4j.model.image.v2.DiskFormat;
import org.openstack4j.model.image.v2.Image;
import org.openstack4j.model.network.IPVersionType;
import org.openstack4j.model.network.Ipv6AddressMode;
import org.openstack4j.model.network.Network;
import org.openstack4j.model.network.Port;
import org.openstack4j.model.network.SecurityGroup;
import org.openstack4j.model.network.Subnet;
import org.openstack4j.model.network.builder.PortBuilder;
import org.openstack4j.model.storage.block.Volume;
import org.openstack4j.model.storage.block.VolumeSnapshot;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An OpenStack cloud. A machine's disks leave it as images in Glance and come into it as images,
 * which become Cinder volumes; what is made for a migration has a name that begins with its tag, or
 * the tag in its metadata. Nova cannot make a server without starting it, so what is registered is
 * the set of volumes, and the server is made by {@link #boot}: a machine that came in is known by
 * an id of ours, which its server carries in its metadata.
 *
 * <p>What this side has under way lies in files, so several processes may use one directory; the
 * two sides of a site need not share it. Thread-safe.
 */
public final class OpenStack implements Cloud {
  private static final Logger LOG = LoggerFactory.getLogger(OpenStack.class);
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final Pattern UUID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
  private static final long GIB = 1L << 30;
  private static final Duration LIVES = Duration.ofMinutes(5);
  private static final int STOPS = 10;

  /** What Nova and Cinder take and give a disk as, beside raw. */
  private static final String FORMAT = "qcow2";

  // Keys of metadata, of servers and volumes.

  /** The tag that something was made under, until it is accepted. */
  private static final String MADE_BY = "crossdock";

  /** Our id of a machine that came in. */
  private static final String MACHINE = "crossdock-machine";

  /** The name that a volume has as a disk of its machine. */
  private static final String DISK = "crossdock-disk";

  /** The tag that a server is locked under, what it did before, and whether it was given up. */
  private static final String HELD_BY = "crossdock-held";

  private static final String RAN = "crossdock-ran";
  private static final String KEPT = "crossdock-kept";

  private final Site site;
  private final Rest rest = new Rest();
  private final Keystone keystone;

  /**
   * @param directory what this side remembers; made if it is not there
   */
  public OpenStack(Path directory, Account account, Clock clock) throws IOException {
    this.site = Site.at(directory);
    this.keystone = new Keystone(account, rest, clock, site.key());
  }

  @Override
  public Set<Capability> capabilities() {
    return Set.of(Capability.RUNS);
  }

  @Override
  public List<String> formats() {
    return List.of(FORMAT);
  }

  // Machines.

  /** A server, and the calls to its project. */
  private record Found(Project project, Server server) {
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
  }

  @Override
  public List<Machine> machines(String owner) throws IOException {
    List<Machine> machines = new ArrayList<>();
    for (String id : keystone.projects(owner)) {
      Project project = keystone.project(id);
      for (Server server : project.servers()) {
        shown(new Found(project, server)).ifPresent(machines::add);
      }
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
    if (!ID.matcher(id).matches()) {
      return Optional.empty();
    }
    Optional<Found> found = find(keystone.projects(owner), id);
    if (found.isPresent()) {
      return shown(found.get());
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
    Optional<Server> server = project.server(reservation.server().orElseThrow());
    return server.isPresent()
        ? Optional.of(Machines.describe(project, server.get(), id, DISK))
        : Optional.empty();
  }

  /** What happens in one project keeps nobody from another. */
  private Optional<Found> find(List<String> projects, String id) throws IOException {
    IOException failed = null;
    for (String one : projects) {
      try {
        Optional<Found> found = find(keystone.project(one), id);
        if (found.isPresent()) {
          return found;
        }
      } catch (IOException e) {
        LOG.warn("Project {} cannot be searched: {}", one, e.getMessage());
        failed = e;
      }
    }
    if (failed != null) {
      throw failed;
    }
    return Optional.empty();
  }

  private static Optional<Found> find(Project project, String id) throws IOException {
    if (UUID.matcher(id).matches()) {
      return project.server(id).map(now -> new Found(project, now));
    }
    if (id.endsWith(suffix(project))) {
      for (Server server : project.servers()) {
        if (new Found(project, server).machine().equals(id)) {
          return Optional.of(new Found(project, server));
        }
      }
    }
    return Optional.empty();
  }

  /** One machine that cannot be described does not hide the others. */
  private static Optional<Machine> shown(Found found) throws IOException {
    try {
      return Optional.of(Machines.describe(found.project(), found.server(), found.machine(), DISK));
    } catch (Refused e) {
      LOG.warn("Server {} is not shown: {}", found.id(), e.getMessage());
      return Optional.empty();
    }
  }

  private Found existing(String machine, Tag tag) throws IOException, Refusal {
    return lookFor(machine, tag)
        .orElseThrow(() -> new Refusal(Reason.NO_SUCH_MACHINE, "There is no such machine."));
  }

  /** The machine; once this migration has to do with it, the same server whatever is said of it. */
  private Optional<Found> lookFor(String machine, Tag tag) throws IOException {
    Optional<Hold> hold = site.hold(tag);
    if (hold.isPresent()) {
      Project project = keystone.project(hold.get().project());
      return project.server(hold.get().server()).map(now -> new Found(project, now));
    }
    return ID.matcher(machine).matches() ? find(keystone.projects(), machine) : Optional.empty();
  }

  /** A machine that no other migration has to do with. */
  private static Found movable(Found found, Tag tag) throws Refusal {
    if (found.meta(MADE_BY).isPresent()) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "The machine is not accepted here yet.");
    }
    if (found.meta(HELD_BY).isPresent() && !found.isHeldBy(tag)) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "Another migration has locked the machine.");
    }
    return found;
  }

  // As source.

  @Override
  public void stop(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Found seen = existing(machine, tag);
      try (Turn _ = site.turn(seen.id())) {
        Found found = movable(existing(machine, tag), tag);
        Project project = found.project();
        if (found.runs() && found.server().getStatus() != Server.Status.ACTIVE) {
          throw new Refusal(
              Reason.REFUSED_BY_SOURCE, "The server is " + found.server().getStatus() + ".");
        }
        if (site.hold(tag).isEmpty()) {
          site.keep(tag, new Hold(project.id(), found.id(), List.of(), List.of(), List.of()));
        }
        if (!found.isHeldBy(tag)) {
          project.mark(
              found.id(), Map.of(HELD_BY, tag.name(), RAN, Boolean.toString(found.runs())));
        }
        // Somebody may start it again before it is locked.
        for (int attempt = 0; attempt < STOPS; attempt++) {
          Server stopped = stopped(project, found.id());
          project.act(stopped.getId(), Action.LOCK);
          if (project.server(found.id()).filter(OpenStack::isStopped).isPresent()) {
            return;
          }
          project.act(found.id(), Action.UNLOCK);
        }
        throw new Refusal(
            Reason.REFUSED_BY_SOURCE, "The server is started again as often as it is stopped.");
      }
    }
  }

  private static boolean isStopped(Server server) {
    return server.getStatus() == Server.Status.SHUTOFF && server.getTaskState() == null;
  }

  /**
   * Nova asks the guest to power off, and pulls the plug after its own {@code shutdown_timeout}.
   */
  private static Server stopped(Project project, String id) throws IOException, Refusal {
    return Project.await(
        "a server to stop",
        () -> {
          Server server =
              project
                  .server(id)
                  .orElseThrow(
                      () -> new Refusal(Reason.NO_SUCH_MACHINE, "There is no such machine."));
          if (isStopped(server)) {
            return Optional.of(server);
          }
          if (server.getTaskState() != null) {
            return Optional.empty();
          }
          if (server.getStatus() != Server.Status.ACTIVE) {
            throw new Refusal(
                Reason.REFUSED_BY_SOURCE, "The server is " + server.getStatus() + ".");
          }
          project.act(id, Action.STOP);
          return Optional.empty();
        });
  }

  @Override
  public List<DiskTicket> open(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Found seen = existing(machine, tag);
      try (Turn _ = site.turn(seen.id())) {
        Found found = movable(existing(machine, tag), tag);
        Project project = found.project();
        requireStopped(found);
        List<Machines.Place> places = Machines.disks(project, found.server(), DISK);
        site.keep(tag, new Hold(project.id(), found.id(), volumes(places), List.of(), List.of()));
        List<DiskTicket> tickets = new ArrayList<>();
        for (Machines.Place place : places) {
          String name = name(tag, place.disk().name());
          Image image =
              switch (place) {
                case Machines.Place.Local _ -> snapshot(found, name, tag);
                case Machines.Place.Attached(var _, Volume volume) ->
                    copy(project, volume, name, tag);
              };
          tickets.add(toRead(project, place.disk(), image, name));
        }
        requireStopped(existing(machine, tag));
        return tickets;
      }
    }
  }

  private static List<String> volumes(List<Machines.Place> places) {
    List<String> volumes = new ArrayList<>();
    for (Machines.Place place : places) {
      if (place instanceof Machines.Place.Attached(var _, Volume volume)) {
        volumes.add(volume.getId());
      }
    }
    return volumes;
  }

  /** While Nova still does something with it, nothing can be said. */
  private static void requireStopped(Found found) throws IOException, Refusal {
    if (found.server().getStatus() != Server.Status.SHUTOFF) {
      throw new Refusal(
          Reason.REFUSED_BY_SOURCE, "Only a stopped server is opened at one instant.");
    }
    if (found.server().getTaskState() != null) {
      throw new IOException("the server is in " + found.server().getTaskState());
    }
  }

  private interface Making {
    String make() throws IOException, Refusal;
  }

  private interface Looking {
    boolean isThere(String id) throws IOException;
  }

  /** The id of what is made once for a migration, under that name. */
  private String once(Tag tag, String name, Looking looking, Making making)
      throws IOException, Refusal {
    Optional<String> before = site.made(tag, name);
    if (before.isPresent() && looking.isThere(before.get())) {
      return before.get();
    }
    String id = making.make();
    site.keepMade(tag, name, id);
    return id;
  }

  /** An image that only we have filled: one of that name that is not known here goes first. */
  private Image image(Project project, Tag tag, String name, Making making)
      throws IOException, Refusal {
    String id =
        once(
            tag,
            "image " + name,
            one -> project.image(one).isPresent(),
            () -> {
              for (Image unknown : project.imagesNamed(name)) {
                project.delete(unknown);
              }
              return making.make();
            });
    return project.image(id).orElseThrow(() -> new IOException("image " + id + " has gone"));
  }

  private Image snapshot(Found found, String name, Tag tag) throws IOException, Refusal {
    Project project = found.project();
    Image image = image(project, tag, name, () -> project.snapshot(found.id(), name));
    return project.awaitActive(image.getId());
  }

  /** By a snapshot and a volume of it, since a volume in use is not copied to an image. */
  private Image copy(Project project, Volume volume, String name, Tag tag)
      throws IOException, Refusal {
    Image image =
        image(
            project,
            tag,
            name,
            () -> {
              String snapshot =
                  once(
                      tag,
                      "snapshot " + name,
                      one -> project.snapshot(one).isPresent(),
                      () -> project.snapshotVolume(volume.getId(), name).getId());
              Object _ = project.awaitSnapshot(snapshot);
              String copy =
                  once(
                      tag,
                      "volume " + name,
                      one -> project.volume(one).isPresent(),
                      () -> project.create(volumeOf(snapshot, volume, name)).getId());
              Object _ = project.awaitAvailable(copy);
              return project.imageOf(copy, name);
            });
    Image active = project.awaitActive(image.getId());
    dropCopies(project, name);
    return active;
  }

  private static Volume volumeOf(String snapshot, Volume volume, String name) {
    return Builders.volume().name(name).size(volume.getSize()).snapshot(snapshot).build();
  }

  /** What a copy went through. */
  private static void dropCopies(Project project, String name) throws IOException, Refusal {
    for (Volume copy : project.volumes()) {
      if (name.equals(copy.getName())) {
        project.delete(project.awaitAvailable(copy.getId()));
      }
    }
    for (VolumeSnapshot snapshot : project.snapshots()) {
      if (name.equals(snapshot.getName())) {
        project.delete(snapshot);
      }
    }
  }

  private static DiskTicket toRead(Project project, Machine.Disk disk, Image image, String name)
      throws IOException {
    URI data = project.data(image);
    return ticket(project, disk, image, name, List.of(new Project.Rule("GET", data)));
  }

  /** Also to see whether it is written. */
  private static DiskTicket toWrite(Project project, Machine.Disk disk, Image image, String name)
      throws IOException {
    URI data = project.data(image);
    List<Project.Rule> rules =
        List.of(
            new Project.Rule("PUT", data),
            new Project.Rule("GET", URI.create(data.toString().replaceFirst("/file$", ""))));
    return ticket(project, disk, image, name, rules);
  }

  private static DiskTicket ticket(
      Project project, Machine.Disk disk, Image image, String name, List<Project.Rule> rules)
      throws IOException {
    return new DiskTicket.Glance(
        disk.name(),
        project.data(image),
        project.access(name, rules),
        String.valueOf(image.getDiskFormat().value()),
        disk.virtualBytes());
  }

  private static String name(Tag tag, String disk) {
    return prefix(tag) + disk;
  }

  private static String prefix(Tag tag) {
    return "crossdock-" + tag.name() + "-";
  }

  @Override
  public void close(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      closeOpened(tag);
      if (lookFor("", tag).filter(found -> found.isHeldBy(tag)).isEmpty()) {
        site.dropHold(tag);
      }
    }
  }

  private void closeOpened(Tag tag) throws IOException {
    Optional<Hold> hold = site.hold(tag);
    if (hold.isPresent()) {
      try {
        sweep(keystone.project(hold.get().project()), prefix(tag));
      } catch (Refusal e) {
        throw new IOException(e);
      }
    }
  }

  /** Deletes what has a name that begins so. */
  private static void sweep(Project project, String prefix) throws IOException, Refusal {
    project.endAccess(prefix);
    for (Image image : project.images()) {
      if (startsWith(image.getName(), prefix)) {
        project.delete(image);
      }
    }
    for (Volume volume : project.volumes()) {
      if (startsWith(volume.getName(), prefix)) {
        project.delete(volume);
      }
    }
    for (VolumeSnapshot snapshot : project.snapshots()) {
      if (startsWith(snapshot.getName(), prefix)) {
        project.delete(snapshot);
      }
    }
  }

  private static boolean startsWith(@Nullable String name, String prefix) {
    return name != null && name.startsWith(prefix);
  }

  @Override
  public void restore(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      closeOpened(tag);
      Optional<Found> seen = lookFor(machine, tag);
      if (seen.isPresent()) {
        try (Turn _ = site.turn(seen.get().id())) {
          restore(existing(machine, tag), tag);
        }
      }
      // If its customer has deleted it meanwhile, there is nothing to restore.
      site.dropHold(tag);
    }
  }

  private static void restore(Found found, Tag tag) throws IOException, Refusal {
    if (!found.isHeldBy(tag)) {
      return;
    }
    if (found.meta(KEPT).isPresent()) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "The machine was given up to its copy for good.");
    }
    Project project = found.project();
    project.act(found.id(), Action.UNLOCK);
    if (found.meta(RAN).equals(Optional.of("true"))) {
      start(project, found.id());
    }
    project.unmark(found.id(), RAN);
    project.unmark(found.id(), HELD_BY);
  }

  private static void start(Project project, String id) throws IOException, Refusal {
    Object _ =
        Project.await(
            "a server to start",
            () -> {
              Server server =
                  project.server(id).orElseThrow(() -> new IOException("the server has gone"));
              if (server.getTaskState() != null) {
                return Optional.empty();
              }
              return switch (server.getStatus()) {
                case ACTIVE -> Optional.of(true);
                case SHUTOFF -> {
                  project.act(id, Action.START);
                  yield Optional.<Boolean>empty();
                }
                case BUILD -> Optional.<Boolean>empty();
                default ->
                    throw new Refusal(
                        Reason.NOT_ALIVE, "The server is " + server.getStatus() + fault(server));
              };
            });
  }

  private static String fault(Server server) {
    return server.getFault() == null ? "." : ": " + server.getFault().getMessage();
  }

  @Override
  public void retire(String machine, Tag tag, boolean erase) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Optional<Hold> hold = site.hold(tag);
      Optional<Found> seen = lookFor(machine, tag);
      if (erase && seen.isEmpty()) {
        // Gone by an earlier call, or by its customer.
        if (hold.isPresent()) {
          finishErasing(hold.get(), tag);
        }
        return;
      }
      Found there =
          seen.orElseThrow(() -> new Refusal(Reason.NO_SUCH_MACHINE, "There is no such machine."));
      try (Turn _ = site.turn(there.id())) {
        Found found = movable(existing(machine, tag), tag);
        if (!found.isHeldBy(tag) || hold.isEmpty()) {
          throw new Refusal(Reason.REFUSED_BY_SOURCE, "The machine was not stopped for this.");
        }
        requireStopped(found);
        closeOpened(tag);
        Project project = found.project();
        if (erase) {
          requireErasable(project, hold.get());
          // Nova leaves ports that it did not make, and with them the addresses.
          List<? extends Port> cards = project.portsOf(found.id());
          Hold all = hold.get().with(cards, Groups.of(project).oursOf(cards));
          site.keep(tag, all);
          project.delete(found.server());
          finishErasing(all, tag);
        } else if (found.meta(KEPT).isEmpty()) {
          project.act(found.id(), Action.UNLOCK);
          project.mark(found.id(), Map.of(KEPT, "true"));
          project.act(found.id(), Action.LOCK);
        }
      }
    }
  }

  /** Cinder deletes no volume that somebody else uses: better nothing is erased than a half. */
  private static void requireErasable(Project project, Hold hold) throws IOException, Refusal {
    for (VolumeSnapshot snapshot : project.snapshots()) {
      if (hold.volumes().contains(snapshot.getVolumeId())) {
        throw new Refusal(
            Reason.REFUSED_BY_SOURCE,
            "Volume " + snapshot.getVolumeId() + " has the snapshot " + snapshot.getId() + ".");
      }
    }
    for (String id : hold.volumes()) {
      Optional<Volume> volume = project.volume(id);
      if (volume.isPresent() && volume.get().getAttachments().size() > 1) {
        throw new Refusal(Reason.REFUSED_BY_SOURCE, "Volume " + id + " has several servers.");
      }
    }
  }

  /** Of its volumes those that were read: what was attached since is not erased. */
  private void finishErasing(Hold hold, Tag tag) throws IOException, Refusal {
    Project project = keystone.project(hold.project());
    sweep(project, prefix(tag));
    for (String id : hold.volumes()) {
      if (project.volume(id).isPresent()) {
        project.delete(project.awaitAvailable(id));
      }
    }
    for (String id : hold.ports()) {
      // Its customer may have given it to another server meanwhile.
      Optional<Port> port = project.port(id);
      String user = port.map(Port::getDeviceId).orElse("");
      if (port.isPresent() && (user.isEmpty() || user.equals(hold.server()))) {
        project.deletePort(id);
      }
    }
    for (String id : hold.groups()) {
      // Its customer may use it for others meanwhile, and then it stays.
      project.deleteGroup(id);
    }
    site.dropHold(tag);
  }

  // As target.

  @Override
  public void reserve(Machine machine, String owner, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Optional<Reservation> before = site.reservation(tag);
      if (before.filter(one -> one.registered().isPresent()).isPresent()) {
        return;
      }
      if (before.filter(one -> one.machine().equals(machine)).isPresent()) {
        holdAddresses(tag, before.get());
        return;
      }
      if (before.isPresent()) {
        // Planned anew: what was written for the plan before is of no use.
        removeAll(tag, before.get());
      }
      List<String> projects = keystone.projects(owner);
      if (projects.isEmpty()) {
        throw new Refusal(Reason.REFUSED_BY_TARGET, "The customer has no project here.");
      }
      Project project = keystone.project(projects.getFirst());
      requireCounterparts(project, machine);
      Reservation reservation =
          new Reservation(project.id(), owner, machine, Optional.empty(), Optional.empty());
      try (Turn _ = site.turn()) {
        requireRoom(project, machine);
        site.keep(tag, reservation);
      }
      holdAddresses(tag, reservation);
    }
  }

  /** Better no room than a source that was stopped for addresses that somebody else has here. */
  private void holdAddresses(Tag tag, Reservation reservation) throws IOException, Refusal {
    try {
      List<String> _ = ports(keystone.project(reservation.project()), reservation.machine(), tag);
    } catch (Refusal e) {
      removeAll(tag, reservation);
      throw e;
    }
  }

  private static void requireCounterparts(Project project, Machine machine)
      throws IOException, Refusal {
    if (!machine.architecture().equals("x86_64")) {
      throw new Refusal(Reason.UNMAPPABLE, "Only x86_64 machines run here.");
    }
    for (Machine.Disk disk : machine.disks()) {
      if (!disk.format().equals(FORMAT)) {
        throw new Refusal(Reason.UNMAPPABLE, "No disk in " + disk.format() + " is taken here.");
      }
    }
    if (machine.nics().isEmpty()) {
      // Nova would give it one, in a network that nobody has chosen.
      throw new Refusal(Reason.UNMAPPABLE, "A machine without a network card is not taken here.");
    }
    for (Machine.Nic nic : machine.nics()) {
      Network _ = network(project, nic);
    }
    for (String group : machine.securityGroups()) {
      group(project, group);
    }
    flavor(project, machine);
  }

  private static Network network(Project project, Machine.Nic nic) throws IOException, Refusal {
    return project
        .networkNamed(nic.network())
        .orElseThrow(
            () ->
                new Refusal(
                    Reason.UNMAPPABLE, "The project has no network " + nic.network() + "."));
  }

  private static SecurityGroup group(Project project, String name) throws IOException, Refusal {
    return project
        .groupNamed(name)
        .orElseThrow(
            () ->
                new Refusal(Reason.UNMAPPABLE, "The project has no security group " + name + "."));
  }

  /** The smallest that is no smaller than the machine. */
  private static Flavor flavor(Project project, Machine machine) throws IOException, Refusal {
    long memory = mib(machine);
    return project.flavors().stream()
        .filter(one -> one.getVcpus() >= machine.cpus() && one.getRam() >= memory)
        .filter(one -> one.getEphemeral() == 0 && one.getSwap() == 0)
        .min(
            Comparator.<Flavor>comparingInt(Flavor::getVcpus)
                .thenComparingInt(Flavor::getRam)
                .thenComparingInt(Flavor::getDisk)
                .thenComparing(Flavor::getId))
        .orElseThrow(
            () ->
                new Refusal(
                    Reason.UNMAPPABLE,
                    "No flavor has %d CPUs and %d MiB.".formatted(machine.cpus(), memory)));
  }

  private static long mib(Machine machine) {
    return (machine.memoryBytes() + (1 << 20) - 1) >> 20;
  }

  private static int gib(Machine.Disk disk) {
    return Math.toIntExact((disk.virtualBytes() + GIB - 1) / GIB);
  }

  private static long gib(Machine machine) {
    return machine.disks().stream().mapToLong(OpenStack::gib).sum();
  }

  private void requireRoom(Project project, Machine machine) throws IOException, Refusal {
    Project.Room room = project.room();
    Set<String> booted = new HashSet<>();
    for (Server server : project.servers()) {
      booted.add(new Found(project, server).machine());
    }
    for (Reservation one : site.reservations()) {
      if (one.project().equals(project.id()) && !booted.contains(one.machine().id())) {
        Machine other = one.machine();
        Flavor flavor = flavor(project, other);
        boolean volumes = one.registered().isPresent();
        room =
            room.less(
                1,
                flavor.getVcpus(),
                flavor.getRam(),
                volumes ? 0 : other.disks().size(),
                volumes ? 0 : gib(other));
      }
    }
    // While a disk is read back, nothing more than its volume counts.
    Flavor flavor = flavor(project, machine);
    Project.Room left =
        room.less(1, flavor.getVcpus(), flavor.getRam(), machine.disks().size(), gib(machine));
    if (!left.isThere()) {
      throw new Refusal(Reason.QUOTA, "The project has no room for the machine: " + room + ".");
    }
  }

  private Reservation reservation(Tag tag) throws IOException, Refusal {
    return site.reservation(tag)
        .orElseThrow(() -> new Refusal(Reason.REFUSED_BY_TARGET, "Nothing is reserved for this."));
  }

  @Override
  public List<DiskTicket> prepare(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Reservation reservation = reservation(tag);
      Project project = keystone.project(reservation.project());
      List<DiskTicket> tickets = new ArrayList<>();
      for (Machine.Disk disk : reservation.machine().disks()) {
        String name = name(tag, disk.name());
        Image empty = image(reservation.machine(), name);
        Image image = image(project, tag, name, () -> project.create(empty).getId());
        tickets.add(toWrite(project, disk, image, name));
      }
      return tickets;
    }
  }

  /** Without its data. The properties are what Nova makes the virtual hardware by. */
  private static Image image(Machine machine, String name) {
    return Builders.imageV2()
        .name(name)
        .visibility(Image.ImageVisibility.PRIVATE)
        .containerFormat(ContainerFormat.BARE)
        .diskFormat(DiskFormat.QCOW2)
        .architecture(machine.architecture())
        .additionalProperty(
            "os_type", machine.guestOs().startsWith("windows") ? "windows" : "linux")
        .additionalProperty("hw_disk_bus", "virtio")
        .additionalProperty("hw_vif_model", "virtio")
        .additionalProperty(
            "hw_firmware_type",
            switch (machine.firmware()) {
              case BIOS -> "bios";
              case UEFI -> "uefi";
            })
        .build();
  }

  @Override
  public String register(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Reservation reservation = reservation(tag);
      if (reservation.registered().isPresent()) {
        return reservation.registered().get();
      }
      Project project = keystone.project(reservation.project());
      Machine planned = reservation.machine();
      for (Machine.Disk disk : planned.disks()) {
        if (written(project, tag, disk).isEmpty()) {
          throw new Refusal(Reason.INTERNAL, "Disk " + disk.name() + " has not been written.");
        }
      }
      for (Machine.Disk disk : planned.disks()) {
        Volume _ = volume(project, planned, disk, tag);
      }
      Machine machine = planned.withId(id(planned, tag, project));
      site.keep(tag, reservation.as(machine));
      return machine.id();
    }
  }

  /** Follows from name, migration and project. */
  private static String id(Machine planned, Tag tag, Project project) {
    String name = planned.name().replaceAll("[^A-Za-z0-9._-]", "-");
    String plain = ID.matcher(name.substring(0, 1)).matches() ? name : "m" + name;
    return plain.substring(0, Math.min(80, plain.length()))
        + "-"
        + tag.migration().value().substring(2)
        + suffix(project);
  }

  private static String suffix(Project project) {
    return "-" + project.id().substring(0, Math.min(16, project.id().length()));
  }

  /** The image that was prepared for a disk, if it has its data. */
  private Optional<Image> written(Project project, Tag tag, Machine.Disk disk) throws IOException {
    Optional<String> id = site.made(tag, "image " + name(tag, disk.name()));
    return id.isPresent()
        ? project.image(id.get()).filter(image -> image.getStatus() == Image.ImageStatus.ACTIVE)
        : Optional.empty();
  }

  private Volume volume(Project project, Machine planned, Machine.Disk disk, Tag tag)
      throws IOException, Refusal {
    Image image =
        written(project, tag, disk)
            .orElseThrow(() -> new IOException("the image of " + disk.name() + " has gone"));
    String id =
        once(
            tag,
            "disk " + disk.name(),
            one -> project.volume(one).isPresent(),
            () -> {
              // Of an earlier call, that did not hear of it; or somebody else's, with our tag.
              for (Volume unknown : made(project, tag)) {
                if (disk.name().equals(unknown.getMetaData().get(DISK))) {
                  project.delete(project.awaitAvailable(unknown.getId()));
                }
              }
              return project
                  .create(
                      Builders.volume()
                          .name(planned.name() + "-" + disk.name())
                          .size(gib(disk))
                          .imageRef(image.getId())
                          .metadata(Map.of(MADE_BY, tag.name(), DISK, disk.name()))
                          .build())
                  .getId();
            });
    return project.awaitAvailable(id);
  }

  private Volume made(Project project, Tag tag, Machine.Disk disk) throws IOException {
    Optional<String> id = site.made(tag, "disk " + disk.name());
    Optional<Volume> volume = id.isPresent() ? project.volume(id.get()) : Optional.empty();
    return volume.orElseThrow(() -> new IOException("the volume of " + disk.name() + " has gone"));
  }

  private static List<Volume> made(Project project, Tag tag) throws IOException {
    List<Volume> made = new ArrayList<>();
    for (Volume one : project.volumes()) {
      if (one.getMetaData() != null && tag.name().equals(one.getMetaData().get(MADE_BY))) {
        made.add(one);
      }
    }
    return made;
  }

  private Reservation registered(Tag tag) throws IOException, Refusal {
    return site.reservation(tag)
        .filter(one -> one.registered().isPresent())
        .orElseThrow(
            () -> new Refusal(Reason.REFUSED_BY_TARGET, "Nothing is registered for this."));
  }

  @Override
  public List<DiskTicket> readBack(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Reservation reservation = registered(tag);
      Project project = keystone.project(reservation.project());
      List<DiskTicket> tickets = new ArrayList<>();
      for (Machine.Disk disk : reservation.machine().disks()) {
        Volume volume = made(project, tag, disk);
        String name = prefix(tag) + "back-" + disk.name();
        Image image = image(project, tag, name, () -> project.imageOf(volume.getId(), name));
        tickets.add(toRead(project, disk, project.awaitActive(image.getId()), name));
      }
      return tickets;
    }
  }

  @Override
  public String boot(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Reservation reservation = registered(tag);
      Project project = keystone.project(reservation.project());
      String id =
          once(
              tag,
              "server",
              one -> project.server(one).isPresent(),
              () -> {
                sweep(project, prefix(tag));
                for (Server unknown : servers(project, tag)) {
                  project.delete(unknown);
                }
                return create(project, reservation, tag).getId();
              });
      site.keep(tag, reservation.made(id));
      start(project, id);
      return awaitLife(project, id);
    }
  }

  /** What has the tag. */
  private static List<Server> servers(Project project, Tag tag) throws IOException {
    List<Server> servers = new ArrayList<>();
    for (Server server : project.servers()) {
      if (new Found(project, server).meta(MADE_BY).equals(Optional.of(tag.name()))) {
        servers.add(server);
      }
    }
    return servers;
  }

  private Server create(Project project, Reservation reservation, Tag tag)
      throws IOException, Refusal {
    Machine machine = reservation.machine();
    ServerCreateBuilder server =
        Builders.server()
            .name(machine.name())
            .flavor(flavor(project, machine).getId())
            .addMetadata(Map.of(MADE_BY, tag.name(), MACHINE, machine.id()));
    ports(project, machine, tag).forEach(server::addNetworkPort);
    int index = 0;
    for (Machine.Disk disk : machine.disks()) {
      Volume volume = made(project, tag, disk);
      server.blockDevice(
          Builders.blockDeviceMapping()
              .sourceType(BDMSourceType.VOLUME)
              .destinationType(BDMDestType.VOLUME)
              .uuid(volume.getId())
              .bootIndex(index == 0 ? 0 : -1)
              .deleteOnTermination(false)
              .build());
      index++;
    }
    return project.create(server.build());
  }

  /** By firewall, the group that lets exactly that through. */
  private Map<Firewall, String> groups(Project project, Machine machine, Tag tag)
      throws IOException, Refusal {
    Map<Firewall, String> groups = new HashMap<>();
    for (Firewall firewall : Groups.different(machine)) {
      String name = Groups.name(prefix(tag), groups.size());
      String id =
          once(
              tag,
              name,
              one -> Groups.of(project).all().containsKey(one),
              () -> {
                for (JsonNode unknown : project.groups()) {
                  if (unknown.path("name").asText().equals(name)) {
                    project.deleteGroup(unknown.path("id").asText());
                  }
                }
                return project.createGroup(name);
              });
      // Also where an earlier call was cut off between its rules.
      if (!Groups.of(project).of(id).equals(Optional.of(firewall))) {
        for (JsonNode rule : Groups.of(project).group(id).path("security_group_rules")) {
          project.deleteRule(rule.path("id").asText());
        }
        List<Map<String, Object>> rules = Groups.say(firewall, id);
        if (!rules.isEmpty()) {
          project.createRules(rules);
        }
        if (!Groups.of(project).of(id).equals(Optional.of(firewall))) {
          throw new Refusal(Reason.UNMAPPABLE, "Neutron lets through something else.");
        }
      }
      groups.put(firewall, id);
    }
    return groups;
  }

  /** In the machine's order, with the addresses and the firewalls of its cards. */
  private List<String> ports(Project project, Machine machine, Tag tag)
      throws IOException, Refusal {
    Map<Firewall, String> groups = groups(project, machine, tag);
    List<String> ports = new ArrayList<>();
    for (Machine.Nic nic : machine.nics()) {
      String name = Machines.card(prefix(tag), ports.size());
      ports.add(
          once(
              tag,
              name,
              one -> project.port(one).isPresent(),
              () -> {
                for (Port unknown : project.portsNamed(name)) {
                  project.deletePort(unknown.getId());
                }
                return project.create(port(project, machine, nic, groups, name)).getId();
              }));
    }
    return ports;
  }

  private static Port port(
      Project project, Machine machine, Machine.Nic nic, Map<Firewall, String> groups, String name)
      throws IOException, Refusal {
    String network = network(project, nic).getId();
    PortBuilder port = Builders.port().name(name).networkId(network).macAddress(nic.mac());
    if (nic.firewall().isPresent()) {
      port.securityGroup(groups.get(nic.firewall().get()));
    } else {
      for (String group : machine.securityGroups()) {
        port.securityGroup(group(project, group).getId());
      }
    }
    if (!nic.addresses().isEmpty()) {
      List<? extends Subnet> subnets = project.subnets(network);
      for (IPVersionType version : List.of(IPVersionType.V4, IPVersionType.V6)) {
        Optional<? extends Subnet> free =
            subnets.stream()
                .filter(one -> one.getIpVersion() == version && !isAutomatic(one))
                .findFirst();
        List<String> kept =
            nic.addresses().stream()
                .filter(address -> address.contains(":") == (version == IPVersionType.V6))
                .toList();
        // An automatic one follows from the MAC address and may not be asked for. Who asks for any
        // address gets no other one, so one is asked for of each version that there is.
        if (free.isPresent() && kept.isEmpty()) {
          port.fixedIp(null, free.get().getId());
        } else if (free.isPresent() || version == IPVersionType.V4) {
          kept.forEach(address -> port.fixedIp(address, null));
        }
      }
    }
    return port.build();
  }

  private static boolean isAutomatic(Subnet subnet) {
    return subnet.getIpv6AddressMode() == Ipv6AddressMode.SLAAC
        || subnet.getIpv6AddressMode() == Ipv6AddressMode.DHCPV6_STATELESS;
  }

  private String awaitLife(Project project, String id) throws IOException, Refusal {
    long deadline = System.nanoTime() + LIVES.toNanos();
    return Project.await(
        "a sign of life",
        () -> {
          Optional<String> sign = SignOfLife.in(project.console(id));
          if (sign.isEmpty() && System.nanoTime() > deadline) {
            throw new Refusal(
                Reason.NOT_ALIVE, "No sign of life within " + LIVES.toSeconds() + " s.");
          }
          return sign;
        });
  }

  @Override
  public void release(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Optional<Reservation> reservation = site.reservation(tag);
      if (reservation.filter(one -> one.registered().isPresent()).isPresent()) {
        try {
          release(keystone.project(reservation.get().project()), tag);
        } catch (Denied e) {
          // Where nobody lets us in at all, that says nothing of this machine.
          List<String> _ = keystone.projects();
          // Its customer has deleted or suspended it, or shut us out: accepted it is all the same.
          LOG.warn("What was made for {} keeps its tag: {}", tag.name(), e.getMessage());
        }
        site.dropReservation(tag);
      }
    }
  }

  private static void release(Project project, Tag tag) throws IOException {
    for (Volume volume : made(project, tag)) {
      project.unmarkVolume(volume.getId(), MADE_BY);
    }
    for (Server server : servers(project, tag)) {
      // Its customer may have locked it, and then nothing is said of it.
      project.act(server.getId(), Action.UNLOCK);
      project.unmark(server.getId(), MADE_BY);
    }
  }

  @Override
  public boolean remove(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Optional<Reservation> reservation = site.reservation(tag);
      if (reservation.isPresent()) {
        removeAll(tag, reservation.get());
      }
      return reservation.isPresent();
    } catch (Refusal e) {
      throw new IOException(e);
    }
  }

  private void removeAll(Tag tag, Reservation reservation) throws IOException, Refusal {
    Project project = keystone.project(reservation.project());
    for (Server server : servers(project, tag)) {
      project.delete(server);
    }
    for (Volume volume : made(project, tag)) {
      project.delete(project.awaitAvailable(volume.getId()));
    }
    for (int card = 0; card < reservation.machine().nics().size(); card++) {
      // Its customer may have given it another name.
      Optional<String> port = site.made(tag, Machines.card(prefix(tag), card));
      if (port.isPresent()) {
        project.deletePort(port.get());
      }
    }
    for (Port port : project.portsNamed(prefix(tag))) {
      project.deletePort(port.getId());
    }
    for (JsonNode group : project.groups()) {
      if (group.path("name").asText().startsWith(prefix(tag))) {
        project.deleteGroup(group.path("id").asText());
      }
    }
    sweep(project, prefix(tag));
    site.dropReservation(tag);
  }

  @Override
  public String console(String owner, String machine) throws IOException {
    if (!ID.matcher(machine).matches()) {
      return "";
    }
    Optional<Found> found = find(keystone.projects(owner), machine);
    String text = found.isPresent() ? found.get().project().console(found.get().id()) : "";
    return text.substring(Math.max(0, text.length() - (64 << 10)));
  }

  @Override
  public void close() {
    rest.close();
  }
}
