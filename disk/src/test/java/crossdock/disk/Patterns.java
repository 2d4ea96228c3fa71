package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;

/** Contents for disks in tests: noise with holes, of an odd length. */
final class Patterns {
  static final int SIZE = 9_000_001;

  private Patterns() {}

  static byte[] disk(long seed) {
    byte[] content = new byte[SIZE];
    new Random(seed).nextBytes(content);
    Arrays.fill(content, 1_000_000, 4_500_000, (byte) 0);
    Arrays.fill(content, 5_000_000, 5_000_512, (byte) 0);
    return content;
  }

  /** Writes a range the way a transfer does: chunk by chunk, zeros as zeros. */
  static void write(byte[] content, DiskSink sink, int from, int to) throws IOException {
    for (int at = from; at < to; ) {
      int part = Math.min(Manifest.CHUNK, to - at);
      ByteBuffer chunk = ByteBuffer.wrap(content, at, part);
      if (Zeros.isZero(chunk)) {
        sink.zero(at, part);
      } else {
        sink.write(at, chunk);
      }
      at += part;
    }
  }
}
