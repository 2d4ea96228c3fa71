package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A small VHDX made by the layout, and a log for it made by hand. */
final class VhdxImage {
  static final int MIB = 1 << 20;
  static final int SECTOR = 4096;
  static final int LOG = MIB;
  static final int LOG_BYTES = MIB;
  static final int METADATA = 2 * MIB;
  static final int ITEMS = METADATA + (64 << 10);
  static final int BAT = 3 * MIB;
  static final int DATA = 4 * MIB;
  static final int BLOCK = 2 * MIB;
  static final int SIZE = 5 * MIB;
  static final UUID LOG_ID = UUID.fromString("f0000000-0000-4000-8000-00000000000f");

  private VhdxImage() {}

  /** Three blocks, the last one cut; the second one is not stored. */
  static SparseDisk disk() {
    SparseDisk disk = new SparseDisk(SIZE);
    disk.put(1000, 100_000, new Random(1));
    disk.put(2 * BLOCK, MIB, new Random(2));
    return disk;
  }

  static ByteBuffer of(DiskSource disk) throws IOException {
    Layout layout = VhdxLayout.of(disk, BlockFormat.ID);
    ByteBuffer image = ByteBuffer.allocate((int) layout.size()).order(ByteOrder.LITTLE_ENDIAN);
    layout.read(0, image);
    return image.clear();
  }

  /** Makes the checksums of both headers and both region tables right again. */
  static void seal(ByteBuffer image) {
    for (int at = 64 << 10; at <= 256 << 10; at += 64 << 10) {
      int length = at <= 128 << 10 ? SECTOR : 64 << 10;
      image.putInt(at + 4, VhdxDisk.crc(image.slice(at, length)));
    }
  }

  /** Says that the log is to be replayed. */
  static ByteBuffer dirty(ByteBuffer image) {
    Guid.put(image, (128 << 10) + 48, LOG_ID);
    seal(image);
    return image;
  }

  /**
   * What an entry says is to be written.
   *
   * @param bytes a sector of them, or null for zeros
   */
  record Write(long at, long length, byte @Nullable [] bytes) {
    static Write of(long at, ByteBuffer sector) {
      return new Write(at, SECTOR, Images.bytes(sector));
    }
  }

  /** Puts an entry into the log, and returns where the next one goes. */
  static int entry(ByteBuffer image, int at, long sequence, int tail, Write... writes) {
    int dataAt = (64 + 32 * writes.length + SECTOR - 1) / SECTOR * SECTOR;
    ByteBuffer entry =
        ByteBuffer.allocate(dataAt + SECTOR * writes.length).order(ByteOrder.LITTLE_ENDIAN);
    int data = dataAt;
    for (int i = 0; i < writes.length; i++) {
      Write write = writes[i];
      int to = 64 + 32 * i;
      byte[] bytes = write.bytes();
      entry.putInt(to, bytes == null ? VhdxLog.ZERO : VhdxLog.DESCRIPTOR);
      entry.putLong(to + 16, write.at()).putLong(to + 24, sequence);
      if (bytes == null) {
        entry.putLong(to + 8, write.length());
        continue;
      }
      entry.put(to + 8, bytes, 0, 8).put(to + 4, bytes, SECTOR - 4, 4);
      entry.putInt(data, VhdxLog.DATA).putInt(data + 4, (int) (sequence >>> 32));
      entry.put(data + 8, bytes, 8, SECTOR - 12).putInt(data + SECTOR - 4, (int) sequence);
      data += SECTOR;
    }
    entry.putInt(0, VhdxLog.ENTRY).putInt(8, data).putInt(12, tail).putLong(16, sequence);
    entry.putInt(24, writes.length);
    Guid.put(entry, 32, LOG_ID);
    entry.putLong(48, image.capacity()).putLong(56, image.capacity());
    put(image, at, entry.slice(0, data).order(ByteOrder.LITTLE_ENDIAN));
    return (at + data) % LOG_BYTES;
  }

  /** Puts an entry with the right checksum, over the log's end if need be. */
  static void put(ByteBuffer image, int at, ByteBuffer entry) {
    entry.putInt(4, VhdxDisk.crc(entry));
    for (int i = 0; i < entry.limit(); i++) {
      image.put(LOG + (at + i) % LOG_BYTES, entry.get(i));
    }
  }
}
