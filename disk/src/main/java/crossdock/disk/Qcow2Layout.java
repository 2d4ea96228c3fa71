package crossdock.disk;

import static crossdock.disk.Qcow2Entries.COPIED;

import crossdock.disk.Layout.Fixed;
import crossdock.disk.Layout.Gap;
import crossdock.disk.Layout.Made;
import crossdock.disk.Layout.Region;
import crossdock.disk.Layout.Slots;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.function.LongUnaryOperator;
import java.util.stream.IntStream;

/**
 * A disk as a qcow2 of version 3, uncompressed, in clusters of 64 KiB with refcounts of 16 bits:
 * header, refcount table, L1 table, L2 tables, refcount blocks, data. Where every unit has its own
 * place, the data comes before the L2 tables, so that where it begins depends on nothing but the
 * disk's size. Tables and blocks that would tell nothing are left out.
 */
final class Qcow2Layout {
  /** Bytes in a cluster. */
  static final int UNIT = 1 << 16;

  /** How many clusters an L2 table maps, and how many tables as many L1 entries name. */
  static final int ENTRIES = UNIT / 8;

  /** How many clusters a refcount block counts. */
  static final int COUNTS = UNIT / 2;

  private static final long MOST_DISK_BYTES = 1L << 50;

  private final Allocation allocation;
  private final Qcow2Header header;
  private final long slots;
  // Of the L2 tables and of the refcount blocks, those that are there.
  private final int[] tables;
  private int[] blocks = {};

  // In clusters.
  private final long front;
  private long tablesAt;
  private long blocksAt;
  private long slotsAt;
  private long end;

  private Qcow2Layout(Allocation allocation) {
    this.allocation = allocation;
    this.slots = allocation.slots();
    this.header = header(allocation.diskBytes(), Qcow2Header.Compression.DEFLATE);
    this.front = front(header);
    this.tables =
        those(header.l1Entries(), table -> allocation.any((long) table * ENTRIES, ENTRIES));
    place();
    // Blocks count themselves, too.
    for (int[] more = blocks(); more.length > blocks.length; more = blocks()) {
      blocks = more;
      place();
    }
  }

  /** Only the units in which the disk's extents have data are stored, one after the other. */
  static Layout of(DiskSource disk) throws IOException {
    return of(disk, Allocation.packed(disk, UNIT));
  }

  /**
   * @throws IllegalArgumentException if the allocation is not one of that disk in clusters
   */
  static Layout of(DiskSource disk, Allocation allocation) {
    if (allocation.unitBytes() != UNIT || allocation.diskBytes() != disk.size()) {
      throw new IllegalArgumentException("an allocation of another disk or in other units");
    }
    return new Layout(disk, new Qcow2Layout(allocation).regions());
  }

  /**
   * What the header says of a disk; the refcount table comes first after it, then the L1 table.
   *
   * @throws IllegalArgumentException for a disk of more than 1 PiB
   */
  static Qcow2Header header(long diskBytes, Qcow2Header.Compression compression) {
    if (diskBytes <= 0 || diskBytes > MOST_DISK_BYTES) {
      throw new IllegalArgumentException("a disk of " + diskBytes + " bytes");
    }
    long units = Math.ceilDiv(diskBytes, UNIT);
    // Enough whatever is stored.
    long mostUnits = units + units / ENTRIES + units / COUNTS + 1000;
    long refcountTableBytes = (mostUnits / COUNTS / ENTRIES + 1) * UNIT;
    return new Qcow2Header(
        3,
        16,
        // QEMU counts sectors, and would not see what is left of one.
        Math.ceilDiv(diskBytes, 512) * 512,
        UNIT + refcountTableBytes,
        (int) Math.ceilDiv(units, ENTRIES),
        UNIT,
        refcountTableBytes,
        4,
        0,
        0,
        false,
        compression,
        false,
        false);
  }

  /** Where the L1 table ends, in clusters. */
  static long front(Qcow2Header header) {
    return header.l1Offset() / UNIT + Math.ceilDiv(header.l1Entries(), ENTRIES);
  }

  private void place() {
    if (allocation.keepsPlaces()) {
      slotsAt = front;
      tablesAt = slotsAt + slots;
    } else {
      tablesAt = front;
      slotsAt = tablesAt + tables.length + blocks.length;
    }
    blocksAt = tablesAt + tables.length;
    end = Math.max(slotsAt + slots, blocksAt + blocks.length);
  }

  private List<Region> regions() {
    ByteBuffer bytes = header.toBytes();
    List<Region> regions = new ArrayList<>();
    regions.add(new Fixed(bytes));
    regions.add(new Gap(UNIT - bytes.capacity()));
    regions.add(
        table(
            header.refcountTableBytes() / UNIT,
            8,
            index -> {
              int block = find(blocks, index);
              return block < 0 ? 0 : (blocksAt + block) * UNIT;
            }));
    regions.add(
        table(
            front - header.l1Offset() / UNIT,
            8,
            index -> {
              int table = find(tables, index);
              return table < 0 ? 0 : (tablesAt + table) * UNIT | COPIED;
            }));
    if (allocation.keepsPlaces()) {
      regions.add(new Slots(allocation));
    }
    regions.add(
        table(
            tables.length,
            8,
            index -> {
              long unit = (long) tables[(int) (index / ENTRIES)] * ENTRIES + index % ENTRIES;
              long slot = unit < allocation.units() ? allocation.slot(unit) : -1;
              return slot < 0 ? 0 : (slotsAt + slot) * UNIT | COPIED;
            }));
    regions.add(
        table(
            blocks.length,
            2,
            index -> {
              long cluster = (long) blocks[(int) (index / COUNTS)] * COUNTS + index % COUNTS;
              return isUsed(cluster) ? 1 : 0;
            }));
    if (!allocation.keepsPlaces()) {
      regions.add(new Slots(allocation));
    }
    return regions;
  }

  private int[] blocks() {
    return those((int) ((end - 1) / COUNTS) + 1, this::isAnyUsed);
  }

  private boolean isAnyUsed(int block) {
    long from = (long) block * COUNTS;
    long to = Math.min(end, from + COUNTS);
    if (!allocation.keepsPlaces() || from < slotsAt || to > slotsAt + slots) {
      return true;
    }
    return allocation.any(from - slotsAt, to - from);
  }

  private boolean isUsed(long cluster) {
    long slot = cluster - slotsAt;
    boolean mayBeEmpty = allocation.keepsPlaces() && slot >= 0 && slot < slots;
    return mayBeEmpty ? allocation.slot(slot) >= 0 : cluster < end;
  }

  private static int[] those(int count, IntPredicate predicate) {
    return IntStream.range(0, count).filter(predicate).toArray();
  }

  /** Where a number is among some, or something negative. */
  private static int find(int[] numbers, long number) {
    return Arrays.binarySearch(numbers, (int) Math.min(number, Integer.MAX_VALUE));
  }

  /** Clusters of entries, each of them a big-endian number of that many bytes. */
  private static Made table(long clusters, int width, LongUnaryOperator entry) {
    return new Made(
        clusters * UNIT,
        (offset, into) -> {
          long at = offset;
          while (into.hasRemaining()) {
            long value = entry.applyAsLong(at / width);
            int from = (int) (at % width);
            if (from == 0 && width == 8 && into.remaining() >= 8) {
              into.putLong(value);
              at += 8;
              continue;
            }
            for (int i = from; i < width && into.hasRemaining(); i++, at++) {
              into.put((byte) (value >>> (8 * (width - 1 - i))));
            }
          }
        });
  }
}
