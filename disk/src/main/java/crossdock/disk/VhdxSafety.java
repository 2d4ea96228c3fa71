package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;
import java.util.zip.CRC32C;

/** Headers, region table and metadata of a VHDX. */
final class VhdxSafety {
  private static final int KIB_64 = 64 << 10;
  private static final int MIB = 1 << 20;
  private static final int HEAD = 0x64616568;
  private static final int REGI = 0x69676572;
  private static final long METADATA = 0x617461646174656dL;
  private static final int REQUIRED = 1 << 2;
  private static final int HAS_PARENT = 1 << 1;

  private static final UUID BAT = UUID.fromString("2dc27766-f623-4200-9d64-115e9bfd4a08");
  private static final UUID METADATA_REGION =
      UUID.fromString("8b7ca206-4790-4b9a-b8fe-575f050f886e");
  private static final UUID FILE_PARAMETERS =
      UUID.fromString("caa16737-fa36-4d43-b3b6-33f0aa44e76b");
  private static final UUID DISK_SIZE = UUID.fromString("2fa54224-cd1b-4876-b211-5dbed83bf4b8");
  private static final UUID LOGICAL_SECTOR =
      UUID.fromString("8141bf1d-a96f-4709-ba47-f233a8faab5f");
  private static final UUID PHYSICAL_SECTOR =
      UUID.fromString("cda348c7-445d-4471-9cc9-e9885251c556");
  private static final UUID DISK_ID = UUID.fromString("beca12ab-b2e6-4523-93ef-c309e000c746");
  private static final UUID PARENT = UUID.fromString("a8d35f2d-b30b-454d-abf7-d3d84834ab0c");

  private VhdxSafety() {}

  static long check(ImageBytes image, long most) throws IOException {
    headers(image);
    ByteBuffer regions = image.read(3 * KIB_64, KIB_64, ByteOrder.LITTLE_ENDIAN);
    if (!image.read(4 * KIB_64, KIB_64, ByteOrder.LITTLE_ENDIAN).equals(regions)) {
      throw bad(Reason.BAD_FIELD, 4L * KIB_64, "a second region table", "the same as the first");
    }
    long at = 3L * KIB_64;
    range(at, "signature", regions.getInt(0), REGI, REGI);
    checksum(at, regions);
    long metadata = 0;
    long batBytes = 0;
    long count = range(at + 8, "regions", regions.getInt(8), 2, 2047);
    for (int i = 0; i < count; i++) {
      int entry = 16 + 32 * i;
      UUID id = guid(regions, entry);
      long offset = regions.getLong(entry + 16);
      long length = range(at + entry + 24, "region", regions.getInt(entry + 24), 0, Long.MAX_VALUE);
      image.inside(offset, length);
      if (id.equals(METADATA_REGION) && metadata == 0) {
        metadata = range(at + entry + 16, "metadata", offset, MIB, Long.MAX_VALUE);
      } else if (id.equals(BAT) && batBytes == 0) {
        batBytes = length;
      } else {
        throw bad(Reason.UNSUPPORTED, at + entry, "region " + id, "one BAT, one metadata");
      }
    }
    if (metadata == 0 || batBytes == 0) {
      throw bad(Reason.BAD_FIELD, at, "a region missing", "BAT and metadata");
    }
    return metadata(image, metadata, batBytes, most);
  }

  /** The newer of two headers counts; a log that is not empty would have to be replayed. */
  private static void headers(ImageBytes image) throws IOException {
    ByteBuffer newest = null;
    long newestAt = 0;
    for (long at = KIB_64; at <= 2 * KIB_64; at += KIB_64) {
      ByteBuffer header = image.read(at, 4096, ByteOrder.LITTLE_ENDIAN);
      if (header.getInt(0) != HEAD || header.getInt(4) != crc(header)) {
        continue;
      }
      if (newest == null || Long.compareUnsigned(header.getLong(8), newest.getLong(8)) > 0) {
        newest = header;
        newestAt = at;
      }
    }
    if (newest == null) {
      throw bad(Reason.BAD_CHECKSUM, KIB_64, "no valid header", "one at least");
    }
    range(newestAt + 66, "version", newest.getShort(66), 1, 1);
    if (newest.getLong(48) != 0 || newest.getLong(56) != 0) {
      throw bad(Reason.NOT_CLEAN, newestAt + 48, "a log to replay", "an empty log");
    }
  }

