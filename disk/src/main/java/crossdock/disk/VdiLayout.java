package crossdock.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.UUID;

/** Lays a disk out as a VDI of version 1.1. Sizes are rounded up to 512 bytes. */
final class VdiLayout {
  /** Bytes in a block. */
  static final int UNIT = 1 << 20;

  private VdiLayout() {}

  /** As the other, with the blocks in which the disk has data by its extents. */
  static Layout of(DiskSource disk, UUID id) throws IOException {
    return of(disk, Allocation.packed(disk, UNIT), id);
  }

  /** A dynamic one: header, block map, blocks. */
  static Layout of(DiskSource disk, Allocation allocation, UUID id) {
    return of(disk, allocation, VdiDisk.DYNAMIC, id);
  }

  /** A static one: all blocks are there. What is a hole in the disk is one in the file. */
  static Layout fixed(DiskSource disk, UUID id) {
    return of(disk, Allocation.all(disk.size(), UNIT), VdiDisk.STATIC, id);
  }

  private static Layout of(DiskSource disk, Allocation allocation, int type, UUID id) {
    Layout.Made map =
        BlockTable.ofInts(allocation.units(), ByteOrder.LITTLE_ENDIAN, allocation::slot);
    int mapEnd = Math.toIntExact(VdiDisk.SECTOR + map.length());
    // As VirtualBox does, so that blocks are as well aligned in the file as in the disk.
    int data = (mapEnd + UNIT - 1) / UNIT * UNIT;
    ByteBuffer header = ByteBuffer.allocate(VdiDisk.SECTOR).order(ByteOrder.LITTLE_ENDIAN);
    header.put(0, "<<< Oracle VM VirtualBox Disk Image >>>\n".getBytes(ISO_8859_1));
    header.putInt(64, VdiDisk.SIGNATURE).putInt(68, VdiDisk.VERSION).putInt(72, 400);
    header.putInt(76, type).putInt(340, VdiDisk.SECTOR).putInt(344, data);
    header.putInt(360, VdiDisk.SECTOR).putLong(368, (disk.size() + 511) / 512 * 512);
    header.putInt(376, UNIT).putInt(384, (int) allocation.units());
    header.putInt(388, (int) allocation.storedUnits());
    Guid.put(header, 392, id);
    Guid.put(header, 408, id);
    return new Layout(
        disk,
        List.of(
            new Layout.Fixed(header),
            map,
            new Layout.Gap(data - mapEnd),
            new Layout.Slots(allocation)));
  }
}
