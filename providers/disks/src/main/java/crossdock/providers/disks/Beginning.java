package crossdock.providers.disks;

import crossdock.disk.DiskSource;
import crossdock.disk.Extent;
import java.nio.ByteBuffer;
import java.util.Objects;

/** A disk of which only the first bytes are more than zeros. */
public final class Beginning implements DiskSource {
  private final byte[] bytes;
  private final long size;

  /**
   * @param size of the disk, in bytes
   */
  public Beginning(byte[] bytes, long size) {
    Objects.checkFromToIndex(0, bytes.length, size);
    this.bytes = bytes.clone();
    this.size = size;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Extent extentAt(long offset, long atMost) {
    long most = Math.min(atMost, size - Objects.checkIndex(offset, size));
    return offset < bytes.length
        ? new Extent(offset, Math.min(most, bytes.length - offset), Extent.Kind.DATA)
        : new Extent(offset, most, Extent.Kind.ZERO);
  }

  @Override
  public void read(long offset, ByteBuffer into) {
    Objects.checkFromIndexSize(offset, into.remaining(), size);
    int from = (int) Math.min(offset, bytes.length);
    into.put(bytes, from, Math.min(into.remaining(), bytes.length - from));
    while (into.hasRemaining()) {
      into.put((byte) 0);
    }
  }

  @Override
  public void close() {}
}
