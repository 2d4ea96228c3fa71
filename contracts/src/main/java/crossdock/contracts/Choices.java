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
 * @param size one that the target lists, also a smaller one than the machine has now
 * @param zone one that the target lists
 * @param storage one that the target lists, for each class of the source's that is named; at most
 *     64
 * @param networks one that the target lists, for each of the source's that is named; at most 64
 * @param within what the data may not leave: countries (ISO 3166-1 alpha-2) and jurisdictions, of
 *     which the target lists each; at most 16
 * @param downtimeSeconds how long at most they want to be without the machine
 */
public record Choices(
    Optional<String> name,
    Optional<String> size,
    Optional<String> zone,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        SortedMap<String, String> storage,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        SortedMap<String, String> networks,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
        List<String> within,
    Optional<Long> downtimeSeconds) {
  /** All is left to the plan. */
  public static final Choices NONE = within(List.of());

  private static final int MOST = 64;
  private static final int LONGEST = 128;
  private static final int MOST_LAWS = 16;
  private static final Pattern LAW = Pattern.compile("[A-Z][A-Z0-9-]{1,31}");

  public Choices {
    name.ifPresent(Machine::plain);
    storage = Collections.unmodifiableSortedMap(new TreeMap<>(storage));
    networks = Collections.unmodifiableSortedMap(new TreeMap<>(networks));
    within = List.copyOf(within);
    if (within.size() > MOST_LAWS || !within.stream().allMatch(law -> LAW.matcher(law).matches())) {
      throw new Refused("at most " + MOST_LAWS + " countries and jurisdictions, such as DE and EU");
    }
    if (downtimeSeconds.filter(most -> most < 0).isPresent()) {
      throw new Refused("nobody is without a machine for less than nothing");
    }
    if (networks.size() > MOST || storage.size() > MOST) {
      throw new Refused("at most " + MOST + " networks and classes of storage are chosen");
    }
    if (Stream.of(networks, storage)
            .flatMap(chosen -> Stream.concat(chosen.keySet().stream(), chosen.values().stream()))
            .anyMatch(Choices::noName)
        || size.filter(Choices::noName).isPresent()
        || zone.filter(Choices::noName).isPresent()) {
      throw new Refused("what is chosen has a name of 1 to " + LONGEST + " characters");
    }
  }

  private static boolean noName(String name) {
    return name.isBlank() || name.length() > LONGEST;
  }

  /** All is left to the plan, but where the data goes. */
  public static Choices within(List<String> laws) {
    return limits(laws, Optional.empty());
  }

  /** All is left to the plan, within limits. */
  public static Choices limits(List<String> laws, Optional<Long> downtimeSeconds) {
    return new Choices(
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Collections.emptySortedMap(),
        Collections.emptySortedMap(),
        laws,
        downtimeSeconds);
  }

  /** How many things of the target a customer has had to name; limits are none. */
  int named() {
    long single = Stream.of(name, size, zone).filter(Optional::isPresent).count();
    return (int) single + storage.size() + networks.size();
  }
}
