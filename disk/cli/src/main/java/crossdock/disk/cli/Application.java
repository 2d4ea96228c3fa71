package crossdock.disk.cli;

import crossdock.disk.BadImageException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code ./crossdock disk} and {@code ./crossdock ova}. Exit status 0: good; 1: the answer is no;
 * 2: not a command; 3: the image is unsafe or broken; 4: it cannot be read or written.
 */
public final class Application {
  static final int NO = 1;
  private static final int USAGE = 2;
  private static final int BAD_IMAGE = 3;
  private static final int INPUT_OUTPUT = 4;

  private static final List<String> COMMANDS =
      List.of(
          Looking.INFO,
          Convert.CONVERT,
          Looking.DIGEST,
          Looking.COMPARE,
          Looking.CHECK,
          Verify.VERIFY,
          Packages.CREATE,
          Packages.INFO,
          Packages.EXTRACT);

  private Application() {}

  /** Runs one command and exits with its status. */
  public static void main(String[] args) {
    System.exit(run(args));
  }

  static int run(String... args) {
    try {
      return switch (args.length < 2 ? "" : args[0] + " " + args[1]) {
        case "disk info" -> Looking.info(Arguments.of(Looking.INFO, args));
        case "disk convert" -> Convert.convert(Arguments.of(Convert.CONVERT, args));
        case "disk digest" -> Looking.digest(Arguments.of(Looking.DIGEST, args));
        case "disk compare" -> Looking.compare(Arguments.of(Looking.COMPARE, args));
        case "disk check" -> Looking.check(Arguments.of(Looking.CHECK, args));
        case "disk verify" -> Verify.verify(Arguments.of(Verify.VERIFY, args));
        case "ova create" -> Packages.create(Arguments.of(Packages.CREATE, args));
        case "ova info" -> Packages.info(Arguments.of(Packages.INFO, args));
        case "ova extract" -> Packages.extract(Arguments.of(Packages.EXTRACT, args));
        case "disk --help", "disk -h", "disk help", "ova --help", "ova -h", "ova help" -> {
          COMMANDS.forEach(command -> System.out.println("./crossdock " + command));
          yield 0;
        }
        default -> throw new IllegalArgumentException("What to do? ./crossdock disk --help");
      };
    } catch (BadImageException e) {
      return say(BAD_IMAGE, e.getMessage());
    } catch (NoSuchFileException e) {
      return say(INPUT_OUTPUT, e.getFile() + " is not there.");
    } catch (FileAlreadyExistsException e) {
      return say(INPUT_OUTPUT, e.getFile() + " is there already.");
    } catch (FileSystemException e) {
      String reason = e.getReason() == null ? "cannot be used" : e.getReason();
      return say(INPUT_OUTPUT, e.getFile() + ": " + reason + ".");
    } catch (IOException e) {
      return say(INPUT_OUTPUT, e.getMessage());
    } catch (IllegalArgumentException e) {
      return say(USAGE, e.getMessage());
    } catch (RuntimeException e) {
      // Java's own status for it would be 1, and that is an answer.
      return say(INPUT_OUTPUT, "This is a fault of ours: " + e);
    } catch (OutOfMemoryError | StackOverflowError e) {
      return say(INPUT_OUTPUT, "There is not enough memory for this image: " + e.getMessage());
    }
  }

  private static int say(int status, @Nullable String sentence) {
    System.err.println(Answer.printable(String.valueOf(sentence)));
    return status;
  }
}
