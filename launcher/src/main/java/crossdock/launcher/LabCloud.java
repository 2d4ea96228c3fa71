package crossdock.launcher;

import crossdock.contracts.Machine;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openstack4j.api.Builders;
import org.openstack4j.api.OSClient.OSClientV3;
import org.openstack4j.api.exceptions.OS4JException;
import org.openstack4j.core.transport.Config;
import org.openstack4j.model.common.Identifier;
import org.openstack4j.model.common.Payloads;
import org.openstack4j.model.compute.BDMDestType;
import org.openstack4j.model.compute.BDMSourceType;
import org.openstack4j.model.compute.Server;
import org.openstack4j.model.compute.builder.ServerCreateBuilder;
import org.openstack4j.model.image.v2.ContainerFormat;
import org.openstack4j.model.image.v2.Image;
import org.openstack4j.model.network.IPVersionType;
import org.openstack4j.model.network.Network;
import org.openstack4j.model.storage.block.Volume;
import org.openstack4j.openstack.OSFactory;

/**
 * The cloud of {@code lab/openstack}, as its administrator sees it: where the demo's customers have
 * their machines. Uses nothing of what Crossdock does there.
 *
 * @param keystone URL of the identity API's version 3
 * @param state where it keeps disks, and what servers write on their consoles
 * @param lans the networks of its customers
 */
record LabCloud(URI keystone, Path state, List<Site.Lan> lans) {
  private static final String PASSWORD = "labpass";
  private static final String PROJECT = "demo";

  /** Nova's first answers take a while on a small machine. */
  private static final Config SLOW = Config.newConfig().withReadTimeout(120_000);

  private static final String REGION = "RegionOne";
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  /** How far the ports of a second one beside it are from those of the first. */
  static final int NEXT = 20_000;

  /**
   * One of the lab's.
   *
   * @param home the repository
   * @param offset of its ports: 0 is the usual one
   * @param site whose cloud it is
   */
  static LabCloud of(Path home, int offset, Site site) {
    return new LabCloud(
        URI.create("http://127.0.0.1:%d/v3".formatted(5000 + offset)),
        home.resolve(".crossdock/openstack-%d/state".formatted(offset)),
        site.lans());
  }

  boolean answers() throws InterruptedException {
    try {
      return Http.ok(keystone.toString());
    } catch (IOException e) {
      return false;
    }
  }

  Account account() {
    return new Account(keystone, "crossdock", PASSWORD, "Default", Optional.of(REGION));
  }

