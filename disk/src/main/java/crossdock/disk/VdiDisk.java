package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.List;

/**
 * Reads a VDI of version 1.1, dynamic or static, as VirtualBox and QEMU write it. Undo and
 * differencing ones are refused, as is one whose blocks lie on each other.
 */
final class VdiDisk implements MappedDisk {
  static final int SIGNATURE = 0xbeda107f;
  static final int VERSION = 0x10001;
  static final int DYNAMIC = 1;
  static final int STATIC = 2;
  static final int SECTOR = 512;
  static final int UNALLOCATED = 0xffff_ffff;
  static final int ZERO = 0xffff_fffe;

  private static final int PREFIX = 72;
  private static final int OLDEST_HEADER = 384;

  private final ImageBytes image;
  private final long size;
  private final int blockBytes;
  private final long mapAt;
  private final long dataAt;
  private final long slots;
  private final int allocated;
  private final BlockTable map;

  private VdiDisk(ImageBytes image, ByteBuffer header, long size) throws IOException {
    this.image = image;
    this.size = size;
    this.blockBytes = (int) range(376, "block size", header.getInt(376), 1 << 20, 256 << 20);
    if (Integer.bitCount(blockBytes) != 1) {
      throw bad(Reason.BAD_FIELD, 376, "block of " + blockBytes, "a power of two");
    }
    range(380, "block extra", header.getInt(380), 0, 0);
    long needed = (size - 1) / blockBytes + 1;
    long blocks = range(384, "blocks", header.getInt(384), needed, 0x3fff_ffff);
    this.slots = blocks;
    this.allocated = (int) range(388, "blocks allocated", header.getInt(388), 0, blocks);
    long headerEnd = PREFIX + Integer.toUnsignedLong(header.getInt(72));
    this.mapAt = Integer.toUnsignedLong(header.getInt(340));
    range(340, "block map", mapAt, Math.max(SECTOR, headerEnd), image.size());
    image.inside(mapAt, blocks * Integer.BYTES);
    this.dataAt = Integer.toUnsignedLong(header.getInt(344));
    range(344, "data", dataAt, mapAt + blocks * Integer.BYTES, image.size());
    this.map = new BlockTable(image, mapAt, blocks * Integer.BYTES, ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Takes the image over, unless it is refused. Reads the block map once.
   *
   * @throws BadImageException if the image is refused
   */
  static VdiDisk open(ImageBytes image, long mostVirtualBytes) throws IOException {
    ByteBuffer header = image.read(0, SECTOR, ByteOrder.LITTLE_ENDIAN);
    if (header.getInt(64) != SIGNATURE) {
      throw bad(Reason.WRONG_FORMAT, 64, "no signature", "that of a VDI");
    }
    int version = header.getInt(68);
    if (version != VERSION) {
      String found = "version " + (version >>> 16) + "." + (version & 0xffff);
      throw bad(Reason.BAD_FIELD, 68, found, "version 1.1");
    }
    range(72, "header size", header.getInt(72), OLDEST_HEADER, ImageBytes.MOST);
    int type = header.getInt(76);
    if (type != DYNAMIC && type != STATIC) {
      throw bad(Reason.FOREIGN_REFERENCE, 76, "image type " + type, "1 or 2");
    }
    for (int uuid = 424; uuid < 456; uuid += 8) {
      if (header.getLong(uuid) != 0) {
        throw bad(Reason.FOREIGN_REFERENCE, uuid, "a parent", "none");
      }
    }
    range(360, "sector size", header.getInt(360), SECTOR, SECTOR);
    long size = ImageBytes.virtualSize(368, header.getLong(368), mostVirtualBytes);
    VdiDisk disk = new VdiDisk(image, header, size);
    disk.visit();
    return disk;
  }

  @Override
  public About about() {
    boolean complete = allocated == slots;
    return new About(complete ? "every block stored" : "dynamic", blockBytes, "none", List.of());
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
    int slot = slotOf(block);
    return slot < 0
        ? Run.zero(length)
        : new Run(dataAt + (long) slot * blockBytes + within, length);
  }

  /** The slot that holds a block, or negative; checked. */
  private int slotOf(long block) throws IOException {
    int slot = map.intAt(block);
    if (slot == UNALLOCATED || slot == ZERO) {
      return -1;
    }
    long at = mapAt + block * Integer.BYTES;
    range(at, "slot", Integer.toUnsignedLong(slot), 0, slots - 1);
    image.inside(
        dataAt + (long) slot * blockBytes, Math.min(blockBytes, size - block * blockBytes));
    return slot;
  }

  @Override
  public void walk() throws IOException {
    range(388, "blocks allocated", allocated, visit(), slots);
  }

  private long visit() throws IOException {
    BitSet used = new BitSet();
    for (long block = 0; block * blockBytes < size; block++) {
      int slot = slotOf(block);
      if (slot >= 0) {
        if (used.get(slot)) {
          throw bad(
              Reason.BAD_FIELD,
              mapAt + block * Integer.BYTES,
              "slot " + slot + " again",
              "a slot of its own");
        }
        used.set(slot);
      }
    }
    return used.cardinality();
  }
}
