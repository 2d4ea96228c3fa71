package crossdock.disk;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;

/**
 * A disk in a plain file. The JDK cannot ask where a file's holes are, so all of it is DATA; holes
 * are cheap to read and a chunk of zeros is known by its content. Interrupting a reading thread
 * closes the disk.
 */
final class RawDisk implements DiskSource {
  private final FileChannel channel;
  private final long size;

  RawDisk(FileChannel channel, long size) {
    this.channel = channel;
    this.size = size;
  }

  static RawDisk open(Path file) throws IOException {
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    return new RawDisk(channel, channel.size());
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Extent extentAt(long offset, long atMost) {
    Objects.checkIndex(offset, size);
    return new Extent(offset, Math.min(atMost, size - offset), Extent.Kind.DATA);
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, into.remaining(), size);
    long at = offset;
    while (into.hasRemaining()) {
      int read = channel.read(into, at);
      if (read < 0) {
        throw new EOFException("the file became shorter while it was read");
      }
      at += read;
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
