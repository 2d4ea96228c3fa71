package crossdock.launcher;

import crossdock.contracts.SiteId;

/**
 * Who somebody is: to Kafka, which sees the common name only, and to everybody else, who look at
 * the URI. A certificate always says both.
 */
record Party(String principal, String urn) {
  static final Party BROKER = core("broker");
  static final Party ADMIN = core("admin");

  Party {
    if (!principal.matches("[a-z0-9-]{1,32}(\\.[a-z0-9-]{1,32}){0,3}")) {
      throw new IllegalArgumentException("not a principal: " + principal);
    }
    if (!urn.matches("urn:crossdock:(core|site)(:[a-z0-9-]{1,32}){1,3}")) {
      throw new IllegalArgumentException("not a party: " + urn);
    }
  }

  /** A site's services, but not its dock. */
  static Party site(SiteId site) {
    return new Party("site." + site.provider() + "." + site.region(), "urn:crossdock:site:" + site);
  }

  /** The process of a site that reads and writes disks. */
  static Party dock(SiteId site) {
    return new Party(site(site).principal() + ".dock", site(site).urn() + ":dock");
  }

  /**
   * The broker and its administrator are nobody's business partner: their principal has no prefix.
   */
  static Party core(String service) {
    boolean plumbing = service.equals("broker") || service.equals("admin");
    return new Party(plumbing ? service : "core." + service, "urn:crossdock:core:" + service);
  }
}
