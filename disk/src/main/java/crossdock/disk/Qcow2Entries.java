package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteOrder;

/**
 * What the entries of L1 and L2 tables say. Those that point outside the file, on the header or on
 * what it names, or have bits set that mean nothing are refused.
 */
record Qcow2Entries(ImageBytes image, Qcow2Header header) {
  /** The refcount of what it points to is one. */
  static final long COPIED = 1L << 63;

  /** An L2 entry of a compressed cluster. */
  static final long COMPRESSED = 1L << 62;

  /** An L2 entry of a cluster that reads as zero. */
  static final long ZERO = 1;

  private static final long OFFSET = 0x00ff_ffff_ffff_fe00L;

  /** Some entries of a table, as they are. */
  long[] longs(long offset, int count) throws IOException {
    image.inside(offset, count * 8L);
    long[] longs = new long[count];
    for (int first = 0; first < count; first += ImageBytes.MOST / 8) {
      int part = Math.min(ImageBytes.MOST / 8, count - first);
      image
          .read(offset + first * 8L, part * 8, ByteOrder.BIG_ENDIAN)
          .asLongBuffer()
          .get(longs, first, part);
    }
    return longs;
  }

  /**
   * The offset of an L2 table by its L1 entry, 0 for none.
   *
   * @param field where the entry is
   */
  long table(long field, long entry) throws BadImageException {
    long offset = place(field, entry, 0);
    if (offset != 0) {
      image.inside(offset, header.clusterBytes());
      header.apart(field, offset, header.clusterBytes());
    }
    return offset;
  }

  static boolean isCompressed(long entry) {
    return (entry & COMPRESSED) != 0;
  }

  /** Whether an L2 entry of a cluster that is not compressed has all of it read as zero. */
  boolean isZero(long entry) {
    return (entry & ZERO) != 0;
  }

  /** The offset of a cluster that is not compressed by its L2 entry, 0 for none. */
  long cluster(long field, long entry) throws BadImageException {
    return place(field, entry, header.version() == 2 || header.extended() ? 0 : ZERO);
  }

  /** QEMU ends a file within its last cluster, and reads zeros beyond. */
  void stored(long field, long offset) throws BadImageException {
    image.inside(offset, 1);
    header.apart(field, offset, header.clusterBytes());
  }

  /** The offset of a compressed cluster by its L2 entry; it need not all be in the file. */
  long compressed(long field, long entry) throws BadImageException {
    long offset = compressedOffset(entry);
    if ((offset & ~(OFFSET | 511)) != 0) {
      throw bad(Reason.BAD_FIELD, field, "L2 entry " + hex(entry), "an offset of 56 bits");
    }
    image.inside(offset, 1);
    header.apart(field, offset, compressedLength(entry));
    return offset;
  }

  long compressedOffset(long entry) {
    return entry & ((1L << lengthShift()) - 1);
  }

  /** Bytes up to the end of its last sector, where another one may have begun. */
  int compressedLength(long entry) {
    int sectors = (int) ((entry & (COMPRESSED - 1)) >>> lengthShift()) + 1;
    return sectors * 512 - (int) (entry & 511);
  }

  private int lengthShift() {
    return 62 - (header.clusterBits() - 8);
  }

  private long place(long field, long entry, long flags) throws BadImageException {
    long offset = entry & OFFSET;
    if ((entry & ~(OFFSET | COPIED | flags)) != 0 || offset % header.clusterBytes() != 0) {
      throw bad(Reason.BAD_FIELD, field, "entry " + hex(entry), "the offset of a cluster");
    }
    return offset;
  }

  static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }
}