  private OSClientV3 admin() throws IOException {
    try {
      return OSFactory.builderV3()
          .endpoint(keystone.toString())
          .withConfig(SLOW)
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
    for (Site.Lan wanted : lans) {
      if (admin.networking().network().list(Map.of("name", wanted.name())).isEmpty()) {
        Network network =
            admin.networking().network().create(Builders.network().name(wanted.name()).build());
        Object _ =
            admin
                .networking()
                .subnet()
                .create(
                    Builders.subnet()
                        .networkId(network.getId())
                        .ipVersion(IPVersionType.V4)
                        .cidr(wanted.cidr())
                        .addPool(wanted.first(), wanted.last())
                        .build());
      }
    }
  }

  /**
   * Boots a guest of these images, its root on the hypervisor and a second disk in a volume, and
   * waits for its first word.
   *
   * @return its id
   */
  String boot(String name, Map<String, Path> disks, Cargo.Shape shape)
      throws IOException, InterruptedException {
    OSClientV3 admin = admin();
    List<String> networks = new ArrayList<>();
    for (Site.Lan lan : shape == Cargo.Shape.SMALL ? lans.subList(0, 1) : lans) {
      networks.add(admin.networking().network().list(Map.of("name", lan.name())).get(0).getId());
    }
    String root = upload(admin, name, disks.get(Cargo.DISK), shape.firmware);
    ServerCreateBuilder server =
        Builders.server()
            .name(name)
            .flavor("1")
            .image(root)
            .networks(networks)
            .blockDevice(
                Builders.blockDeviceMapping()
                    .sourceType(BDMSourceType.IMAGE)
                    .destinationType(BDMDestType.LOCAL)
                    .uuid(root)
                    .bootIndex(0)
                    .deleteOnTermination(true)
                    .build());
    if (disks.containsKey(Cargo.DATA)) {
      String image = upload(admin, name + "-data", disks.get(Cargo.DATA), shape.firmware);
      Volume volume =
          admin
              .blockStorage()
              .volumes()
              .create(Builders.volume().name(name + "-data").size(1).imageRef(image).build());
      awaitVolume(admin, volume.getId());
      server.blockDevice(
          Builders.blockDeviceMapping()
              .sourceType(BDMSourceType.VOLUME)
              .destinationType(BDMDestType.VOLUME)
              .uuid(volume.getId())
              .bootIndex(-1)
              .build());
    }
    String id = admin.compute().servers().boot(server.build()).getId();
    until(name + " to come up", () -> console(id).contains("CROSSDOCK-GUEST "));
    return id;
  }

  private static String upload(
      OSClientV3 admin, String name, @Nullable Path file, Machine.Firmware firmware) {
    Image made =
        admin
            .imagesV2()
            .create(
                Builders.imageV2()
                    .name(name)
                    .containerFormat(ContainerFormat.BARE)
                    .diskFormat(org.openstack4j.model.image.v2.DiskFormat.QCOW2)
                    .additionalProperty("os_type", "linux")
                    .additionalProperty(
                        "hw_firmware_type",
                        switch (firmware) {
                          case BIOS -> "bios";
                          case UEFI -> "uefi";
                        })
                    .build());
    Object _ =
        admin
            .imagesV2()
            .upload(made.getId(), Payloads.create(Objects.requireNonNull(file).toFile()), made);
    return made.getId();
  }

  private interface Condition {
    boolean holds() throws IOException;
  }

  private static void until(String what, Condition condition)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.holds()) {
      if (System.nanoTime() > deadline) {
        throw new IOException("waited in vain for " + what + " in the lab's OpenStack");
      }
      TimeUnit.MILLISECONDS.sleep(500);
    }
  }

  private static void awaitVolume(OSClientV3 admin, String volume)
      throws IOException, InterruptedException {
    until(
        "volume " + volume,
        () -> {
          Volume.Status status = admin.blockStorage().volumes().get(volume).getStatus();
          if (status == Volume.Status.ERROR) {
            throw new IOException("volume " + volume + " in the lab's OpenStack became an error");
          }
          return status == Volume.Status.AVAILABLE;
        });
  }

  /** What the server of that machine says on its console, and has said before it stopped. */
  String consoleOf(String machine) throws IOException {
    return console(server(machine).getId());
  }

  /** As the hypervisor has it: Nova shows nothing of a server that is stopped. */
  private String console(String server) throws IOException {
    Path log = state.resolve("instances").resolve(server).resolve("console.log");
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

  /** The manifest root of a stopped server's disk, by its name or its device's. */
  String root(String machine, String disk) throws IOException {
    OSClientV3 admin = admin();
    Server server = server(machine);
    for (String id : server.getOsExtendedVolumesAttached()) {
      Volume volume = admin.blockStorage().volumes().get(id);
      if (disk.equals(volume.getMetaData().get("crossdock-disk"))
          || volume.getAttachments().stream()
              .anyMatch(one -> one.getDevice().endsWith("/" + disk))) {
        // As the lab's Cinder keeps it.
        Path file = state.resolve("cinder/loops/volume-" + id);
        return hash(file, DiskFormat.RAW);
      }
    }
    return rootOnHypervisor(admin, server.getId(), machine);
  }

  /** From an image of it that is made now. */
  private static String rootOnHypervisor(OSClientV3 admin, String server, String machine)
      throws IOException {
    String image = admin.compute().servers().createSnapshot(server, machine);
    Path file = Files.createTempFile("crossdock", ".image");
    try {
      until(
          "an image of " + machine,
          () -> admin.imagesV2().get(image).getStatus() == Image.ImageStatus.ACTIVE);
      File to = file.toFile();
      Object _ = admin.imagesV2().download(image, to);
      return hash(
          file,
          DiskFormat.fromWire(String.valueOf(admin.imagesV2().get(image).getDiskFormat().value())));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      Files.delete(file);
      Object _ = admin.imagesV2().delete(image);
    }
  }

  private static String hash(Path file, DiskFormat format) throws IOException {
    try (DiskSource disk = Disks.openSource(file, format, 1L << 40)) {
      return DiskHasher.hash(disk).root().hex();
    }
  }
}
