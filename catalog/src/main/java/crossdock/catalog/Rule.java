package crossdock.catalog;

import com.fasterxml.jackson.annotation.JsonProperty;
import crossdock.contracts.Adaptation;
import crossdock.contracts.Plan;
import crossdock.contracts.Refused;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * When there is a concern, and what is said of it, as its file has it.
 *
 * @param code stable, the name of its file
 * @param version of what it means, from 1
 * @param waivable whether a customer may take the risk; only of what blocks
 * @param when conditions in the {@link Language}; it is a concern where all hold
 * @param evidence an expression in the {@link Language}: what was found, in one sentence with the
 *     values
 * @param consequence what happens if nobody does anything, in one sentence
 * @param remedy what to do about it, in one sentence
 * @param fix what the migration does about it by itself, in one sentence
 * @param adaptation what the target's dock can do about it, if its site lists that
 */
record Rule(
    String code,
    int version,
    Topic topic,
    Plan.Severity severity,
    boolean waivable,
    List<String> when,
    String evidence,
    String consequence,
    String remedy,
    Optional<String> fix,
    Optional<Adapting> adaptation) {
  private static final Pattern CODE = Pattern.compile("[a-z0-9]+(-[a-z0-9]+)*");

  /**
   * What ends it.
   *
   * @param when conditions in the {@link Language}, beside the concern's own
   * @param to the trait of the target's that it is made for, if any
   * @param fix what it does, in one sentence
   */
  record Adapting(Adaptation.Kind kind, List<String> when, Optional<String> to, String fix) {
    Adapting {
      when = List.copyOf(when);
    }
  }

  /** What it is about. */
  enum Topic {
    @JsonProperty("guest-os")
    GUEST_OS,
    @JsonProperty("firmware")
    FIRMWARE,
    @JsonProperty("bus")
    BUS,
    @JsonProperty("driver")
    DRIVER,
    @JsonProperty("cpu")
    CPU,
    @JsonProperty("disk")
    DISK,
    @JsonProperty("format")
    FORMAT,
    @JsonProperty("nic")
    NIC,
    @JsonProperty("address")
    ADDRESS,
    @JsonProperty("device")
    DEVICE,
    @JsonProperty("clock")
    CLOCK,
    @JsonProperty("cloud-init")
    CLOUD_INIT,
    @JsonProperty("licence")
    LICENCE,
    @JsonProperty("quota")
    QUOTA
  }

  Rule {
    when = List.copyOf(when);
    if (!CODE.matcher(code).matches() || code.length() > 64 || version < 1) {
      throw new Refused("a concern has a code of small letters and a version from 1");
    }
    if (waivable && severity != Plan.Severity.BLOCKING) {
      throw new Refused(code + " stops nothing, so there is nothing to waive");
    }
    if (when.isEmpty() || consequence.isBlank() || remedy.isBlank()) {
      throw new Refused(code + " has no condition, consequence or remedy");
    }
    if (fix.isPresent() && adaptation.isPresent()) {
      throw new Refused(code + " is fixed in any case, and by an adaptation");
    }
  }
}
