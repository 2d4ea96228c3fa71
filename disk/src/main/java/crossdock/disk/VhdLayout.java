package crossdock.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;

/**
 * Lays a disk out as a VHD (Virtual Hard Disk Image Format Specification 1.0). Sizes are rounded up
 * to 512 bytes, and are those that every reader takes: the creator is one whose geometry is not
 * taken for the size. No time of creation is told.
 */
final class VhdLayout {
  /** Bytes in a block. */
  static final int UNIT = 2 << 20;

  private static final int TABLE = VhdDisk.FOOTER + VhdDisk.HEADER;

  private VhdLayout() {}

  /** As the other, with the blocks in which the disk has data by its extents. */
  static Layout of(DiskSource disk, UUID id) throws IOException {
    return of(disk, Allocation.packed(disk, UNIT), id);
  }

  /**
   * A dynamic one: footer, header, block table, blocks, footer.
   *
   * @throws IllegalArgumentException for more than 2040 GiB
   */
  static Layout of(DiskSource disk, Allocation allocation, UUID id) {
    ByteBuffer footer = footer(disk.size(), VhdDisk.DYNAMIC, id);
    long units = allocation.units();
    ByteBuffer header = ByteBuffer.allocate(VhdDisk.HEADER);
    header.putLong(VhdDisk.HEADER_COOKIE).putLong(-1).putLong(TABLE).putInt(0x10000);
    header.putInt((int) units).putInt(UNIT);
    header.putInt(
        VhdDisk.HEADER_CHECKSUM, VhdDisk.checksum(header.clear(), VhdDisk.HEADER_CHECKSUM));

    ByteBuffer bitmap = ByteBuffer.allocate(VhdDisk.bitmapBytes(UNIT));
    Arrays.fill(bitmap.array(), (byte) -1);
    long stride = bitmap.capacity() + (long) UNIT;
    long entries = roundUp(units * Integer.BYTES) / Integer.BYTES;
    long slots = TABLE + entries * Integer.BYTES;
    Layout.Made table =
        BlockTable.ofInts(
            entries,
            ByteOrder.BIG_ENDIAN,
            unit -> {
              long slot = unit < units ? allocation.slot(unit) : -1;
              return slot < 0 ? VhdDisk.UNUSED : (slots + slot * stride) / VhdDisk.SECTOR;
            });
    return new Layout(
        disk,
        List.of(
            new Layout.Fixed(footer),
            new Layout.Fixed(header),
            table,
            new Layout.Slots(allocation, bitmap, allocation.slots() * stride),
            new Layout.Fixed(footer)));
  }

  /**
   * A fixed one: the disk, then a footer. What is a hole in the disk is one in the file.
   *
   * @throws IllegalArgumentException for more than 2040 GiB
   */
  static Layout fixed(DiskSource disk, UUID id) {
    ByteBuffer footer = footer(disk.size(), VhdDisk.FIXED, id);
    Layout.Slots slots =
        new Layout.Slots(
            Allocation.all(disk.size(), UNIT), ByteBuffer.allocate(0), roundUp(disk.size()));
    return new Layout(disk, List.of(slots, new Layout.Fixed(footer)));
  }

  private static ByteBuffer footer(long diskBytes, int type, UUID id) {
    long size = roundUp(diskBytes);
    if (size > VhdDisk.MOST) {
      throw new IllegalArgumentException(diskBytes + " bytes in a VHD");
    }
    ByteBuffer footer = ByteBuffer.allocate(VhdDisk.FOOTER);
    footer.putLong(VhdDisk.FOOTER_COOKIE).putInt(2).putInt(0x10000);
    footer.putLong(type == VhdDisk.FIXED ? -1 : VhdDisk.FOOTER).putInt(0);
    footer.put("win ".getBytes(ISO_8859_1)).putInt(0xa0000).put("Wi2k".getBytes(ISO_8859_1));
    footer.putLong(size).putLong(size).putInt(geometry(size / VhdDisk.SECTOR)).putInt(type);
    footer.putInt(0).putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
    int sum = VhdDisk.checksum(footer.clear(), VhdDisk.FOOTER_CHECKSUM);
    return footer.putInt(VhdDisk.FOOTER_CHECKSUM, sum);
  }

  /** Cylinders, heads and sectors as the specification's appendix computes them. */
  static int geometry(long diskSectors) {
    long total = Math.min(diskSectors, 65535L * 16 * 255);
    long sectors = 17;
    long tracks = total / sectors;
    long heads = Math.max(4, (tracks + 1023) / 1024);
    if (total >= 65535L * 16 * 63) {
      sectors = 255;
      heads = 16;
    } else {
      if (tracks >= heads * 1024 || heads > 16) {
        sectors = 31;
        heads = 16;
        tracks = total / sectors;
      }
      if (tracks >= heads * 1024) {
        sectors = 63;
        heads = 16;
      }
    }
    long cylinders = total / sectors / heads;
    return (int) ((cylinders << 16) + (heads << 8) + sectors);
  }

  private static long roundUp(long bytes) {
    return (bytes + VhdDisk.SECTOR - 1) / VhdDisk.SECTOR * VhdDisk.SECTOR;
  }
}
