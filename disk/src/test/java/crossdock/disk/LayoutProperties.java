package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class LayoutProperties {
  @Property(tries = 200)
  void unitsAndSlotsAreEachOthersInverse(
      @ForAll @IntRange(min = 1, max = 5000) int units, @ForAll long seed) throws IOException {
    Random random = new Random(seed);
    boolean[] data = new boolean[units];
    for (int unit = 0; unit < units; unit++) {
      data[unit] = random.nextInt(3) == 0;
    }
    int unitBytes = 16;
    Allocation packed = Allocation.packed(disk(data, unitBytes), unitBytes);
    long[] bits = new long[(units - 1) / 64 + 1];
    long slot = 0;
    int last = -1;
    for (int unit = 0; unit < units; unit++) {
      assertThat(packed.slot(unit)).isEqualTo(data[unit] ? slot : -1);
      if (data[unit]) {
        assertThat(packed.unit(slot++)).isEqualTo(unit);
        bits[unit / 64] |= 1L << unit;
        last = unit;
      }
      int from = random.nextInt(units);
      int count = random.nextInt(units);
      assertThat(packed.any(from, count)).isEqualTo(any(data, from, count));
    }
    assertThat(packed.slots()).isEqualTo(slot);
    assertThat(packed.storedUnits()).isEqualTo(slot);
    Allocation inPlace = Allocation.inPlace((long) units * unitBytes, unitBytes, bits);
    assertThat(inPlace.slots()).isEqualTo(last + 1);
    assertThat(inPlace.storedUnits()).isEqualTo(slot);
    for (int unit = 0; unit < units; unit++) {
      assertThat(inPlace.slot(unit)).isEqualTo(data[unit] ? unit : -1);
      if (unit <= last) {
        assertThat(inPlace.unit(unit)).isEqualTo(data[unit] ? unit : -1);
      }
    }
  }

  @Property(tries = 200)
  void everyRangeReadsAsTheWholeDoes(
      @ForAll @IntRange(min = 1, max = 40) int units,
      @ForAll @IntRange(min = 0, max = 15) int missing,
      @ForAll @IntRange(min = 0, max = 9) int before,
      @ForAll boolean inPlace,
      @ForAll long seed)
      throws IOException {
    Random random = new Random(seed);
    int unitBytes = 16;
    byte[] content = new byte[units * unitBytes - missing];
    long[] bits = new long[1];
    ByteArrayOutputStream expected = new ByteArrayOutputStream();
    byte[] head = new byte[random.nextInt(20)];
    byte[] prefix = new byte[before];
    random.nextBytes(head);
    random.nextBytes(prefix);
    expected.write(head);
    for (int unit = 0; unit < units; unit++) {
      if (random.nextBoolean()) {
        int at = unit * unitBytes;
        byte[] bytes = new byte[Math.min(unitBytes, content.length - at)];
        random.nextBytes(bytes);
        System.arraycopy(bytes, 0, content, at, bytes.length);
        bits[0] |= 1L << unit;
        expected.write(prefix);
        expected.write(bytes);
        expected.write(new byte[unitBytes - bytes.length]);
      } else if (inPlace) {
        expected.write(new byte[unitBytes + before]);
      }
    }
    DiskSource disk = MemoryDisk.allData(content);
    Allocation allocation = Allocation.inPlace(content.length, unitBytes, bits);
    if (!inPlace) {
      boolean[] data = new boolean[units];
      for (int unit = 0; unit < units; unit++) {
        data[unit] = (bits[0] & 1L << unit) != 0;
      }
      allocation = Allocation.packed(cut(disk(data, unitBytes), content.length), unitBytes);
    }
    long slots = allocation.slots() * (unitBytes + before) + random.nextInt(5);
    byte[] all = expected.toByteArray();
    byte[] tail = {1, 2, 3};
    byte[] whole = new byte[head.length + (int) slots + 5 + tail.length];
    System.arraycopy(all, 0, whole, 0, Math.min(all.length, head.length + (int) slots));
    System.arraycopy(tail, 0, whole, whole.length - 3, 3);
    List<Layout.Region> regions = new ArrayList<>();
    regions.add(
        new Layout.Made(head.length, (at, into) -> into.put(head, (int) at, into.remaining())));
    regions.add(new Layout.Slots(allocation, ByteBuffer.wrap(prefix), slots));
    regions.add(new Layout.Gap(5));
    regions.add(new Layout.Fixed(ByteBuffer.wrap(tail)));
    Layout layout = new Layout(disk, regions);
    assertThat(layout.size()).isEqualTo(whole.length);
    for (int n = 0; n < 50; n++) {
      int from = n == 0 ? 0 : random.nextInt(whole.length);
      int length = n == 0 ? whole.length : random.nextInt(whole.length - from + 1);
      ByteBuffer read = ByteBuffer.allocate(length);
      layout.read(from, read);
      assertThat(read.flip()).isEqualTo(ByteBuffer.wrap(whole, from, length));
    }
    for (Extent extent : layout.extents(0, whole.length)) {
      if (extent.kind() == Extent.Kind.ZERO) {
        byte[] zeros = new byte[(int) extent.length()];
        assertThat(ByteBuffer.wrap(whole, (int) extent.offset(), zeros.length))
            .isEqualTo(ByteBuffer.wrap(zeros));
      }
    }
  }

  private static boolean any(boolean[] data, int from, int count) {
    for (int unit = from; unit < Math.min(data.length, from + count); unit++) {
      if (data[unit]) {
        return true;
      }
    }
    return false;
  }

  /** A disk that knows where its data is, and has none. */
  private static DiskSource disk(boolean[] data, int unitBytes) {
    return new DiskSource() {
      @Override
      public long size() {
        return (long) data.length * unitBytes;
      }

      @Override
      public Extent extentAt(long offset, long atMost) {
        int unit = (int) (offset / unitBytes);
        long length = Math.min(atMost, (unit + 1L) * unitBytes - offset);
        return new Extent(offset, length, data[unit] ? Extent.Kind.DATA : Extent.Kind.ZERO);
      }

      @Override
      public void read(long offset, ByteBuffer into) {
        throw new AssertionError("not read");
      }

      @Override
      public void close() {}
    };
  }

  private static DiskSource cut(DiskSource disk, long size) {
    return new DiskSource() {
      @Override
      public long size() {
        return size;
      }

      @Override
      public Extent extentAt(long offset, long atMost) throws IOException {
        return disk.extentAt(offset, Math.min(atMost, size - offset));
      }

      @Override
      public void read(long offset, ByteBuffer into) throws IOException {
        disk.read(offset, into);
      }

      @Override
      public void close() {}
    };
  }
}
