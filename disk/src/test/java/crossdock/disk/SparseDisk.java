package crossdock.disk;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;

/** A disk of any size with a little noise here and there. */
final class SparseDisk implements DiskSource {
  private final long size;
  private final NavigableMap<Long, byte[]> runs = new TreeMap<>();

  SparseDisk(long size) {
    this.size = size;
  }

  void put(long offset, int length) {
    byte[] noise = new byte[length];
    new Random(offset).nextBytes(noise);
    runs.put(offset, noise);
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Extent extentAt(long offset, long atMost) {
    Objects.checkIndex(offset, size);
    Map.Entry<Long, byte[]> before = runs.floorEntry(offset);
    if (before != null && offset < before.getKey() + before.getValue().length) {
      long length = before.getKey() + before.getValue().length - offset;
      return new Extent(offset, Math.min(atMost, length), Extent.Kind.DATA);
    }
    Long next = runs.ceilingKey(offset);
    long length = (next == null ? size : next) - offset;
    return new Extent(offset, Math.min(atMost, length), Extent.Kind.ZERO);
  }

  @Override
  public void read(long offset, ByteBuffer into) {
    Objects.checkFromIndexSize(offset, into.remaining(), size);
    for (long at = offset; into.hasRemaining(); ) {
      Extent extent = extentAt(at, into.remaining());
      Map.Entry<Long, byte[]> run = runs.floorEntry(at);
      if (extent.kind() == Extent.Kind.DATA && run != null) {
        into.put(run.getValue(), (int) (at - run.getKey()), (int) extent.length());
      } else {
        Zeros.fill(into, (int) extent.length());
      }
      at = extent.end();
    }
  }

  @Override
  public void close() {}
}
