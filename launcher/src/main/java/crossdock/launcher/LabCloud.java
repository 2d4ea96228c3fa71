package crossdock.launcher;

import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.providers.openstack.Account;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openstack4j.api.Builders;
import org.openstack4j.api.OSClient.OSClientV3;
import org.openstack4j.api.exceptions.OS4JException;
import org.openstack4j.model.common.Identifier;
import org.openstack4j.model.common.Payloads;
import org.openstack4j.model.compute.Server;
import org.openstack4j.model.image.v2.ContainerFormat;
import org.openstack4j.model.image.v2.Image;
import org.openstack4j.model.network.IPVersionType;
import org.openstack4j.openstack.OSFactory;

/**
 * The cloud of {@code lab/openstack}, as its administrator sees it: where the demo's customers have
 * their machines. Uses nothing of what Crossdock does there.
 *
 * @param keystone URL of the identity API's version 3
 * @param instances where its hypervisor keeps what servers write on their consoles
 */
record LabCloud(URI keystone, Path instances) {
  private static final String PASSWORD = "labpass";
  private static final String PROJECT = "demo";
  private static final String NETWORK = "default";
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  /**
   * The lab's usual one.
   *
   * @param home the repository
   */
  static LabCloud of(Path home) {
    return new LabCloud(
        URI.create("http://127.0.0.1:5000/v3"),
        home.resolve(".crossdock/openstack-0/state/instances"));
  }

  boolean answers() throws InterruptedException {
    try {
      return Http.ok(keystone.toString());
    } catch (IOException e) {
      return false;
    }
  }

  Account account() {
    return new Account(keystone, "crossdock", PASSWORD, "Default", Optional.of("RegionOne"));
  }

  private OSClientV3 admin() throws IOException {
    try {
      return OSFactory.builderV3()
          .endpoint(keystone.toString())
          .credentials("admin", PASSWORD, Identifier.byName("Default"))
          .scopeToProject(Identifier.byName(PROJECT), Identifier.byName("Default"))
          .authenticate();
    } catch (OS4JException e) {
      throw new IOException("the lab's OpenStack lets nobody in: " + e.getMessage(), e);
    }
  }

  /** Makes the project that customer's, beside others. */
  void admit(String owner) throws IOException, InterruptedException {
    OSClientV3 admin = admin();
    URI tag =
        URI.create(
            keystone
                + "/projects/"
                + admin.getToken().getProject().getId()
                + "/tags/"
                + Account.OWNER.replace("=", "%3D")
                + owner);
    try (HttpClient http = HttpClient.newHttpClient()) {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(tag).header("X-Auth-Token", admin.getToken().getId());
      boolean there =
          http.send(request.GET().build(), BodyHandlers.discarding()).statusCode() == 204;
      HttpRequest put = request.PUT(HttpRequest.BodyPublishers.noBody()).build();
      if (!there && http.send(put, BodyHandlers.discarding()).statusCode() != 201) {
        throw new IOException("Keystone does not take " + tag);
      }
    }
    if (admin.networking().network().list(Map.of("name", NETWORK)).isEmpty()) {
      String network =
          admin.networking().network().create(Builders.network().name(NETWORK).build()).getId();
      Object _ =
          admin
              .networking()
              .subnet()
              .create(
                  Builders.subnet()
                      .networkId(network)
                      .ipVersion(IPVersionType.V4)
                      .cidr("10.8.0.0/24")
                      .build());
    }
  }

  /**
   * Boots a guest of that image, and waits for its first word.
   *
   * @return its id
   */
  String boot(String name, Path image) throws IOException, InterruptedException {
    OSClientV3 admin = admin();
    Image made =
        admin
            .imagesV2()
            .create(
                Builders.imageV2()
                    .name(name)
                    .containerFormat(ContainerFormat.BARE)
                    .diskFormat(org.openstack4j.model.image.v2.DiskFormat.QCOW2)
                    .additionalProperty("os_type", "linux")
                    .build());
    Object _ = admin.imagesV2().upload(made.getId(), Payloads.create(image.toFile()), made);
    String network = admin.networking().network().list(Map.of("name", NETWORK)).get(0).getId();
    String server =
        admin
            .compute()
            .servers()
            .boot(
                Builders.server()
                    .name(name)
                    .flavor("1")
                    .image(made.getId())
                    .networks(List.of(network))
                    .build())
            .getId();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!console(server).contains("CROSSDOCK-GUEST ")) {
      if (System.nanoTime() > deadline) {
        throw new IOException(name + " does not come up in the lab's OpenStack");
      }
      TimeUnit.MILLISECONDS.sleep(500);
    }
    return server;
  }

  /** What the server of that machine says on its console, and has said before it stopped. */
  String consoleOf(String machine) throws IOException {
    return console(server(machine).getId());
  }

  /** As the hypervisor has it: Nova shows nothing of a server that is stopped. */
  private String console(String server) throws IOException {
    Path log = instances.resolve(server).resolve("console.log");
    return Files.exists(log) ? Files.readString(log, StandardCharsets.ISO_8859_1) : "";
  }

  private Server server(String machine) throws IOException {
    for (Server one : admin().compute().servers().list(true)) {
      if (machine.equals(one.getId())
          || machine.equals(one.getMetadata().get("crossdock-machine"))) {
        return one;
      }
    }
    throw new IOException("the lab's OpenStack has no machine " + machine);
  }

  /** The manifest root of a stopped server's root disk, from an image of it that is made now. */
  String root(String machine) throws IOException {
    OSClientV3 admin = admin();
    String image = admin.compute().servers().createSnapshot(server(machine).getId(), machine);
    Path file = Files.createTempFile("crossdock", ".image");
    try {
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      Image now = admin.imagesV2().get(image);
      while (now.getStatus() != Image.ImageStatus.ACTIVE) {
        if (System.nanoTime() > deadline) {
          throw new IOException("no snapshot of " + machine);
        }
        TimeUnit.MILLISECONDS.sleep(500);
        now = admin.imagesV2().get(image);
      }
      File to = file.toFile();
      Object _ = admin.imagesV2().download(image, to);
      try (DiskSource disk =
          Disks.openSource(file, DiskFormat.fromWire(now.getDiskFormat().value()), 1L << 40)) {
        return DiskHasher.hash(disk).root().hex();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      Files.delete(file);
      Object _ = admin.imagesV2().delete(image);
    }
  }
}
