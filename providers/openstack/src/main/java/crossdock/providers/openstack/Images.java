package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.openstack4j.model.image.v2.ContainerFormat;
import org.openstack4j.model.image.v2.Image;
import org.openstack4j.model.storage.block.Volume;
import org.openstack4j.model.storage.block.VolumeSnapshot;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Images, and snapshots of servers, as the source of migrations: each is shown as the machine that
 * could be made of it, and moves as one. Nothing of them runs and nothing changes them, so none is
 * stopped or locked, and several migrations may read one at once.
 */
record Images(Site site, Keystone keystone) implements Origin {
  private static final Logger LOG = LoggerFactory.getLogger(Images.class);
  private static final String PREFIX = "image-";
  private static final String TYPE = "image_type"; // Nova says it of its snapshots and backups
  private static final String STOPPED = "stopped";
  private static final Set<String> FORMATS = Set.of("raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi");
  private static final int LEAST_MIB = 512;
  private static final int MOST_DISKS = 64;

  /** A disk, and where it is. */
  private sealed interface Place {
    Machine.Disk disk();

    /** In the image itself. */
    record Data(Machine.Disk disk) implements Place {}

    /** In a snapshot of a volume, which the image names. */
    record OfVolume(Machine.Disk disk, String snapshot) implements Place {}
  }

  /** Not a machine that came in by such a name, whose id is longer. */
  static boolean isOne(String machine) {
    return machine.startsWith(PREFIX) && Found.isUuid(machine.substring(PREFIX.length()));
  }

  /** Whether a migration has to do with one. */
  boolean isOf(Tag tag) throws IOException {
    return site.hold(tag).filter(hold -> isOne(hold.server())).isPresent();
  }

  /** Those of a project that are its own, and of which a machine can be made. */
  List<Machine> in(Project project) throws IOException {
    List<Machine> machines = new ArrayList<>();
    for (Image image : project.glance().images()) {
      shown(image).ifPresent(machines::add);
    }
    return machines;
  }

  Optional<Machine> machine(List<String> projects, String id) throws IOException {
    return keystone.first(projects, project -> find(project, id).flatMap(Images::shown));
  }

  private static Optional<Image> find(Project project, String id) throws IOException {
    return project
        .glance()
        .image(id.substring(PREFIX.length()))
        .filter(one -> project.id().equals(one.getOwner()));
  }

  /** The machine that it could become; empty if it is none of its own. */
  static Optional<Machine> shown(Image image) {
    if (isPartOfSomething(image) || image.getStatus() != Image.ImageStatus.ACTIVE) {
      return Optional.empty();
    }
    try {
      List<Place> places = places(image);
      return places.isEmpty() ? Optional.empty() : Optional.of(describe(image, places));
    } catch (Refused e) {
      LOG.warn("Image {} is not shown: {}", image.getId(), e.getMessage());
      return Optional.empty();
    }
  }

  /** Of a migration, of a machine that came in, or of one that Nova has shelved. */
  private static boolean isPartOfSomething(Image image) {
    String name = String.valueOf(image.getName());
    // Snapshots take over what their server's image says.
    boolean snapshot = image.getAdditionalPropertyValue(TYPE) != null;
    return name.startsWith(Found.MADE_BY + "-")
        || (!snapshot && image.getAdditionalPropertyValue(Found.MACHINE) != null)
        || (snapshot && name.endsWith("-shelved"));
  }

  private static Machine describe(Image image, List<Place> places) {
    Properties properties = Machines.properties(image);
    Map<String, String> traits = new TreeMap<>(properties.traits());
    traits.put(
        "machine.of",
        places.getFirst() instanceof Place.OfVolume
                || "snapshot".equals(image.getAdditionalPropertyValue(TYPE))
            ? "a snapshot"
            : "an image");
    String id = PREFIX + image.getId();
    String name = image.getName() == null || image.getName().isBlank() ? id : image.getName();
    long memory = image.getMinRam() == null ? 0 : image.getMinRam();
    return new Machine(
        id,
        name,
        properties.architecture(),
        1,
        Math.max(memory, LEAST_MIB) << 20,
        properties.firmware(),
        properties.guestOs(),
        places.stream().map(Place::disk).toList(),
        List.of(new Machine.Nic("nic0", "default", mac(image))),
        List.of(),
        new TreeMap<>(traits));
  }

