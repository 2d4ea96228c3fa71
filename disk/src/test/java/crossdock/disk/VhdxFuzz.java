package crossdock.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.code_intelligence.jazzer.junit.FuzzTest;
import crossdock.disk.VhdxImage.Write;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

class VhdxFuzz {
  /** Where in the file the parts of the input go, each with the length it has; then the log. */
  private static final int[][] PARTS = {
    {64 << 10, 80},
    {128 << 10, 80},
    {192 << 10, 80},
    {VhdxImage.METADATA, 192},
    {VhdxImage.ITEMS, 40},
    {VhdxImage.BAT, 64},
  };

  private static final int LOG_FROM = 80 + 80 + 80 + 192 + 40 + 64;
  private static final int MOST_LOG = 16 * VhdxImage.SECTOR;

  // Some megabytes, used again: only one at a time is read.
  private static final byte[] IMAGE = new byte[VhdxImage.BAT + PARTS[5][1]];

  static Stream<byte[]> seeds() throws IOException {
    ByteBuffer clean = VhdxImage.of(VhdxImage.disk());
    ByteBuffer dirty = VhdxImage.of(VhdxImage.disk());
    Write write = Write.of(VhdxImage.BAT, clean.slice(VhdxImage.BAT, VhdxImage.SECTOR));
    Write zero = new Write(VhdxImage.DATA, VhdxImage.MIB, null);
    int next = VhdxImage.entry(dirty, 0, 1, 0, write);
    VhdxImage.entry(dirty, next, 2, 0, zero, write);
    return Stream.of(parts(clean, 0), parts(VhdxImage.dirty(dirty), 4 * VhdxImage.SECTOR));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void anyVhdxIsReadOrRefused(byte[] input) throws IOException {
    byte[] image = image(input);
    BlockFuzz.readAll(() -> VhdxDisk.open(BlockFuzz.padded(image, 9 << 20), BlockFuzz.MOST));
  }

  private static byte[] parts(ByteBuffer image, int logBytes) {
    ByteBuffer parts = ByteBuffer.allocate(LOG_FROM + logBytes);
    for (int[] part : PARTS) {
      parts.put(image.slice(part[0], part[1]));
    }
    return Images.bytes(parts.put(image.slice(VhdxImage.LOG, logBytes)));
  }

  /** What comes before the data, with all checksums right; the one before is gone. */
  private static byte[] image(byte[] parts) {
    ByteBuffer image = ByteBuffer.wrap(IMAGE).order(ByteOrder.LITTLE_ENDIAN);
    for (int[] part : PARTS) {
      Arrays.fill(IMAGE, part[0], part[0] + part[1], (byte) 0);
    }
    Arrays.fill(IMAGE, VhdxImage.LOG, VhdxImage.LOG + MOST_LOG, (byte) 0);
    image.put(0, "vhdxfile".getBytes(ISO_8859_1));
    int from = 0;
    for (int[] part : PARTS) {
      int length = Math.min(part[1], parts.length - from);
      image.put(part[0], parts, from, length);
      from += length;
    }
    int log = Math.min(MOST_LOG, parts.length - from);
    image.put(VhdxImage.LOG, parts, from, log);
    image.put(256 << 10, image, 192 << 10, 64 << 10);
    VhdxImage.seal(image);
    for (int at = VhdxImage.LOG; at < VhdxImage.LOG + log; at += VhdxImage.SECTOR) {
      int length = image.getInt(at + 8);
      if (image.getInt(at) == VhdxLog.ENTRY && length >= 64 && length <= MOST_LOG) {
        image.putInt(at + 4, VhdxDisk.crc(image.slice(at, length)));
      }
    }
    return IMAGE;
  }
}
