package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.time.Duration;
import java.util.Locale;

/** What the world may wait for, who owes it, and how long without a sign of life it may take. */
public enum Step {
  AUTHORIZE(Role.IDENTITY, 5),
  INSPECT(Role.SOURCE, 10),
  PLAN(Role.CATALOG, 5),
  QUOTE(Role.BILLING, 5),
  APPROVE(Role.GATEWAY, 60),
  CLEAR(Role.SOURCE, 24 * 60),
  RESERVE(Role.TARGET, 24 * 60),
  STOP(Role.SOURCE, 30),
  OPEN(Role.SOURCE, 30),
  CERTIFY(Role.SOURCE, 30),
  IMPORT(Role.TARGET, 30),
  BOOT(Role.TARGET, 30),
  ACCEPT(Role.GATEWAY, 24 * 60),
  RETIRE(Role.SOURCE, 24 * 60),
  SETTLE(Role.BILLING, 24 * 60),
  UNDO_TARGET(Role.TARGET, 60),
  UNDO_SOURCE(Role.SOURCE, 60),
  /** Undoing the source without the target's word; only if the source's customer says so there. */
  OVERRIDE(Role.SOURCE, 24 * 60);

  private final Role role;
  private final Duration limit;

  Step(Role role, int minutes) {
    this.role = role;
    this.limit = Duration.ofMinutes(minutes);
  }

  /** Whose step it is. */
  public Role role() {
    return role;
  }

  /** The longest silence; progress starts it anew, so that size alone never ends a step. */
  public Duration limit() {
    return limit;
  }

  @JsonValue
  public String wire() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Reads the wire name. */
  @JsonCreator
  public static Step parse(String wire) {
    for (Step step : values()) {
      if (step.wire().equals(wire)) {
        return step;
      }
    }
    throw new Refused("no step " + wire);
  }
}