  /** The same whenever it is asked for; a local one, of nobody's range. */
  private static String mac(Image image) {
    String hex = Sha256.of(image.getId().getBytes(StandardCharsets.UTF_8)).hex();
    return "02" + hex.substring(0, 10).replaceAll("..", ":$0");
  }

  /**
   * The image's own data first. An image of a server with volumes names snapshots of them (Nova's
   * createImage, {@code block_device_mapping}).
   */
  private static List<Place> places(Image image) {
    List<Place> places = new ArrayList<>();
    if (image.getSize() != null && image.getSize() > 0) {
      String format =
          image.getDiskFormat() == null ? "" : String.valueOf(image.getDiskFormat().value());
      if (!FORMATS.contains(format) || image.getContainerFormat() != ContainerFormat.BARE) {
        throw new Refused("no disk image");
      }
      Long size = format.equals("raw") ? image.getSize() : image.getVirtualSize();
      if (size == null) {
        throw new Refused("of a size that Glance does not know");
      }
      places.add(new Place.Data(new Machine.Disk("root", format, size)));
    }
    for (JsonNode one : volumes(image)) {
      String snapshot = one.path("snapshot_id").asText();
      if (!one.path("source_type").asText().equals("snapshot") || !Found.isUuid(snapshot)) {
        throw new Refused("with a disk that it only describes");
      }
      String name = places.isEmpty() ? "root" : "disk" + places.size();
      long size = (long) one.path("volume_size").asInt() << 30;
      Machine.Disk disk = new Machine.Disk(name, OpenStack.FORMAT, size);
      places.add(new Place.OfVolume(disk, snapshot));
      if (places.size() > MOST_DISKS) {
        throw new Refused("too many disks");
      }
    }
    return places;
  }

  /** What it boots from first; Nova lists them in no order. */
  private static List<JsonNode> volumes(Image image) {
    String said = image.getAdditionalPropertyValue("block_device_mapping");
    List<JsonNode> volumes = new ArrayList<>();
    if (said != null) {
      Json.read(said, JsonNode.class).forEach(volumes::add);
    }
    volumes.sort(
        Comparator.comparing((JsonNode one) -> one.path("boot_index").asInt(-1) != 0)
            .thenComparing(one -> one.path("device_name").asText())
            .thenComparing(one -> one.path("snapshot_id").asText()));
    return volumes;
  }

