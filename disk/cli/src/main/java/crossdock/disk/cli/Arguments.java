package crossdock.disk.cli;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;

/** What stands behind the name of a command. */
final class Arguments {
  private final CommandLine line;

  private Arguments(CommandLine line) {
    this.line = line;
  }

  /**
   * Reads what follows the command's name.
   *
   * @param usage as it is printed: the command, the names of files in capitals, the last one
   *     perhaps with dots for more of them, then the options, {@code [--name VALUE]} or {@code
   *     [--name]}
   * @throws IllegalArgumentException if they do not fit
   */
  static Arguments of(String usage, String... arguments) {
    Options options = new Options();
    int files = 0;
    boolean more = false;
    String[] words = usage.split("[\\[\\] ]+", -1);
    for (int i = 0; i < words.length; i++) {
      if (words[i].startsWith("--")) {
        boolean takesValue = i + 1 < words.length && isUpper(words[i + 1]);
        options.addOption(null, words[i].substring(2), takesValue, "");
        i += takesValue ? 1 : 0;
      } else if (isUpper(words[i])) {
        files++;
        more |= words[i].endsWith("...");
      }
    }
    try {
      CommandLine line =
          new DefaultParser(false)
              .parse(options, Arrays.copyOfRange(arguments, 2, arguments.length));
      int given = line.getArgList().size();
      if (given < files || (given > files && !more)) {
        throw new IllegalArgumentException("./crossdock " + usage);
      }
      return new Arguments(line);
    } catch (ParseException e) {
      throw new IllegalArgumentException(e.getMessage() + ": ./crossdock " + usage, e);
    }
  }

  private static boolean isUpper(String word) {
    return !word.isEmpty() && word.equals(word.toUpperCase(Locale.ROOT)) && !word.startsWith("-");
  }

  /** One of these, as it writes itself in small letters. */
  static <T> T oneOf(T[] values, String name) {
    return Arrays.stream(values)
        .filter(value -> small(value).equals(name.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "'"
                        + name
                        + "' is none of "
                        + Arrays.stream(values)
                            .map(Arguments::small)
                            .collect(Collectors.joining(" "))));
  }

  private static String small(Object value) {
    return value.toString().toLowerCase(Locale.ROOT);
  }

  /** How many names of files there are. */
  int words() {
    return line.getArgList().size();
  }

  String word(int n) {
    return line.getArgList().get(n);
  }

  Path file(int n) {
    return Path.of(word(n));
  }

  Optional<String> value(String option) {
    return Optional.ofNullable(line.getOptionValue(option));
  }

  /**
   * The value of an option that has to be given.
   *
   * @throws IllegalArgumentException if it is not
   */
  String needed(String option) {
    return value(option)
        .orElseThrow(() -> new IllegalArgumentException("--" + option + " is missing."));
  }

  Optional<Integer> number(String option) {
    return value(option).map(Integer::valueOf);
  }

  boolean has(String option) {
    return line.hasOption(option);
  }

  /** The image that is named there, in the format that an option declares. */
  Image image(int n, String option) {
    return new Image(word(n), value(option));
  }
}
