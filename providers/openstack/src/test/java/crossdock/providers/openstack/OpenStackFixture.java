package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Firewall;
import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Firewall.Rule;
import crossdock.contracts.Machine;
import crossdock.contracts.Subnet;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.conformance.BootSector;
import crossdock.providers.conformance.Fixture;
import crossdock.providers.conformance.Inventory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A project of its own, with one running server of two disks: both volumes, or a local root and
 * one.
 */
final class OpenStackFixture implements Fixture, AutoCloseable {
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static final long GIB = 1L << 30;

  /** Something of each kind that Neutron says in another way. */
  private static final Firewall FIREWALL =
      new Firewall(
          List.of(
              rule(Direction.INGRESS, Firewall.TCP, 22, 22, "10.0.0.0/8"),
              rule(Direction.INGRESS, Firewall.TCP, 8000, 8080, "::/0"),
              rule(Direction.INGRESS, Firewall.ICMP, 0x0800, 0x0800, "0.0.0.0/0"),
              rule(Direction.INGRESS, Firewall.ICMP_V6, 0x8000, 0x80ff, "::/0"),
              rule(Direction.INGRESS, 47, 0, 65535, "192.0.2.7/32"),
              rule(Direction.EGRESS, Firewall.UDP, 0, 65535, "10.9.0.53/32"),
              Rule.any(Direction.EGRESS, List.of(Subnet.ALL_V6), List.of())));

  /** By VRRP (RFC 9568), and for whom a guest routes. */
  private static final List<Machine.AllowedAddress> TAKEN_OVER =
      List.of(
          new Machine.AllowedAddress(
              Subnet.parse("10.9.0.200/32"), Optional.of("00:00:5e:00:01:07")),
          new Machine.AllowedAddress(Subnet.parse("10.99.0.0/16"), Optional.empty()));

  private final Lab lab;
  private final Path root;
  private final String name;
  private final String project;
  private final String server;
  private final String back;
  private final String storage;

  OpenStackFixture(Lab lab, Path directory) throws IOException {
    this(lab, directory, "bulk");
  }

  /**
   * @param storage of the server's root, and those of machines that come in
   */
  OpenStackFixture(Lab lab, Path directory, String storage) throws IOException {
    this.lab = lab;
    this.storage = storage;
    this.root = Files.createDirectory(directory.resolve("site")).toRealPath();
    this.name = "t" + ProcessHandle.current().pid() + "-" + NUMBER.incrementAndGet();
    this.project = lab.project(name, owner(), 1 + room());
    String network = network("lan", "10.9.0.0/24");
    this.back = network("back", "10.10.0.0/16");
    Object _ =
        lab.post(
            name + "/network",
            "/subnets",
            """
            {"subnet": {"network_id": "%s", "ip_version": 6, "cidr": "fd00:10::/64",
              "ipv6_address_mode": "slaac", "ipv6_ra_mode": "slaac"}}
            """
                .formatted(back));
    outside(network);
    String data = volume("web-1-data", lab.image("crossdock-data", content("data")));
    String root =
        storage.equals(OpenStack.LOCAL)
            ? disk(0, "image", boot(), "local")
            : disk(0, "volume", volume("web-1-root", boot()), "volume");
    this.server =
        lab.post(
                name + "/compute",
                "/servers",
                """
                {"server": {"name": "web-1", "flavorRef": "1", %s
                  "metadata": {"note": "the customer's own"},
                  "networks": [{"uuid": "%s"}, {"uuid": "%s"}],
                  "block_device_mapping_v2": [%s, %s]}}
                """
                    .formatted(
                        storage.equals(OpenStack.LOCAL)
                            ? "\"imageRef\": \"%s\",".formatted(boot())
                            : "",
                        network,
                        back,
                        root,
                        disk(-1, "volume", data, "volume")))
            .findPath("id")
            .asText();
    Object _ = lab.await(name + "/compute", "/servers/" + server, "status", "ACTIVE");
  }

  private String volume(String called, String image) throws IOException {
    String volume =
        lab.post(
                name + "/volumev3",
                "/volumes",
                "{\"volume\": {\"name\": \"%s\", \"size\": 1, \"imageRef\": \"%s\"}}"
                    .formatted(called, image))
            .findPath("id")
            .asText();
    Object _ = lab.await(name + "/volumev3", "/volumes/" + volume, "status", "available");
    return volume;
  }

  private static String disk(int index, String source, String id, String destination) {
    return """
        {"boot_index": %d, "source_type": "%s", "uuid": "%s", "destination_type": "%s",
         "delete_on_termination": %s}
        """
        .formatted(index, source, id, destination, destination.equals("local"));
  }

