package crossdock.disk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

class VmdkFuzz {
  // What is worth spoiling in each image: header, descriptor, directory, table, first grain,
  // footer.
  private static final int[] PLACES = {
    0, 512, VmdkDiskTest.DIRECTORY, VmdkDiskTest.TABLE, VmdkDiskTest.DATA, -1024
  };

  private static final List<byte[]> HONEST =
      VmdkDiskTest.images().stream().map(Images::bytes).toList();

  @FuzzTest(maxDuration = "5m")
  void anyBytesAreReadOrRefused(byte[] input) throws IOException {
    read(ByteBuffer.wrap(input));
    spoil(input);
  }

  /**
   * The first byte takes an honest image; each three after it, place, offset and value, spoil it.
   */
  static void spoil(byte[] patches) throws IOException {
    if (patches.length == 0) {
      return;
    }
    byte[] honest = HONEST.get((patches[0] & 0xff) % HONEST.size());
    ByteBuffer image = ByteBuffer.wrap(honest.clone()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 1; i + 3 <= patches.length; i += 3) {
      int place = PLACES[(patches[i] & 0xff) % PLACES.length];
      int from = place < 0 ? image.capacity() + place : place;
      image.put(from + (patches[i + 1] & 0xff), patches[i + 2]);
    }
    read(image);
  }

  private static void read(ByteBuffer image) throws IOException {
    BlockFuzz.readAll(() -> VmdkDisk.open(ImageBytes.of(image), 1L << 40));
  }
}
