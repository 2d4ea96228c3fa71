package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Reason;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.openstack4j.api.Builders;
import org.openstack4j.api.OSClient.OSClientV3;
import org.openstack4j.api.exceptions.ResponseException;
import org.openstack4j.api.types.Facing;
import org.openstack4j.model.common.ActionResponse;
import org.openstack4j.model.compute.Flavor;
import org.openstack4j.model.compute.Server;
import org.openstack4j.model.compute.ServerCreate;
import org.openstack4j.model.identity.v3.Token;
import org.openstack4j.model.image.v2.Image;
import org.openstack4j.model.network.Network;
import org.openstack4j.model.network.Port;
import org.openstack4j.model.network.SecurityGroup;
import org.openstack4j.model.network.Subnet;
import org.openstack4j.model.network.options.PortListOptions;
import org.openstack4j.model.storage.block.Volume;
import org.openstack4j.model.storage.block.VolumeSnapshot;
import org.openstack4j.model.storage.block.options.UploadImageData;
import org.openstack4j.openstack.OSFactory;

/**
 * The calls to one project's APIs, each one that makes something preceded by a search for it. What
 * a list is asked to filter by is looked at again: some clouds answer with all there is. What
 * passes, or may, is an {@link IOException}. Thread-safe.
 */
final class Project {
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final int CONSOLE_LINES = 500;

  private final String id;
  private final Token token;
  private final Account account;
  private final Rest rest;
  private final byte[] key;
  private final Runnable forgetToken;

  Project(String id, Token token, Account account, Rest rest, byte[] key, Runnable forgetToken) {
    this.id = id;
    this.token = token;
    this.account = account;
    this.rest = rest;
    this.key = key;
    this.forgetToken = forgetToken;
  }

  String id() {
    return id;
  }

  /** For the next request: openstack4j's session is the thread's, and another may have taken it. */
  private OSClientV3 client() {
    OSClientV3 client = OSFactory.clientFromToken(token, Keystone.CONFIG);
    return account.region().map(client::useRegion).orElse(client);
  }

  // What openstack4j throws, and returns in place of throwing.

  interface Request<T> {
    @Nullable T make();
  }

  /** An answer that must be there. */
  private <T> T call(Request<T> request) throws IOException {
    return found(request).orElseThrow(() -> new IOException("OpenStack answers nothing"));
  }

  /** An answer that may be missing. */
  private <T> Optional<T> found(Request<T> request) throws IOException {
    try {
      return Optional.ofNullable(request.make());
    } catch (RuntimeException e) {
      // 0: nothing was answered, or openstack4j was told 401 and cannot log in by a credential.
      if (e instanceof ResponseException no && (no.getStatus() == 401 || no.getStatus() == 0)) {
        forgetToken.run();
      }
      throw failed(e);
    }
  }

  /** What openstack4j throws, or a parser in it that was given no JSON. */
  static IOException failed(RuntimeException e) {
    int status = e instanceof ResponseException no ? no.getStatus() : 0;
    return Denied.by(status, "OpenStack: " + e.getMessage(), e);
  }

  /** Something done, or gone already. */
  private void act(Request<ActionResponse> request) throws IOException {
    ActionResponse answer = call(request);
    if (!answer.isSuccess() && answer.getCode() != 404) {
      throw Denied.by(
          answer.getCode(),
          "OpenStack answers " + answer.getCode() + ": " + answer.getFault(),
          null);
    }
  }

  private Rest.Answer raw(String method, String uri, Optional<JsonNode> body) throws IOException {
    Rest.Answer answer = rest.call(method, uri, token.getId(), body);
    if (answer.status() == 401) {
      forgetToken.run();
    }
    return answer;
  }

  /** What is waited for; empty as long as it is not so. */
  interface Condition<T> {
    Optional<T> holds() throws IOException, Refusal;
  }

