package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Check.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class PolicyProperties {
  private static final Policy.Rule SAFE = rule("format-safe", Outcome.PASSED);
  private static final Policy.Rule COMPLETE = rule("complete", Outcome.PASSED);

  private static Policy.Rule rule(String check, Outcome... accepts) {
    return new Policy.Rule(check, 1, Set.of(accepts));
  }

  private static List<Check> passed() {
    return new ArrayList<>(
        Policy.STANDARD.certificate().stream()
            .map(rule -> new Check(rule.check(), rule.version(), Outcome.PASSED, "all"))
            .toList());
  }

  @Property
  void oneFindingDecidesExactlyAsItsRuleSays(
      @ForAll @IntRange(min = 0, max = 3) int which, @ForAll Outcome outcome) {
    List<Check> checks = passed();
    Policy.Rule rule = Policy.STANDARD.certificate().get(which);
    checks.set(which, new Check(rule.check(), 1, outcome, "one"));
    assertThat(Policy.STANDARD.objection(checks).isEmpty())
        .isEqualTo(rule.accepts().contains(outcome));
  }

  @Property
  void whatNoRuleNamesCountsOnlyIfItFailed(@ForAll Outcome outcome) {
    List<Check> checks = passed();
    checks.add(new Check("licences", 1, outcome, "one"));
    assertThat(Policy.STANDARD.objection(checks).isPresent())
        .isEqualTo(outcome == Outcome.FAILED || outcome == Outcome.ERROR);
  }

  @Example
  void aPolicyIsReadAsItWasWrittenAndItsDigestNamesIt() {
    Policy read = Json.read(Json.bytes(Policy.STANDARD), Policy.class);
    assertThat(read).isEqualTo(Policy.STANDARD);
    assertThat(read.digest()).isEqualTo(Policy.STANDARD.digest());
    Policy stricter = new Policy("standard", List.of(SAFE, COMPLETE), List.of());
    assertThat(stricter.digest()).isNotEqualTo(Policy.STANDARD.digest());
  }

  @Example
  void whatIsMissingOrOfAnOlderDefinitionIsNotEnough() {
    Policy second =
        new Policy(
            "second",
            List.of(SAFE, COMPLETE, new Policy.Rule("malware", 2, Set.of(Outcome.PASSED))),
            List.of(SAFE));
    assertThat(second.objection(passed()))
        .hasValueSatisfying(why -> assertThat(why).contains("of version 1"));
    assertThat(second.objection(List.of())).contains("format-safe is missing");
    assertThat(second.intakeObjection(passed())).isEmpty();
    assertThat(second.intakeObjection(List.of())).contains("format-safe is missing");
  }

  @Example
  void noPolicyDoesWithoutTheFormatOrTakesWhatFailed() {
    assertThatThrownBy(() -> new Policy("lax", List.of(COMPLETE), List.of()))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("format-safe");
    assertThatThrownBy(
            () ->
                new Policy(
                    "lax",
                    List.of(rule("format-safe", Outcome.PASSED, Outcome.SKIPPED), COMPLETE),
                    List.of()))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> rule("malware", Outcome.PASSED, Outcome.FAILED))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> rule("malware", Outcome.SKIPPED)).isInstanceOf(Refused.class);
    assertThatThrownBy(() -> new Policy("twice", List.of(SAFE, COMPLETE, SAFE), List.of()))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("one for each");
  }
}
