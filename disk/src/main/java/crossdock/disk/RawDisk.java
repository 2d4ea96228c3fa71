package crossdock.disk;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A disk in a plain file. Where the platform does not tell its holes all of it is DATA: holes are
 * cheap to read, and a chunk of zeros is known by its content. Interrupting a reading thread closes
 * the disk.
 */
final class RawDisk implements ImageDisk {
  private final FileChannel channel;
  private final long size;
  private final @Nullable Holes holes;

  /** One whose holes may be filled while it is open: all of it is DATA. */
  RawDisk(FileChannel channel, long size) {
    this(channel, size, null);
  }

  private RawDisk(FileChannel channel, long size, @Nullable Holes holes) {
    this.channel = channel;
    this.size = size;
    this.holes = holes;
  }

  static RawDisk open(Path file) throws IOException {
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    return new RawDisk(channel, channel.size(), Holes.of(file));
  }

  /** A file of nothing but the disk's bytes; where it has none there are holes. */
  static Layout layout(DiskSource disk) throws IOException {
    Allocation places = Allocation.inPlace(disk, Manifest.CHUNK);
    return new Layout(disk, List.of(new Layout.Slots(places, ByteBuffer.allocate(0), disk.size())));
  }

  @Override
  public About about() {
    return new About("plain", 1, "none", List.of());
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Extent extentAt(long offset, long atMost) throws IOException {
    long most = Math.min(atMost, size - Objects.checkIndex(offset, size));
    return holes == null
        ? new Extent(offset, most, Extent.Kind.DATA)
        : holes.extentAt(offset, most, size);
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
    if (holes != null) {
      holes.close();
    }
  }
}
