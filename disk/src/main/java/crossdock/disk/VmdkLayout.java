package crossdock.disk;

import static crossdock.disk.VmdkHeader.SECTOR;
import static crossdock.disk.VmdkHeader.TABLE;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import crossdock.disk.Layout.Region;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.LongToIntFunction;

/**
 * A monolithicSparse VMDK, version 1, with two sets of tables as VMware makes them: all tables are
 * there, also for grains that are not. The disk is rounded up to a sector.
 */
final class VmdkLayout {
  /** Bytes in a grain. */
  static final int UNIT = 64 << 10;

  static final int GRAIN = UNIT / SECTOR;
  static final int DESCRIPTOR_SECTORS = 20;
  private static final long UNITS_A_TABLE = TABLE;
  private static final int TABLE_SECTORS = TABLE * 4 / SECTOR;
  // Tables in a stretch that is made or left out as a whole: a MiB of them, 16 GiB of the disk.
  private static final long STRETCH = 512;
  private static final long MOST_SECTORS = 1L << 32;
  // Nothing depends on it, and the file may get another one.
  private static final String NAME = "disk.vmdk";

  private final Allocation allocation;
  private final long tables;
  private final long directorySectors;

  private VmdkLayout(Allocation allocation) {
    this.allocation = allocation;
    this.tables = (allocation.units() - 1) / UNITS_A_TABLE + 1;
    this.directorySectors = (tables * 4 - 1) / SECTOR + 1;
  }

  /** With the grains in which the disk has data, front to back. */
  static Layout of(DiskSource disk, UUID id) throws IOException {
    return of(disk, Allocation.packed(disk, UNIT), id);
  }

  /**
   * @param id becomes the content's id, the end of it the CID
   * @throws IllegalArgumentException if the file would be larger than 2 TiB, or the allocation is
   *     another disk's
   */
  static Layout of(DiskSource disk, Allocation allocation, UUID id) {
    if (allocation.unitBytes() != UNIT || allocation.diskBytes() != disk.size()) {
      throw new IllegalArgumentException("not this disk in units of " + UNIT);
    }
    return new Layout(disk, new VmdkLayout(allocation).regions(id));
  }

  private List<Region> regions(UUID id) {
    long capacity = (allocation.diskBytes() - 1) / SECTOR + 1;
    long redundant = 1 + DESCRIPTOR_SECTORS;
    long set = directorySectors + tables * TABLE_SECTORS;
    long end = redundant + 2 * set;
    long overhead = (end + GRAIN - 1) / GRAIN * GRAIN;
    if (overhead + allocation.slots() * GRAIN > MOST_SECTORS) {
      throw new IllegalArgumentException("a VMDK of more than 2 TiB");
    }
    VmdkHeader header =
        new VmdkHeader(
            1,
            VmdkHeader.NEWLINE_TEST | VmdkHeader.REDUNDANT,
            capacity,
            GRAIN,
            1,
            DESCRIPTOR_SECTORS,
            redundant,
            redundant + set,
            overhead);
    String text = VmdkDescriptor.write("monolithicSparse", "RW", capacity, NAME, id);
    List<Region> regions = new ArrayList<>();
    regions.add(new Layout.Fixed(start(header, text)));
    for (long at = redundant; at < end; at += set) {
      long first = at + directorySectors;
      regions.add(
          new Layout.Made(
              directorySectors * SECTOR,
              ints(table -> table < tables ? (int) (first + table * TABLE_SECTORS) : 0)));
      addTables(regions, overhead);
    }
    regions.add(new Layout.Gap((overhead - end) * SECTOR));
    regions.add(new Layout.Slots(allocation));
    return regions;
  }

  /** The header and the descriptor behind it. */
  static ByteBuffer start(VmdkHeader header, String descriptor) {
    ByteBuffer start = ByteBuffer.allocate((1 + DESCRIPTOR_SECTORS) * SECTOR);
    return start.put(header.bytes()).put(ISO_8859_1.encode(descriptor)).rewind();
  }

  private void addTables(List<Region> regions, long overhead) {
    for (long from = 0, to; from < tables; from = to) {
      boolean used = isUsed(from);
      for (to = next(from); to < tables && isUsed(to) == used; ) {
        to = next(to);
      }
      long length = (to - from) * TABLE_SECTORS * SECTOR;
      long first = from * UNITS_A_TABLE;
      regions.add(
          used
              ? new Layout.Made(length, ints(entry -> grain(first + entry, overhead)))
              : new Layout.Gap(length));
    }
  }

  private boolean isUsed(long table) {
    return allocation.any(table * UNITS_A_TABLE, STRETCH * UNITS_A_TABLE);
  }

  private long next(long table) {
    return Math.min(tables, table + STRETCH);
  }

  private int grain(long unit, long overhead) {
    long slot = unit < allocation.units() ? allocation.slot(unit) : -1;
    return slot < 0 ? 0 : (int) (overhead + slot * GRAIN);
  }

  /** A table of little-endian numbers, by their index; any part of it. */
  private static Layout.Maker ints(LongToIntFunction entry) {
    return (offset, into) -> {
      ByteBuffer number = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
      for (long at = offset; into.hasRemaining(); at += number.remaining()) {
        number.clear().putInt(0, entry.applyAsInt(at / 4)).position((int) (at % 4));
        number.limit(Math.min(4, number.position() + into.remaining()));
        number.mark();
        into.put(number);
        number.reset();
      }
    };
  }
}
