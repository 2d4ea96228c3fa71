package crossdock.launcher;

import crossdock.contracts.SiteId;
import java.util.List;

/**
 * One provider in one region. Its two subnets are two loopback addresses where there are no
 * containers, and its ports start at {@code offset} from the base.
 */
record Site(String provider, String region, String exportSubnet, String importSubnet, int offset) {
  static final List<Site> ALL =
      List.of(
          new Site("north", "oslo", "127.1.1.1", "127.1.1.2", 10),
          new Site("south", "roma", "127.1.2.1", "127.1.2.2", 20));

  /** As the contracts write it. */
  String id() {
    return name().toString();
  }

  SiteId name() {
    return new SiteId(provider, region);
  }

  /**
   * @param sites an adapter that all sites have; with {@code openstack}, only the first, and with
   *     {@code openstacks} all of them
   */
  String adapter(String sites) {
    return switch (sites) {
      case "openstack" -> equals(ALL.getFirst()) ? "openstack" : "kvm";
      case "openstacks" -> "openstack";
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
