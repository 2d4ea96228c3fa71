package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * Reads a VHDX (MS-VHDX 2.0), fixed or dynamic, with sectors of 512 or 4096 bytes. One that was not
 * closed is read as if its log had been replayed; the file stays as it is. A differencing one is
 * refused.
 */
final class VhdxDisk implements MappedDisk {
  static final int KIB_64 = 64 << 10;
  static final int MIB = 1 << 20;
  static final int HEADER = 4096;
  static final int HEAD = 0x64616568; // head
  static final int REGI = 0x69676572; // regi
  static final long METADATA = 0x617461646174656dL; // metadata
  static final int REQUIRED = 1 << 2;
  static final int ZERO = 2;
  static final int PRESENT = 6;

  /** 64 TiB. */
  static final long MOST = 1L << 46;

  /** No file of so large a disk, however full of holes, has a reason to be larger. */
  private static final long FARTHEST = 2 * MOST;

  static final UUID BAT = UUID.fromString("2dc27766-f623-4200-9d64-115e9bfd4a08");
  static final UUID METADATA_REGION = UUID.fromString("8b7ca206-4790-4b9a-b8fe-575f050f886e");
  static final UUID FILE_PARAMETERS = UUID.fromString("caa16737-fa36-4d43-b3b6-33f0aa44e76b");
  static final UUID DISK_SIZE = UUID.fromString("2fa54224-cd1b-4876-b211-5dbed83bf4b8");
  static final UUID LOGICAL_SECTOR = UUID.fromString("8141bf1d-a96f-4709-ba47-f233a8faab5f");
  static final UUID PHYSICAL_SECTOR = UUID.fromString("cda348c7-445d-4471-9cc9-e9885251c556");
  static final UUID DISK_ID = UUID.fromString("beca12ab-b2e6-4523-93ef-c309e000c746");

  private static final UUID PARENT = UUID.fromString("a8d35f2d-b30b-454d-abf7-d3d84834ab0c");
  private static final int HAS_PARENT = 1 << 1;
  private static final int NOT_PRESENT = 0;
  private static final int UNDEFINED = 1;
  private static final int UNMAPPED = 3;
  private static final int PARTIALLY_PRESENT = 7;

  /** A part of the file that is not the disk's. */
  private record Region(long at, long length) {
    boolean overlaps(long otherAt, long otherLength) {
      return at < otherAt + otherLength && otherAt < at + length;
    }
  }

  /** The current header, the regions it and the region table name, and the file they are in. */
  private record Structure(ImageBytes image, Region log, Region metadata, Region bat) {}

  /** What the metadata say. */
  private record Metadata(long size, int block, int sector) {}

  private final ImageBytes image;
  private final List<Region> reserved;
  private final Region bat;
  private final long size;
  private final int blockBytes;
  private final long chunkRatio;
  private final BlockTable table;

