package crossdock.disk.cli;

import crossdock.disk.BadImageException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * {@code ./crossdock disk}. Exit status 0: good; 1: the answer is no; 2: not a command; 3: the
 * image is unsafe or broken; 4: it cannot be read or written.
 */
@Command(
    name = "crossdock disk",
    mixinStandardHelpOptions = true,
    description = "Looks at disk images and converts them.",
    subcommands = {Inspect.class, Convert.class, Digest.class, Compare.class, Check.class})
public final class Application implements Runnable {
  static final int NO = 1;
  private static final int USAGE = 2;
  private static final int BAD_IMAGE = 3;
  private static final int INPUT_OUTPUT = 4;

  private Application() {}

  /** Runs one command and exits with its status. */
  public static void main(String[] args) {
    System.exit(run(args));
  }

  static int run(String... args) {
    return new CommandLine(new Application())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(Application::say)
        .execute(args);
  }

  @Override
  public void run() {
    throw new IllegalArgumentException("What to do? Try ./crossdock disk --help.");
  }

  private static int say(Exception thrown, CommandLine command, CommandLine.ParseResult result)
      throws Exception {
    System.err.println(sentence(thrown));
    return switch (thrown) {
      case BadImageException _ -> BAD_IMAGE;
      case IOException _ -> INPUT_OUTPUT;
      case IllegalArgumentException _ -> USAGE;
      case null, default -> throw thrown;
    };
  }

  private static String sentence(Exception thrown) {
    return switch (thrown) {
      case NoSuchFileException e -> e.getFile() + " is not there.";
      case FileAlreadyExistsException e -> e.getFile() + " is there already.";
      case FileSystemException e -> e.getFile() + ": " + e.getReason() + ".";
      case null, default -> String.valueOf(thrown.getMessage());
    };
  }
}
