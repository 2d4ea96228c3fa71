package crossdock.disk;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Writes a disk into a plain, sparse file. One process at a time: it is locked. Interrupting a
 * writing thread closes the sink.
 */
final class RawSink implements DiskSink {
  private final Partial partial;
  private final Partial.Opened file;
  private final RawDisk written;
  private final boolean fresh;

  private RawSink(Partial partial, Partial.Opened file, long size, boolean fresh) {
    this.partial = partial;
    this.file = file;
    this.written = new RawDisk(file.channel(), size);
    this.fresh = fresh;
  }

  static RawSink open(Path target, long size) throws IOException {
    Partial partial = Partial.of(target);
    boolean fresh = partial.createUnlessThere(path -> allocate(path, size));
    Partial.Opened file = partial.open();
    try {
      long found = file.channel().size();
      if (found != size) {
        throw new IOException("the unfinished file has " + found + " bytes instead of " + size);
      }
      return new RawSink(partial, file, size, fresh);
    } catch (Throwable e) {
      file.close();
      throw e;
    }
  }

  private static void allocate(Path path, long size) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(size);
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
      at += file.writes().write(data, at);
    }
  }

  @Override
  public void zero(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size());
    Zeros.zero(written, offset, length, (at, part) -> write(at, Zeros.of(part)));
  }

  @Override
  public void flush() throws IOException {
    file.channel().force(false);
  }

  @Override
  public void finish() throws IOException {
    file.channel().force(true);
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
    file.close();
  }
}
