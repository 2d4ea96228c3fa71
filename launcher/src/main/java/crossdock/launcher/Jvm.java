package crossdock.launcher;

import java.nio.file.Path;

/** The Java that runs us runs the others too. */
final class Jvm {
  private Jvm() {}

  static String java() {
    return Path.of(System.getProperty("java.home", ""), "bin", "java").toString();
  }
}
