package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.providers.Refusal;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.openstack4j.model.image.v2.Image;

/** The calls to Glance (v2) in one project. Thread-safe. */
record Glance(Session session) {
  Optional<Image> image(String image) throws IOException {
    return session.found(() -> session.client().imagesV2().get(image));
  }

  List<Image> images() throws IOException {
    List<Image> all =
        Pages.all(
            Image::getId,
            one -> image(one).isPresent(),
            Map.of("owner", session.project()),
            query -> session.call(() -> session.client().imagesV2().list(query)));
    return all.stream().filter(image -> session.project().equals(image.getOwner())).toList();
  }

  List<Image> named(String name) throws IOException {
    List<Image> named = new ArrayList<>();
    for (Image image : images()) {
      if (name.equals(image.getName())) {
        named.add(image);
      }
    }
    return named;
  }

  Image create(Image image) throws IOException {
    return session.call(() -> session.client().imagesV2().create(image));
  }

  void delete(Image image) throws IOException {
    session.act(() -> session.client().imagesV2().delete(image.getId()));
  }

  /** Gives an image another name; openstack4j would say anew what may not be said (403). */
  void rename(Image image, String name) throws IOException {
    String uri = data(image).toString().replaceFirst("/file$", "");
    JsonNode patch = Rest.json(List.of(Map.of("op", "replace", "path", "/name", "value", name)));
    String type = "application/openstack-images-v2.1-json-patch";
    session.raw("PATCH", uri, type, Optional.of(patch)).done();
  }

  /** Where an image's data is read and written; what is said of it is one level above. */
  URI data(Image image) throws IOException {
    return data(image.getId());
  }

  /** The same of an image's id. */
  URI data(String image) throws IOException {
    return URI.create(
        session.endpoint("image").replaceFirst("(/v2)?/?$", "/v2") + "/images/" + image + "/file");
  }

  Image awaitActive(String id) throws IOException, Refusal {
    return Session.await(
        "image " + id,
        () -> {
          Image image = image(id).orElseThrow(() -> new IOException("image " + id + " has gone"));
          return switch (image.getStatus()) {
            case ACTIVE -> Optional.of(image);
            case QUEUED, SAVING, UNRECOGNIZED -> Optional.<Image>empty();
            case KILLED, DELETED, PENDING_DELETE, DEACTIVATED -> {
              delete(image);
              throw new IOException("image " + id + " is " + image.getStatus());
            }
          };
        });
  }
}
