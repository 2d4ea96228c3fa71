package crossdock.providers.openstack;

import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.providers.DiskTicket;
import crossdock.providers.Placement;
import crossdock.providers.Refusal;
import crossdock.providers.SignOfLife;
import crossdock.providers.Tag;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.openstack4j.api.Builders;
import org.openstack4j.model.compute.BDMDestType;
import org.openstack4j.model.compute.BDMSourceType;
import org.openstack4j.model.compute.Flavor;
import org.openstack4j.model.compute.Server;
import org.openstack4j.model.compute.builder.ServerCreateBuilder;
import org.openstack4j.model.image.v2.ContainerFormat;
import org.openstack4j.model.image.v2.DiskFormat;
import org.openstack4j.model.image.v2.Image;
import org.openstack4j.model.image.v2.builder.ImageBuilder;
import org.openstack4j.model.storage.block.Volume;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An OpenStack as the target of migrations: room, addresses and firewalls are held first, images
 * become volumes, and these the server. A root disk of the class {@link OpenStack#LOCAL} becomes no
 * volume: Nova makes it of its image, which stays with the server. What is made can be removed
 * until it is accepted.
 */
record Target(Site site, Keystone keystone) {
  private static final Logger LOG = LoggerFactory.getLogger(Target.class);
  private static final long GIB = 1L << 30;
  private static final int LONGEST_NAME = 255; // Glance's
  private static final Duration LIVES = Duration.ofMinutes(5);

  private Making making(Reservation reservation, Tag tag) throws IOException {
    return new Making(site, keystone.project(reservation.project()), tag);
  }

  void reserve(Machine machine, String owner, Tag tag) throws IOException, Refusal {
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
      List<String> _ = new Cards(reservation.machine(), making(reservation, tag)).make();
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
      if (!disk.format().equals(OpenStack.FORMAT)) {
        throw new Refusal(Reason.UNMAPPABLE, "No disk in " + disk.format() + " is taken here.");
      }
    }
    if (Properties.devices(machine.traits()).isEmpty()) {
      throw new Refusal(Reason.UNMAPPABLE, "No such disks or network cards are here.");
    }
    if (machine.nics().isEmpty()) {
      // Nova would give it one, in a network that nobody has chosen.
      throw new Refusal(Reason.UNMAPPABLE, "A machine without a network card is not taken here.");
    }
    Cards.requireCounterparts(machine, project.neutron());
    requirePlaces(project, machine);
    flavor(project, machine);
  }

  /** What is planned of zones and volume types. */
  private static void requirePlaces(Project project, Machine machine) throws IOException, Refusal {
    Set<String> types =
        volumes(machine).stream()
            .flatMap(disk -> disk.storage().stream())
            .collect(Collectors.toCollection(TreeSet::new));
    if (!types.isEmpty()) {
      types.removeAll(project.cinder().volumeTypes());
    }
    if (!types.isEmpty()) {
      throw new Refusal(Reason.UNMAPPABLE, "The project has no volume type " + types + ".");
    }
    String zone = machine.traits().get(Placement.ZONE);
    if (zone != null && !project.nova().zones().contains(zone)) {
      throw new Refusal(Reason.UNMAPPABLE, "The project has no availability zone " + zone + ".");
    }
  }

  /** Whether its root is to be on the hypervisor. */
  private static boolean isLocal(Machine machine) {
    return machine.disks().getFirst().storage().equals(Optional.of(OpenStack.LOCAL));
  }

  /** The disks that are to be in Cinder. */
  private static List<Machine.Disk> volumes(Machine machine) {
    return machine.disks().subList(isLocal(machine) ? 1 : 0, machine.disks().size());
  }

  /** The smallest that is no smaller than the machine. */
  private static Flavor flavor(Project project, Machine machine) throws IOException, Refusal {
    long memory = mib(machine);
    int disk = isLocal(machine) ? gib(machine.disks().getFirst()) : 0;
    return project.nova().flavors().stream()
        .filter(one -> one.getVcpus() >= machine.cpus() && one.getRam() >= memory)
        .filter(one -> one.getDisk() >= disk)
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
                    "No flavor has %d CPUs, %d MiB and a disk of %d GiB."
                        .formatted(machine.cpus(), memory, disk)));
  }

  private static long mib(Machine machine) {
    return (machine.memoryBytes() + (1 << 20) - 1) >> 20;
  }

  private static int gib(Machine.Disk disk) {
    return Math.toIntExact((disk.virtualBytes() + GIB - 1) / GIB);
  }

  private static long gib(Machine machine) {
    return volumes(machine).stream().mapToLong(Target::gib).sum();
  }

  private void requireRoom(Project project, Machine machine) throws IOException, Refusal {
    Project.Room room = project.room();
    Set<String> booted = new HashSet<>();
    for (Server server : project.nova().servers()) {
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
                volumes ? 0 : volumes(other).size(),
                volumes ? 0 : gib(other));
      }
    }
    // While a disk is read back, nothing more than its volume counts.
    Flavor flavor = flavor(project, machine);
    Project.Room left =
        room.less(1, flavor.getVcpus(), flavor.getRam(), volumes(machine).size(), gib(machine));
    if (!left.isThere()) {
      throw new Refusal(Reason.QUOTA, "The project has no room for the machine: " + room + ".");
    }
  }

  private Reservation reservation(Tag tag) throws IOException, Refusal {
    return site.reservation(tag)
        .orElseThrow(() -> new Refusal(Reason.REFUSED_BY_TARGET, "Nothing is reserved for this."));
  }

  List<DiskTicket> prepare(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Reservation reservation = reservation(tag);
      Making making = making(reservation, tag);
      List<DiskTicket> tickets = new ArrayList<>();
      for (Machine.Disk disk : reservation.machine().disks()) {
        String name = making.name(disk.name());
        Image empty = image(reservation.machine(), disk, making);
        Image image = making.image(name, () -> making.project().glance().create(empty).getId());
        tickets.add(making.toWrite(disk, image, name));
      }
      return tickets;
    }
  }

  /** Without its data. The properties are what Nova makes the virtual hardware by. */
  private static Image image(Machine machine, Machine.Disk disk, Making making) {
    ImageBuilder image = Builders.imageV2();
    Properties.devices(machine.traits()).orElseThrow().forEach(image::additionalProperty);
    if (!volumes(machine).contains(disk)) {
      // It stays as long as the machine.
      image.additionalProperty(Found.MACHINE, id(machine, making));
    }
    return image
        .name(making.name(disk.name()))
        .visibility(Image.ImageVisibility.PRIVATE)
        .containerFormat(ContainerFormat.BARE)
        .diskFormat(DiskFormat.QCOW2)
        .architecture(machine.architecture())
        .additionalProperty(
            "os_type", machine.guestOs().startsWith("windows") ? "windows" : "linux")
        .additionalProperty(
            "hw_firmware_type",
            switch (machine.firmware()) {
              case BIOS -> "bios";
              case UEFI -> "uefi";
            })
        .build();
  }

  String register(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Reservation reservation = reservation(tag);
      if (reservation.registered().isPresent()) {
        return reservation.registered().get();
      }
      Making making = making(reservation, tag);
      Machine planned = reservation.machine();
      for (Machine.Disk disk : planned.disks()) {
        if (written(disk, making).isEmpty()) {
          throw new Refusal(Reason.INTERNAL, "Disk " + disk.name() + " has not been written.");
        }
      }
      for (Machine.Disk disk : volumes(planned)) {
        Volume _ = volume(planned, disk, making);
      }
      Machine machine = planned.withId(id(planned, making));
      site.keep(tag, reservation.as(machine));
      return machine.id();
    }
  }

  /** Follows from name, migration and project. */
  private static String id(Machine planned, Making making) {
    String name = planned.name().replaceAll("[^A-Za-z0-9._-]", "-");
    String plain = Found.ID.matcher(name.substring(0, 1)).matches() ? name : "m" + name;
    return plain.substring(0, Math.min(80, plain.length()))
        + "-"
        + making.tag().migration().value().substring(2)
        + Found.suffix(making.project());
  }

  /** The image that was prepared for a disk, if it has its data. */
  private Optional<Image> written(Machine.Disk disk, Making making) throws IOException {
    Optional<String> id = site.made(making.tag(), "image " + making.name(disk.name()));
    return id.isPresent()
        ? making
            .project()
            .glance()
            .image(id.get())
            .filter(image -> image.getStatus() == Image.ImageStatus.ACTIVE)
        : Optional.empty();
  }

  private Volume volume(Machine planned, Machine.Disk disk, Making making)
      throws IOException, Refusal {
    Project project = making.project();
    Image image =
        written(disk, making)
            .orElseThrow(() -> new IOException("the image of " + disk.name() + " has gone"));
    String id =
        making.once(
            "disk " + disk.name(),
            one -> project.cinder().volume(one).isPresent(),
            () -> {
              // Of an earlier call, that did not hear of it; or somebody else's, with our tag.
              for (Volume unknown : made(making)) {
                if (disk.name().equals(unknown.getMetaData().get(Found.DISK))) {
                  project.cinder().delete(project.cinder().awaitAvailable(unknown.getId()));
                }
              }
              return project
                  .cinder()
                  .create(
                      Builders.volume()
                          .name(planned.name() + "-" + disk.name())
                          .size(gib(disk))
                          .volumeType(disk.storage().orElse(null))
                          .imageRef(image.getId())
                          .metadata(
                              Map.of(Found.MADE_BY, making.tag().name(), Found.DISK, disk.name()))
                          .build())
                  .getId();
            });
    return project.cinder().awaitAvailable(id);
  }

  private Volume made(Machine.Disk disk, Making making) throws IOException {
    Optional<String> id = site.made(making.tag(), "disk " + disk.name());
    Optional<Volume> volume =
        id.isPresent() ? making.project().cinder().volume(id.get()) : Optional.empty();
    return volume.orElseThrow(() -> new IOException("the volume of " + disk.name() + " has gone"));
  }

  private static List<Volume> made(Making making) throws IOException {
    List<Volume> made = new ArrayList<>();
    for (Volume one : making.project().cinder().volumes()) {
      if (one.getMetaData() != null
          && making.tag().name().equals(one.getMetaData().get(Found.MADE_BY))) {
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

  List<DiskTicket> readBack(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Reservation reservation = registered(tag);
      Making making = making(reservation, tag);
      Project project = making.project();
      List<DiskTicket> tickets = new ArrayList<>();
      for (Machine.Disk disk : reservation.machine().disks()) {
        String name = making.prefix() + "back-" + disk.name();
        Image image;
        if (volumes(reservation.machine()).contains(disk)) {
          Volume volume = made(disk, making);
          Image copy = making.image(name, () -> project.cinder().imageOf(volume.getId(), name));
          image = project.glance().awaitActive(copy.getId());
        } else {
          image = rootImage(reservation, making);
        }
        tickets.add(making.toRead(disk, image, name));
      }
      return tickets;
    }
  }

  String boot(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Reservation reservation = registered(tag);
      Making making = making(reservation, tag);
      Project project = making.project();
      String id =
          making.once(
              "server",
              one -> project.nova().server(one).isPresent(),
              () -> {
                making.sweep(
                    isLocal(reservation.machine())
                        ? Optional.of(rootImage(reservation, making).getId())
                        : Optional.empty());
                for (Server unknown : servers(making)) {
                  project.nova().delete(unknown);
                }
                return create(reservation, making).getId();
              });
      site.keep(tag, reservation.made(id));
      project.nova().start(id);
      return awaitLife(project, id);
    }
  }

  /** What Nova makes the local root of. */
  private Image rootImage(Reservation reservation, Making making) throws IOException {
    return written(reservation.machine().disks().getFirst(), making)
        .orElseThrow(() -> new IOException("the image of the root disk has gone"));
  }

  /** What has the tag. */
  private static List<Server> servers(Making making) throws IOException {
    List<Server> servers = new ArrayList<>();
    for (Server server : making.project().nova().servers()) {
      if (new Found(making.project(), server)
          .meta(Found.MADE_BY)
          .equals(Optional.of(making.tag().name()))) {
        servers.add(server);
      }
    }
    return servers;
  }

  private Server create(Reservation reservation, Making making) throws IOException, Refusal {
    Project project = making.project();
    Machine machine = reservation.machine();
    ServerCreateBuilder server =
        Builders.server()
            .name(machine.name())
            .flavor(flavor(project, machine).getId())
            .addMetadata(metadata(reservation, making));
    String zone = machine.traits().get(Placement.ZONE);
    if (zone != null) {
      server.availabilityZone(zone);
    }
    new Cards(machine, making).make().forEach(server::addNetworkPort);
    int index = 0;
    if (isLocal(machine)) {
      Image image = rootImage(reservation, making);
      server
          .image(image.getId())
          .blockDevice(
              Builders.blockDeviceMapping()
                  .sourceType(BDMSourceType.IMAGE)
                  .destinationType(BDMDestType.LOCAL)
                  .uuid(image.getId())
                  .bootIndex(0)
                  .deleteOnTermination(true)
                  .build());
      index++;
    }
    for (Machine.Disk disk : volumes(machine)) {
      Volume volume = made(disk, making);
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
    return project.nova().create(server.build());
  }

  private Map<String, String> metadata(Reservation reservation, Making making) throws IOException {
    Machine machine = reservation.machine();
    Map<String, String> said = new HashMap<>();
    said.put(Found.MADE_BY, making.tag().name());
    said.put(Found.MACHINE, machine.id());
    if (isLocal(machine)) {
      said.put(Found.DISK, machine.disks().getFirst().name());
      said.put(Found.IMAGE, rootImage(reservation, making).getId());
    }
    return said;
  }

  private static String awaitLife(Project project, String id) throws IOException, Refusal {
    long deadline = System.nanoTime() + LIVES.toNanos();
    return Session.await(
        "a sign of life",
        () -> {
          Optional<String> sign = SignOfLife.in(project.nova().console(id));
          if (sign.isEmpty() && System.nanoTime() > deadline) {
            throw new Refusal(
                Reason.NOT_ALIVE, "No sign of life within " + LIVES.toSeconds() + " s.");
          }
          return sign;
        });
  }

  void release(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Optional<Reservation> reservation = site.reservation(tag);
      if (reservation.filter(one -> one.registered().isPresent()).isPresent()) {
        try {
          release(reservation.get(), making(reservation.get(), tag));
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

  private void release(Reservation reservation, Making making) throws IOException {
    Project project = making.project();
    for (Volume volume : made(making)) {
      project.cinder().unmark(volume.getId(), Found.MADE_BY);
    }
    for (Server server : servers(making)) {
      // Its customer may have locked it, and then nothing is said of it.
      project.nova().act(server.getId(), Nova.Action.UNLOCK);
      project.nova().unmark(server.getId(), Found.MADE_BY);
    }
    if (isLocal(reservation.machine())) {
      Machine.Disk root = reservation.machine().disks().getFirst();
      Optional<Image> image = written(root, making);
      if (image.isPresent()) {
        rename(project, image.get(), reservation.machine().name() + "-" + root.name());
      }
    }
  }

  /** Its customer may have taken it from us; the machine is accepted all the same. */
  private static void rename(Project project, Image image, String name) throws IOException {
    try {
      project.glance().rename(image, name.substring(0, Math.min(LONGEST_NAME, name.length())));
    } catch (Denied e) {
      LOG.warn("Image {} keeps its name: {}", image.getId(), e.getMessage());
    }
  }

  boolean remove(Tag tag) throws IOException {
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
    Making making = making(reservation, tag);
    Project project = making.project();
    for (Server server : servers(making)) {
      project.nova().delete(server);
    }
    for (Volume volume : made(making)) {
      project.cinder().delete(project.cinder().awaitAvailable(volume.getId()));
    }
    new Cards(reservation.machine(), making).remove();
    making.sweep();
    site.dropReservation(tag);
  }
}
