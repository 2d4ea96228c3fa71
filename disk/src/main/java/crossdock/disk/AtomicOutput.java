package crossdock.disk;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A file or directory that is there when it is complete, and not before: until then it has another
 * name beside it, which is gone after a failure or a signal. Nothing is forced to the device.
 */
public final class AtomicOutput {
  private AtomicOutput() {}

  /**
   * Creates something at a path where nothing is.
   *
   * @param <T> what there is to say about it
   */
  @FunctionalInterface
  public interface Creation<T> {
    /** Creates it, wholly, or throws. */
    T create(Path path) throws IOException;
  }

  /**
   * Creates it under another name, then names it. An existing file is replaced, one that a link
   * leads to as well; nothing else is.
   *
   * @throws FileAlreadyExistsException if something else is there
   */
  public static <T> T write(Path target, Creation<T> creation) throws IOException {
    boolean there = Files.exists(target);
    Path absolute = there ? target.toRealPath() : target.toAbsolutePath();
    if (there && !Files.isRegularFile(absolute)) {
      throw new FileAlreadyExistsException(target.toString());
    }
    Path directory = Objects.requireNonNull(absolute.getParent(), "a path below the root");
    Path partial =
        directory.resolve("." + absolute.getFileName() + "." + UUID.randomUUID() + ".partial");
    Thread onSignal = new Thread(() -> leave(partial), "crossdock-disk-cleaning");
    Runtime.getRuntime().addShutdownHook(onSignal);
    try {
      T result = creation.create(partial);
      Files.move(
          partial, absolute, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      return result;
    } finally {
      leave(partial);
      unhook(onSignal);
    }
  }

  private static void unhook(Thread onSignal) {
    try {
      Runtime.getRuntime().removeShutdownHook(onSignal);
    } catch (IllegalStateException e) {
      // It is at work.
    }
  }

  private static void leave(Path partial) {
    try {
      delete(partial);
    } catch (IOException e) {
      // It stays, and its name says what it is.
    }
  }

  private static void delete(Path partial) throws IOException {
    if (!Files.exists(partial, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Files.walkFileTree(
        partial,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException e)
              throws IOException {
            Files.delete(directory);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
