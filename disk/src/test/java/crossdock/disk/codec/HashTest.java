package crossdock.disk.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HashTest {
  @Test
  void theHashOfAbcIsTheOneInTheStandard() {
    byte[] hash =
        Hash.sha256(ByteBuffer.wrap("abc".getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
    assertThat(HexFormat.of().formatHex(hash))
        .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assertThat(HexFormat.of().formatHex(Hash.sha256()))
        .isEqualTo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  }

  @Test
  void opensslAndTheJdkSayTheSameOfAnyBuffers() {
    assumeTrue(Hash.isNative(), "OpenSSL is not installed");
    Random random = new Random(1);
    for (int length : new int[] {0, 1, 55, 56, 63, 64, 65, 4095, 1 << 20}) {
      byte[] bytes = new byte[length + 7];
      random.nextBytes(bytes);
      ByteBuffer heap = ByteBuffer.wrap(bytes).slice(3, length);
      ByteBuffer direct = ByteBuffer.allocateDirect(length + 1).put(heap.duplicate()).flip();
      ByteBuffer readOnly = heap.asReadOnlyBuffer();
      byte[] expected = Hash.jdk(heap, direct, readOnly);
      assertThat(Hash.sha256(heap, direct, readOnly)).as("%d bytes", length).isEqualTo(expected);
      assertThat(heap.remaining()).as("left as it was").isEqualTo(length);
    }
  }
}
