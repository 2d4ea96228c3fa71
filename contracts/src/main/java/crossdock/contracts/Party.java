package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/**
 * Somebody who signs: a site or a service of the core. Written as the URN that stands in the SAN of
 * its certificate, {@code urn:crossdock:site:<provider>:<region>} or {@code
 * urn:crossdock:core:<service>}.
 */
public sealed interface Party {
  /** A provider's site. */
  record Site(SiteId id) implements Party {
    private static final String DOCK = ":dock";

    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    static Site read(String urn) {
      if (Party.parse(urn) instanceof Site site) {
        return site;
      }
      throw new Refused("no site: " + urn);
    }

    @Override
    public String principal() {
      return "site." + id.provider() + "." + id.region();
    }

    @Override
    public String reports() {
      return principal() + ".reports";
    }

    /** The topic on which the site is told what it is due to do. */
    public String tasks() {
      return principal() + ".tasks";
    }

    /** The topic of its progress; newest wins. */
    public String progress() {
      return principal() + ".progress";
    }

    /** The topic of its {@link PublishedListing}; newest wins. */
    public String listing() {
      return principal() + ".listing";
    }

    /** The site's own topic: disk jobs to its conversion-service and their results. */
    public String dock() {
      return principal() + ".dock";
    }

    /**
     * The URN of the site's conversion-service, which holds neither credentials nor the signing
     * key.
     */
    public String dockUrn() {
      return urn() + DOCK;
    }

    /**
     * The site whose dock has that URN.
     *
     * @throws Refused if it is no dock's
     */
    public static Site ofDock(String urn) {
      if (urn.endsWith(DOCK)
          && Party.parse(urn.substring(0, urn.length() - DOCK.length())) instanceof Site site) {
        return site;
      }
      throw new Refused("no dock: " + urn);
    }

    @Override
    @JsonValue
    public String urn() {
      return "urn:crossdock:site:" + id;
    }

    @Override
    public String toString() {
      return urn();
    }
  }

  /** A service of the core. */
  record Core(CoreService service) implements Party {
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    static Core read(String urn) {
      if (Party.parse(urn) instanceof Core core) {
        return core;
      }
      throw new Refused("no service of the core: " + urn);
    }

    @Override
    public String principal() {
      return "core." + service.wire();
    }

    @Override
    public String reports() {
      return principal() + ".reports";
    }

    @Override
    @JsonValue
    public String urn() {
      return "urn:crossdock:core:" + service.wire();
    }

    @Override
    public String toString() {
      return urn();
    }
  }

  /** The name in its certificates' SAN. */
  String urn();

  /** The name that Kafka knows it by: the CN of its client certificate. */
  String principal();

  /** The topic that only it may write, and that only the gateway reads. */
  String reports();

  /**
   * Reads a URN.
   *
   * @throws Refused if it names no party
   */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static Party parse(String urn) {
    if (urn.startsWith("urn:crossdock:site:")) {
      return new Site(SiteId.parse(urn.substring("urn:crossdock:site:".length())));
    }
    if (urn.startsWith("urn:crossdock:core:")) {
      return new Core(CoreService.parse(urn.substring("urn:crossdock:core:".length())));
    }
    throw new Refused("no party of Crossdock: " + urn);
  }
}
