package crossdock.providers.openstack;

import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.openstack4j.api.Builders;
import org.openstack4j.model.compute.Server;
import org.openstack4j.model.image.v2.Image;
import org.openstack4j.model.network.Port;
import org.openstack4j.model.storage.block.Volume;
import org.openstack4j.model.storage.block.VolumeSnapshot;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An OpenStack as the source of migrations: servers that are stopped and locked, read as images,
 * and given back or given up. Until one is retired, only its metadata are changed beside that.
 */
record Source(Site site, Keystone keystone) implements Origin {
  private static final Logger LOG = LoggerFactory.getLogger(Source.class);
  private static final int STOPS = 10;

  private Making making(Project project, Tag tag) {
    return new Making(site, project, tag);
  }

  private Found existing(String machine, Tag tag) throws IOException, Refusal {
    return lookFor(machine, tag).orElseThrow(Source::gone);
  }

  private static Refusal gone() {
    return new Refusal(Reason.NO_SUCH_MACHINE, "There is no such machine.");
  }

  /** The machine; once this migration has to do with it, the same server whatever is said of it. */
  private Optional<Found> lookFor(String machine, Tag tag) throws IOException {
    Optional<Hold> hold = site.hold(tag);
    if (hold.isPresent()) {
      Project project = keystone.project(hold.get().project());
      return project.nova().server(hold.get().server()).map(now -> new Found(project, now));
    }
    return Found.ID.matcher(machine).matches()
        ? Found.in(keystone.projects(), machine, keystone)
        : Optional.empty();
  }

  /** Better no stop than one for disks that cannot be read: Cinder makes no image of these. */
  private static void requireReadable(Project project, Found found) throws IOException, Refusal {
    for (Machines.Place place : Machines.disks(project, found.server())) {
      if (place instanceof Machines.Place.Attached(Machine.Disk disk, Volume volume)
          && volume.encrypted()) {
        throw new Refusal(
            Reason.REFUSED_BY_SOURCE, disk.name() + " is an encrypted volume, and not copied.");
      }
    }
  }

  /**
   * One volume after the other has a snapshot and a volume of that, which go again.
   *
   * @param atOnce whether all snapshots are there from the beginning
   */
  private static void requireRoomToCopy(Project project, Found found, boolean atOnce)
      throws IOException, Refusal {
    int largest = 0;
    long all = 0;
    for (Machines.Place place : Machines.disks(project, found.server())) {
      if (place instanceof Machines.Place.Attached(_, Volume volume)) {
        largest = Math.max(largest, volume.getSize());
        all += volume.getSize();
      }
    }
    if (largest == 0) {
      return;
    }
    Project.Room room = project.room();
    if (!room.less(0, 0, 0, 1, largest + (atOnce ? all : largest)).isThere()) {
      throw new Refusal(
          Reason.QUOTA, "The source's project has no room to copy a volume: " + room + ".");
    }
  }

