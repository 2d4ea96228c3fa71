package crossdock.providers.examination;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** What was found of one line, value by value; the worst of it first. */
final class Finding {
  private static final int LONGEST = 512;
  private static final List<Outcome> WORST =
      List.of(Outcome.FAILED, Outcome.ERROR, Outcome.WARNED, Outcome.SKIPPED, Outcome.PASSED);

  private final Map<Outcome, List<String>> found = new EnumMap<>(Outcome.class);

  /** The same again is said once. */
  void add(Outcome outcome, String what) {
    List<String> all = found.computeIfAbsent(outcome, _ -> new ArrayList<>());
    if (!all.contains(what)) {
      all.add(what);
    }
  }

  /** Of one value. */
  void add(String value, Passages.Verdict verdict) {
    add(verdict.outcome(), verdict.detail().isEmpty() ? value : value + ": " + verdict.detail());
  }

  /**
   * A line that is true in part, and for the rest nobody knows, is warned of; one of which nothing
   * was seen to be true is skipped.
   */
  Check check(String name) {
    if (found.isEmpty()) {
      return new Check(name, 1, Outcome.PASSED, "it lists none");
    }
    Outcome worst = WORST.stream().filter(found::containsKey).findFirst().orElseThrow();
    List<String> details = new ArrayList<>();
    for (Outcome outcome : WORST) {
      List<String> all = found.getOrDefault(outcome, List.of());
      if (!all.isEmpty()) {
        details.add(outcome + " " + all.size() + ": " + String.join(", ", all));
      }
    }
    String detail = String.join("; ", details);
    return new Check(
        name,
        1,
        outcome(worst),
        detail.length() <= LONGEST ? detail : detail.substring(0, LONGEST - 1) + "…");
  }

  private Outcome outcome(Outcome worst) {
    return switch (worst) {
      case FAILED, ERROR, PASSED -> worst;
      case WARNED, SKIPPED -> found.containsKey(Outcome.PASSED) ? Outcome.WARNED : Outcome.SKIPPED;
    };
  }
}
