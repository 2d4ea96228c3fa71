package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a customer has chosen for a machine at the target, by the target's names. What is not said
 * here the plan chooses; what the target has not is never replaced by something else.
 *
 * @param name the machine's name there
 * @param networks one that the target lists, for each of the source's that is named; at most 64
 * @param within what the data may not leave: countries (ISO 3166-1 alpha-2) and jurisdictions, of
 *     which the target lists each; at most 16
 */
public record Choices(
    Optional<String> name,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        SortedMap<String, String> networks,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<String> within) {
  /** All is left to the plan. */
  public static final Choices NONE = within(List.of());

  private static final int MOST = 64;
  private static final int LONGEST = 128;
  private static final int MOST_LAWS = 16;
  private static final Pattern LAW = Pattern.compile("[A-Z][A-Z0-9-]{1,31}");

  public Choices {
    name.ifPresent(Machine::plain);
    networks = Collections.unmodifiableSortedMap(new TreeMap<>(networks));
    within = List.copyOf(within);
    if (within.size() > MOST_LAWS || !within.stream().allMatch(law -> LAW.matcher(law).matches())) {
      throw new Refused("at most " + MOST_LAWS + " countries and jurisdictions, such as DE and EU");
    }
    if (networks.size() > MOST) {
      throw new Refused("at most " + MOST + " networks are chosen");
    }
    if (Stream.concat(networks.keySet().stream(), networks.values().stream())
        .anyMatch(one -> one.isBlank() || one.length() > LONGEST)) {
      throw new Refused("networks have names of 1 to " + LONGEST + " characters");
    }
  }

  /** All is left to the plan, but where the data goes. */
  public static Choices within(List<String> laws) {
    return new Choices(Optional.empty(), Collections.emptySortedMap(), laws);
  }
}
