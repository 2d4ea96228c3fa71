package crossdock.providers.openstack;

import crossdock.contracts.Machine;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.openstack4j.model.image.v2.Image;
import org.openstack4j.model.storage.block.Volume;
import org.openstack4j.model.storage.block.VolumeSnapshot;

/**
 * What is made in a project for one migration: each thing once, under a name that begins with the
 * migration's tag, its id kept beside. To be used in the tag's turn.
 */
record Making(Site site, Project project, Tag tag) {
  /** Makes it, and says its id. */
  interface Maker {
    String make() throws IOException, Refusal;
  }

  interface Looking {
    boolean isThere(String id) throws IOException;
  }

  String name(String disk) {
    return prefix() + disk;
  }

  /** Of all names. */
  String prefix() {
    return "crossdock-" + tag.name() + "-";
  }

  /** The id of what is made once for a migration, under that name. */
  String once(String name, Looking looking, Maker maker) throws IOException, Refusal {
    Optional<String> before = site.made(tag, name);
    if (before.isPresent() && looking.isThere(before.get())) {
      return before.get();
    }
    String id = maker.make();
    site.keepMade(tag, name, id);
    return id;
  }

  /** The id of what was made under that name, whether it is still there or not. */
  String known(String name) throws IOException {
    return site.made(tag, name).orElseThrow(() -> new IOException("there was no " + name));
  }

  /** An image that only we have filled: one of that name that is not known here goes first. */
  Image image(String name, Maker maker) throws IOException, Refusal {
    String id =
        once(
            "image " + name,
            one -> project.glance().image(one).isPresent(),
            () -> {
              for (Image unknown : project.glance().named(name)) {
                project.glance().delete(unknown);
              }
              return maker.make();
            });
    return project
        .glance()
        .image(id)
        .orElseThrow(() -> new IOException("image " + id + " has gone"));
  }

  DiskTicket toRead(Machine.Disk disk, Image image, String name) throws IOException {
    URI data = project.glance().data(image);
    return ticket(disk, image, name, List.of(new Credentials.Rule("GET", data)));
  }

  /** Also to see whether it is written. */
  DiskTicket toWrite(Machine.Disk disk, Image image, String name) throws IOException {
    URI data = project.glance().data(image);
    List<Credentials.Rule> rules =
        List.of(
            new Credentials.Rule("PUT", data),
            new Credentials.Rule("GET", URI.create(data.toString().replaceFirst("/file$", ""))));
    return ticket(disk, image, name, rules);
  }

  private DiskTicket ticket(
      Machine.Disk disk, Image image, String name, List<Credentials.Rule> rules)
      throws IOException {
    return new DiskTicket.Glance(
        disk.name(),
        project.glance().data(image),
        project.credentials().give(name, rules),
        String.valueOf(image.getDiskFormat().value()),
        disk.virtualBytes());
  }

  /** Deletes what has a name that begins so. */
  void sweep() throws IOException, Refusal {
    sweep(Optional.empty());
  }

  /**
   * The same, but for one image.
   *
   * @param kept its id
   */
  void sweep(Optional<String> kept) throws IOException, Refusal {
    project.credentials().end(prefix());
    for (Image image : project.glance().images()) {
      if (isOurs(image.getName()) && !kept.equals(Optional.of(image.getId()))) {
        project.glance().delete(image);
      }
    }
    for (Volume volume : project.cinder().volumes()) {
      if (isOurs(volume.getName())) {
        project.cinder().delete(volume);
      }
    }
    for (VolumeSnapshot snapshot : project.cinder().snapshots()) {
      if (isOurs(snapshot.getName())) {
        project.cinder().delete(snapshot);
      }
    }
  }

  private boolean isOurs(@Nullable String name) {
    return name != null && name.startsWith(prefix());
  }
}