  /**
   * Asks again and again, not for ever: who waits in vain lets others have a turn, and goes on with
   * the same thing when called again.
   */
  static <T> T await(String what, Condition<T> condition) throws IOException, Refusal {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    for (; ; ) {
      Optional<T> answer = condition.holds();
      if (answer.isPresent()) {
        return answer.get();
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new IOException("interrupted while waiting for " + what);
      }
      if (System.nanoTime() > deadline) {
        throw new IOException("waited " + PATIENCE.toMinutes() + " minutes for " + what);
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  // Nova

  List<Server> servers() throws IOException {
    return Pages.all(
        Server::getId,
        one -> server(one).isPresent(),
        Map.of(),
        query -> call(() -> client().compute().servers().list(query)));
  }

  Optional<Server> server(String server) throws IOException {
    return found(() -> client().compute().servers().get(server))
        .filter(one -> one.getStatus() != Server.Status.DELETED);
  }

  List<Flavor> flavors() throws IOException {
    return Pages.all(
        Flavor::getId,
        one -> flavor(one).isPresent(),
        Map.of(),
        query -> call(() -> client().compute().flavors().list(true, query)));
  }

  Optional<Flavor> flavor(String flavor) throws IOException {
    return found(() -> client().compute().flavors().get(flavor));
  }

  /** The MAC addresses of a server's cards, network by network; openstack4j loses that order. */
  List<String> macs(String server) throws IOException {
    JsonNode networks =
        raw("GET", nova("/servers/" + server), Optional.empty()).good("server").path("addresses");
    List<String> macs = new ArrayList<>();
    for (JsonNode network : networks) {
      for (JsonNode address : network) {
        macs.add(address.path("OS-EXT-IPS-MAC:mac_addr").asText());
      }
    }
    return macs;
  }

  /**
   * What a server can be told (Compute API, "Servers - run an action"). Not by openstack4j, which
   * takes 503 for done, and 500 for 409.
   */
  enum Action {
    START("os-start"),
    STOP("os-stop"),
    PAUSE("pause"),
    UNPAUSE("unpause"),
    LOCK("lock"),
    UNLOCK("unlock"),
    FORCE_DELETE("forceDelete");

    private final String wire;

    Action(String wire) {
      this.wire = wire;
    }
  }

  /** Tells it that, unless it has gone. */
  void act(String server, Action action) throws IOException {
    JsonNode body = rest.json(Collections.singletonMap(action.wire, null));
    gone(raw("POST", nova("/servers/" + server + "/action"), Optional.of(body)));
  }

  private String nova(String path) throws IOException {
    return endpoint("compute").replaceFirst("/+$", "") + path;
  }

  /** That it was done, or what it is done to is not there any more. */
  private static void gone(Rest.Answer answer) throws IOException {
    if (answer.status() != 404) {
      answer.done();
    }
  }

  /** Adds to what a server's metadata says; openstack4j would replace all of it. */
  void mark(String server, Map<String, String> metadata) throws IOException {
    JsonNode body = rest.json(Map.of("metadata", metadata));
    raw("POST", nova("/servers/" + server + "/metadata"), Optional.of(body)).done();
  }

  void unmark(String server, String key) throws IOException {
    gone(raw("DELETE", nova("/servers/" + server + "/metadata/" + key), Optional.empty()));
  }

  String console(String server) throws IOException {
    return found(() -> client().compute().servers().getConsoleOutput(server, CONSOLE_LINES))
        .orElse("");
  }

  /** What is left of the project's quota. */
  record Room(long servers, long cpus, long memoryMib, long volumes, long gib) {
    Room less(long count, long cpu, long memory, long disks, long size) {
      return new Room(servers - count, cpus - cpu, memoryMib - memory, volumes - disks, gib - size);
    }

    boolean isThere() {
      return servers >= 0 && cpus >= 0 && memoryMib >= 0 && volumes >= 0 && gib >= 0;
    }
  }

  Room room() throws IOException {
    var nova = call(() -> client().compute().quotaSets().limits()).getAbsolute();
    var cinder = call(() -> client().blockStorage().getLimits()).getAbsolute();
    return new Room(
        left(nova.getMaxTotalInstances(), nova.getTotalInstancesUsed()),
        left(nova.getMaxTotalCores(), nova.getTotalCoresUsed()),
        left(nova.getMaxTotalRAMSize(), nova.getTotalRAMUsed()),
        left(cinder.getMaxTotalVolumes(), cinder.getTotalVolumesUsed()),
        left(cinder.getMaxTotalVolumeGigabytes(), cinder.getTotalGigabytesUsed()));
  }

  /** Of a limit that is -1 where there is none. */
  private static long left(int most, int used) {
    return most < 0 ? Integer.MAX_VALUE : (long) most - used;
  }

  /** Makes a server, which starts. */
  Server create(ServerCreate server) throws IOException, Refusal {
    try {
      return call(() -> client().compute().servers().boot(server));
    } catch (IOException e) {
      if (e.getCause() instanceof ResponseException no && no.getStatus() == 403) {
        throw new Refusal(Reason.QUOTA, "Nova makes no server: " + no.getMessage());
      }
      throw e;
    }
  }

  /** Also one that its customer has locked, and at once where the cloud would keep it a while. */
  void delete(Server server) throws IOException, Refusal {
    act(server.getId(), Action.UNLOCK);
    gone(raw("DELETE", nova("/servers/" + server.getId()), Optional.empty()));
    Object _ =
        await(
            "the end of a server",
            () -> {
              Optional<Server> now = server(server.getId());
              if (now.filter(one -> "soft-delete".equals(one.getVmState())).isPresent()) {
                act(server.getId(), Action.FORCE_DELETE);
              }
              return now.isPresent() ? Optional.empty() : Optional.of(true);
            });
  }

  // Glance

  Optional<Image> image(String image) throws IOException {
    return found(() -> client().imagesV2().get(image));
  }

  List<Image> images() throws IOException {
    List<Image> all =
        Pages.all(
            Image::getId,
            one -> image(one).isPresent(),
            Map.of("owner", id),
            query -> call(() -> client().imagesV2().list(query)));
    return all.stream().filter(image -> id.equals(image.getOwner())).toList();
  }

  List<Image> imagesNamed(String name) throws IOException {
    List<Image> named = new ArrayList<>();
    for (Image image : images()) {
      if (name.equals(image.getName())) {
        named.add(image);
      }
    }
    return named;
  }

  Image create(Image image) throws IOException {
    return call(() -> client().imagesV2().create(image));
  }

  void delete(Image image) throws IOException {
    act(() -> client().imagesV2().delete(image.getId()));
  }

  /** Gives an image another name; openstack4j would say anew what may not be said (403). */
  void rename(Image image, String name) throws IOException {
    String uri = data(image).toString().replaceFirst("/file$", "");
    JsonNode patch = rest.json(List.of(Map.of("op", "replace", "path", "/name", "value", name)));
    String type = "application/openstack-images-v2.1-json-patch";
    rest.call("PATCH", uri, token.getId(), type, Optional.of(patch)).done();
  }

  /** Where an image's data is read and written; what is said of it is one level above. */
  URI data(Image image) throws IOException {
    return data(image.getId());
  }

  /** The same of an image's id. */
  URI data(String image) throws IOException {
    return URI.create(
        endpoint("image").replaceFirst("(/v2)?/?$", "/v2") + "/images/" + image + "/file");
  }

  /**
   * Has a server's root disk copied to an image of that name.
   *
   * @return the image's id
   */
  String snapshot(String server, String name) throws IOException {
    return call(() -> client().compute().servers().createSnapshot(server, name));
  }

  Image awaitActive(String id) throws IOException, Refusal {
    return await(
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

  // Cinder

  /** By name. */
  List<String> volumeTypes() throws IOException {
    return call(() -> client().blockStorage().volumes().listVolumeTypes()).stream()
        .map(type -> type.getName())
        .toList();
  }

  /** By name; of those that take machines now. */
  List<String> zones() throws IOException {
    return call(() -> client().compute().zones().list()).stream()
        .filter(zone -> zone.getZoneState().getAvailable())
        .map(zone -> zone.getZoneName())
        .toList();
  }

  List<Volume> volumes() throws IOException {
    return Pages.all(
        Volume::getId,
        one -> volume(one).isPresent(),
        Map.of(),
        query -> call(() -> client().blockStorage().volumes().list(query)));
  }

  Optional<Volume> volume(String volume) throws IOException {
    return found(() -> client().blockStorage().volumes().get(volume));
  }

  /** What an image's properties were when the volume was made of it. */
  JsonNode imageMetadata(String volume) throws IOException {
    return raw("GET", cinder("/volumes/" + volume), Optional.empty())
        .good("volume")
        .path("volume_image_metadata");
  }

  Volume create(Volume volume) throws IOException, Refusal {
    try {
      return call(() -> client().blockStorage().volumes().create(volume));
    } catch (IOException e) {
      if (e.getCause() instanceof ResponseException no && no.getStatus() == 413) {
        throw new Refusal(Reason.QUOTA, "Cinder makes no volume: " + no.getMessage());
      }
      throw e;
    }
  }

  Volume awaitAvailable(String volume) throws IOException, Refusal {
    return await(
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

  void unmarkVolume(String volume, String key) throws IOException {
    gone(raw("DELETE", cinder("/volumes/" + volume + "/metadata/" + key), Optional.empty()));
  }

  void delete(Volume volume) throws IOException, Refusal {
    act(() -> client().blockStorage().volumes().delete(volume.getId()));
    Object _ =
        await(
            "the end of a volume",
            () -> volume(volume.getId()).isPresent() ? Optional.empty() : Optional.of(true));
  }

  List<VolumeSnapshot> snapshots() throws IOException {
    return Pages.all(
        VolumeSnapshot::getId,
        one -> snapshot(one).isPresent(),
        Map.of(),
        query -> call(() -> client().blockStorage().snapshots().list(query)));
  }

  Optional<VolumeSnapshot> snapshot(String snapshot) throws IOException {
    return found(() -> client().blockStorage().snapshots().get(snapshot));
  }

  VolumeSnapshot snapshotVolume(String volume, String name) throws IOException, Refusal {
    VolumeSnapshot wanted = Builders.volumeSnapshot().name(name).volume(volume).force(true).build();
    try {
      return call(() -> client().blockStorage().snapshots().create(wanted));
    } catch (IOException e) {
      if (e.getCause() instanceof ResponseException no && no.getStatus() == 413) {
        throw new Refusal(Reason.QUOTA, "Cinder makes no snapshot: " + no.getMessage());
      }
      throw e;
    }
  }

  VolumeSnapshot awaitSnapshot(String id) throws IOException, Refusal {
    return await(
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
    act(() -> client().blockStorage().snapshots().delete(snapshot.getId()));
    Object _ =
        await(
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
    return call(() -> client().blockStorage().volumes().uploadToImage(volume, wanted)).getImageId();
  }

  private String cinder(String path) throws IOException {
    return endpoint("volumev3").replaceFirst("/+$", "") + path;
  }

  private String endpoint(String type) throws IOException {
    return token.getCatalog().stream()
        .filter(service -> service.getType().equals(type))
        .flatMap(service -> service.getEndpoints().stream())
        .filter(endpoint -> endpoint.getIface() == Facing.PUBLIC)
        .filter(
            endpoint ->
                account.region().isEmpty()
                    || account.region().equals(Optional.of(endpoint.getRegion())))
        .map(endpoint -> endpoint.getUrl().toString())
        .findFirst()
        .orElseThrow(() -> new IOException("the catalog has no " + type));
  }

  // Neutron

  Optional<Network> network(String network) throws IOException {
    return found(() -> client().networking().network().get(network));
  }

  /**
   * The network of that name: the project's own, or the only one that is shared with it. Anybody
   * may share one of any name.
   */
  Optional<Network> networkNamed(String name) throws IOException {
    List<Network> shared = new ArrayList<>();
    for (Network one : call(() -> client().networking().network().list(Map.of("name", name)))) {
      if (name.equals(one.getName()) && id.equals(one.getTenantId())) {
        return Optional.of(one);
      }
      if (name.equals(one.getName()) && one.isShared()) {
        shared.add(one);
      }
    }
    return shared.size() == 1 ? Optional.of(shared.getFirst()) : Optional.empty();
  }

  List<? extends Subnet> subnets(String network) throws IOException {
    return call(() -> client().networking().subnet().list()).stream()
        .filter(one -> network.equals(one.getNetworkId()))
        .toList();
  }

  Optional<SecurityGroup> groupNamed(String name) throws IOException {
    return call(() -> client().networking().securitygroup().list(Map.of("name", name))).stream()
        .filter(one -> id.equals(one.getTenantId()) && name.equals(one.getName()))
        .findFirst()
        .map(one -> one);
  }

  /**
   * The project's groups with their rules, as Neutron says them: what openstack4j does not know of
   * a rule may be what narrows it.
   */
  JsonNode groups() throws IOException {
    return raw("GET", neutron("/security-groups?project_id=" + id), Optional.empty())
        .good("security_groups");
  }

  /**
   * Makes a group with the rules that Neutron gives every new one.
   *
   * @return its id
   */
  String createGroup(String name) throws IOException, Refusal {
    JsonNode body = rest.json(Map.of("security_group", Map.of("name", name)));
    Rest.Answer answer = raw("POST", neutron("/security-groups"), Optional.of(body));
    requireQuota(answer);
    return answer.good("security_group").path("id").asText();
  }

  /** Adds rules to a group, all or none. */
  void createRules(List<Map<String, Object>> rules) throws IOException, Refusal {
    JsonNode body = rest.json(Map.of("security_group_rules", rules));
    Rest.Answer answer = raw("POST", neutron("/security-group-rules"), Optional.of(body));
    if (answer.status() == 400) {
      throw new Refusal(
          Reason.UNMAPPABLE, "Neutron: " + answer.body().findPath("message").asText());
    }
    requireQuota(answer);
    answer.done();
  }

  private static void requireQuota(Rest.Answer answer) throws Refusal {
    String said = answer.body().findPath("message").asText();
    if (answer.status() == 409 && said.contains("Quota exceeded")) {
      throw new Refusal(Reason.QUOTA, "Neutron: " + said);
    }
  }

  void deleteRule(String rule) throws IOException {
    gone(raw("DELETE", neutron("/security-group-rules/" + rule), Optional.empty()));
  }

  /** Deletes a group, unless it is in use. */
  void deleteGroup(String group) throws IOException {
    Rest.Answer answer = raw("DELETE", neutron("/security-groups/" + group), Optional.empty());
    if (answer.status() != 404 && answer.status() != 409) {
      answer.done();
    }
  }

  private String neutron(String path) throws IOException {
    return endpoint("network").replaceFirst("(/v2\\.0)?/*$", "") + "/v2.0" + path;
  }

  List<? extends Port> portsNamed(String prefix) throws IOException {
    return call(() -> client().networking().port().list()).stream()
        .filter(one -> id.equals(one.getTenantId()))
        .filter(one -> one.getName() != null && one.getName().startsWith(prefix))
        .toList();
  }

  /** The ports that are a server's cards, in no order. */
  List<? extends Port> portsOf(String server) throws IOException {
    PortListOptions of = PortListOptions.create().deviceId(server);
    return call(() -> client().networking().port().list(of)).stream()
        .filter(one -> server.equals(one.getDeviceId()) && id.equals(one.getTenantId()))
        .filter(one -> String.valueOf(one.getDeviceOwner()).startsWith("compute:"))
        .toList();
  }

  Optional<Port> port(String port) throws IOException {
    return found(() -> client().networking().port().get(port));
  }

  /**
   * Makes a port.
   *
   * @throws Refusal if an address of it is taken or in no subnet, or the project may have no more
   */
  Port create(Port port) throws IOException, Refusal {
    try {
      return call(() -> client().networking().port().create(port));
    } catch (IOException e) {
      if (e.getCause() instanceof ResponseException no
          && Set.of(400, 403, 409).contains(no.getStatus())) {
        String said = String.valueOf(no.getMessage());
        boolean quota =
            said.contains("Quota exceeded") || said.contains("No more IP addresses available");
        throw new Refusal(
            quota ? Reason.QUOTA : Reason.UNMAPPABLE, "Neutron makes no port: " + said);
      }
      throw e;
    }
  }

  void deletePort(String port) throws IOException {
    act(() -> client().networking().port().delete(port));
  }

  /** All of the project; none where Neutron has no routers. */
  List<FloatingIp> floatingIps() throws IOException {
    Rest.Answer all = raw("GET", neutron("/floatingips?project_id=" + id), Optional.empty());
    if (all.status() == 404) {
      return List.of();
    }
    List<FloatingIp> own = new ArrayList<>();
    for (JsonNode one : all.good("floatingips")) {
      if (one.path("project_id").asText().equals(id)) {
        own.add(FloatingIp.of(one));
      }
    }
    return own;
  }

  /** The external network of that name, if it is the only one. */
  Optional<String> externalNamed(String name) throws IOException {
    String query = "/networks?router:external=true&name=" + name;
    List<String> named = new ArrayList<>();
    for (JsonNode one : raw("GET", neutron(query), Optional.empty()).good("networks")) {
      if (one.path("name").asText().equals(name) && one.path("router:external").asBoolean()) {
        named.add(one.path("id").asText());
      }
    }
    return named.size() == 1 ? Optional.of(named.getFirst()) : Optional.empty();
  }

  /**
   * Makes a floating IP that leads to an address of a port.
   *
   * @return its id
   * @throws Refusal if no router leads from there to the port, or there may be no more
   */
  String createFloatingIp(String network, String port, String address, String description)
      throws IOException, Refusal {
    JsonNode body =
        rest.json(
            Map.of(
                "floatingip",
                Map.of(
                    "floating_network_id", network,
                    "port_id", port,
                    "fixed_ip_address", address,
                    "description", description)));
    Rest.Answer answer = raw("POST", neutron("/floatingips"), Optional.of(body));
    if (Set.of(400, 403, 404, 409).contains(answer.status())) {
      String said = answer.body().findPath("message").asText();
      boolean quota =
          said.contains("Quota exceeded") || said.contains("No more IP addresses available");
      throw new Refusal(
          quota ? Reason.QUOTA : Reason.UNMAPPABLE, "Neutron makes no floating IP: " + said);
    }
    return answer.good("floatingip").path("id").asText();
  }

  void deleteFloatingIp(String address) throws IOException {
    gone(raw("DELETE", neutron("/floatingips/" + address), Optional.empty()));
  }

  // Keystone

  /** A request that a ticket's credential is good for. */
  record Rule(String method, URI uri) {}

  /**
   * What is good for these requests and nothing else: an application credential with access rules.
   * Its secret follows from its name, so that it is found again after a crash.
   */
  DiskTicket.Access access(String name, List<Rule> rules) throws IOException {
    String secret = secret(name);
    JsonNode wanted =
        rest.json(
            rules.stream()
                .map(
                    rule ->
                        Map.of(
                            "service", "image",
                            "method", rule.method(),
                            "path", rule.uri().getPath()))
                .toList());
    Optional<JsonNode> there = credential(name);
    if (there.isPresent() && !isOf(there.get(), wanted)) {
      // Of an image that there is no more.
      dropCredential(there.get());
      there = Optional.empty();
    }
    if (there.isEmpty()) {
      JsonNode body =
          rest.json(
              Map.of(
                  "application_credential",
                  Map.of("name", name, "secret", secret, "access_rules", wanted)));
      there =
          Optional.of(raw("POST", credentials(), Optional.of(body)).good("application_credential"));
    }
    return new DiskTicket.Access(account.keystone(), there.get().path("id").asText(), secret);
  }

  private static boolean isOf(JsonNode credential, JsonNode rules) {
    return requests(credential.path("access_rules")).equals(requests(rules));
  }

  private static Set<String> requests(JsonNode rules) {
    Set<String> requests = new HashSet<>();
    for (JsonNode rule : rules) {
      requests.add(rule.path("method").asText() + " " + rule.path("path").asText());
    }
    return requests;
  }

  private String secret(String name) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return HexFormat.of()
          .formatHex(mac.doFinal((id + "/" + name).getBytes(StandardCharsets.UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private Optional<JsonNode> credential(String name) throws IOException {
    for (JsonNode one : credentialList()) {
      if (one.path("name").asText().equals(name)) {
        return Optional.of(one);
      }
    }
    return Optional.empty();
  }

  private JsonNode credentialList() throws IOException {
    return raw("GET", credentials(), Optional.empty()).good("application_credentials");
  }

  /** Ends what {@link #access} gave under names that begin so. */
  void endAccess(String prefix) throws IOException {
    for (JsonNode one : credentialList()) {
      if (one.path("name").asText().startsWith(prefix)) {
        dropCredential(one);
      }
    }
  }

  private void dropCredential(JsonNode credential) throws IOException {
    gone(raw("DELETE", credentials() + "/" + credential.path("id").asText(), Optional.empty()));
  }

  /** What Keystone answers to who asks for something that only an administrator is told. */
  int administers() throws IOException {
    return raw("GET", account.keystone() + "/users", Optional.empty()).status();
  }

  private String credentials() {
    return account.keystone() + "/users/" + token.getUser().getId() + "/application_credentials";
  }

  /** Starts a server, and waits until it runs. */
  void start(String id) throws IOException, Refusal {
    Object _ =
        await(
            "a server to start",
            () -> {
              Server server = server(id).orElseThrow(() -> new IOException("the server has gone"));
              if (server.getTaskState() != null) {
                return Optional.empty();
              }
              return switch (server.getStatus()) {
                case ACTIVE -> Optional.of(true);
                case SHUTOFF -> {
                  act(id, Action.START);
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
}
