package crossdock.disk.ova;

import com.code_intelligence.jazzer.junit.FuzzTest;
import crossdock.disk.BadImageException;
import crossdock.disk.ImageBytes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;

class OvaFuzz {
  private static final byte[] PACKED;
  private static final int[] HEADERS;

  static {
    try {
      PACKED = OvaTest.packed(true);
      HEADERS = OvaTest.headers(PACKED);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The input as it is, and as patches of an honest archive: two bytes of offset, one of value. */
  @FuzzTest(maxDuration = "5m")
  void anyBytesAreReadOrRefused(byte[] input) throws IOException {
    byte[] packed = PACKED.clone();
    for (int i = 0; i + 3 <= input.length; i += 3) {
      int at = (input[i] & 0xff) << 8 | (input[i + 1] & 0xff);
      packed[at % (8 << 10)] = input[i + 2];
    }
    OvaTest.seal(packed, HEADERS);
    for (byte[] bytes : new byte[][] {input, packed}) {
      try (Ova ova = Ova.open(ImageBytes.of(ByteBuffer.wrap(bytes)))) {
        // Only who reads all of a changed descriptor comes here.
        boolean changed = !ova.descriptor().equals(OvfDescriptorTest.machine());
        if (Boolean.getBoolean("crossdock.planted") && changed) {
          throw new AssertionError("planted");
        }
        ova.verify();
      } catch (BadImageException refused) {
        // The only way to say no.
      }
      try {
        Ova.read(new ByteArrayInputStream(bytes), (descriptor, member, content) -> {});
      } catch (BadImageException refused) {
        // Here too.
      }
    }
    try {
      OvfDescriptor.read(input);
    } catch (BadImageException refused) {
      // And here.
    }
  }
}
