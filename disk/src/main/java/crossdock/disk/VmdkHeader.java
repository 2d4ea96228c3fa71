package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The first sector of a sparse extent (VMware, Virtual Disk Format 5.0, "SparseExtentHeader"). All
 * offsets and lengths are in sectors of 512 bytes.
 *
 * @param capacity of the extent
 * @param grain sectors in a grain: a power of two, 8 to 4096
 * @param overhead before the first grain
 */
record VmdkHeader(
    int version,
    int flags,
    long capacity,
    long grain,
    long descriptor,
    long descriptorSectors,
    long redundantDirectory,
    long directory,
    long overhead) {
  static final int SECTOR = 512;

  /** Entries in a grain table; nobody has ever written another number. */
  static final int TABLE = 512;

  /** Where the directory is, as long as nobody knows: then a copy at the end says it. */
  static final long AT_END = -1;

  /** Newlines are there to be checked. */
  static final int NEWLINE_TEST = 1;

  static final int REDUNDANT = 1 << 1;

  /** An entry of 1 is a grain of zeros. */
  static final int ZEROED_GRAINS = 1 << 2;

  static final int COMPRESSED = 1 << 16;
  static final int MARKERS = 1 << 17;

  private static final int MAGIC = 0x564d444b;
  private static final int REFUSED_IF_UNKNOWN = 0xffff0000;
  private static final ByteBuffer NEWLINES = ISO_8859_1.encode("\n \r\n");
  // All of a header but its directories.
  private static final int DIRECTORIES = 48;
  private static final int AFTER_DIRECTORIES = 72;
  private static final int FIELDS = 79;

  /** Reads it, and its copy if that counts. */
  static VmdkHeader read(ImageBytes image) throws IOException {
    ByteBuffer bytes = image.read(0, SECTOR, ByteOrder.LITTLE_ENDIAN);
    VmdkHeader header = read(0, bytes);
    if (header.directory != AT_END) {
      return header;
    }
    // Marker, second header, end of stream.
    long at = image.size() - 2 * SECTOR;
    ByteBuffer footer = image.read(at, SECTOR, ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < FIELDS; i++) {
      boolean directory = i >= DIRECTORIES && i < AFTER_DIRECTORIES;
      if (!directory && footer.get(i) != bytes.get(i)) {
        throw bad(Reason.BAD_FIELD, at + i, "a footer", "the same as the header");
      }
    }
    VmdkHeader found = read(at, footer);
    range(at + 56, "grain directory", found.directory, 1, image.size() / SECTOR);
    return found;
  }

  private static VmdkHeader read(long at, ByteBuffer bytes) throws BadImageException {
    range(at, "magic", bytes.getInt(0), MAGIC, MAGIC);
    int version = (int) range(at + 4, "version", bytes.getInt(4), 1, 3);
    int flags = bytes.getInt(8);
    // Zero would make QEMU take the descriptor for one that names other files.
    long capacity = range(at + 12, "capacity", bytes.getLong(12), 1, Long.MAX_VALUE / SECTOR);
    long grain = range(at + 20, "grain", bytes.getLong(20), 8, 4096);
    if (Long.bitCount(grain) != 1) {
      throw bad(Reason.BAD_FIELD, at + 20, "grain of " + grain, "a power of two");
    }
    range(at + 44, "entries in a grain table", bytes.getInt(44), TABLE, TABLE);
    if ((flags & NEWLINE_TEST) != 0 && !bytes.slice(73, 4).equals(NEWLINES)) {
      throw bad(Reason.BAD_FIELD, at + 73, "newlines changed in transit", "unchanged");
    }
    // QEMU goes by the algorithm, VMware by the flags: whoever reads it must see the same.
    int features = flags & REFUSED_IF_UNKNOWN;
    if (features != 0 && features != (COMPRESSED | MARKERS)) {
      throw bad(Reason.UNSUPPORTED, at + 8, "flags " + Integer.toHexString(flags), "none or 30000");
    }
    int algorithm = features == 0 ? 0 : 1;
    range(at + 77, "compression", bytes.getShort(77), algorithm, algorithm);
    return new VmdkHeader(
        version,
        flags,
        capacity,
        grain,
        bytes.getLong(28),
        bytes.getLong(36),
        bytes.getLong(48),
        bytes.getLong(56),
        bytes.getLong(64));
  }

  boolean has(int flag) {
    return (flags & flag) != 0;
  }

  /** Bytes of the disk that one grain holds. */
  int grainBytes() {
    return (int) grain * SECTOR;
  }

  /** How many tables, and entries in the directory, the extent needs. */
  long tables() {
    return (capacity - 1) / (grain * TABLE) + 1;
  }

  /** The sector itself. */
  ByteBuffer bytes() {
    ByteBuffer bytes = ByteBuffer.allocate(SECTOR).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(MAGIC).putInt(version).putInt(flags).putLong(capacity).putLong(grain);
    bytes.putLong(descriptor).putLong(descriptorSectors).putInt(TABLE);
    bytes.putLong(redundantDirectory).putLong(directory).putLong(overhead).put((byte) 0);
    bytes.put(NEWLINES.duplicate()).putShort((short) (has(COMPRESSED) ? 1 : 0));
    return bytes.rewind();
  }
}
