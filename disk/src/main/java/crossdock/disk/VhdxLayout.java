package crossdock.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.UUID;

/**
 * Lays a disk out as a dynamic VHDX (MS-VHDX 2.0) with an empty log and sectors of 512 bytes, up to
 * which sizes are rounded.
 */
final class VhdxLayout {
  private static final int SECTOR = 512;
  private static final int PHYSICAL_SECTOR = 4096;
  private static final int VIRTUAL_DISK = 1 << 1;
  private static final int SMALLEST_UNIT = 2 << 20;
  private static final long MOST_UNITS = 1 << 20;
  private static final long LOG = VhdxDisk.MIB;
  private static final long METADATA = 2L * VhdxDisk.MIB;
  private static final long BAT = 3L * VhdxDisk.MIB;

  private VhdxLayout() {}

  /**
   * Bytes in a block: 2 MiB, and more from 2 TiB, so that the block table has at most 8 MiB.
   *
   * @throws IllegalArgumentException for more than 64 TiB
   */
  static int unit(long diskBytes) {
    if (diskBytes > VhdxDisk.MOST) {
      throw new IllegalArgumentException(diskBytes + " bytes in a VHDX");
    }
    int unit = SMALLEST_UNIT;
    while (unit * MOST_UNITS < diskBytes) {
      unit *= 2;
    }
    return unit;
  }

  /** As the other, with the blocks in which the disk has data by its extents. */
  static Layout of(DiskSource disk, UUID id) throws IOException {
    return of(disk, Allocation.packed(disk, unit(disk.size())), id);
  }

  /**
   * Headers, log, metadata, block table, blocks.
   *
   * @throws IllegalArgumentException for more than 64 TiB
   */
  static Layout of(DiskSource disk, Allocation allocation, UUID id) {
    int unit = unit(disk.size());
    long ratio = VhdxDisk.chunkRatio(SECTOR, unit);
    long units = allocation.units();
    long entries = VhdxDisk.entries(units, ratio);
    long bat = (entries * Long.BYTES + VhdxDisk.MIB - 1) / VhdxDisk.MIB * VhdxDisk.MIB;
    Layout.Made table =
        BlockTable.ofLongs(
            entries,
            ByteOrder.LITTLE_ENDIAN,
            index -> {
              // After each run of blocks comes the entry of their sector bitmaps: there are none.
              if (index % (ratio + 1) == ratio) {
                return 0;
              }
              long slot = allocation.slot(index - index / (ratio + 1));
              return slot < 0 ? VhdxDisk.ZERO : BAT + bat + slot * unit | VhdxDisk.PRESENT;
            });
    return new Layout(
        disk,
        List.of(
            new Layout.Fixed(head(id, bat)),
            // Up to the log, and the log.
            new Layout.Gap(METADATA - 5 * VhdxDisk.KIB_64),
            new Layout.Fixed(metadata(disk.size(), unit, id)),
            new Layout.Gap(BAT - METADATA - 2 * VhdxDisk.KIB_64),
            table,
            new Layout.Gap(bat - table.length()),
            new Layout.Slots(allocation)));
  }

  /** The identifier, two headers and two region tables, in 64 KiB each. */
  private static ByteBuffer head(UUID id, long batBytes) {
    ByteBuffer head = buffer(5 * VhdxDisk.KIB_64);
    head.put(0, "vhdxfileC\0r\0o\0s\0s\0d\0o\0c\0k\0".getBytes(ISO_8859_1));
    for (int number = 1; number <= 2; number++) {
      int at = number * VhdxDisk.KIB_64;
      head.putInt(at, VhdxDisk.HEAD).putLong(at + 8, number);
      Guid.put(head, at + 16, id);
      Guid.put(head, at + 32, id);
      head.putShort(at + 66, (short) 1).putInt(at + 68, (int) (METADATA - LOG));
      head.putLong(at + 72, LOG);
      seal(head, at, VhdxDisk.HEADER);
    }
    for (int at = 3 * VhdxDisk.KIB_64; at <= 4 * VhdxDisk.KIB_64; at += VhdxDisk.KIB_64) {
      head.putInt(at, VhdxDisk.REGI).putInt(at + 8, 2);
      region(head, at + 16, VhdxDisk.BAT, BAT, batBytes);
      region(head, at + 48, VhdxDisk.METADATA_REGION, METADATA, BAT - METADATA);
      seal(head, at, VhdxDisk.KIB_64);
    }
    return head;
  }

  private static void region(ByteBuffer head, int at, UUID id, long offset, long length) {
    Guid.put(head, at, id);
    head.putLong(at + 16, offset).putInt(at + 24, (int) length).putInt(at + 28, 1);
  }

  private static void seal(ByteBuffer bytes, int at, int length) {
    bytes.putInt(at + 4, VhdxDisk.crc(bytes.slice(at, length)));
  }

  /** The table of items, then the items, in 64 KiB each. */
  private static ByteBuffer metadata(long diskBytes, int unit, UUID id) {
    ByteBuffer bytes = buffer(2 * VhdxDisk.KIB_64);
    bytes.putLong(0, VhdxDisk.METADATA).putShort(10, (short) 5);
    int item = VhdxDisk.KIB_64;
    bytes.putInt(item, unit);
    entry(bytes, 0, VhdxDisk.FILE_PARAMETERS, item, 8, 0);
    bytes.putLong(item + 8, (diskBytes + SECTOR - 1) / SECTOR * SECTOR);
    entry(bytes, 1, VhdxDisk.DISK_SIZE, item + 8, 8, VIRTUAL_DISK);
    Guid.put(bytes, item + 16, id);
    entry(bytes, 2, VhdxDisk.DISK_ID, item + 16, 16, VIRTUAL_DISK);
    bytes.putInt(item + 32, SECTOR);
    entry(bytes, 3, VhdxDisk.LOGICAL_SECTOR, item + 32, 4, VIRTUAL_DISK);
    bytes.putInt(item + 36, PHYSICAL_SECTOR);
    entry(bytes, 4, VhdxDisk.PHYSICAL_SECTOR, item + 36, 4, VIRTUAL_DISK);
    return bytes;
  }

  private static void entry(
      ByteBuffer bytes, int index, UUID id, int offset, int length, int flags) {
    int at = 32 + 32 * index;
    Guid.put(bytes, at, id);
    bytes.putInt(at + 16, offset).putInt(at + 20, length);
    bytes.putInt(at + 24, flags | VhdxDisk.REQUIRED);
  }

  private static ByteBuffer buffer(int length) {
    return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
  }
}
