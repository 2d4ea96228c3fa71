package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/** What the fuzz targets do with an image. */
final class BlockFuzz {
  /** The largest disk that is worth reading through. */
  static final long MOST = 1 << 25;

  private static final int MOST_RUNS = 300;

  /** Whether a bug is to be found, so that it is known that one would be. */
  private static final boolean PLANTED = Boolean.getBoolean("crossdock.planted");

  @FunctionalInterface
  interface Opening {
    ImageDisk open() throws IOException;
  }

  private BlockFuzz() {}

  /** A file of that size that begins with these bytes, and is zero from there. */
  static ImageBytes padded(byte[] start, long size) {
    return new ImageBytes(
        size,
        (into, offset) -> {
          int length = Math.clamp(size - offset, -1, into.remaining());
          byte[] bytes = new byte[Math.max(0, length)];
          if (offset < start.length) {
            int known = (int) Math.min(length, start.length - offset);
            System.arraycopy(start, (int) offset, bytes, 0, known);
          }
          into.put(bytes);
          return length;
        },
        () -> {});
  }

  /**
   * Visits every table and reads some of every run, as many as there are up to a few hundred, and
   * takes no other exception for a refusal.
   */
  static void readAll(Opening opening) throws IOException {
    try (ImageDisk disk = opening.open()) {
      try {
        readData(disk);
      } catch (BadImageException refused) {
        // Looked through all the same.
      }
      List<Finding> _ = disk.check();
    } catch (BadImageException refused) {
      // The only way to say no.
    }
  }

  private static void readData(ImageDisk disk) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 14);
    long at = 0;
    for (int run = 0; run < MOST_RUNS && at < disk.size(); run++) {
      Extent extent = disk.extentAt(at, disk.size() - at);
      int part = (int) Math.min(buffer.capacity(), disk.size() - at);
      int zeros = extent.kind() == Extent.Kind.ZERO ? (int) Math.min(part, extent.length()) : 0;
      Arrays.fill(buffer.array(), 0, zeros, (byte) 1);
      disk.read(at, buffer.clear().limit(part));
      if (!Zeros.isZero(buffer.slice(0, zeros))) {
        throw new AssertionError("not zero at " + at);
      }
      at += extent.length();
      // No seed has such a size, and it takes good tables to come here twice.
      if (PLANTED && run == 1 && disk.size() / 512 % 7 == 3) {
        throw new AssertionError("planted");
      }
    }
  }
}