  /** A machine that no other migration has to do with. */
  private static Found movable(Found found, Tag tag) throws Refusal {
    if (found.meta(Found.MADE_BY).isPresent()) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "The machine is not accepted here yet.");
    }
    if (found.meta(Found.HELD_BY).isPresent() && !found.isHeldBy(tag)) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "Another migration has locked the machine.");
    }
    return found;
  }

  @Override
  public void stop(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Found seen = existing(machine, tag);
      try (Turn _ = site.turn(seen.id())) {
        leaveMoment(tag);
        Found found = movable(existing(machine, tag), tag);
        Project project = found.project();
        if (found.runs() && found.server().getStatus() != Server.Status.ACTIVE) {
          throw new Refusal(
              Reason.REFUSED_BY_SOURCE, "The server is " + found.server().getStatus() + ".");
        }
        requireReadable(project, found);
        if (site.hold(tag).isEmpty()) {
          requireRoomToCopy(project, found, false);
          site.keep(tag, new Hold(project.id(), found.id(), List.of()));
        }
        if (!found.isHeldBy(tag)) {
          project
              .nova()
              .mark(
                  found.id(),
                  Map.of(Found.HELD_BY, tag.name(), Found.RAN, Boolean.toString(found.runs())));
        }
        // Somebody may start it again before it is locked.
        for (int attempt = 0; attempt < STOPS; attempt++) {
          Server stopped = stopped(project, found.id());
          project.nova().act(stopped.getId(), Nova.Action.LOCK);
          if (project.nova().server(found.id()).filter(Source::isStopped).isPresent()) {
            return;
          }
          project.nova().act(found.id(), Nova.Action.UNLOCK);
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
    return Session.await(
        "a server to stop",
        () -> {
          Server server =
              project
                  .nova()
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
          project.nova().act(id, Nova.Action.STOP);
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
        Making making = making(project, tag);
        List<Machines.Place> places = Machines.disks(project, found.server());
        boolean runs = found.runs() && !found.isHeldBy(tag);
        Hold hold =
            new Hold(project.id(), found.id(), volumes(places))
                .with(List.of(), List.of(), List.of(), rootImage(found));
        if (runs) {
          takeMoment(found, places, making, hold);
        } else {
          requireStopped(found);
          leaveMoment(tag);
          site.keep(tag, hold);
        }
        List<DiskTicket> tickets = new ArrayList<>();
        for (Machines.Place place : places) {
          String name = making.name(place.disk().name());
          Image image =
              switch (place) {
                case Machines.Place.Local _ -> snapshot(found, name, making);
                case Machines.Place.Attached(var _, Volume volume) ->
                    copy(volume, name, runs, making);
              };
          tickets.add(making.toRead(place.disk(), image, name));
        }
        if (!runs) {
          requireStopped(existing(machine, tag));
        }
        return tickets;
      }
    }
  }

  /**
   * Of a server that runs, a snapshot of each volume, all of one instant: while they are made of
   * several it is paused, by which QEMU writes what it has been given. A local root alone is one
   * instant by itself, for Nova's copy of it ends at once with its last block.
   */
  private void takeMoment(Found found, List<Machines.Place> places, Making making, Hold hold)
      throws IOException, Refusal {
    Project project = found.project();
    Tag tag = making.tag();
    Optional<Hold> before = site.hold(tag);
    if (before.filter(one -> one.is(Hold.Moment.TAKEN)).isPresent()) {
      return;
    }
    boolean several = places.size() > 1;
    if (several && hold.volumes().size() < places.size()) {
      throw new Refusal(
          Reason.REFUSED_BY_SOURCE,
          "A server with a local root and volumes is opened at one instant only when stopped.");
    }
    boolean paused =
        before.filter(one -> one.is(Hold.Moment.PAUSED)).isPresent()
            && found.server().getStatus() == Server.Status.PAUSED;
    if (!paused) {
      if (found.server().getStatus() != Server.Status.ACTIVE) {
        throw new Refusal(
            Reason.REFUSED_BY_SOURCE, "The server is " + found.server().getStatus() + ".");
      }
      requireReadable(project, found);
      // An earlier turn's are of another instant.
      making.sweep();
      requireRoomToCopy(project, found, true);
      if (several) {
        site.keep(tag, hold.at(Hold.Moment.PAUSED));
        turn(project, found.id(), Server.Status.ACTIVE, Server.Status.PAUSED);
      }
    }
    boolean still = true;
    try {
      makeSnapshots(places, making);
      if (several) {
        still =
            project
                .nova()
                .server(found.id())
                .filter(now -> now.getStatus() == Server.Status.PAUSED)
                .isPresent();
      }
    } finally {
      // Whatever became of them: nobody waits for us.
      if (several) {
        goOn(project, found.id());
      }
    }
    if (!still) {
      throw new IOException("somebody let the server go on while its snapshots were made");
    }
    site.keep(tag, hold.at(Hold.Moment.TAKEN));
  }

  /** All of them begin before the first is waited for. */
  private static void makeSnapshots(List<Machines.Place> places, Making making)
      throws IOException, Refusal {
    List<String> snapshots = new ArrayList<>();
    for (Machines.Place place : places) {
      if (place instanceof Machines.Place.Attached(var disk, Volume volume)) {
        snapshots.add(snapshotOf(volume, making.name(disk.name()), making));
      }
    }
    for (String snapshot : snapshots) {
      Object _ = making.project().cinder().awaitSnapshot(snapshot);
    }
  }

  /** What was opened of it while it ran is not what it is when it stands still. */
  private void leaveMoment(Tag tag) throws IOException {
    if (site.hold(tag).flatMap(Hold::moment).isPresent()) {
      closeOpened(tag);
      site.dropHold(tag);
    }
  }

  private static void goOn(Project project, String server) throws IOException, Refusal {
    turn(project, server, Server.Status.PAUSED, Server.Status.ACTIVE);
  }

  /** Pauses a server, or lets it go on; of another it takes no notice. */
  private static void turn(Project project, String id, Server.Status from, Server.Status to)
      throws IOException, Refusal {
    Object _ =
        Session.await(
            "a server to be " + to,
            () -> {
              Optional<Server> server = project.nova().server(id);
              if (server.isEmpty()) {
                return Optional.of(true);
              }
              if (server.get().getTaskState() != null) {
                return Optional.empty();
              }
              if (server.get().getStatus() != from) {
                return Optional.of(true);
              }
              project
                  .nova()
                  .act(id, to == Server.Status.PAUSED ? Nova.Action.PAUSE : Nova.Action.UNPAUSE);
              return Optional.empty();
            });
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

  private static Image snapshot(Found found, String name, Making making)
      throws IOException, Refusal {
    Project project = found.project();
    Image image = making.image(name, () -> project.nova().createImage(found.id(), name));
    return project.glance().awaitActive(image.getId());
  }

  /** By a snapshot and a volume of it, since a volume in use is not copied to an image. */
  private static Image copy(Volume volume, String name, boolean taken, Making making)
      throws IOException, Refusal {
    Project project = making.project();
    Image image =
        making.image(
            name,
            () -> {
              String snapshot =
                  taken ? making.known(snapshotKey(name)) : snapshotOf(volume, name, making);
              Object _ = project.cinder().awaitSnapshot(snapshot);
              return imageOf(snapshot, volume.getSize(), name, making);
            });
    Image active = project.glance().awaitActive(image.getId());
    dropCopies(project, name);
    return active;
  }

  private static String snapshotKey(String name) {
    return "snapshot " + name;
  }

  private static String snapshotOf(Volume volume, String name, Making making)
      throws IOException, Refusal {
    Project project = making.project();
    return making.once(
        snapshotKey(name),
        one -> project.cinder().snapshot(one).isPresent(),
        () -> project.cinder().createSnapshot(volume.getId(), name).getId());
  }

  /** The id of an image of an available snapshot, by a volume of it. */
  static String imageOf(String snapshot, int gib, String name, Making making)
      throws IOException, Refusal {
    Project project = making.project();
    String copy =
        making.once(
            "volume " + name,
            one -> project.cinder().volume(one).isPresent(),
            () ->
                project
                    .cinder()
                    .create(Builders.volume().name(name).size(gib).snapshot(snapshot).build())
                    .getId());
    Object _ = project.cinder().awaitAvailable(copy);
    return project.cinder().imageOf(copy, name);
  }

  /** What a copy went through. */
  static void dropCopies(Project project, String name) throws IOException, Refusal {
    for (Volume copy : project.cinder().volumes()) {
      if (name.equals(copy.getName())) {
        project.cinder().delete(project.cinder().awaitAvailable(copy.getId()));
      }
    }
    for (VolumeSnapshot snapshot : project.cinder().snapshots()) {
      if (name.equals(snapshot.getName())) {
        project.cinder().delete(snapshot);
      }
    }
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
        Project project = keystone.project(hold.get().project());
        if (hold.get().is(Hold.Moment.PAUSED)) {
          goOn(project, hold.get().server());
        }
        making(project, tag).sweep();
      } catch (Refusal e) {
        throw new IOException(e);
      }
    }
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
    if (found.meta(Found.KEPT).isPresent()) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "The machine was given up to its copy for good.");
    }
    Project project = found.project();
    project.nova().act(found.id(), Nova.Action.UNLOCK);
    if (found.meta(Found.RAN).equals(Optional.of("true"))) {
      project.nova().start(found.id());
    }
    project.nova().unmark(found.id(), Found.RAN);
    project.nova().unmark(found.id(), Found.HELD_BY);
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
      Found there = seen.orElseThrow(Source::gone);
      try (Turn _ = site.turn(there.id())) {
        Optional<Found> still = lookFor(machine, tag);
        if (erase && still.isEmpty() && hold.isPresent()) {
          // Nova was still deleting it when we looked first.
          finishErasing(hold.get(), tag);
          return;
        }
        Found found = movable(still.orElseThrow(Source::gone), tag);
        if (!found.isHeldBy(tag) || hold.isEmpty()) {
          throw new Refusal(Reason.REFUSED_BY_SOURCE, "The machine was not stopped for this.");
        }
        requireStopped(found);
        closeOpened(tag);
        Project project = found.project();
        if (erase) {
          requireErasable(project, hold.get(), rootImage(found));
          // Nova leaves ports that it did not make, and with them the addresses.
          List<? extends Port> cards = project.neutron().portsOf(found.id());
          List<FloatingIp> outside =
              FloatingIp.of(cards, project.neutron().floatingIps()).stream()
                  .filter(FloatingIp::isOurs)
                  .toList();
          Hold all =
              hold.get()
                  .with(
                      cards, Groups.of(project.neutron()).oursOf(cards), outside, rootImage(found));
          site.keep(tag, all);
          project.nova().delete(found.server());
          finishErasing(all, tag);
        } else if (found.meta(Found.KEPT).isEmpty()) {
          project.nova().act(found.id(), Nova.Action.UNLOCK);
          project.nova().mark(found.id(), Map.of(Found.KEPT, "true"));
          project.nova().act(found.id(), Nova.Action.LOCK);
        }
      }
    }
  }

  /** The image that its local root was made of, if that came here with it. */
  private static Optional<String> rootImage(Found found) throws IOException {
    String id = found.server().getImageId();
    Optional<Image> image =
        id == null || id.isEmpty() ? Optional.empty() : found.project().glance().image(id);
    // Not one that its customer has made of it since, and rebuilt it with.
    return image
        .filter(one -> found.project().id().equals(one.getOwner()))
        .filter(one -> found.meta(Found.IMAGE).equals(Optional.of(one.getId())))
        .map(Image::getId);
  }

  /** Cinder deletes no volume that somebody else uses: better nothing is erased than a half. */
  private static void requireErasable(Project project, Hold hold, Optional<String> root)
      throws IOException, Refusal {
    Optional<Image> image =
        root.isPresent() ? project.glance().image(root.get()) : Optional.empty();
    if (image.filter(one -> Boolean.TRUE.equals(one.getIsProtected())).isPresent()) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "The image of its root is protected.");
    }
    for (VolumeSnapshot snapshot : project.cinder().snapshots()) {
      if (hold.volumes().contains(snapshot.getVolumeId())) {
        throw new Refusal(
            Reason.REFUSED_BY_SOURCE,
            "Volume " + snapshot.getVolumeId() + " has the snapshot " + snapshot.getId() + ".");
      }
    }
    for (String id : hold.volumes()) {
      Optional<Volume> volume = project.cinder().volume(id);
      if (volume.isPresent() && volume.get().getAttachments().size() > 1) {
        throw new Refusal(Reason.REFUSED_BY_SOURCE, "Volume " + id + " has several servers.");
      }
    }
  }

  /** Of its volumes those that were read: what was attached since is not erased. */
  private void finishErasing(Hold hold, Tag tag) throws IOException, Refusal {
    Project project = keystone.project(hold.project());
    making(project, tag).sweep();
    for (String id : hold.volumes()) {
      if (project.cinder().volume(id).isPresent()) {
        project.cinder().delete(project.cinder().awaitAvailable(id));
      }
    }
    for (String id : hold.ports()) {
      // Its customer may have given it to another server meanwhile.
      Optional<Port> port = project.neutron().port(id);
      String user = port.map(Port::getDeviceId).orElse("");
      if (port.isPresent() && (user.isEmpty() || user.equals(hold.server()))) {
        project.neutron().deletePort(id);
      }
    }
    for (FloatingIp one :
        hold.addresses().isEmpty() ? List.<FloatingIp>of() : project.neutron().floatingIps()) {
      // It led to a port that is gone now, unless its customer uses the one or the other meanwhile.
      if (hold.addresses().contains(one.id()) && one.port().isEmpty()) {
        project.neutron().deleteFloatingIp(one.id());
      }
    }
    for (String id : hold.images()) {
      Optional<Image> image = project.glance().image(id);
      // Its customer may have made another server of it.
      if (image.isPresent()
          && project.nova().servers().stream().noneMatch(one -> id.equals(one.getImageId()))) {
        try {
          project.glance().delete(image.get());
        } catch (Denied e) {
          // Somebody's volume or server of it, and then it stays.
          LOG.warn("Image {} stays: {}", id, e.getMessage());
        }
      }
    }
    for (String id : hold.groups()) {
      // Its customer may use it for others meanwhile, and then it stays.
      project.neutron().deleteGroup(id);
    }
    site.dropHold(tag);
  }
}
