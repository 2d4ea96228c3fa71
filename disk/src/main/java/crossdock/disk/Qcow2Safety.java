package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Header and header extensions of qcow2, versions 2 and 3. */
final class Qcow2Safety {
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

  // QEMU's own limits on the two tables that are read whole.
  private static final long MAX_L1_BYTES = 32L << 20;
  private static final long MAX_REFCOUNT_TABLE_BYTES = 8L << 20;

  private Qcow2Safety() {}

  static long check(ImageBytes image, long most) throws IOException {
    ByteBuffer header = image.read(0, 72, ByteOrder.BIG_ENDIAN);
    long version = range(4, "version", header.getInt(4), 2, 3);
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
    int headerLength = 72;
    if (version == 3) {
      ByteBuffer more = image.read(0, 104, ByteOrder.BIG_ENDIAN);
      incompatible = more.getLong(72);
      range(96, "refcount order", more.getInt(96), 0, 6);
      headerLength = (int) range(100, "header length", more.getInt(100), 104, cluster);
      features(image, incompatible, headerLength);
    }
    extensions(image, headerLength, cluster);

    long entry = (incompatible & EXTENDED_L2) == 0 ? 8 : 16;
    if (entry == 16 && clusterBits < 14) {
      throw bad(Reason.BAD_FIELD, 20, "cluster bits " + clusterBits, "14 to 21");
    }
    long coveredByL1 = cluster / entry * cluster;
    long l1Needed = (size - 1) / coveredByL1 + 1;
    long l1 = range(36, "L1 size", header.getInt(36), l1Needed, MAX_L1_BYTES / 8);
    table(image, 40, "L1 table", header.getLong(40), l1 * 8, cluster);
    long refcountBytes =
        range(
                56,
                "refcount table clusters",
                header.getInt(56),
                1,
                Math.max(1, MAX_REFCOUNT_TABLE_BYTES / cluster))
            * cluster;
    table(image, 48, "refcount table", header.getLong(48), refcountBytes, cluster);
    // Snapshots are not read, but QEMU loads their table.
    long snapshots = range(60, "snapshots", header.getInt(60), 0, 65_536);
    if (snapshots > 0) {
      table(image, 64, "snapshot table", header.getLong(64), snapshots * 40, cluster);
    }
    return size;
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

  private static void extensions(ImageBytes image, int from, long cluster) throws IOException {
    for (long at = from; at + 8 <= cluster; ) {
      ByteBuffer extension = image.read(at, 8, ByteOrder.BIG_ENDIAN);
      long length = range(at + 4, "extension", extension.getInt(4), 0, cluster - at - 8);
      switch (extension.getInt(0)) {
        case END -> {
          return;
        }
        case BACKING_FORMAT ->
            throw bad(Reason.FOREIGN_REFERENCE, at, "a backing file's format", "none");
        case DATA_FILE_NAME ->
            throw bad(Reason.FOREIGN_REFERENCE, at, "an external data file's name", "none");
        case CRYPTO -> throw bad(Reason.ENCRYPTED, at, "an encryption header", "none");
        default -> at += 8 + ((length + 7) & ~7L);
      }
    }
  }

  private static void table(
      ImageBytes image, long field, String name, long offset, long length, long cluster)
      throws IOException {
    if (offset <= 0 || offset % cluster != 0) {
      throw bad(Reason.BAD_FIELD, field, name + " at " + offset, "a multiple of " + cluster);
    }
    image.inside(offset, length);
  }
}
