package crossdock.disk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

class VhdFuzz {
  static Stream<byte[]> seeds() {
    ByteBuffer partly = VhdDiskTest.image().putShort(2048, (short) 0x5ff5);
    return Stream.of(VhdDiskTest.image(), partly).map(Images::bytes);
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void anyVhdIsReadOrRefused(byte[] input) throws IOException {
    ByteBuffer image = ByteBuffer.wrap(input.clone());
    if (image.capacity() >= 2048) {
      Images.seal(DiskFormat.VHD, image);
    }
    BlockFuzz.readAll(() -> VhdDisk.open(ImageBytes.of(image), BlockFuzz.MOST));
  }
}
