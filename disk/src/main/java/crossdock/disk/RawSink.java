package crossdock.disk;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Writes a disk into a plain, sparse file. One process at a time: it is locked. Interrupting a
 * writing thread closes the sink.
 */
final class RawSink implements DiskSink {
  private final Partial partial;
  private final FileChannel channel;
  private final DirectWrites writes;
  private final RawDisk written;
  private final boolean fresh;

  private RawSink(Partial partial, FileChannel channel, long size, boolean fresh)
      throws IOException {
    this.partial = partial;
    this.channel = channel;
    this.writes = DirectWrites.of(partial.path(), channel);
    this.written = new RawDisk(channel, size);
    this.fresh = fresh;
  }

  static RawSink open(Path target, long size) throws IOException {
    Partial partial = Partial.of(target);
    boolean fresh = partial.createUnlessThere(path -> allocate(path, size));
    FileChannel channel =
        FileChannel.open(
            partial.path(),
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            LinkOption.NOFOLLOW_LINKS);
    try {
      if (lock(channel) == null) {
        throw new IOException("somebody else is writing " + target.getFileName());
      }
      if (channel.size() != size) {
        throw new IOException(
            "the unfinished file has " + channel.size() + " bytes instead of " + size);
      }
      return new RawSink(partial, channel, size, fresh);
    } catch (Throwable e) {
      channel.close();
      throw e;
    }
  }

  private static void allocate(Path path, long size) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(size);
    }
  }

  private static @Nullable FileLock lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  @Override
  public long size() {
    return written.size();
  }

  @Override
  public Resume resume() {
    return Resume.RANDOM;
  }

  @Override
  public boolean startsZeroed() {
    return fresh;
  }

  @Override
  public void write(long offset, ByteBuffer data) throws IOException {
    Objects.checkFromIndexSize(offset, data.remaining(), size());
    for (long at = offset; data.hasRemaining(); ) {
      at += writes.write(data, at);
    }
  }

  @Override
  public void zero(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size());
    Zeros.zero(written, offset, length, (at, part) -> write(at, Zeros.of(part)));
  }

  @Override
  public void flush() throws IOException {
    channel.force(false);
  }

  @Override
  public void finish() throws IOException {
    channel.force(true);
    // Under the lock: nobody else can have it open between commit and close.
    partial.commit();
    close();
  }

  @Override
  public void abandon() throws IOException {
    partial.discard();
    close();
  }

  @Override
  public void close() throws IOException {
    // Closing either gives up the lock (fcntl(2)): together, at the end.
    writes.close();
    channel.close();
  }
}
