package crossdock.launcher;

import crossdock.launcher.Preflight.Endpoint;
import java.util.Objects;

/** Every port, counted from one base ({@code CROSSDOCK_PORTS}, by default 19000). */
record Ports(int base) implements Place {
  static final String LOOPBACK = "127.0.0.1";

  Ports {
    if (base < 1024 || base > 65_000) {
      throw new Refusal(
          Refusal.CANNOT_START,
          "CROSSDOCK_PORTS must be a number from 1024 to 65000, and not " + base + ".");
    }
  }

  static Ports parse(String text) {
    try {
      return new Ports(Integer.parseInt(text.strip()));
    } catch (NumberFormatException e) {
      throw new Refusal(
          Refusal.CANNOT_START,
          "CROSSDOCK_PORTS must be a number from 1024 to 65000, and not '" + text + "'.");
    }
  }

  int at(int offset) {
    return base + offset;
  }

  @Override
  public Ports published() {
    return this;
  }

  @Override
  public String everywhere() {
    return LOOPBACK;
  }

  @Override
  public Endpoint plain(Services.Service service) {
    return new Endpoint(LOOPBACK, at(service.offset()));
  }

  @Override
  public Endpoint mutual(Services.Service service) {
    Site site = Objects.requireNonNull(service.site());
    // Five above the plain one: export, import, dock.
    Subnets subnets = Subnets.here();
    return new Endpoint(
        service.imports() ? subnets.importing(site) : subnets.exporting(site),
        at(service.offset() + 5));
  }

  @Override
  public Endpoint postgres() {
    return new Endpoint(LOOPBACK, base + 50);
  }

  @Override
  public Endpoint kafka() {
    return new Endpoint(LOOPBACK, base + 51);
  }

  int kafkaController() {
    return base + 52;
  }

  @Override
  public Endpoint keycloak() {
    return new Endpoint(LOOPBACK, base + 53);
  }

  int keycloakManagement() {
    return base + 54;
  }

  /** Where the demo's partner is told. */
  int receiver() {
    return base + 55;
  }

  @Override
  public String seen(String text) {
    return text;
  }
}
