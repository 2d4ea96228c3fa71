package crossdock.conversion;

import crossdock.contracts.MigrationId;
import crossdock.disk.MerkleTree;
import crossdock.disk.Sha256;
import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chunks of disks that go to a place which takes them in one piece and forgets what breaks off: who
 * begins again has them from here, and not from the other site. Bounded, all migrations together;
 * what has no room is not kept. A file for each chunk, believed when it has its leaf. Thread-safe.
 */
@Singleton
final class Spool {
  private static final Logger LOG = LoggerFactory.getLogger(Spool.class);

  private final Path directory;
  private final long most;
  private final AtomicLong bytes = new AtomicLong();

  /**
   * @param most bytes that are kept
   */
  Spool(
      MeterRegistry meters,
      @Value("${crossdock.work}") Path work,
      @Value("${crossdock.dock.spool:34359738368}") long most)
      throws IOException {
    this.directory = Files.createDirectories(work.resolve("spool"));
    this.most = most;
    try (Stream<Path> left = Files.walk(directory)) {
      for (Path file : left.filter(Files::isRegularFile).toList()) {
        bytes.addAndGet(Files.size(file));
      }
    }
    meters.gauge("crossdock.dock.spooled", List.of(), bytes);
  }

  private Path place(MigrationId migration, String disk) {
    return directory.resolve(migration + "." + disk);
  }

  /** A chunk of that length, if it is here and the right one. */
  Optional<ByteBuffer> read(
      MigrationId migration, String disk, int chunk, int length, Sha256 leaf) {
    Path file = place(migration, disk).resolve(Integer.toString(chunk));
    try {
      // A leaf is over zeros behind a chunk, too: one that was cut off in its zeros has it as well.
      if (Files.size(file) == length) {
        ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(file));
        if (MerkleTree.leaf(all.duplicate()).equals(leaf)) {
          return Optional.of(all);
        }
      }
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      LOG.warn("chunk {} of {} comes again: {}", chunk, disk, e.toString());
    }
    return Optional.empty();
  }

  /**
   * Keeps a chunk, if there is room, and the file system has some.
   *
   * @return whether it is kept
   */
  boolean keep(MigrationId migration, String disk, int chunk, ByteBuffer data) {
    int length = data.remaining();
    if (bytes.addAndGet(length) > most) {
      bytes.addAndGet(-length);
      return false;
    }
    Path file = place(migration, disk).resolve(Integer.toString(chunk));
    try {
      Files.createDirectories(place(migration, disk));
      bytes.addAndGet(-size(file));
      try (FileChannel channel =
          FileChannel.open(
              file,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        for (ByteBuffer all = data.duplicate(); all.hasRemaining(); ) {
          channel.write(all);
        }
      }
      return true;
    } catch (IOException e) {
      LOG.debug("chunk {} of {} is not kept: {}", chunk, disk, e.toString());
      bytes.addAndGet(-length);
      try {
        Files.deleteIfExists(file);
      } catch (IOException stays) {
        LOG.warn("{} stays", file, stays);
      }
      return false;
    }
  }

  private static long size(Path file) throws IOException {
    return Files.exists(file) ? Files.size(file) : 0;
  }

  /** Removes what is kept of a disk. */
  void forget(MigrationId migration, String disk) throws IOException {
    remove(place(migration, disk));
  }

  /** Removes what is kept of a migration. */
  void forget(MigrationId migration) throws IOException {
    try (Stream<Path> disks = Files.list(directory)) {
      for (Path disk :
          disks.filter(one -> one.getFileName().toString().startsWith(migration + ".")).toList()) {
        remove(disk);
      }
    }
  }

  private void remove(Path disk) throws IOException {
    if (!Files.exists(disk)) {
      return;
    }
    try (Stream<Path> chunks = Files.list(disk)) {
      for (Path chunk : chunks.toList()) {
        long length = Files.size(chunk);
        Files.delete(chunk);
        bytes.addAndGet(-length);
      }
    }
    Files.delete(disk);
  }
}
