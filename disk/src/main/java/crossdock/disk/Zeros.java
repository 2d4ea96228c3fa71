package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Finds and writes zeros without turning holes into data. */
public final class Zeros {
  private static final ByteBuffer ZEROS =
      ByteBuffer.allocateDirect(Manifest.CHUNK).asReadOnlyBuffer();

  private Zeros() {}

  /** True if every remaining byte is zero. The buffer is left as it was. */
  public static boolean isZero(ByteBuffer bytes) {
    int at = bytes.position();
    while (at < bytes.limit()) {
      int length = Math.min(ZEROS.capacity(), bytes.limit() - at);
      if (bytes.slice(at, length).mismatch(ZEROS.slice(0, length)) >= 0) {
        return false;
      }
      at += length;
    }
    return true;
  }

  /** Read-only zeros, at most a chunk of them. */
  static ByteBuffer of(int length) {
    return ZEROS.slice(0, length);
  }

  /** Puts that many zeros into a buffer. */
  static void fill(ByteBuffer into, int length) {
    for (int left = length; left > 0; ) {
      int part = Math.min(left, ZEROS.capacity());
      into.put(of(part));
      left -= part;
    }
  }

  /** Writes one run of zeros, at most a chunk. */
  interface ZeroWriter {
    void zero(long offset, int length) throws IOException;
  }

  /** Zeroes only the parts of a range that do not read as zero, so that holes stay holes. */
  static void zero(DiskSource disk, long offset, long length, ZeroWriter writer)
      throws IOException {
    ByteBuffer buffer = null;
    for (long at = offset; at < offset + length; ) {
      Extent extent = disk.extentAt(at, offset + length - at);
      if (extent.kind() == Extent.Kind.DATA) {
        int part = (int) Math.min(Manifest.CHUNK, extent.length());
        buffer = buffer == null ? ByteBuffer.allocate(Manifest.CHUNK) : buffer;
        buffer.clear().limit(part);
        disk.read(at, buffer);
        if (!isZero(buffer.flip())) {
          writer.zero(at, part);
        }
        at += part;
      } else {
        at = extent.end();
      }
    }
  }
}
