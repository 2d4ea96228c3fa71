package crossdock.disk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import crossdock.disk.FormatSafety.RawContent;
import java.io.IOException;
import java.nio.ByteBuffer;

class FormatSafetyFuzz {
  private static final long MOST = 1L << 50;

  @FuzzTest(maxDuration = "5m")
  void anyBytesPassOrAreRefused(byte[] input) throws IOException {
    for (DiskFormat format : DiskFormat.values()) {
      check(ByteBuffer.wrap(input), format);
    }
    spoil(input);
  }

  /** The first byte takes an honest image; each four after it, as offset and value, spoil it. */
  static void spoil(byte[] patches) throws IOException {
    if (patches.length == 0) {
      return;
    }
    DiskFormat[] formats = DiskFormat.values();
    DiskFormat format = formats[(patches[0] & 0xff) % formats.length];
    ByteBuffer image = Images.of(format);
    for (int i = 1; i + 4 <= patches.length; i += 4) {
      int where = (patches[i] & 0xff) << 8 | (patches[i + 1] & 0xff);
      // Headers of a VHDX are 64 KiB apart; what is interesting in each comes first.
      int page = (patches[i + 2] & 0xff) << 16;
      image.put((page + where % 4096) % image.capacity(), patches[i + 3]);
    }
    Images.seal(format, image);
    check(image, format);
  }

  private static void check(ByteBuffer image, DiskFormat format) throws IOException {
    try {
      FormatSafety.check(ImageBytes.of(image), format, MOST, RawContent.NOT_AN_IMAGE);
    } catch (BadImageException refused) {
      // The only way to say no.
    }
  }
}
