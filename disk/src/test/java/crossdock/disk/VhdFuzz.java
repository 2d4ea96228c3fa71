package crossdock.disk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

class VhdFuzz {
  /** The footer, and what is before the first block, up to and with its bitmap. */
  private static final int FRONT = 2048 + 512;

  private static final byte[] HONEST = Images.bytes(VhdDiskTest.image());

  static Stream<byte[]> seeds() {
    ByteBuffer partly = VhdDiskTest.image().putShort(2048, (short) 0x5ff5);
    return Stream.of(HONEST, Images.bytes(partly), parts(HONEST), parts(Images.bytes(partly)));
  }

  private static byte[] parts(byte[] image) {
    byte[] parts = new byte[FRONT];
    System.arraycopy(image, image.length - 512, parts, 0, 512);
    System.arraycopy(image, 512, parts, 512, FRONT - 512);
    return parts;
  }

  /** A small input is the parts of an image that mean something, a larger one all of it. */
  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void anyVhdIsReadOrRefused(byte[] input) throws IOException {
    byte[] bytes = input.length > FRONT ? input.clone() : whole(input);
    ByteBuffer image = ByteBuffer.wrap(bytes);
    Images.seal(DiskFormat.VHD, image);
    BlockFuzz.readAll(() -> VhdDisk.open(ImageBytes.of(image), BlockFuzz.MOST));
  }

  private static byte[] whole(byte[] parts) {
    byte[] bytes = HONEST.clone();
    int footer = Math.min(512, parts.length);
    System.arraycopy(parts, 0, bytes, bytes.length - 512, footer);
    System.arraycopy(parts, footer, bytes, 512, parts.length - footer);
    return bytes;
  }
}
