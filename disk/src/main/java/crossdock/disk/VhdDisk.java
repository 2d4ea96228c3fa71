package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads a VHD, fixed or dynamic (Virtual Hard Disk Image Format Specification 1.0). A differencing
 * one is refused, as is one whose last footer is missing or differs from its copy: it was not
 * closed, or cut.
 */
final class VhdDisk implements MappedDisk {
  static final int SECTOR = 512;
  static final int FOOTER = 512;
  static final int HEADER = 1024;
  static final int FIXED = 2;
  static final int DYNAMIC = 3;
  static final long FOOTER_COOKIE = 0x636f_6e65_6374_6978L; // conectix
  static final long HEADER_COOKIE = 0x6378_7370_6172_7365L; // cxsparse
  static final int UNUSED = -1;
  static final int FOOTER_CHECKSUM = 64;
  static final int HEADER_CHECKSUM = 36;

  /** 2040 GiB: with their bitmaps, the blocks of no larger disk could all be numbered. */
  static final long MOST = 0xff00_0000L * SECTOR;

  // In practice a block is 2 MiB or 512 KiB; this keeps what walk remembers at 64 MiB.
  private static final int MOST_BLOCKS = 1 << 24;

  // These take the geometry for the size; all others, and a geometry that has hit its limit, mean
  // the size they state.
  private static final Set<String> SIZED_BY_GEOMETRY = Set.of("vpc ", "vs  ", "qemu");
  private static final long MOST_GEOMETRY = 65535L * 16 * 255 * SECTOR;

  private final ImageBytes image;
  private final long size;
  private final @Nullable Blocks blocks;

  private VhdDisk(ImageBytes image, long size, @Nullable Blocks blocks) {
    this.image = image;
    this.size = size;
    this.blocks = blocks;
  }

  /**
   * Takes the image over, unless it is refused.
   *
   * @throws BadImageException if the image is refused
   */
  static VhdDisk open(ImageBytes image, long mostVirtualBytes) throws IOException {
    long at = image.size() - FOOTER;
    ByteBuffer footer = image.read(at, FOOTER, ByteOrder.BIG_ENDIAN);
    if (footer.getLong(0) != FOOTER_COOKIE) {
      throw Magic.VHD.in(image)
          ? bad(Reason.NOT_CLEAN, at, "only the copy of a footer", "a footer at the end too")
          : bad(Reason.WRONG_FORMAT, at, "no footer", "a footer");
    }
    checksum(at, footer, FOOTER_CHECKSUM);
    range(at + 12, "version", footer.getInt(12), 0x10000, 0x10000);
    long stated = ImageBytes.virtualSize(at + 48, footer.getLong(48), MOST);
    long size = ImageBytes.virtualSize(at + 48, size(footer, stated), mostVirtualBytes);
    int type = footer.getInt(60);
    if (type != FIXED && type != DYNAMIC) {
      throw bad(
          type == 4 ? Reason.FOREIGN_REFERENCE : Reason.UNSUPPORTED,
          at + 60,
          "disk type " + type,
          "2 or 3");
    }
    if (type == FIXED) {
      range(at + 48, "size", stated, at, at);
      range(at + 56, "size by geometry", size, 1, at);
      // A copy in front would make some tools read it as a dynamic one.
      if (Magic.VHD.in(image)) {
        throw bad(Reason.WRONG_FORMAT, 0, "a footer in front", "none in a fixed disk");
      }
      return new VhdDisk(image, size, null);
    }
    if (!image.read(0, FOOTER, ByteOrder.BIG_ENDIAN).equals(footer)) {
      throw bad(Reason.BAD_FIELD, 0, "a copy of the footer", "the same as the footer");
    }
    long header = range(at + 16, "header", footer.getLong(16), FOOTER, at);
    return new VhdDisk(image, size, Blocks.open(image, header, size));
  }

  private static long size(ByteBuffer footer, long stated) {
    byte[] creator = new byte[4];
    footer.get(28, creator);
    long geometry =
        (long) SECTOR
            * Short.toUnsignedInt(footer.getShort(56))
            * Byte.toUnsignedInt(footer.get(58))
            * Byte.toUnsignedInt(footer.get(59));
    return SIZED_BY_GEOMETRY.contains(new String(creator, ISO_8859_1)) && geometry < MOST_GEOMETRY
        ? geometry
        : stated;
  }

  private static void checksum(long at, ByteBuffer bytes, int field) throws BadImageException {
    if (bytes.getInt(field) != checksum(bytes, field)) {
      throw bad(Reason.BAD_CHECKSUM, at + field, "a checksum", "the right one");
    }
  }

  /** The complement of the sum of all bytes but those of the field itself. */
  static int checksum(ByteBuffer bytes, int field) {
    int sum = 0;
    for (int i = 0; i < bytes.limit(); i++) {
      sum += i >= field && i < field + 4 ? 0 : bytes.get(i) & 0xff;
    }
    return ~sum;
  }