  private String network(String called, String cidr) throws IOException {
    String network =
        lab.post(
                name + "/network",
                "/networks",
                "{\"network\": {\"name\": \"%s\"}}".formatted(called))
            .findPath("id")
            .asText();
    Object _ =
        lab.post(
            name + "/network",
            "/subnets",
            "{\"subnet\": {\"network_id\": \"%s\", \"ip_version\": 4, \"cidr\": \"%s\"}}"
                .formatted(network, cidr));
    return network;
  }

  /**
   * An external network of its own, and a router from there to one of the project's.
   *
   * @param inner its id: an administrator sees those of that name in other projects, too
   */
  private void outside(String inner) throws IOException {
    String service = name + "/network";
    String network =
        lab.post(
                service,
                "/networks",
                "{\"network\": {\"name\": \"%s\", \"router:external\": true}}".formatted(outside()))
            .findPath("id")
            .asText();
    Object _ =
        lab.post(
            service,
            "/subnets",
            "{\"subnet\": {\"network_id\": \"%s\", \"ip_version\": 4, \"cidr\": \"198.51.100.0/24\"}}"
                .formatted(network));
    String router =
        lab.post(
                service,
                "/routers",
                "{\"router\": {\"external_gateway_info\": {\"network_id\": \"%s\"}}}"
                    .formatted(network))
            .path("router")
            .path("id")
            .asText();
    Object _ =
        lab.call(
            "PUT",
            service,
            "/routers/" + router + "/add_router_interface",
            Optional.of(
                "{\"subnet_id\": \"%s\"}"
                    .formatted(
                        lab.get(service, "/networks/" + inner)
                            .findPath("subnets")
                            .path(0)
                            .asText())));
  }

  /** The external network's name: everybody sees it. */
  String outside() {
    return "outside-" + name;
  }

  private String boot() throws IOException {
    return lab.image("crossdock-still", content("root"));
  }

  @Override
  public Cloud cloud() throws IOException {
    return cloud(lab.account());
  }

  String project() {
    return project;
  }

  /** The way into this project alone, by an application credential. */
  Account credential(boolean unrestricted) throws IOException {
    return lab.account(name, unrestricted);
  }

  /** Ends such a credential. */
  void end(Account account) throws IOException {
    lab.end(account, name);
  }

  Cloud cloud(Account account) throws IOException {
    return new OpenStack(root, account, Clock.systemUTC());
  }

  @Override
  public Path root() {
    return root;
  }

  @Override
  public String owner() {
    return "alice-" + name;
  }

  @Override
  public String machine() {
    return server;
  }

  @Override
  public byte[] content(String disk) {
    if (disk.equals("root") || disk.equals("vda")) {
      return BootSector.still();
    }
    byte[] noise = new byte[2 << 20];
    new Random(1).nextBytes(noise);
    return noise;
  }

  @Override
  public Machine planned(int number) {
    String last = "%02x:%02x".formatted(number >> 8, number & 0xff);
    return new Machine(
        "planned",
        "planned",
        "x86_64",
        1,
        256 << 20,
        Machine.Firmware.BIOS,
        "linux",
        List.of(
            new Machine.Disk("root", "qcow2", GIB, Optional.of(storage)),
            new Machine.Disk("data", "qcow2", GIB, Optional.of("bulk"))),
        List.of(
            new Machine.Nic(
                "nic0",
                "lan",
                "52:54:00:01:" + last,
                List.of(),
                Optional.of(FIREWALL),
                TAKEN_OVER,
                Optional.of(new Machine.PublicAddress(outside(), Optional.empty()))),
            new Machine.Nic(
                "nic1",
                "back",
                "52:54:00:02:" + last,
                // the second one as SLAAC makes it of the first (RFC 4291, appendix A)
                List.of(address(number), "fd00:10::5054:ff:fe02:%x".formatted(number)),
                Optional.of(Firewall.CLOSED)),
            new Machine.Nic(
                "nic2", "lan", "52:54:00:03:" + last, List.of(), Optional.of(FIREWALL))),
        List.of(),
        new TreeMap<>(Map.of("zone", "nova")));
  }

  private static Rule rule(Direction direction, int protocol, int from, int to, String subnet) {
    return new Rule(
        direction, Optional.of(protocol), from, to, List.of(Subnet.parse(subnet)), List.of());
  }

  static String address(int number) {
    return "10.10.%d.%d".formatted(number >> 8, number & 0xff);
  }

  @Override
  public byte[] image(String disk) {
    return content(disk);
  }

  @Override
  public int room() {
    return 3;
  }

  /** Asks Nova, as its administrator. */
  @Override
  public boolean runs(String machine) throws IOException {
    for (JsonNode one : lab.get(name + "/compute", "/servers/detail").path("servers")) {
      if (one.path("id").asText().equals(machine)
          || one.path("metadata").path("crossdock-machine").asText().equals(machine)) {
        return one.path("status").asText().equals("ACTIVE");
      }
    }
    return false;
  }

