package crossdock.disk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import crossdock.disk.Qcow2Fixtures.Small;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

class Qcow2Fuzz {
  private static final byte[][] SMALL =
      Arrays.stream(Small.values()).map(small -> small.image().array()).toArray(byte[][]::new);
  // A disk of many small clusters takes long, and shows nothing that one of some clusters does not.
  private static final long[] MOST =
      Arrays.stream(Small.values()).mapToLong(small -> 2L * small.disk().length).toArray();

  /** The first byte takes a valid image; each three after it, as offset and value, spoil it. */
  @FuzzTest(maxDuration = "5m")
  void aSpoiltImageIsReadOrRefused(byte[] input) throws IOException {
    if (input.length == 0) {
      return;
    }
    int small = (input[0] & 0xff) % SMALL.length;
    ByteBuffer image = ByteBuffer.wrap(SMALL[small].clone());
    for (int i = 1; i + 3 <= input.length; i += 3) {
      int where = (input[i] & 0xff) << 8 | (input[i + 1] & 0xff);
      image.put(where % image.capacity(), input[i + 2]);
    }
    BlockFuzz.readAll(() -> Qcow2Disk.open(ImageBytes.of(image), MOST[small]));
  }
}