  private static long metadata(ImageBytes image, long at, long batBytes, long most)
      throws IOException {
    ByteBuffer table = image.read(at, KIB_64, ByteOrder.LITTLE_ENDIAN);
    if (table.getLong(0) != METADATA) {
      throw bad(Reason.BAD_FIELD, at, "no signature", "metadata");
    }
    long size = 0;
    long block = 0;
    long sector = 0;
    long count = range(at + 10, "items", table.getShort(10), 1, 2046);
    for (int i = 0; i < count; i++) {
      int entry = 32 + 32 * i;
      UUID id = guid(table, entry);
      long offset = range(at + entry + 16, "item", table.getInt(entry + 16), KIB_64, MIB);
      if (id.equals(PARENT)) {
        throw bad(Reason.FOREIGN_REFERENCE, at + entry, "a parent locator", "none");
      } else if (id.equals(FILE_PARAMETERS) && block == 0) {
        ByteBuffer item = image.read(at + offset, 8, ByteOrder.LITTLE_ENDIAN);
        block = range(at + offset, "block size", item.getInt(0), MIB, 256 << 20);
        if (Long.bitCount(block) != 1) {
          throw bad(Reason.BAD_FIELD, at + offset, "block of " + block, "a power of two");
        }
        if ((item.getInt(4) & HAS_PARENT) != 0) {
          throw bad(Reason.FOREIGN_REFERENCE, at + offset + 4, "a parent", "none");
        }
      } else if (id.equals(DISK_SIZE) && size == 0) {
        ByteBuffer item = image.read(at + offset, 8, ByteOrder.LITTLE_ENDIAN);
        size = ImageBytes.virtualSize(at + offset, item.getLong(0), most);
      } else if (id.equals(LOGICAL_SECTOR) && sector == 0) {
        sector = image.read(at + offset, 4, ByteOrder.LITTLE_ENDIAN).getInt(0);
      } else if (!id.equals(PHYSICAL_SECTOR) && !id.equals(DISK_ID)) {
        if ((table.getInt(entry + 24) & REQUIRED) != 0 || isKnown(id)) {
          throw bad(Reason.UNSUPPORTED, at + entry, "item " + id, "known ones, once");
        }
      }
    }
    if (size == 0 || block == 0 || (sector != 512 && sector != 4096)) {
      throw bad(Reason.BAD_FIELD, at, "an item missing", "size, block and sector of 512 or 4096");
    }
    long blocks = (size - 1) / block + 1;
    // One bitmap entry after each run of blocks that 8 MiB of bitmap describe.
    long ratio = (1L << 23) * sector / block;
    long entries = blocks + (blocks - 1) / ratio;
    range(at, "BAT bytes", batBytes, entries * 8, Long.MAX_VALUE);
    return size;
  }

  private static boolean isKnown(UUID id) {
    return id.equals(FILE_PARAMETERS) || id.equals(DISK_SIZE) || id.equals(LOGICAL_SECTOR);
  }

  private static void checksum(long at, ByteBuffer bytes) throws BadImageException {
    if (bytes.getInt(4) != crc(bytes)) {
      throw bad(Reason.BAD_CHECKSUM, at + 4, "a checksum", "the right one");
    }
  }

  private static int crc(ByteBuffer bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes.slice(0, 4));
    crc.update(new byte[4]);
    crc.update(bytes.slice(8, bytes.limit() - 8));
    return (int) crc.getValue();
  }

  private static UUID guid(ByteBuffer bytes, int at) {
    long high =
        ((long) bytes.getInt(at) << 32)
            | (bytes.getShort(at + 4) & 0xffffL) << 16
            | (bytes.getShort(at + 6) & 0xffffL);
    return new UUID(high, Long.reverseBytes(bytes.getLong(at + 8)));
  }
}
