package crossdock.disk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

class VdiFuzz {
  static Stream<byte[]> seeds() throws IOException {
    SparseDisk disk = SparseDisk.random(9 << 20, 5, 1000, new Random(1));
    ByteBuffer header = ByteBuffer.allocate(548);
    VdiLayout.of(disk, BlockFormat.ID).read(0, header);
    return Stream.of(Images.bytes(header));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void anyVdiIsReadOrRefused(byte[] input) throws IOException {
    ImageBytes image = BlockFuzz.padded(input, 12 << 20);
    BlockFuzz.readAll(() -> VdiDisk.open(image, BlockFuzz.MOST));
  }
}
