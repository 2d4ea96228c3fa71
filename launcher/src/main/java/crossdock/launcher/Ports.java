package crossdock.launcher;

/** Every port, counted from one base ({@code CROSSDOCK_PORTS}, by default 19000). */
record Ports(int base) {
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

  int postgres() {
    return base + 50;
  }

  int kafka() {
    return base + 51;
  }

  int kafkaController() {
    return base + 52;
  }

  int keycloak() {
    return base + 53;
  }

  int keycloakManagement() {
    return base + 54;
  }

  /** Where the demo's partner is told. */
  int receiver() {
    return base + 55;
  }
}
