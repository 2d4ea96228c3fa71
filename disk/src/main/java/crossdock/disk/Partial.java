package crossdock.disk;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Objects;

/**
 * An output file that is not there yet: it grows in a directory {@code .<name>.partial} beside its
 * final place, under its final name because a VMDK names itself. The place follows from the name
 * alone, so a restarted job finds it.
 */
final class Partial {
  private final Path target;
  private final Path directory;

  private Partial(Path target, Path directory) {
    this.target = target;
    this.directory = directory;
  }

  /** The unfinished form of a target that does not exist; an existing one is never replaced. */
  static Partial of(Path target) throws IOException {
    Path absolute = target.toAbsolutePath().normalize();
    Path directory = absolute.resolveSibling("." + absolute.getFileName() + ".partial");
    if (Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
      throw new FileAlreadyExistsException(absolute.toString());
    }
    return new Partial(absolute, directory);
  }

  /** Where something may be kept beside the unfinished file, until that is finished or given up. */
  Path beside(String name) {
    return directory.resolve("." + name);
  }

  /** Creates a file, or the right bytes in it, at a path where nothing is. */
  interface Creation {
    void create(Path path) throws IOException;
  }

  /** Where the unfinished file is. */
  Path path() {
    return directory.resolve(target.getFileName());
  }

  /**
   * Makes sure that the unfinished file is there and returns true if it is a new one. A creation
   * that was cut short leaves nothing that would be taken for an unfinished file.
   */
  boolean createUnlessThere(Creation creation) throws IOException {
    if (Files.exists(path(), LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    Path place = Files.createDirectories(directory.resolve("new"));
    Path created = place.resolve(target.getFileName());
    Files.deleteIfExists(created);
    creation.create(created);
    Files.move(created, path(), StandardCopyOption.ATOMIC_MOVE);
    Files.delete(place);
    return true;
  }

  /** The unfinished file, while nobody else has it, here or in another process. */
  record Opened(Closeable lock, FileChannel channel, DirectWrites writes) implements Closeable {
    @Override
    public void close() throws IOException {
      try (lock;
          channel) {
        writes.close();
      }
    }
  }

  /**
   * Opens the unfinished file.
   *
   * @throws IOException if somebody else has it
   */
  Opened open() throws IOException {
    FileChannel lock = lock();
    try {
      FileChannel channel =
          FileChannel.open(
              path(), StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
      return new Opened(lock, channel, DirectWrites.of(path(), channel));
    } catch (Throwable e) {
      lock.close();
      throw e;
    }
  }

  /**
   * Not of the file itself: whoever opens and closes that once more would give it up (fcntl(2)).
   */
  private FileChannel lock() throws IOException {
    FileChannel lock =
        FileChannel.open(
            beside("lock"),
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            LinkOption.NOFOLLOW_LINKS);
    try {
      if (lock.tryLock() != null) {
        return lock;
      }
    } catch (OverlappingFileLockException e) {
      // by somebody in this process
    } catch (Throwable e) {
      lock.close();
      throw e;
    }
    lock.close();
    throw new IOException("somebody else is writing " + target.getFileName());
  }

  /** Makes the file durable, then visible in its final place. */
  void commit() throws IOException {
    try (FileChannel file = FileChannel.open(path(), StandardOpenOption.WRITE)) {
      file.force(true);
    }
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new FileAlreadyExistsException(target.toString());
    }
    Files.move(path(), target, StandardCopyOption.ATOMIC_MOVE);
    try (FileChannel parent = FileChannel.open(parentOf(directory))) {
      parent.force(true);
    }
    discard();
  }

  /** Removes all trace of it. */
  void discard() throws IOException {
    Path place = directory.resolve("new");
    Files.deleteIfExists(place.resolve(target.getFileName()));
    Files.deleteIfExists(place);
    Files.deleteIfExists(path());
    if (Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      try (DirectoryStream<Path> beside = Files.newDirectoryStream(directory, ".*")) {
        for (Path kept : beside) {
          Files.delete(kept);
        }
      }
    }
    Files.deleteIfExists(directory);
  }

  private static Path parentOf(Path absolute) {
    return Objects.requireNonNull(absolute.getParent(), "a path below the root");
  }
}
