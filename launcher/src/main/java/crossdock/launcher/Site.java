package crossdock.launcher;

import crossdock.contracts.SiteId;
import java.util.List;

/**
 * One provider in one region. Its two subnets are two loopback addresses where there are no
 * containers, and its ports start at {@code offset} from the base.
 *
 * @param lans the networks of its customers, as its listing names them
 */
record Site(
    String provider,
    String region,
    String exportSubnet,
    String importSubnet,
    int offset,
    List<Lan> lans) {
  /** Hypervisors that look into guests, and adapt those that come. */
  static final String ADAPTING = "adapting";

  static final List<Site> ALL =
      List.of(
          new Site(
              "north",
              "oslo",
              "127.1.1.1",
              "127.1.1.2",
              10,
              List.of(
                  new Lan("default", "10.8.0.0/16", "10.8.192.1", "10.8.223.254"),
                  new Lan("back", "10.9.0.0/16", "10.9.192.1", "10.9.223.254"))),
          new Site(
              "south",
              "roma",
              "127.1.2.1",
              "127.1.2.2",
              20,
              List.of(
                  new Lan("lan-a", "10.8.128.0/17", "10.8.224.1", "10.8.255.254"),
                  new Lan("lan-b", "10.9.128.0/17", "10.9.224.1", "10.9.255.254"))));

  /**
   * A network and its only subnet.
   *
   * @param first of the addresses that a cloud gives machines on its own: each site has others, and
   *     both sites have all of them, so that a machine keeps its addresses wherever it goes
   * @param last of them
   */
  record Lan(String name, String cidr, String first, String last) {}

  /** As the contracts write it. */
  String id() {
    return name().toString();
  }

  SiteId name() {
    return new SiteId(provider, region);
  }

  /**
   * @param sites an adapter that all sites have; with {@code openstack}, only the first, and with
   *     {@code openstacks} all of them; with {@link #ADAPTING}, all are hypervisors
   */
  String adapter(String sites) {
    return switch (sites) {
      case "openstack" -> equals(ALL.getFirst()) ? "openstack" : "kvm";
      case "openstacks" -> "openstack";
      case ADAPTING -> "kvm";
      default -> sites;
    };
  }

  /** What its cloud stores disks as: the sites differ, so that something is converted both ways. */
  List<String> formats(String adapter) {
    return switch (adapter) {
      case "library" -> List.of("raw");
      case "openstack" -> List.of("qcow2");
      default -> equals(ALL.getFirst()) ? List.of("qcow2", "raw") : List.of("vmdk", "raw");
    };
  }

  Party party() {
    return Party.site(name());
  }

  Party dock() {
    return Party.dock(name());
  }
}
