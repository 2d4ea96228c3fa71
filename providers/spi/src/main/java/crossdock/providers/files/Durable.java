package crossdock.providers.files;

import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Files that survive a loss of power, wholly or not at all. Follows no links. */
public final class Durable {
  private static final int BUFFER = 1 << 20;

  private Durable() {}

  /** Whether it is a plain file, and no link to one. */
  public static boolean isFile(Path file) {
    return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS);
  }

  /** Whether it is a directory, and no link to one. */
  public static boolean isDirectory(Path directory) {
    return Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS);
  }

  /**
   * All of a file.
   *
   * @throws Refused if it is no plain file, or longer than {@code most} bytes
   */
  public static byte[] read(Path file, int most) throws IOException {
    // Not opened first: that would block on a pipe.
    if (!isFile(file)) {
      throw new Refused("no plain file " + file.getFileName());
    }
    try (FileChannel channel = open(file)) {
      long size = channel.size();
      if (size > most) {
        throw new Refused(file.getFileName() + " is longer than " + most + " bytes");
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) size);
      while (bytes.hasRemaining() && channel.read(bytes) >= 0) {}
      if (bytes.hasRemaining()) {
        throw new IOException(file.getFileName() + " became shorter while it was read");
      }
      return bytes.array();
    }
  }

  /** Writes or replaces a file in one instant. */
  public static void write(Path file, byte[] bytes) throws IOException {
    Path unfinished = file.resolveSibling("." + file.getFileName() + ".new");
    Files.deleteIfExists(unfinished);
    try (FileChannel channel = create(unfinished)) {
      writeFully(channel, ByteBuffer.wrap(bytes), 0);
      channel.force(true);
    }
    move(unfinished, file);
  }

  /** Copies a disk, holes staying holes, and returns the digest of its bytes. */
  public static Sha256 copy(Path from, Path to) throws IOException {
    MessageDigest digest = sha256();
    try (FileChannel source = open(from);
        FileChannel target = create(to)) {
      long size = source.size();
      ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
      long at = 0;
      for (; source.read(buffer.clear(), at) > 0; at += buffer.limit()) {
        digest.update(buffer.flip());
        if (!isZero(buffer.rewind())) {
          writeFully(target, buffer.rewind(), at);
        }
      }
      if (at != size) {
        throw new IOException(from.getFileName() + " changed while it was read");
      }
      if (target.size() < size) {
        writeFully(target, ByteBuffer.allocate(1), size - 1);
      }
      target.force(true);
    }
    return Sha256.of32(digest.digest());
  }

  /** The digest of a file; memory stays flat. */
  public static Sha256 digest(Path file) throws IOException {
    MessageDigest digest = sha256();
    try (FileChannel channel = open(file)) {
      ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
      while (channel.read(buffer.clear()) > 0) {
        digest.update(buffer.flip());
      }
    }
    return Sha256.of32(digest.digest());
  }

  /** Replaces a file, or puts a directory where none is, in one instant. */
  public static void move(Path from, Path to) throws IOException {
    Path old = parent(from);
    Path young = parent(to);
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    sync(young);
    if (!old.equals(young)) {
      sync(old);
    }
  }

  /** Makes the names in a directory durable. */
  public static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory)) {
      channel.force(true);
    }
  }

  /** What is in a directory, sorted by name. */
  public static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return new ArrayList<>(entries.sorted().toList());
    }
  }

  /** Deletes a directory with all that is in it, or a file; says whether there was anything. */
  public static boolean erase(Path tree) throws IOException {
    if (!Files.exists(tree, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            Files.delete(directory);
            return FileVisitResult.CONTINUE;
          }
        });
    sync(parent(tree));
    return true;
  }

  private static FileChannel open(Path file) throws IOException {
    return FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
  }

  private static FileChannel create(Path file) throws IOException {
    return FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes, long offset)
      throws IOException {
    for (long at = offset; bytes.hasRemaining(); ) {
      at += channel.write(bytes, at);
    }
  }

  private static boolean isZero(ByteBuffer bytes) {
    while (bytes.hasRemaining()) {
      if (bytes.get() != 0) {
        return false;
      }
    }
    return true;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Path parent(Path path) {
    return Objects.requireNonNull(path.getParent(), "a path below the root");
  }
}
