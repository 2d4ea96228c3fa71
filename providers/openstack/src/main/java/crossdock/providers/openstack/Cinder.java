package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Reason;
import crossdock.providers.Refusal;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.openstack4j.api.Builders;
import org.openstack4j.api.exceptions.ResponseException;
import org.openstack4j.model.storage.block.Volume;
import org.openstack4j.model.storage.block.VolumeSnapshot;
import org.openstack4j.model.storage.block.options.UploadImageData;

/** The calls to Cinder (v3) in one project. Thread-safe. */
record Cinder(Session session) {
  /** By name. */
  List<String> volumeTypes() throws IOException {
    return session.call(() -> session.client().blockStorage().volumes().listVolumeTypes()).stream()
        .map(type -> type.getName())
        .toList();
  }

  List<Volume> volumes() throws IOException {
    return Pages.all(
        Volume::getId,
        one -> volume(one).isPresent(),
        Map.of(),
        query -> session.call(() -> session.client().blockStorage().volumes().list(query)));
  }

  Optional<Volume> volume(String volume) throws IOException {
    return session.found(() -> session.client().blockStorage().volumes().get(volume));
  }

  /** What an image's properties were when the volume was made of it. */
  JsonNode imageMetadata(String volume) throws IOException {
    return session
        .raw("GET", uri("/volumes/" + volume), Optional.empty())
        .good("volume")
        .path("volume_image_metadata");
  }

  Volume create(Volume volume) throws IOException, Refusal {
    try {
      return session.call(() -> session.client().blockStorage().volumes().create(volume));
    } catch (IOException e) {
      if (e.getCause() instanceof ResponseException no && no.getStatus() == 413) {
        throw new Refusal(Reason.QUOTA, "Cinder makes no volume: " + no.getMessage());
      }
      throw e;
    }
  }

  Volume awaitAvailable(String volume) throws IOException, Refusal {
    return Session.await(
        "volume " + volume,
        () -> {
          Volume now =
              volume(volume)
                  .orElseThrow(() -> new IOException("volume " + volume + " has gone away"));
          return switch (now.getStatus()) {
            case AVAILABLE -> Optional.of(now);
            case ERROR -> {
              delete(now);
              throw new IOException("volume " + volume + " failed");
            }
            default -> Optional.<Volume>empty();
          };
        });
  }

  void unmark(String volume, String key) throws IOException {
    session
        .raw("DELETE", uri("/volumes/" + volume + "/metadata/" + key), Optional.empty())
        .doneOrGone();
  }

  void delete(Volume volume) throws IOException, Refusal {
    session.act(() -> session.client().blockStorage().volumes().delete(volume.getId()));
    Object _ =
        Session.await(
            "the end of a volume",
            () -> volume(volume.getId()).isPresent() ? Optional.empty() : Optional.of(true));
  }

  List<VolumeSnapshot> snapshots() throws IOException {
    return Pages.all(
        VolumeSnapshot::getId,
        one -> snapshot(one).isPresent(),
        Map.of(),
        query -> session.call(() -> session.client().blockStorage().snapshots().list(query)));
  }

  Optional<VolumeSnapshot> snapshot(String snapshot) throws IOException {
    return session.found(() -> session.client().blockStorage().snapshots().get(snapshot));
  }

  VolumeSnapshot createSnapshot(String volume, String name) throws IOException, Refusal {
    VolumeSnapshot wanted = Builders.volumeSnapshot().name(name).volume(volume).force(true).build();
    try {
      return session.call(() -> session.client().blockStorage().snapshots().create(wanted));
    } catch (IOException e) {
      if (e.getCause() instanceof ResponseException no && no.getStatus() == 413) {
        throw new Refusal(Reason.QUOTA, "Cinder makes no snapshot: " + no.getMessage());
      }
      throw e;
    }
  }

  VolumeSnapshot awaitSnapshot(String id) throws IOException, Refusal {
    return Session.await(
        "snapshot " + id,
        () -> {
          VolumeSnapshot now =
              snapshot(id).orElseThrow(() -> new IOException("snapshot " + id + " has gone"));
          return switch (now.getStatus()) {
            case AVAILABLE -> Optional.of(now);
            case ERROR -> {
              delete(now);
              throw new IOException("snapshot " + id + " failed");
            }
            default -> Optional.<VolumeSnapshot>empty();
          };
        });
  }

  void delete(VolumeSnapshot snapshot) throws IOException, Refusal {
    session.act(() -> session.client().blockStorage().snapshots().delete(snapshot.getId()));
    Object _ =
        Session.await(
            "the end of a snapshot",
            () -> snapshot(snapshot.getId()).isPresent() ? Optional.empty() : Optional.of(true));
  }

  /**
   * Has an available volume copied to an image of that name.
   *
   * @return the image's id
   */
  String imageOf(String volume, String name) throws IOException {
    UploadImageData wanted =
        UploadImageData.create(name)
            .diskFormat(org.openstack4j.model.image.DiskFormat.QCOW2)
            .containerFormat(org.openstack4j.model.image.ContainerFormat.BARE);
    return session
        .call(() -> session.client().blockStorage().volumes().uploadToImage(volume, wanted))
        .getImageId();
  }

  private String uri(String path) throws IOException {
    return session.endpoint("volumev3").replaceFirst("/+$", "") + path;
  }
}
