package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Footer and dynamic header of a VHD. */
final class VhdSafety {
  private static final int FOOTER = 512;
  private static final int HEADER = 1024;
  private static final int FIXED = 2;
  private static final int DYNAMIC = 3;
  private static final long COOKIE = 0x6378_7370_6172_7365L; // cxsparse

  private VhdSafety() {}

  static long check(ImageBytes image, long most) throws IOException {
    long at = image.size() - FOOTER;
    ByteBuffer footer = image.read(at, FOOTER, ByteOrder.BIG_ENDIAN);
    checksum(at, footer, 64);
    range(at + 12, "version", footer.getInt(12), 0x10000, 0x10000);
    long size = ImageBytes.virtualSize(at + 48, footer.getLong(48), most);
    int type = footer.getInt(60);
    if (type != FIXED && type != DYNAMIC) {
      throw bad(
          type == 4 ? Reason.FOREIGN_REFERENCE : Reason.UNSUPPORTED,
          at + 60,
          "disk type " + type,
          "2 or 3");
    }
    if (type == FIXED) {
      range(at + 48, "size", size, at, at);
      // A copy in front would make some tools read it as a dynamic one.
      if (Magic.VHD.in(image)) {
        throw bad(Reason.WRONG_FORMAT, 0, "a footer in front", "none in a fixed disk");
      }
      return size;
    }
    if (!image.read(0, FOOTER, ByteOrder.BIG_ENDIAN).equals(footer)) {
      throw bad(Reason.BAD_FIELD, 0, "a copy of the footer", "the same as the footer");
    }
    dynamic(image, range(at + 16, "header", footer.getLong(16), FOOTER, at), size);
    return size;
  }

  private static void dynamic(ImageBytes image, long at, long size) throws IOException {
    ByteBuffer header = image.read(at, HEADER, ByteOrder.BIG_ENDIAN);
    if (header.getLong(0) != COOKIE) {
      throw bad(Reason.BAD_FIELD, at, "no cookie", "cxsparse");
    }
    checksum(at, header, 36);
    range(at + 24, "version", header.getInt(24), 0x10000, 0x10000);
    long block = range(at + 32, "block size", header.getInt(32), FOOTER, 64 << 20);
    if (Long.bitCount(block) != 1) {
      throw bad(Reason.BAD_FIELD, at + 32, "block of " + block, "a power of two");
    }
    long needed = (size - 1) / block + 1;
    long entries = range(at + 28, "table entries", header.getInt(28), needed, Integer.MAX_VALUE);
    image.inside(header.getLong(16), entries * 4);
  }

  private static void checksum(long at, ByteBuffer bytes, int field) throws BadImageException {
    int sum = 0;
    for (int i = 0; i < bytes.limit(); i++) {
      sum += i >= field && i < field + 4 ? 0 : bytes.get(i) & 0xff;
    }
    if (bytes.getInt(field) != ~sum) {
      throw bad(Reason.BAD_CHECKSUM, at + field, "a checksum", "the right one");
    }
  }
}
