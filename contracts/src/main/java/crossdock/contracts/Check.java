package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * One finding of the evidence that a {@link Policy} makes a verdict of.
 *
 * @param name stable, such as {@code format-safe}
 * @param version of the check's definition, from 1
 * @param detail what was looked at, or why it was skipped; at most 512 characters
 */
public record Check(
    @JsonProperty("name") String name,
    @JsonProperty("version") int version,
    @JsonProperty("outcome") Outcome outcome,
    @JsonProperty("detail") String detail) {

  /** How a check went. A tool that is missing is {@code SKIPPED}, never {@code PASSED}. */
  public enum Outcome {
    PASSED,
    WARNED,
    FAILED,
    SKIPPED,
    ERROR
  }

  public Check {
    Machine.plain(name);
    if (version < 1 || detail.length() > 512) {
      throw new Refused("a check has a version from 1, and a detail of at most 512 characters");
    }
  }

  /** Whether something was found that nobody takes, or the check itself broke. */
  public boolean failed() {
    return switch (outcome) {
      case FAILED, ERROR -> true;
      case PASSED, WARNED, SKIPPED -> false;
    };
  }

  /** Refuses a list in which one stands twice. */
  static List<Check> distinct(List<Check> checks) {
    if (checks.size() > 64
        || checks.stream().map(Check::name).distinct().count() != checks.size()) {
      throw new Refused("more than 64 checks, or one that stands twice");
    }
    return List.copyOf(checks);
  }
}
