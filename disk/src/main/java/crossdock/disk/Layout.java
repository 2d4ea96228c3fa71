package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a format lays a disk out in a file, from the first byte to the last: a list of regions, one
 * of which holds the disk's bytes. All of it follows from the disk's extents, so that the file can
 * be written front to back, or in any order, or any range of it again. It is a {@link DiskSource}
 * of the file's bytes, not of the disk's. Thread-safe if the disk is; closing closes the disk.
 */
public final class Layout implements DiskSource {
  /** What a file is made of. */
  public sealed interface Region {
    /** In bytes. */
    long length();
  }

  /** Bytes known now. */
  public record Fixed(ByteBuffer bytes) implements Region {
    public Fixed(ByteBuffer bytes) {
      this.bytes = bytes.slice().asReadOnlyBuffer();
    }

    @Override
    public long length() {
      return bytes.capacity();
    }
  }

  /** Tables, made when they are read. */
  public record Made(long length, Maker maker) implements Region {}

  /** Zeros. */
  public record Gap(long length) implements Region {
    public Gap {
      if (length < 0) {
        throw new IllegalArgumentException("a gap of " + length + " bytes");
      }
    }
  }

  /**
   * The stored units of the disk, a slot each.
   *
   * @param before what each slot begins with; then comes the unit, with zeros beyond the disk's end
   * @param length where it ends: beyond the last slot there are zeros, and the last may be cut
   */
  public record Slots(Allocation allocation, ByteBuffer before, long length) implements Region {
    public Slots(Allocation allocation, ByteBuffer before, long length) {
      this.allocation = allocation;
      this.before = before.slice().asReadOnlyBuffer();
      this.length = length;
    }

    /** Whole slots of nothing but their units. */
    public Slots(Allocation allocation) {
      this(allocation, ByteBuffer.allocate(0), allocation.slots() * allocation.unitBytes());
    }

    /** From one slot to the next. */
    public long stride() {
      return before.capacity() + (long) allocation.unitBytes();
    }
  }

  /** Makes any part of a region; called from any thread. */
  @FunctionalInterface
  public interface Maker {
    /** Fills what remains of the buffer with the bytes from that offset in the region. */
    void make(long offset, ByteBuffer into) throws IOException;
  }

  private record Placed(long offset, Region region) {
    long end() {
      return offset + region.length();
    }
  }

  private final DiskSource disk;
  private final List<Placed> regions = new ArrayList<>();
  private final long size;
  private final Placed slots;

  /**
   * @throws IllegalArgumentException unless exactly one region has slots
   */
  public Layout(DiskSource disk, List<Region> regions) {
    this.disk = disk;
    long at = 0;
    @Nullable Placed found = null;
    for (Region region : regions) {
      if (region.length() == 0 && !(region instanceof Slots)) {
        continue;
      }
      Placed placed = new Placed(at, region);
      this.regions.add(placed);
      at = placed.end();
      if (region instanceof Slots) {
        if (found != null) {
          throw new IllegalArgumentException("two regions of slots");
        }
        found = placed;
      }
    }
    if (found == null) {
      throw new IllegalArgumentException("no region of slots");
    }
    this.slots = found;
    this.size = at;
  }

  /** The disk that is laid out. */
  public DiskSource disk() {
    return disk;
  }

  /** The file's length in bytes. */
  @Override
  public long size() {
    return size;
  }

  /** Where in the file the slots begin. */
  public long slotsOffset() {
    return slots.offset();
  }

  /** Where in the file the slots end. */
  public long slotsEnd() {
    return slots.end();
  }

  /** The one region of slots. */
  public Slots slots() {
    return (Slots) slots.region();
  }

  @Override
  public Extent extentAt(long offset, long atMost) throws IOException {
    Placed placed = at(Objects.checkIndex(offset, size));
    long most = Math.min(atMost, placed.end() - offset);
    long within = offset - placed.offset();
    return switch (placed.region()) {
      case Fixed _, Made _ -> new Extent(offset, most, Extent.Kind.DATA);
      case Gap _ -> new Extent(offset, most, Extent.Kind.ZERO);
      case Slots s -> {
        Piece piece = Piece.at(s, within);
        long length = Math.min(most, piece.length());
        if (piece.kind() == Piece.Kind.DISK) {
          Extent extent = disk.extentAt(piece.from(), length);
          yield new Extent(offset, extent.length(), extent.kind());
        }
        boolean zero = piece.kind() == Piece.Kind.ZERO;
        yield new Extent(offset, length, zero ? Extent.Kind.ZERO : Extent.Kind.DATA);
      }
    };
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, into.remaining(), size);
    int end = into.limit();
    long at = offset;
    while (into.position() < end) {
      Placed placed = at(at);
      long within = at - placed.offset();
      int part = (int) Math.min(end - into.position(), placed.end() - at);
      if (placed.region() instanceof Slots s) {
        part = (int) Math.min(part, Piece.at(s, within).length());
      }
      int next = into.position() + part;
      into.limit(next);
      switch (placed.region()) {
        case Fixed fixed -> into.put(fixed.bytes().slice((int) within, part));
        case Made made -> made.maker().make(within, into);
        case Gap _ -> zero(into);
        case Slots s -> {
          Piece piece = Piece.at(s, within);
          switch (piece.kind()) {
            case BEFORE -> into.put(s.before().slice((int) piece.from(), part));
            case DISK -> disk.read(piece.from(), into);
            case ZERO -> zero(into);
          }
        }
      }
      if (into.position() != next) {
        throw new IllegalStateException("a region is not filled at " + at);
      }
      into.limit(end);
      at += part;
    }
  }

  private static void zero(ByteBuffer into) {
    while (into.hasRemaining()) {
      into.put(Zeros.of(Math.min(into.remaining(), Manifest.CHUNK)));
    }
  }

  private Placed at(long offset) {
    for (Placed placed : regions) {
      if (offset < placed.end()) {
        return placed;
      }
    }
    throw new IndexOutOfBoundsException(offset + " of " + size);
  }

  @Override
  public void close() throws IOException {
    disk.close();
  }

  /**
   * What one place in the slots holds.
   *
   * @param from in what comes before a slot, or in the disk
   * @param length until something else follows
   */
  private record Piece(Kind kind, long from, long length) {
    enum Kind {
      BEFORE,
      DISK,
      ZERO
    }

    static Piece at(Slots slots, long within) {
      Allocation allocation = slots.allocation();
      long slot = within / slots.stride();
      if (slot >= allocation.slots()) {
        return new Piece(Kind.ZERO, 0, slots.length() - within);
      }
      long inSlot = within % slots.stride();
      long unit = allocation.unit(slot);
      if (unit < 0) {
        return new Piece(Kind.ZERO, 0, slots.stride() - inSlot);
      }
      int before = slots.before().capacity();
      if (inSlot < before) {
        return new Piece(Kind.BEFORE, inSlot, before - inSlot);
      }
      long from = unit * allocation.unitBytes() + inSlot - before;
      long end = Math.min(allocation.diskBytes(), (unit + 1) * allocation.unitBytes());
      return from < end
          ? new Piece(Kind.DISK, from, end - from)
          : new Piece(Kind.ZERO, 0, slots.stride() - inSlot);
    }
  }
}
