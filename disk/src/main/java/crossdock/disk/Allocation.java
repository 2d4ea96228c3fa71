package crossdock.disk;

import java.io.IOException;
import java.util.Objects;

/**
 * Which units (clusters, grains, blocks) of a disk an image stores, and in which of its slots. An
 * image made front to back has a slot for each stored unit, in the order of the disk; one that is
 * written in any order has every unit at its own place, so that nothing must be remembered but what
 * was written. Takes a bit for each unit of the disk, and a 16th of that for counting. Immutable.
 */
public final class Allocation {
  private static final int WORDS_A_COUNT = 16;
  private static final int UNITS_A_COUNT = 64 * WORDS_A_COUNT;

  /** 32 MiB of bits: 16 TiB in units of 64 KiB. */
  private static final long MOST_UNITS = 1L << 28;

  private final long diskBytes;
  private final int unitBytes;
  private final long[] stored;
  private final long slots;
  // How many units are stored before each 1024th; empty where every unit has its own place.
  private final long[] before;

  private Allocation(long diskBytes, int unitBytes, long[] stored, boolean packed) {
    this.diskBytes = diskBytes;
    this.unitBytes = unitBytes;
    this.stored = stored;
    this.before = packed ? new long[(stored.length - 1) / WORDS_A_COUNT + 1] : new long[0];
    long count = 0;
    long last = -1;
    for (int word = 0; word < stored.length; word++) {
      if (packed && word % WORDS_A_COUNT == 0) {
        before[word / WORDS_A_COUNT] = count;
      }
      count += Long.bitCount(stored[word]);
      last = stored[word] == 0 ? last : 64L * word + 63 - Long.numberOfLeadingZeros(stored[word]);
    }
    this.slots = packed ? count : last + 1;
  }

  /**
   * The units in which a disk has data by its extents, one slot after the other.
   *
   * @throws IllegalArgumentException for more than 2^28 units
   */
  public static Allocation packed(DiskSource disk, int unitBytes) throws IOException {
    return new Allocation(disk.size(), unitBytes, stored(disk, unitBytes), true);
  }

  /** The same units, each at its own place. */
  public static Allocation inPlace(DiskSource disk, int unitBytes) throws IOException {
    return new Allocation(disk.size(), unitBytes, stored(disk, unitBytes), false);
  }

  private static long[] stored(DiskSource disk, int unitBytes) throws IOException {
    long[] stored = new long[words(disk.size(), unitBytes)];
    for (long at = 0; at < disk.size(); ) {
      Extent extent = disk.extentAt(at, disk.size() - at);
      if (extent.kind() == Extent.Kind.DATA) {
        set(stored, at / unitBytes, (extent.end() - 1) / unitBytes);
      }
      at = extent.end();
    }
    return stored;
  }

  /**
   * Units that each lie at their own place.
   *
   * @param stored a bit for each unit, the lowest first
   */
  public static Allocation inPlace(long diskBytes, int unitBytes, long[] stored) {
    if (stored.length != words(diskBytes, unitBytes)) {
      throw new IllegalArgumentException(stored.length + " words of units");
    }
    return new Allocation(diskBytes, unitBytes, stored.clone(), false);
  }

  /** All units, each at its own place: for containers that have room for the whole disk. */
  static Allocation all(long diskBytes, int unitBytes) {
    long[] stored = new long[words(diskBytes, unitBytes)];
    set(stored, 0, (diskBytes - 1) / unitBytes);
    return new Allocation(diskBytes, unitBytes, stored, false);
  }

  private static int words(long diskBytes, int unitBytes) {
    if (diskBytes <= 0 || unitBytes <= 0 || (diskBytes - 1) / unitBytes >= MOST_UNITS) {
      throw new IllegalArgumentException(diskBytes + " bytes in units of " + unitBytes);
    }
    return (int) ((diskBytes - 1) / unitBytes / 64) + 1;
  }

  private static void set(long[] stored, long first, long last) {
    for (long unit = first; unit <= last; unit++) {
      if (unit % 64 == 0 && last - unit >= 63) {
        stored[(int) (unit / 64)] = -1;
        unit += 63;
      } else {
        stored[(int) (unit / 64)] |= 1L << unit;
      }
    }
  }

  /** Virtual size in bytes. */
  public long diskBytes() {
    return diskBytes;
  }

  public int unitBytes() {
    return unitBytes;
  }

  /** Whether every unit has its own place, so that slots may be empty. */
  public boolean keepsPlaces() {
    return before.length == 0;
  }

  /** How many units the disk has; its last one may be shorter than the others. */
  public long units() {
    return (diskBytes - 1) / unitBytes + 1;
  }

  /** How many slots the image has. */
  public long slots() {
    return slots;
  }

  /** How many units are stored. */
  public long storedUnits() {
    return rank(stored.length * 64L);
  }

  /** The slot that holds a unit, or -1 where the unit is not stored. */
  public long slot(long unit) {
    Objects.checkIndex(unit, units());
    if ((stored[(int) (unit / 64)] & 1L << unit) == 0) {
      return -1;
    }
    return keepsPlaces() ? unit : rank(unit);
  }

  /** The unit that a slot holds, or -1 for a slot that is left empty. */
  public long unit(long slot) {
    Objects.checkIndex(slot, slots);
    if (keepsPlaces()) {
      return slot(slot);
    }
    int low = 0;
    int high = before.length - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (before[middle] <= slot) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    long left = slot - before[low];
    int word = low * WORDS_A_COUNT;
    while (left >= Long.bitCount(stored[word])) {
      left -= Long.bitCount(stored[word++]);
    }
    long bits = stored[word];
    for (; left > 0; left--) {
      bits &= bits - 1;
    }
    return 64L * word + Long.numberOfTrailingZeros(bits);
  }

  /** Whether any of these units is stored; those beyond the disk are not. */
  public boolean any(long firstUnit, long count) {
    long end = Math.min(units(), firstUnit + count);
    for (long unit = firstUnit; unit < end; unit++) {
      long rest = stored[(int) (unit / 64)] >>> unit;
      if (rest != 0) {
        return unit + Long.numberOfTrailingZeros(rest) < end;
      }
      unit |= 63;
    }
    return false;
  }

  private long rank(long unit) {
    int from = Math.clamp(unit / UNITS_A_COUNT, 0, Math.max(0, before.length - 1));
    long count = before.length == 0 ? 0 : before[from];
    int end = (int) (unit / 64);
    for (int word = from * WORDS_A_COUNT; word < end; word++) {
      count += Long.bitCount(stored[word]);
    }
    return unit % 64 == 0 ? count : count + Long.bitCount(stored[end] & ((1L << unit) - 1));
  }
}
