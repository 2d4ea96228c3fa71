package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** The part that a party plays in one migration. */
public enum Role {
  GATEWAY,
  IDENTITY,
  CATALOG,
  BILLING,
  SOURCE,
  TARGET;

  @JsonValue
  public String wire() {
    return name().toLowerCase(Locale.ROOT);
  }

  @JsonCreator
  static Role parse(String wire) {
    for (Role role : values()) {
      if (role.wire().equals(wire)) {
        return role;
      }
    }
    throw new Refused("no role " + wire);
  }
}
