package crossdock.catalog;

import crossdock.contracts.Refused;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The names that machines and listings are described by beyond what every machine has.
 *
 * @param traits of machines and of what sites have of them
 * @param limits of sites
 */
record Vocabulary(SortedMap<String, Word> traits, SortedMap<String, Word> limits) {

  /**
   * @param meaning in one sentence
   * @param values which there are, or the unit
   */
  record Word(String meaning, String values) {
    Word {
      if (meaning.isBlank() || values.isBlank()) {
        throw new Refused("a word has a meaning and values");
      }
    }
  }

  Vocabulary {
    traits = Collections.unmodifiableSortedMap(new TreeMap<>(traits));
    limits = Collections.unmodifiableSortedMap(new TreeMap<>(limits));
  }

  /** Whether it is a word here, of the kind that is asked for. */
  boolean has(Language.Asked asked) {
    return switch (asked.function()) {
      case "limit" -> limits.containsKey(asked.name());
      case "known" -> limits.containsKey(asked.name()) || traits.containsKey(asked.name());
      default -> traits.containsKey(asked.name());
    };
  }
}
