package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.Random;

/** Disks with holes, and images of them, in memory. */
final class SparseDisks {
  private SparseDisks() {}

  /** Runs of noise, of text, of zeros that are data and of holes; an odd size. */
  static MemoryDisk random(Random random, int most) {
    byte[] content = new byte[random.nextInt(1, most + 1)];
    BitSet holes = new BitSet();
    int run = random.nextInt(1, 2 + most / 8);
    for (int at = 0; at < content.length; ) {
      int length = Math.min(content.length - at, random.nextInt(1, 1 + run));
      switch (random.nextInt(4)) {
        case 0 -> fill(content, at, length, 256, random);
        case 1 -> fill(content, at, length, 4, random);
        case 2 -> {
          int first = (at - 1) / MemoryDisk.PAGE + 1;
          int last = (at + length) / MemoryDisk.PAGE;
          holes.set(first, Math.max(first, at + length == content.length ? last + 1 : last));
        }
        default -> {}
      }
      at += length;
    }
    return new MemoryDisk(content, holes);
  }

  private static void fill(byte[] content, int at, int length, int values, Random random) {
    for (int i = at; i < at + length; i++) {
      content[i] = (byte) random.nextInt(values);
    }
  }

  /** A disk of any size with 64 KiB of ones in it. */
  static DiskSource oneGrain(long size, long at) {
    return new DiskSource() {
      @Override
      public long size() {
        return size;
      }

      @Override
      public Extent extentAt(long offset, long atMost) {
        boolean data = offset >= at && offset < at + (64 << 10);
        long end = data ? at + (64 << 10) : offset < at ? at : size;
        return new Extent(
            offset,
            Math.min(atMost, Math.min(size, end) - offset),
            data ? Extent.Kind.DATA : Extent.Kind.ZERO);
      }

      @Override
      public void read(long offset, ByteBuffer into) {
        for (long byteAt = offset; into.hasRemaining(); byteAt++) {
          into.put((byte) (byteAt >= at && byteAt < at + (64 << 10) ? 1 : 0));
        }
      }

      @Override
      public void close() {}
    };
  }

  /** All of the bytes of a source, be it a disk's or a file's. */
  static ByteBuffer bytes(DiskSource source) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) source.size());
    source.read(0, bytes);
    return bytes.flip();
  }
}