  /** Nothing of it runs, and nobody can change it. */
  @Override
  public void stop(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Making making = making(machine, tag);
      for (Place place : places(making, machine)) {
        if (place instanceof Place.OfVolume(Machine.Disk disk, String snapshot)) {
          requireReadable(making.project(), disk, snapshot);
        }
      }
      site.keepMade(tag, STOPPED, machine);
    }
  }

  /** Better no beginning than one of what cannot be read; and the snapshot is its customer's. */
  private static void requireReadable(Project project, Machine.Disk disk, String id)
      throws IOException, Refusal {
    VolumeSnapshot snapshot =
        project.cinder().snapshot(id).orElseThrow(() -> refused(disk, "has gone"));
    Volume.Status status = snapshot.getStatus();
    if (status == Volume.Status.CREATING) {
      throw new IOException("snapshot " + id + " is being made");
    }
    if (status != Volume.Status.AVAILABLE) {
      throw refused(disk, "is " + status);
    }
    if (project.cinder().volume(snapshot.getVolumeId()).filter(Volume::encrypted).isPresent()) {
      throw refused(disk, "is encrypted, and not copied");
    }
  }

  private static Refusal refused(Machine.Disk disk, String what) {
    return new Refusal(
        Reason.REFUSED_BY_SOURCE, "The snapshot of " + disk.name() + " " + what + ".");
  }

  private static List<Place> places(Making making, String machine) throws IOException, Refusal {
    Image image = find(making.project(), machine).orElseThrow(Images::gone);
    try {
      return places(image);
    } catch (Refused e) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "The image is " + e.getMessage() + " now.");
    }
  }

  /** From its first call on, whatever is said of the image. */
  private Making making(String machine, Tag tag) throws IOException, Refusal {
    Optional<Hold> hold = site.hold(tag);
    if (hold.isPresent()) {
      return new Making(site, keystone.project(hold.get().project()), tag);
    }
    Project project =
        keystone
            .first(
                keystone.projects(), one -> find(one, machine).flatMap(Images::shown).map(_ -> one))
            .orElseThrow(Images::gone);
    site.keep(tag, new Hold(project.id(), machine, List.of()));
    return new Making(site, project, tag);
  }

  private static Refusal gone() {
    return new Refusal(Reason.NO_SUCH_MACHINE, "There is no such image.");
  }

  @Override
  public List<DiskTicket> open(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Making making = making(machine, tag);
      Project project = making.project();
      List<Place> places = places(making, machine);
      Image image = find(project, machine).orElseThrow(Images::gone);
      List<String> snapshots = new ArrayList<>();
      List<DiskTicket> tickets = new ArrayList<>();
      for (Place place : places) {
        String name = making.name(place.disk().name());
        switch (place) {
          case Place.Data(Machine.Disk disk) -> tickets.add(making.toRead(disk, image, name));
          case Place.OfVolume(Machine.Disk disk, String snapshot) -> {
            snapshots.add(snapshot);
            requireReadable(project, disk, snapshot);
            int gib = Math.toIntExact(disk.virtualBytes() >> 30);
            Image copy = making.image(name, () -> Source.imageOf(snapshot, gib, name, making));
            tickets.add(making.toRead(disk, project.glance().awaitActive(copy.getId()), name));
            Source.dropCopies(project, name);
          }
        }
      }
      site.keep(tag, new Hold(project.id(), machine, snapshots));
      return tickets;
    }
  }

  @Override
  public void close(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      sweep(tag);
      if (site.made(tag, STOPPED).isEmpty()) {
        site.dropHold(tag); // it was only looked at, or copied
      }
    }
  }

  @Override
  public void restore(String machine, Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      sweep(tag);
      site.dropHold(tag);
    }
  }

  private void sweep(Tag tag) throws IOException {
    Optional<Hold> hold = site.hold(tag);
    if (hold.isPresent()) {
      try {
        new Making(site, keystone.project(hold.get().project()), tag).sweep();
      } catch (Refusal e) {
        throw new IOException(e);
      }
    }
  }

  /** Erased with the snapshots that were read; kept, it is as if it had never moved. */
  @Override
  public void retire(String machine, Tag tag, boolean erase) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Optional<Hold> hold = site.hold(tag);
      if (hold.isPresent()) {
        sweep(tag);
        if (erase) {
          erase(keystone.project(hold.get().project()), hold.get());
        }
        site.dropHold(tag);
      } else if (erase && machine(keystone.projects(), machine).isPresent()) {
        throw new Refusal(Reason.REFUSED_BY_SOURCE, "The image was not read for this.");
      }
    }
  }

  /** All of it, or nothing where that can be known before. */
  private static void erase(Project project, Hold hold) throws IOException, Refusal {
    Optional<Image> image = find(project, hold.server());
    if (image.isPresent()) {
      String id = image.get().getId();
      if (Boolean.TRUE.equals(image.get().getIsProtected())) {
        throw new Refusal(Reason.REFUSED_BY_SOURCE, "The image is protected.");
      }
      if (project.nova().servers().stream().anyMatch(one -> id.equals(one.getImageId()))) {
        throw new Refusal(Reason.REFUSED_BY_SOURCE, "A server is made of the image.");
      }
      try {
        project.glance().delete(image.get());
      } catch (Denied e) {
        throw new Refusal(Reason.REFUSED_BY_SOURCE, "The image stays: " + e.getMessage());
      }
    }
    for (String id : hold.volumes()) {
      Optional<VolumeSnapshot> snapshot = project.cinder().snapshot(id);
      if (snapshot.isPresent()) {
        project.cinder().delete(snapshot.get());
      }
    }
  }
}
