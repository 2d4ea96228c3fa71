package crossdock.launcher;

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

  /**
   * The broker and its administrator are nobody's business partner: their principal has no prefix.
   */
  static Party core(String service) {
    boolean plumbing = service.equals("broker") || service.equals("admin");
    return new Party(plumbing ? service : "core." + service, "urn:crossdock:core:" + service);
  }
}
