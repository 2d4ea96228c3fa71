package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/** The services that the consortium runs. */
public enum CoreService {
  GATEWAY("gateway"),
  CATALOG("catalog"),
  IDENTITY("identity-federation"),
  BILLING("billing");

  private final String wire;

  CoreService(String wire) {
    this.wire = wire;
  }

  @JsonValue
  public String wire() {
    return wire;
  }

  @JsonCreator
  static CoreService parse(String wire) {
    for (CoreService service : values()) {
      if (service.wire.equals(wire)) {
        return service;
      }
    }
    throw new Refused("no core service " + wire);
  }
}