  private VhdxDisk(Structure structure, Metadata metadata) throws IOException {
    this.image = structure.image();
    this.bat = structure.bat();
    this.reserved =
        List.of(new Region(0, MIB), structure.log(), structure.metadata(), structure.bat());
    this.size = metadata.size();
    this.blockBytes = metadata.block();
    this.chunkRatio = chunkRatio(metadata.sector(), blockBytes);
    long entries = entries((size - 1) / blockBytes + 1, chunkRatio);
    range(bat.at(), "BAT bytes", bat.length(), entries * Long.BYTES, Long.MAX_VALUE);
    this.table = new BlockTable(image, bat.at(), entries * Long.BYTES, ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Takes the image over, unless it is refused.
   *
   * @throws BadImageException if the image is refused
   */
  static VhdxDisk open(ImageBytes image, long mostVirtualBytes) throws IOException {
    if (!Magic.VHDX.in(image)) {
      throw bad(Reason.WRONG_FORMAT, 0, "no signature", "vhdxfile");
    }
    Structure structure = structure(image);
    Region metadata = structure.metadata();
    return new VhdxDisk(
        structure, metadata(structure.image(), metadata, Math.min(mostVirtualBytes, MOST)));
  }

  /** Blocks of the disk for each of which a block of sector bitmaps has an entry. */
  static long chunkRatio(int sectorBytes, int blockBytes) {
    return (1L << 23) * sectorBytes / blockBytes;
  }

  /** How many entries the block table has, with those of sector bitmaps between. */
  static long entries(long blocks, long chunkRatio) {
    return blocks + (blocks - 1) / chunkRatio;
  }

  /** The newer of two headers counts, then its log, then the region table. */
  private static Structure structure(ImageBytes file) throws IOException {
    ByteBuffer newest = null;
    long newestAt = 0;
    for (long at = KIB_64; at <= 2 * KIB_64; at += KIB_64) {
      ByteBuffer header = file.read(at, HEADER, ByteOrder.LITTLE_ENDIAN);
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
    boolean dirty = newest.getLong(48) != 0 || newest.getLong(56) != 0;
    ImageBytes image = dirty ? VhdxLog.replay(file, newest, newestAt) : file;
    Region log = new Region(newest.getLong(72), Integer.toUnsignedLong(newest.getInt(68)));
    if (log.length() > 0) {
      range(newestAt + 72, "log", log.at(), MIB, image.size());
      image.inside(log.at(), log.length());
    }
    return regions(image, log.length() > 0 ? log : new Region(0, 0));
  }

  private static Structure regions(ImageBytes image, Region log) throws IOException {
    ByteBuffer regions = image.read(3 * KIB_64, KIB_64, ByteOrder.LITTLE_ENDIAN);
    if (!image.read(4 * KIB_64, KIB_64, ByteOrder.LITTLE_ENDIAN).equals(regions)) {
      throw bad(Reason.BAD_FIELD, 4L * KIB_64, "a second region table", "the same as the first");
    }
    long at = 3L * KIB_64;
    range(at, "signature", regions.getInt(0), REGI, REGI);
    if (regions.getInt(4) != crc(regions)) {
      throw bad(Reason.BAD_CHECKSUM, at + 4, "a checksum", "the right one");
    }
    Region metadata = null;
    Region bat = null;
    long count = range(at + 8, "regions", regions.getInt(8), 2, 2047);
    for (int i = 0; i < count; i++) {
      int entry = 16 + 32 * i;
      UUID id = Guid.get(regions, entry);
      long offset = regions.getLong(entry + 16);
      long length = range(at + entry + 24, "region", regions.getInt(entry + 24), 0, Long.MAX_VALUE);
      image.inside(offset, length);
      range(at + entry + 16, "region", offset, MIB, Long.MAX_VALUE);
      Region region = new Region(offset, length);
      if (id.equals(METADATA_REGION) && metadata == null) {
        metadata = region;
      } else if (id.equals(BAT) && bat == null) {
        bat = region;
      } else {
        throw bad(Reason.UNSUPPORTED, at + entry, "region " + id, "one BAT, one metadata");
      }
    }
    if (metadata == null || bat == null) {
      throw bad(Reason.BAD_FIELD, at, "a region missing", "BAT and metadata");
    }
    if (bat.overlaps(metadata.at(), metadata.length())
        || log.overlaps(metadata.at(), metadata.length())
        || log.overlaps(bat.at(), bat.length())) {
      throw bad(Reason.BAD_FIELD, at, "regions on each other", "each at its own place");
    }
    return new Structure(image, log, metadata, bat);
  }

  private static Metadata metadata(ImageBytes image, Region region, long most) throws IOException {
    long at = region.at();
    ByteBuffer table = image.read(at, KIB_64, ByteOrder.LITTLE_ENDIAN);
    if (table.getLong(0) != METADATA) {
      throw bad(Reason.BAD_FIELD, at, "no signature", "metadata");
    }
    long size = 0;
    int block = 0;
    int sector = 0;
    long count = range(at + 10, "items", table.getShort(10), 1, 2046);
    for (int i = 0; i < count; i++) {
      int entry = 32 + 32 * i;
      UUID id = Guid.get(table, entry);
      long offset = range(at + entry + 16, "item", table.getInt(entry + 16), KIB_64, MIB);
      if (id.equals(PARENT)) {
        throw bad(Reason.FOREIGN_REFERENCE, at + entry, "a parent locator", "none");
      } else if (id.equals(FILE_PARAMETERS) && block == 0) {
        ByteBuffer item = image.read(at + offset, 8, ByteOrder.LITTLE_ENDIAN);
        block = (int) range(at + offset, "block size", item.getInt(0), MIB, 256 << 20);
        if (Integer.bitCount(block) != 1) {
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
    if (size % sector != 0) {
      throw bad(Reason.BAD_FIELD, at, size + " bytes", "whole sectors of " + sector);
    }
    return new Metadata(size, block, sector);
  }

  private static boolean isKnown(UUID id) {
    return id.equals(FILE_PARAMETERS) || id.equals(DISK_SIZE) || id.equals(LOGICAL_SECTOR);
  }

  /** CRC-32C of all bytes but the checksum itself, which comes second. */
  static int crc(ByteBuffer bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes.slice(0, 4));
    crc.update(new byte[4]);
    crc.update(bytes.slice(8, bytes.limit() - 8));
    return (int) crc.getValue();
  }

  @Override
  public About about() {
    return new About("dynamic", blockBytes, "none", List.of());
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
    long block = offset / blockBytes;
    long within = offset % blockBytes;
    long length = Math.min(blockBytes - within, size - offset);
    long at = placeOf(block);
    return at < 0 ? Run.zero(length) : new Run(at + within, length);
  }

  /** Where a block is, or -1; checked. */
  private long placeOf(long block) throws IOException {
    long index = block + block / chunkRatio;
    long entry = table.longAt(index);
    long entryAt = bat.at() + index * Long.BYTES;
    int state = (int) entry & 7;
    return switch (state) {
      // No reader needs to tell them apart: what is not there, or no longer, may read as zero.
      case NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED -> -1;
      case PRESENT -> {
        long at = entry >>> 20 << 20;
        long bytes = Math.min(blockBytes, size - block * blockBytes);
        image.inside(at, bytes);
        // A log may say that the file is of any size.
        if (at > FARTHEST - bytes) {
          throw bad(Reason.BAD_FIELD, entryAt, "block at " + at, "below " + FARTHEST);
        }
        for (Region region : reserved) {
          if (region.overlaps(at, bytes)) {
            throw bad(Reason.BAD_FIELD, entryAt, "block at " + at, "outside all regions");
          }
        }
        yield at;
      }
      case PARTIALLY_PRESENT ->
          throw bad(Reason.FOREIGN_REFERENCE, entryAt, "a block that is partly a parent's", "none");
      default -> throw bad(Reason.BAD_FIELD, entryAt, "block state " + state, "0 to 3, or 6");
    };
  }

  @Override
  public void walk() throws IOException {
    BitSet used = new BitSet();
    int step = blockBytes / MIB;
    for (long block = 0; block * blockBytes < size; block++) {
      long at = placeOf(block);
      if (at >= 0) {
        int first = (int) (at / MIB);
        int taken = used.nextSetBit(first);
        if (taken >= 0 && taken < first + step) {
          throw bad(Reason.BAD_FIELD, at, "two blocks on each other", "each at its own place");
        }
        used.set(first, first + step);
      }
    }
  }
}
