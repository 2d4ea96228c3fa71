package crossdock.providers.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The right to change what a file stands for: one holder at a time among all threads and processes.
 */
public final class Turn implements AutoCloseable {
  private static final ConcurrentHashMap<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

  private final ReentrantLock threads;
  private final FileChannel processes;

  private Turn(ReentrantLock threads, FileChannel processes) {
    this.threads = threads;
    this.processes = processes;
  }

  /** Waits for it. The file stays, since deleting it would make two locks of one. */
  @SuppressWarnings("LockNotBeforeTry") // held until close
  public static Turn take(Path file) throws IOException {
    ReentrantLock threads = THREADS.computeIfAbsent(file, path -> new ReentrantLock());
    threads.lock();
    try {
      FileChannel processes =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
      try {
        processes.lock();
        return new Turn(threads, processes);
      } catch (Throwable e) {
        processes.close();
        throw e;
      }
    } catch (Throwable e) {
      threads.unlock();
      throw e;
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