  /** Has its customer say something in the server's metadata. */
  void say(String key, String value) throws IOException {
    Object _ =
        lab.post(
            name + "/compute",
            "/servers/" + server + "/metadata",
            "{\"metadata\": {\"%s\": \"%s\"}}".formatted(key, value));
  }

  /** Has its customer do something with the only server: an action's name, or delete. */
  void customerDoes(String what, String machine) throws IOException {
    String path = "/servers/" + uuid(machine);
    if (what.equals("delete")) {
      Object _ = lab.call("DELETE", name + "/compute", path, Optional.empty());
      lab.gone(name + "/compute", "/servers", "servers");
      return;
    }
    Object _ = lab.post(name + "/compute", path + "/action", "{\"%s\": null}".formatted(what));
  }

  private String uuid(String machine) throws IOException {
    for (JsonNode one : lab.get(name + "/compute", "/servers/detail").path("servers")) {
      if (one.path("metadata").path("crossdock-machine").asText().equals(machine)) {
        return one.path("id").asText();
      }
    }
    return machine;
  }

  /**
   * Has its customer make an image, maybe of a name that Crossdock is going to use.
   *
   * @return its id
   */
  String customerMakesImage(String image, byte[] raw) throws IOException {
    return lab.image(name, image, raw);
  }

  /**
   * Has its customer make an image of a server.
   *
   * @return its id
   */
  String customerTakesSnapshotOf(String machine) throws IOException {
    String server = uuid(machine);
    Object _ =
        lab.post(
            name + "/compute",
            "/servers/" + server + "/action",
            "{\"createImage\": {\"name\": \"before\"}}");
    for (JsonNode one : lab.get(name + "/image", "/images?name=before").path("images")) {
      String id = one.path("id").asText();
      Object _ = lab.await(name + "/image", "/images/" + id, "status", "active");
      return id;
    }
    throw new IOException("Nova made no image of " + server);
  }

  /** Has its customer use the address that a planned machine is to have. */
  void customerTakesAddressOf(int number) throws IOException {
    Object _ =
        lab.post(
            name + "/network",
            "/ports",
            "{\"port\": {\"network_id\": \"%s\", \"fixed_ips\": [{\"ip_address\": \"%s\"}]}}"
                .formatted(back, address(number)));
  }

  /** What Nova says in this project to who has only a ticket's credential. */
  int statusFor(DiskTicket.Access access, String path) throws IOException {
    return lab.status(access, name, path);
  }

  @Override
  public Set<String> remembered() {
    return Set.of("fences", "key", "locks");
  }

  /** All that Crossdock could leave in the project, and what it says of it. */
  @Override
  public Map<String, String> inventory() throws IOException {
    Map<String, String> all = new TreeMap<>(Inventory.of(this));
    for (JsonNode one : lab.get(name + "/compute", "/servers/detail").path("servers")) {
      all.put(
          "server " + one.path("id").asText(),
          one.path("status").asText() + " " + one.path("metadata"));
    }
    for (JsonNode one : lab.get(name + "/volumev3", "/volumes/detail").path("volumes")) {
      all.put(
          "volume " + one.path("id").asText(),
          one.path("status").asText() + " " + one.path("metadata"));
    }
    for (String one : lab.ids(name + "/volumev3", "/snapshots", "snapshots")) {
      all.put("snapshot " + one, "");
    }
    for (String one : lab.ids(name + "/image", "/images?owner=" + project, "images")) {
      all.put("image " + one, "");
    }
    for (String one : lab.ids(name + "/network", "/ports?project_id=" + project, "ports")) {
      all.put("port " + one, "");
    }
    for (JsonNode one :
        lab.get(name + "/network", "/floatingips?project_id=" + project).path("floatingips")) {
      all.put("floating IP " + one.path("id").asText(), one.path("port_id").asText());
    }
    for (JsonNode one :
        lab.get(name + "/network", "/security-groups?project_id=" + project)
            .path("security_groups")) {
      all.put(
          "group " + one.path("name").asText(),
          one.path("security_group_rules").findValuesAsText("id").toString());
    }
    String user = lab.named("admin/identity", "/users", "users", "crossdock");
    for (JsonNode one :
        lab.get("admin/identity", "/users/" + user + "/application_credentials")
            .path("application_credentials")) {
      if (one.path("project_id").asText().equals(project)) {
        all.put("credential " + one.path("name").asText(), "");
      }
    }
    return all;
  }

  @Override
  public void close() throws IOException {
    lab.drop(name, project);
  }
}
