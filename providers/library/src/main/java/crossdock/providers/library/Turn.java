package crossdock.providers.library;

import crossdock.providers.Tag;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/** The right to change a site: one holder at a time among all threads and processes. */
final class Turn implements AutoCloseable {
  private static final ConcurrentHashMap<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();
  static final String LOCK = "lock";
  static final String FENCES = "fences";

  private final Path root;
  private final ReentrantLock threads;
  private final FileChannel processes;

  private Turn(Path root, ReentrantLock threads, FileChannel processes) {
    this.root = root;
    this.threads = threads;
    this.processes = processes;
  }

  @SuppressWarnings("LockNotBeforeTry") // held until close
  static Turn take(Path root) throws IOException {
    ReentrantLock threads = THREADS.computeIfAbsent(root, path -> new ReentrantLock());
    threads.lock();
    try {
      FileChannel processes =
          FileChannel.open(
              root.resolve(LOCK),
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              LinkOption.NOFOLLOW_LINKS);
      try {
        processes.lock();
        return new Turn(root, threads, processes);
      } catch (Throwable e) {
        processes.close();
        throw e;
      }
    } catch (Throwable e) {
      threads.unlock();
      throw e;
    }
  }

  /**
   * Remembers the largest fence and turns away who has a smaller one: a later holder of the job
   * does its work. That is an {@link IOException} and no {@link crossdock.providers.Refusal}, since
   * it says nothing about the machine, and a verdict reported by the one who was overtaken would
   * stand against what the other reports. Fences outlive what was made under them, or it could be
   * made again after it was removed.
   */
  void admit(Tag tag) throws IOException {
    Path file = root.resolve(FENCES).resolve(tag.name());
    long seen = Durable.isFile(file) ? parse(Durable.read(file, 20)) : Long.MIN_VALUE;
    if (tag.fence() < seen) {
      throw new IOException(
          "%s goes on with fence %d, not %d".formatted(tag.name(), seen, tag.fence()));
    }
    if (tag.fence() > seen) {
      Durable.write(file, Long.toString(tag.fence()).getBytes(StandardCharsets.US_ASCII));
    }
  }

  /** Makes a directory visible under another name, with all that is in it. */
  void publish(Path place, Path target) throws IOException {
    Durable.sync(place);
    Durable.move(place, target);
  }

  private static long parse(byte[] digits) throws IOException {
    try {
      return Long.parseLong(new String(digits, StandardCharsets.US_ASCII));
    } catch (NumberFormatException e) {
      throw new IOException("a fence is not a number", e);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      processes.close();
    } finally {
      threads.unlock();
    }
  }
}
