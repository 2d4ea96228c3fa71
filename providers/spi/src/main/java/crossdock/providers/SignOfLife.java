package crossdock.providers;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What on a console only a guest writes that has come up: a line of the demo's guest, or a login
 * prompt. A kernel's own lines do not count, since it writes them before it panics, too.
 */
public final class SignOfLife {
  private static final int LONGEST = 512;
  private static final Pattern OWN_WORD = Pattern.compile("(?m)^(CROSSDOCK-GUEST [^\r\n]*)\r?\n");
  private static final Pattern LOGIN = Pattern.compile("(?m)^([^\r\n]{1,128}\\blogin: ?)$");

  private SignOfLife() {}

  /** The first one in what a console has written since a start, at most 512 characters. */
  public static Optional<String> in(String console) {
    for (Pattern pattern : new Pattern[] {OWN_WORD, LOGIN}) {
      Matcher matcher = pattern.matcher(console);
      if (matcher.find()) {
        String line = matcher.group(1).replaceAll("\\p{Cntrl}", " ").strip();
        return Optional.of(line.substring(0, Math.min(line.length(), LONGEST)));
      }
    }
    return Optional.empty();
  }
}