  @Override
  public About about() {
    return blocks == null
        ? new About("fixed", 1, "none", List.of())
        : new About("dynamic", blocks.blockBytes(), "none", List.of());
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public ImageBytes image() {
    return image;
  }

  @Override
  public Run runAt(long offset) throws IOException {
    return blocks == null ? new Run(offset, size - offset) : blocks.runAt(offset);
  }

  @Override
  public void walk() throws IOException {
    if (blocks != null) {
      blocks.walk();
    }
  }

  /** The bytes that a block's bitmap takes: a bit for each sector, in whole sectors. */
  static int bitmapBytes(int blockBytes) {
    return Math.max(SECTOR, blockBytes / SECTOR / Byte.SIZE);
  }

  /** The blocks of a dynamic disk: a bitmap, then the bytes. */
  private record Blocks(
      ImageBytes image,
      long diskBytes,
      int blockBytes,
      long header,
      long tableAt,
      long tableBytes,
      BlockTable table,
      PageCache bitmaps) {

    static Blocks open(ImageBytes image, long at, long size) throws IOException {
      ByteBuffer header = image.read(at, HEADER, ByteOrder.BIG_ENDIAN);
      if (header.getLong(0) != HEADER_COOKIE) {
        throw bad(Reason.BAD_FIELD, at, "no cookie", "cxsparse");
      }
      checksum(at, header, HEADER_CHECKSUM);
      range(at + 24, "version", header.getInt(24), 0x10000, 0x10000);
      int block = (int) range(at + 32, "block size", header.getInt(32), SECTOR, 64 << 20);
      if (Integer.bitCount(block) != 1) {
        throw bad(Reason.BAD_FIELD, at + 32, "block of " + block, "a power of two");
      }
      long needed = (size - 1) / block + 1;
      if (needed > MOST_BLOCKS) {
        throw bad(Reason.UNSUPPORTED, at + 32, needed + " blocks", "at most " + MOST_BLOCKS);
      }
      long entries = range(at + 28, "table entries", header.getInt(28), needed, Integer.MAX_VALUE);
      long table = header.getLong(16);
      long bytes = entries * Integer.BYTES;
      image.inside(table, bytes);
      range(at + 16, "table", table, FOOTER, image.size() - FOOTER - bytes);
      if (overlap(table, bytes, at, HEADER)) {
        throw bad(Reason.BAD_FIELD, at + 16, "table at " + table, "not on the header");
      }
      return new Blocks(
          image,
          size,
          block,
          at,
          table,
          bytes,
          new BlockTable(image, table, needed * Integer.BYTES, ByteOrder.BIG_ENDIAN),
          new PageCache(image, bitmapBytes(block), ByteOrder.BIG_ENDIAN));
    }

    private static boolean overlap(long a, long aBytes, long b, long bBytes) {
      return a < b + bBytes && b < a + aBytes;
    }

    Run runAt(long offset) throws IOException {
      long block = offset / blockBytes;
      int within = (int) (offset % blockBytes);
      int length = (int) Math.min(blockBytes - within, diskBytes - offset);
      long at = bitmapOf(block);
      if (at < 0) {
        return Run.zero(length);
      }
      ByteBuffer bitmap = bitmaps.page(at, bitmapBytes(blockBytes));
      boolean stored = isStored(bitmap, within / SECTOR);
      int end = sameUntil(bitmap, within / SECTOR, stored) * SECTOR;
      length = Math.min(length, end - within);
      return stored ? new Run(at + bitmap.capacity() + within, length) : Run.zero(length);
    }

    /** Where a block is, or -1; checked. */
    private long bitmapOf(long block) throws IOException {
      int entry = table.intAt(block);
      if (entry == UNUSED) {
        return -1;
      }
      long at = Integer.toUnsignedLong(entry) * SECTOR;
      long bytes = bitmapBytes(blockBytes) + Math.min(blockBytes, diskBytes - block * blockBytes);
      if (at < FOOTER
          || at > image.size() - FOOTER - bytes
          || overlap(at, bytes, header, HEADER)
          || overlap(at, bytes, tableAt, tableBytes)) {
        throw bad(
            Reason.BAD_FIELD,
            tableAt + block * Integer.BYTES,
            "block at " + at,
            "a place between the headers and the footer");
      }
      return at;
    }

    private static boolean isStored(ByteBuffer bitmap, int sector) {
      return (bitmap.get(sector / 8) & 0x80 >> sector % 8) != 0;
    }

    private int sameUntil(ByteBuffer bitmap, int sector, boolean stored) {
      int end = blockBytes / SECTOR;
      int at = sector + 1;
      while (at < end && isStored(bitmap, at) == stored) {
        // Whole words at once, as nearly all bitmaps are all ones.
        at += at % 64 == 0 && bitmap.getLong(at / 8) == (stored ? -1 : 0) ? 64 : 1;
      }
      return Math.min(at, end);
    }

    void walk() throws IOException {
      int[] used = new int[(int) ((diskBytes - 1) / blockBytes + 1)];
      int count = 0;
      for (int block = 0; block < used.length; block++) {
        long at = bitmapOf(block);
        if (at >= 0) {
          // Sectors are numbered in 32 bits, without a sign.
          used[count++] = (int) (at / SECTOR) + Integer.MIN_VALUE;
        }
      }
      Arrays.sort(used, 0, count);
      long stride = ((long) bitmapBytes(blockBytes) + blockBytes) / SECTOR;
      for (int i = 1; i < count; i++) {
        if ((long) used[i] - used[i - 1] < stride) {
          long at = ((long) used[i] - Integer.MIN_VALUE) * SECTOR;
          throw bad(Reason.BAD_FIELD, at, "two blocks on each other", "each at its own place");
        }
      }
    }
  }
}
