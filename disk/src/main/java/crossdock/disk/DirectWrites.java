package crossdock.disk;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Writes a file past the page cache (open(2), O_DIRECT) where the file system can do that and the
 * bytes are aligned for it, and through it otherwise: a disk that nobody is going to read soon need
 * not be copied there, and does not push out what others read. Both ways see what the other has
 * written. Thread-safe.
 */
final class DirectWrites implements Closeable {
  /** Less goes through the page cache, which puts together what is small. */
  private static final int LEAST = 1 << 16;

  private static final Optional<OpenOption> DIRECT = option();

  private static final System.Logger LOG = System.getLogger(DirectWrites.class.getName());

  private final FileChannel cached;
  private final Optional<FileChannel> direct;
  private final int block;

  private DirectWrites(FileChannel cached, Optional<FileChannel> direct, int block) {
    this.cached = cached;
    this.direct = direct;
    this.block = block;
  }

  /**
   * Of a file that is open already.
   *
   * @param cached is used for what is not aligned, and stays the caller's
   */
  static DirectWrites of(Path file, FileChannel cached) throws IOException {
    long block = Files.getFileStore(file).getBlockSize();
    if (block > LEAST) {
      return new DirectWrites(cached, Optional.empty(), LEAST);
    }
    return new DirectWrites(cached, open(file), (int) block);
  }

  /** In {@code jdk.unsupported}, of which the compiler knows nothing. */
  private static Optional<OpenOption> option() {
    try {
      return Stream.of(Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants())
          .filter(one -> one.toString().equals("DIRECT"))
          .map(OpenOption.class::cast)
          .findAny();
    } catch (ClassNotFoundException e) {
      return Optional.empty();
    }
  }

  private static Optional<FileChannel> open(Path file) {
    if (DIRECT.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          FileChannel.open(
              file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS, DIRECT.get()));
    } catch (IOException | UnsupportedOperationException e) {
      return Optional.empty(); // a file system in memory, for one
    }
  }

  /** As {@link FileChannel#write(ByteBuffer, long)}. */
  int write(ByteBuffer data, long offset) throws IOException {
    if (direct.isPresent() && isAligned(data, offset)) {
      try {
        return direct.get().write(data, offset);
      } catch (IOException e) {
        LOG.log(System.Logger.Level.DEBUG, "not past the page cache", e);
      }
    }
    // Also what was refused: whatever else is wrong is said here once more.
    return cached.write(data, offset);
  }

  private boolean isAligned(ByteBuffer data, long offset) {
    return data.isDirect()
        && data.remaining() >= LEAST
        && data.remaining() % block == 0
        && offset % block == 0
        && data.alignmentOffset(data.position(), block) == 0;
  }

  @Override
  public void close() throws IOException {
    if (direct.isPresent()) {
      direct.get().close();
    }
  }
}
