package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** What the fuzz targets of formats in blocks do with an image. */
final class BlockFuzz {
  /** The largest disk that is worth reading through. */
  static final long MOST = 16 << 20;

  @FunctionalInterface
  interface Opening {
    MappedDisk open() throws IOException;
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

  /** Reads all that can be read, and takes no other exception for a refusal. */
  static void readAll(Opening opening) throws IOException {
    try (MappedDisk disk = opening.open()) {
      readData(disk);
      disk.walk();
    } catch (BadImageException refused) {
      // The only way to say no.
    }
  }

  private static void readData(MappedDisk disk) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
    for (long at = 0; at < disk.size(); ) {
      Extent extent = disk.extentAt(at, disk.size() - at);
      int part = (int) Math.min(buffer.capacity(), disk.size() - at);
      Arrays.fill(buffer.clear().limit(part).array(), (byte) 1);
      disk.read(at, buffer);
      int zeros = (int) Math.min(part, extent.length());
      if (extent.kind() == Extent.Kind.ZERO && !Zeros.isZero(buffer.slice(0, zeros))) {
        throw new AssertionError("not zero at " + at);
      }
      at += extent.length();
    }
  }
}
