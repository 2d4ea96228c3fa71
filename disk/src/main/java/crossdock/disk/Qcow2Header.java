package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Header and header extensions of a qcow2, versions 2 and 3 (QEMU's docs/interop/qcow2). Offsets
 * and lengths are in bytes of the file.
 *
 * @param size of the virtual disk, in bytes
 * @param refcountOrder a refcount has 2 to the power of this many bits
 * @param dirty refcounts may be stale
 * @param extended L2 entries describe 32 subclusters each
 * @param bitmaps there are persistent bitmaps
 */
record Qcow2Header(
    int version,
    int clusterBits,
    long size,
    long l1Offset,
    int l1Entries,
    long refcountTableOffset,
    long refcountTableBytes,
    int refcountOrder,
    long snapshotsOffset,
    int snapshots,
    boolean dirty,
    Compression compression,
    boolean extended,
    boolean bitmaps) {
  /** How compressed clusters are compressed. */
  enum Compression {
    DEFLATE,
    ZSTD
  }

  /** QEMU's own limit. */
  static final int MOST_L1_ENTRIES = 4 << 20;

  private static final int MAGIC = 0x514649fb;
  private static final int LENGTH = 112;
  private static final long DIRTY = 1;
  private static final long CORRUPT = 1 << 1;
  private static final long DATA_FILE = 1 << 2;
  private static final long COMPRESSION_TYPE = 1 << 3;
  private static final long EXTENDED_L2 = 1 << 4;
  // A dirty image has refcounts that may be stale; they are not needed for reading.
  private static final long KNOWN = DIRTY | COMPRESSION_TYPE | EXTENDED_L2;

  private static final int END = 0;
  private static final int BACKING_FORMAT = 0xe2792aca;
  private static final int CRYPTO = 0x0537be77;
  private static final int DATA_FILE_NAME = 0x44415441;
  private static final int BITMAPS = 0x23852875;

  // QEMU's own limit, too.
  private static final long MOST_REFCOUNT_TABLE_BYTES = 8L << 20;

  /** Bytes in a cluster. */
  int clusterBytes() {
    return 1 << clusterBits;
  }

  /** Bytes in an entry of an L2 table. */
  int entryBytes() {
    return extended ? 16 : 8;
  }

  /** Bytes of the disk that an L2 table, which is one cluster, maps. */
  long tableCovers() {
    return (long) clusterBytes() / entryBytes() * clusterBytes();
  }

  /** How many L2 tables the disk has, at most. */
  int tables() {
    return (int) ((size - 1) / tableCovers()) + 1;
  }

  static Qcow2Header read(ImageBytes image, long most) throws IOException {
    ByteBuffer header = image.read(0, 72, ByteOrder.BIG_ENDIAN);
    if (header.getInt(0) != MAGIC) {
      throw bad(Reason.WRONG_FORMAT, 0, "no such mark", "qcow2");
    }
    int version = (int) range(4, "version", header.getInt(4), 2, 3);
    if (header.getLong(8) != 0 || header.getInt(16) != 0) {
      throw bad(Reason.FOREIGN_REFERENCE, 8, "a backing file", "none");
    }
    int clusterBits = (int) range(20, "cluster bits", header.getInt(20), 9, 21);
    long cluster = 1L << clusterBits;
    long size = ImageBytes.virtualSize(24, header.getLong(24), most);
    if (header.getInt(32) != 0) {
      throw bad(Reason.ENCRYPTED, 32, "encryption method " + header.getInt(32), "none");
    }

    long incompatible = 0;
    int refcountOrder = 4;
    int headerLength = 72;
    if (version == 3) {
      ByteBuffer more = image.read(0, 104, ByteOrder.BIG_ENDIAN);
      incompatible = more.getLong(72);
      refcountOrder = (int) range(96, "refcount order", more.getInt(96), 0, 6);
      headerLength = (int) range(100, "header length", more.getInt(100), 104, cluster);
      features(image, incompatible, headerLength);
    }
    boolean bitmaps = extensions(image, headerLength, cluster);

    boolean extended = (incompatible & EXTENDED_L2) != 0;
    if (extended && clusterBits < 14) {
      throw bad(Reason.BAD_FIELD, 20, "cluster bits " + clusterBits, "14 to 21");
    }
    long l1Needed = (size - 1) / (cluster / (extended ? 16 : 8) * cluster) + 1;
    int l1 = (int) range(36, "L1 size", header.getInt(36), l1Needed, MOST_L1_ENTRIES);
    long refcountClusters =
        range(
            56,
            "refcount table clusters",
            header.getInt(56),
            1,
            Math.max(1, MOST_REFCOUNT_TABLE_BYTES / cluster));
    int snapshots = (int) range(60, "snapshots", header.getInt(60), 0, 65_536);
    Qcow2Header found =
        new Qcow2Header(
            version,
            clusterBits,
            size,
            header.getLong(40),
            l1,
            header.getLong(48),
            refcountClusters * cluster,
            refcountOrder,
            snapshots == 0 ? 0 : header.getLong(64),
            snapshots,
            (incompatible & DIRTY) != 0,
            (incompatible & COMPRESSION_TYPE) != 0 ? Compression.ZSTD : Compression.DEFLATE,
            extended,
            bitmaps);
    found.directories(image);
    return found;
  }

  private static void features(ImageBytes image, long incompatible, int headerLength)
      throws IOException {
    if ((incompatible & DATA_FILE) != 0) {
      throw bad(Reason.FOREIGN_REFERENCE, 72, "an external data file", "none");
    }
    if ((incompatible & CORRUPT) != 0) {
      throw bad(Reason.NOT_CLEAN, 72, "marked corrupt", "not");
    }
    if ((incompatible & ~KNOWN) != 0) {
      throw bad(Reason.UNSUPPORTED, 72, "features 0x" + Long.toHexString(incompatible), "0x19");
    }
    boolean flagged = (incompatible & COMPRESSION_TYPE) != 0;
    int type = headerLength > 104 ? image.read(104, 1, ByteOrder.BIG_ENDIAN).get() : 0;
    if (flagged ? type != 1 : type != 0) {
      throw bad(Reason.UNSUPPORTED, 104, "compression type " + type, flagged ? "1" : "0");
    }
  }

  private static boolean extensions(ImageBytes image, int from, long cluster) throws IOException {
    boolean bitmaps = false;
    for (long at = from; at + 8 <= cluster; ) {
      ByteBuffer extension = image.read(at, 8, ByteOrder.BIG_ENDIAN);
      long length = range(at + 4, "extension", extension.getInt(4), 0, cluster - at - 8);
      switch (extension.getInt(0)) {
        case END -> {
          return bitmaps;
        }
        case BACKING_FORMAT ->
            throw bad(Reason.FOREIGN_REFERENCE, at, "a backing file's format", "none");
        case DATA_FILE_NAME ->
            throw bad(Reason.FOREIGN_REFERENCE, at, "an external data file's name", "none");
        case CRYPTO -> throw bad(Reason.ENCRYPTED, at, "an encryption header", "none");
        default -> {
          bitmaps |= extension.getInt(0) == BITMAPS;
          at += 8 + ((length + 7) & ~7L);
        }
      }
    }
    return bitmaps;
  }

  private void directories(ImageBytes image) throws IOException {
    for (Directory directory : Directory.values()) {
      long offset = directory.offset(this);
      long length = directory.length(this);
      if (length == 0) {
        continue;
      }
      if (offset < 0 || offset % clusterBytes() != 0) {
        throw bad(
            Reason.BAD_FIELD,
            directory.field,
            directory.title + " at " + offset,
            "a multiple of " + clusterBytes());
      }
      image.inside(offset, length);
      for (Directory before : Directory.values()) {
        if (before.compareTo(directory) < 0) {
          before.apart(this, directory.field, offset, length);
        }
      }
    }
  }

  /**
   * Refuses anything that is said to lie where the header or a table that it names does.
   *
   * @param field where that is said
   */
  void apart(long field, long offset, long length) throws BadImageException {
    for (Directory directory : Directory.values()) {
      directory.apart(this, field, offset, length);
    }
  }

  /** What the header names, itself first. */
  private enum Directory {
    HEADER(0, "the header"),
    L1(40, "the L1 table"),
    REFCOUNTS(48, "the refcount table"),
    // Snapshots are not read, but QEMU loads their table.
    SNAPSHOTS(64, "the snapshot table");

    private final int field;
    private final String title;

    Directory(int field, String title) {
      this.field = field;
      this.title = title;
    }

    long offset(Qcow2Header header) {
      return switch (this) {
        case HEADER -> 0;
        case L1 -> header.l1Offset;
        case REFCOUNTS -> header.refcountTableOffset;
        case SNAPSHOTS -> header.snapshotsOffset;
      };
    }

    long length(Qcow2Header header) {
      return switch (this) {
        case HEADER -> header.clusterBytes();
        case L1 -> header.l1Entries * 8L;
        case REFCOUNTS -> header.refcountTableBytes;
        case SNAPSHOTS -> header.snapshots * 40L;
      };
    }

    void apart(Qcow2Header header, long field, long offset, long length) throws BadImageException {
      long from = offset(header);
      if (offset < from + length(header) && from < offset + length) {
        throw bad(Reason.BAD_FIELD, field, "offset " + offset, "one outside " + title);
      }
    }
  }

  /** A header of version 3 without extensions or snapshots. */
  ByteBuffer toBytes() {
    long incompatible =
        (dirty ? DIRTY : 0)
            | (compression == Compression.ZSTD ? COMPRESSION_TYPE : 0)
            | (extended ? EXTENDED_L2 : 0);
    return ByteBuffer.allocate(LENGTH + 8)
        .putInt(0, MAGIC)
        .putInt(4, 3)
        .putInt(20, clusterBits)
        .putLong(24, size)
        .putInt(36, l1Entries)
        .putLong(40, l1Offset)
        .putLong(48, refcountTableOffset)
        .putInt(56, (int) (refcountTableBytes / clusterBytes()))
        .putLong(72, incompatible)
        .putInt(96, refcountOrder)
        .putInt(100, LENGTH)
        .put(104, (byte) (compression == Compression.ZSTD ? 1 : 0));
  }
}
