package crossdock.disk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

class VmdkFuzz {
  // What is worth spoiling in each image: header, descriptor, directory, table, first grain,
  // footer.
  private static final int[] PLACES = {
    0, 512, VmdkDiskTest.DIRECTORY, VmdkDiskTest.TABLE, VmdkDiskTest.DATA, -1024
  };

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
    List<ByteBuffer> images = VmdkDiskTest.images();
    ByteBuffer image = images.get((patches[0] & 0xff) % images.size());
    for (int i = 1; i + 3 <= patches.length; i += 3) {
      int place = PLACES[(patches[i] & 0xff) % PLACES.length];
      int from = place < 0 ? image.capacity() + place : place;
      image.put(from + (patches[i + 1] & 0xff), patches[i + 2]);
    }
    read(image);
  }

  private static void read(ByteBuffer image) throws IOException {
    try (VmdkDisk disk = VmdkDisk.open(ImageBytes.of(image), 1L << 40)) {
      ByteBuffer some = ByteBuffer.allocate(3 << 16);
      long at = 0;
      for (int run = 0; run < 64 && at < disk.size(); run++) {
        Extent extent = disk.extentAt(at, disk.size() - at);
        disk.read(at, some.clear().limit((int) Math.min(3 << 16, extent.length())));
        at = extent.end();
      }
    } catch (BadImageException refused) {
      // The only way to say no.
    }
  }
}
