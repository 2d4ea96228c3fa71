package crossdock.disk;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;

/** A disk of any size in memory, with noise here and there, that knows its holes exactly. */
final class SparseDisk implements DiskSource {
  private final long size;
  private final TreeMap<Long, byte[]> runs = new TreeMap<>();

  SparseDisk(long size) {
    this.size = size;
  }

  /** Some runs anywhere, and often one that ends where the disk does. */
  static SparseDisk random(long size, int runs, int mostBytes, Random random) {
    SparseDisk disk = new SparseDisk(size);
    for (int run = 0; run < runs; run++) {
      int length = random.nextInt(1, mostBytes + 1);
      long at = random.nextInt(4) == 0 ? size - length : random.nextLong(size);
      disk.put(Math.max(0, at), length, random);
    }
    return disk;
  }

  void put(long offset, int length) {
    byte[] noise = new byte[length];
    new Random(offset).nextBytes(noise);
    runs.put(offset, noise);
  }

  /** Adds a run, unless it would touch another. */
  void put(long at, int length, Random random) {
    int part = (int) Math.min(length, size - at);
    Map.Entry<Long, byte[]> before = runs.floorEntry(at + part);
    if (before == null || before.getKey() + before.getValue().length < at) {
      byte[] bytes = new byte[part];
      random.nextBytes(bytes);
      runs.put(at, bytes);
    }
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Extent extentAt(long offset, long atMost) {
    Objects.checkIndex(offset, size);
    Map.Entry<Long, byte[]> here = runs.floorEntry(offset);
    if (here != null && offset < here.getKey() + here.getValue().length) {
      long length = here.getKey() + here.getValue().length - offset;
      return new Extent(offset, Math.min(atMost, length), Extent.Kind.DATA);
    }
    Long next = runs.higherKey(offset);
    long length = (next == null ? size : next) - offset;
    return new Extent(offset, Math.min(atMost, length), Extent.Kind.ZERO);
  }

  @Override
  public void read(long offset, ByteBuffer into) {
    Objects.checkFromIndexSize(offset, into.remaining(), size);
    for (long at = offset; into.hasRemaining(); ) {
      Extent extent = extentAt(at, into.remaining());
      int part = (int) extent.length();
      if (extent.kind() == Extent.Kind.DATA) {
        Map.Entry<Long, byte[]> run = runs.floorEntry(at);
        into.put(run.getValue(), (int) (at - run.getKey()), part);
      } else {
        into.put(new byte[part]);
      }
      at += part;
    }
  }

  @Override
  public void close() {}
}
