package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Header of a VDI, version 1.1. */
final class VdiSafety {
  private static final int DYNAMIC = 1;
  private static final int STATIC = 2;
  private static final long BLOCK = 1 << 20;

  private VdiSafety() {}

  static long check(ImageBytes image, long most) throws IOException {
    ByteBuffer header = image.read(0, 512, ByteOrder.LITTLE_ENDIAN);
    range(68, "version", header.getInt(68), 0x10001, 0x10001);
    int type = header.getInt(76);
    if (type != DYNAMIC && type != STATIC) {
      throw bad(Reason.FOREIGN_REFERENCE, 76, "image type " + type, "1 or 2");
    }
    for (int uuid = 424; uuid < 456; uuid += 8) {
      if (header.getLong(uuid) != 0) {
        throw bad(Reason.FOREIGN_REFERENCE, uuid, "a parent", "none");
      }
    }
    range(360, "sector size", header.getInt(360), 512, 512);
    long size = ImageBytes.virtualSize(368, header.getLong(368), most);
    range(376, "block size", header.getInt(376), BLOCK, BLOCK);
    range(380, "block extra", header.getInt(380), 0, 0);
    long needed = (size - 1) / BLOCK + 1;
    long blocks = range(384, "blocks", header.getInt(384), needed, 0x3fff_ffff);
    range(388, "blocks allocated", header.getInt(388), 0, blocks);
    long map = range(340, "block map", header.getInt(340), 512, image.size());
    image.inside(map, blocks * 4);
    range(344, "data", header.getInt(344), map + blocks * 4, image.size());
    return size;
  }
}
