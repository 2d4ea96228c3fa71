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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.openstack4j.model.image.v2.ContainerFormat;
import org.openstack4j.model.image.v2.Image;
import org.openstack4j.model.storage.block.VolumeSnapshot;

/**
 * Images, and snapshots of servers, as the source of migrations: each is shown as the machine that
 * could be made of it, and moves as one. Nothing of them runs and nothing changes them, so none is
 * stopped or locked, and several migrations may read one at once.
 */
record Pictures(Site site, Keystone keystone) {
  private static final String PREFIX = "image-";
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

  static boolean isOne(String machine) {
    return machine.startsWith(PREFIX);
  }

  /** Whether a migration has to do with one. */
  boolean isOf(Tag tag) throws IOException {
    return site.hold(tag).filter(hold -> isOne(hold.server())).isPresent();
  }

  /** Those of a project that are its own, and of which a machine can be made. */
  List<Machine> in(Project project) throws IOException {
    List<Machine> machines = new ArrayList<>();
    for (Image image : project.images()) {
      shown(image).ifPresent(machines::add);
    }
    return machines;
  }

  Optional<Machine> machine(List<String> projects, String id) throws IOException {
    for (String one : projects) {
      Project project = keystone.project(one);
      Optional<Machine> machine = find(project, id).flatMap(Pictures::shown);
      if (machine.isPresent()) {
        return machine;
      }
    }
    return Optional.empty();
  }

  private static Optional<Image> find(Project project, String id) throws IOException {
    String image = id.substring(PREFIX.length());
    return Found.isUuid(image)
        ? project.image(image).filter(one -> project.id().equals(one.getOwner()))
        : Optional.empty();
  }

  private static Optional<Machine> shown(Image image) {
    boolean ours =
        String.valueOf(image.getName()).startsWith(Found.MADE_BY + "-")
            || image.getAdditionalPropertyValue(Found.MACHINE) != null;
    if (ours || image.getStatus() != Image.ImageStatus.ACTIVE) {
      return Optional.empty();
    }
    try {
      List<Place> places = places(image);
      return places.isEmpty() ? Optional.empty() : Optional.of(describe(image, places));
    } catch (Refused e) {
      return Optional.empty();
    }
  }

  private static Machine describe(Image image, List<Place> places) {
    Properties properties = Machines.properties(image);
    Map<String, String> traits = new TreeMap<>(properties.traits());
    traits.put(
        "machine.of",
        places.getFirst() instanceof Place.OfVolume
                || "snapshot".equals(image.getAdditionalPropertyValue("image_type"))
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
    String volumes = image.getAdditionalPropertyValue("block_device_mapping");
    for (JsonNode one :
        volumes == null ? List.<JsonNode>of() : Json.read(volumes, JsonNode.class)) {
      String snapshot = one.path("snapshot_id").asText();
      if (one.path("source_type").asText().equals("snapshot") && Found.isUuid(snapshot)) {
        String name = places.isEmpty() ? "root" : "disk" + places.size();
        long size = (long) one.path("volume_size").asInt() << 30;
        Machine.Disk disk = new Machine.Disk(name, OpenStack.FORMAT, size);
        places.add(new Place.OfVolume(disk, snapshot));
      }
      if (places.size() > MOST_DISKS) {
        throw new Refused("too many disks");
      }
    }
    return places;
  }

  /** Nothing of it runs, and nobody can change it. */
  void stop(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Making _ = making(machine, tag);
    }
  }

  /** From its first call on, whatever is said of the image. */
  private Making making(String machine, Tag tag) throws IOException, Refusal {
    Optional<Hold> hold = site.hold(tag);
    if (hold.isPresent()) {
      return new Making(site, keystone.project(hold.get().project()), tag);
    }
    for (String one : keystone.projects()) {
      Project project = keystone.project(one);
      if (find(project, machine).flatMap(Pictures::shown).isPresent()) {
        site.keep(tag, new Hold(project.id(), machine, List.of()));
        return new Making(site, project, tag);
      }
    }
    throw gone();
  }

  private static Refusal gone() {
    return new Refusal(Reason.NO_SUCH_MACHINE, "There is no such image.");
  }

  List<DiskTicket> open(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Making making = making(machine, tag);
      Project project = making.project();
      Image image = find(project, machine).orElseThrow(Pictures::gone);
      List<Place> places = places(image);
      List<String> snapshots = new ArrayList<>();
      List<DiskTicket> tickets = new ArrayList<>();
      for (Place place : places) {
        String name = making.name(place.disk().name());
        switch (place) {
          case Place.Data(Machine.Disk disk) -> tickets.add(making.toRead(disk, image, name));
          case Place.OfVolume(Machine.Disk disk, String snapshot) -> {
            snapshots.add(snapshot);
            int gib = Math.toIntExact(disk.virtualBytes() >> 30);
            Image copy = making.image(name, () -> Source.imageOf(snapshot, gib, name, making));
            tickets.add(making.toRead(disk, project.awaitActive(copy.getId()), name));
            Source.dropCopies(project, name);
          }
        }
      }
      site.keep(tag, new Hold(project.id(), machine, snapshots));
      return tickets;
    }
  }

  void close(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      sweep(tag);
    }
  }

  void restore(Tag tag) throws IOException {
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
  void retire(String machine, Tag tag, boolean erase) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Optional<Hold> hold = site.hold(tag);
      if (hold.isEmpty()) {
        return; // done by an earlier call
      }
      sweep(tag);
      if (erase) {
        Project project = keystone.project(hold.get().project());
        Optional<Image> image = find(project, machine);
        if (image.isPresent() && Boolean.TRUE.equals(image.get().getIsProtected())) {
          throw new Refusal(Reason.REFUSED_BY_SOURCE, "The image is protected.");
        }
        if (image.isPresent()) {
          project.delete(image.get());
        }
        for (String id : hold.get().volumes()) {
          Optional<VolumeSnapshot> snapshot = project.snapshot(id);
          if (snapshot.isPresent()) {
            project.delete(snapshot.get());
          }
        }
      }
      site.dropHold(tag);
    }
  }
}
