package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.BadImageException.Reason;
import crossdock.disk.Finding.Kind;
import crossdock.disk.Qcow2Fixtures.Small;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class Qcow2Test {
  private static final long MOST = 1L << 40;
  private static final Small PLAIN = Small.DEFLATE;
  private static final int L2 = PLAIN.l2;

  @ParameterizedTest
  @EnumSource
  void everyKindOfClusterIsRead(Small small) throws IOException {
    byte[] expected = small.disk();
    try (Qcow2Disk disk = open(small.image())) {
      assertThat(all(disk)).isEqualTo(expected);
      for (int from = 0; from < 6 * small.cluster; from += small.cluster / 3) {
        ByteBuffer some = ByteBuffer.allocateDirect(small.cluster + 5);
        disk.read(from, some);
        assertThat(some.flip()).isEqualTo(ByteBuffer.wrap(expected, from, small.cluster + 5));
      }
      long end = 6L * small.cluster;
      assertThat(disk.extentAt(end, MOST))
          .isEqualTo(new Extent(end, expected.length - 512 - end, Extent.Kind.ZERO));
      assertThat(disk.extentAt(0, 10)).isEqualTo(new Extent(0, 10, Extent.Kind.DATA));
    }
    assertThat(Qcow2Check.check(ImageBytes.of(small.image()), MOST)).isEmpty();
  }

  @Test
  void neighboursInTheFileAreReadAtOnce() throws IOException {
    List<Integer> reads = new ArrayList<>();
    ByteBuffer file = whole(Qcow2Layout.of(MemoryDisk.allData(noise(3 << 20))));
    ImageBytes image =
        new ImageBytes(
            file.capacity(),
            (into, offset) -> {
              int length = into.remaining();
              reads.add(length);
              into.put(file.slice((int) offset, length));
              return length;
            },
            () -> {});
    try (Qcow2Disk disk = Qcow2Disk.open(image, MOST)) {
      disk.read(0, ByteBuffer.allocate(1));
      reads.clear();
      disk.read(1000, ByteBuffer.allocate(2 << 20));
      assertThat(reads).containsExactly(2 << 20);
    }
  }

  @Test
  void manyThreadsReadAtOnce() throws Exception {
    byte[] expected = Small.ZSTD.disk();
    try (Qcow2Disk disk = open(Small.ZSTD.image());
        ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Future<byte[]>> reads = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        reads.add(threads.submit(() -> all(disk)));
      }
      for (Future<byte[]> read : reads) {
        assertThat(read.get()).isEqualTo(expected);
      }
    }
  }

  @Test
  void whatTheFileLacksOfItsLastClusterIsZero() throws IOException {
    ByteBuffer image = PLAIN.image();
    image.putLong(L2, 9 * 512 | Qcow2Entries.COPIED);
    image.put(9 * 512, new byte[] {1, 2, 3});
    try (Qcow2Disk disk = open(image.slice(0, 9 * 512 + 2))) {
      ByteBuffer first = ByteBuffer.allocate(512);
      disk.read(0, first);
      assertThat(first.array()).startsWith(1, 2, 0, 0).endsWith(0);
      first.clear();
      disk.read(1, first.limit(511));
      assertThat(first.array()).startsWith(2, 0, 0);
    }
  }

  @Test
  void rangesOutsideTheDiskAreRefused() throws IOException {
    try (Qcow2Disk disk = open(PLAIN.image())) {
      long size = disk.size();
      assertThatThrownBy(() -> disk.read(size - 1, ByteBuffer.allocate(2)))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> disk.extentAt(size, 1))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> disk.extentAt(0, 0)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void directoriesThatAreNotRightAreRefusedWhenItIsOpened() {
    opened(Reason.BAD_FIELD, i -> i.putLong(40, 512)); // on the refcount table
    opened(Reason.BAD_FIELD, i -> i.putLong(40, 0));
    opened(Reason.BAD_FIELD, i -> i.putInt(60, 1).putLong(64, 3 * 512)); // snapshots on the L1
    opened(Reason.BAD_FIELD, i -> i.putLong(PLAIN.l1, 4 * 512 + 1));
    opened(Reason.BAD_FIELD, i -> i.putLong(PLAIN.l1, 4 * 512 | 1L << 60));
    opened(Reason.BAD_FIELD, i -> i.putLong(PLAIN.l1, 3 * 512)); // on the L1 itself
    opened(Reason.TRUNCATED, i -> i.putLong(PLAIN.l1, 10 * 512));
    opened(Reason.TRUNCATED, i -> i.putLong(PLAIN.l1 + 8, 1L << 50));
  }

  @Test
  void entriesThatAreNotRightAreRefusedWhenTheyAreUsed() {
    read(PLAIN, Reason.BAD_FIELD, i -> i.putLong(L2, 5 * 512 | 2));
    read(PLAIN, Reason.BAD_FIELD, i -> i.putLong(L2, 5 * 512 | 1L << 56));
    read(PLAIN, Reason.BAD_FIELD, i -> i.putLong(L2, 2 * 512 - 8));
    read(PLAIN, Reason.BAD_FIELD, i -> i.putLong(L2, 512));
    read(PLAIN, Reason.TRUNCATED, i -> i.putLong(L2, 10 * 512));
    read(PLAIN, Reason.TRUNCATED, i -> i.putLong(L2, 1L << 55));
    read(Small.V2, Reason.BAD_FIELD, i -> i.putLong(Small.V2.l2, 5 * 512 | 1));
    Small extended = Small.EXTENDED;
    read(extended, Reason.BAD_FIELD, i -> i.putLong(extended.l2 + 8, 0x1_0000_0001L));
    read(extended, Reason.BAD_FIELD, i -> i.putLong(extended.l2, 0));
    read(extended, Reason.BAD_FIELD, i -> i.putLong(extended.l2, extended.data(0) | 1));
    read(extended, Reason.BAD_FIELD, i -> i.putLong(extended.l2, extended.data(0) + 8192));
  }

  @Test
  void compressedClustersThatAreNotRightAreRefused() {
    long compressed = Qcow2Entries.COMPRESSED;
    for (Small small : Small.values()) {
      int entry = small.l2 + 4 * small.entry;
      read(small, Reason.TRUNCATED, i -> i.putLong(entry, compressed | 10L * small.cluster));
      read(small, Reason.BAD_FIELD, i -> i.putLong(entry, compressed | 100));
      read(small, Reason.BAD_FIELD, i -> i.putLong(entry, compressed | (small.l1 + 100)));
      read(small, Reason.BAD_FIELD, i -> i.putLong(small.compressed(), -1));
      // The file ends in it.
      read(small, Reason.TRUNCATED, i -> i.limit(small.compressed() + 20));
    }
    read(PLAIN, Reason.BAD_FIELD, i -> i.putLong(L2 + 32, compressed | 1L << 58 | 9 * 512));
    // All of it is there, but the entry says less.
    read(PLAIN, Reason.BAD_FIELD, i -> i.putLong(L2 + 32, compressed | PLAIN.compressed()));
  }

  @Test
  void aHugeDiskWithLittleDataCostsLittle() throws IOException {
    long size = 15L << 40;
    try (SparseDisk disk = new SparseDisk(size)) {
      for (long at = 0; at < size; at += size / 50) {
        disk.put(at, 70_000);
      }
      Layout packed = Qcow2Layout.of(disk);
      assertThat(packed.size()).isLessThan(12 << 20);
      same(disk, packed);
      long[] bits = new long[(int) (size / Qcow2Layout.UNIT / 64)];
      Allocation allocation = packed.slots().allocation();
      for (long slot = 0; slot < allocation.slots(); slot++) {
        long unit = allocation.unit(slot);
        bits[(int) (unit / 64)] |= 1L << unit;
      }
      Layout inPlace = Qcow2Layout.of(disk, Allocation.inPlace(size, Qcow2Layout.UNIT, bits));
      assertThat(inPlace.slotsOffset()).isLessThan(1 << 20);
      assertThat(inPlace.size() - inPlace.slotsEnd()).isLessThan(12 << 20);
      same(disk, inPlace);
    }
  }

  @Test
  void whatIsNotADiskOfThatFormatIsNotLaidOut() throws IOException {
    DiskSource disk = MemoryDisk.allData(new byte[1 << 20]);
    for (Allocation other :
        List.of(
            Allocation.packed(disk, 4096),
            Allocation.packed(MemoryDisk.allData(new byte[1]), Qcow2Layout.UNIT))) {
      assertThatThrownBy(() -> Qcow2Layout.of(disk, other))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> Qcow2Layout.header((1L << 50) + 1, Qcow2Header.Compression.DEFLATE))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void theCheckFindsWhatIsWrong() throws IOException {
    found(Kind.BROKEN, 5 * 512, i -> PLAIN.count(i, 5, 0));
    found(Kind.LEAK, 6 * 512, i -> i.putLong(L2, 0));
    found(Kind.BROKEN, L2, i -> i.putLong(L2, 6 * 512)); // not marked
    found(Kind.BROKEN, 512, i -> i.putLong(512, 0));
    found(Kind.BROKEN, 512, i -> i.putLong(512, 3));
    found(Kind.BROKEN, 512, i -> i.putLong(512, 10 * 512));
    found(Kind.BROKEN, 4 * 512, i -> i.putLong(512, 4 * 512)); // refcounts on the L2 table
    found(Kind.BROKEN, 4 * 512, i -> i.putLong(PLAIN.l1 + 8, 4 * 512));
    found(Kind.BROKEN, L2 + 24, i -> i.putLong(L2 + 24, 4 * 512)); // data on the L2 table
    found(Kind.BROKEN, 99 * 512, i -> i.putLong(L2 + 24, 99 * 512));
    found(Kind.BROKEN, PLAIN.l1 + 8, i -> i.putLong(PLAIN.l1 + 8, 1));
    found(Kind.BROKEN, L2 + 32, i -> i.putLong(L2 + 32, i.getLong(L2 + 32) | Qcow2Entries.COPIED));
  }

  @Test
  void refcountsOfEveryWidthAreUnderstood() throws IOException {
    for (Small small : Small.values()) {
      ByteBuffer image = small.image();
      small.count(image, 5, 0);
      assertThat(Qcow2Check.check(ImageBytes.of(image), MOST))
          .contains(new Finding(Kind.BROKEN, small.data(0), "used 1 times, and its refcount is 0"));
    }
  }

  private static void opened(Reason reason, Consumer<ByteBuffer> change) {
    ByteBuffer image = PLAIN.image();
    change.accept(image);
    assertThatThrownBy(() -> open(image))
        .isInstanceOfSatisfying(
            BadImageException.class,
            e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason));
  }

  private static void read(Small small, Reason reason, Consumer<ByteBuffer> change) {
    ByteBuffer image = small.image();
    change.accept(image);
    assertThatThrownBy(
            () -> {
              try (Qcow2Disk disk = open(image.slice(0, image.limit()))) {
                all(disk);
              }
            })
        .isInstanceOfSatisfying(
            BadImageException.class,
            e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason));
  }

  private static void found(Kind kind, long offset, Consumer<ByteBuffer> change)
      throws IOException {
    ByteBuffer image = PLAIN.image();
    change.accept(image);
    assertThat(Qcow2Check.check(ImageBytes.of(image), MOST))
        .anySatisfy(
            finding -> {
              assertThat(finding.kind()).isEqualTo(kind);
              assertThat(finding.offset()).isEqualTo(offset);
            });
  }

  private static void same(SparseDisk disk, Layout layout) throws IOException {
    ImageBytes file =
        new ImageBytes(
            layout.size(),
            (into, offset) -> {
              int length = into.remaining();
              layout.read(offset, into);
              return length;
            },
            () -> {});
    try (Qcow2Disk read = Qcow2Disk.open(file, 1L << 50)) {
      for (Extent extent : read.extents(0, read.size())) {
        if (extent.kind() == Extent.Kind.DATA) {
          ByteBuffer expected = ByteBuffer.allocate((int) extent.length());
          ByteBuffer found = ByteBuffer.allocate((int) extent.length());
          disk.read(extent.offset(), expected);
          read.read(extent.offset(), found);
          assertThat(found.flip()).isEqualTo(expected.flip());
        } else {
          Extent there = disk.extentAt(extent.offset(), extent.length());
          assertThat(there.kind()).isEqualTo(Extent.Kind.ZERO);
          assertThat(there.length()).isEqualTo(extent.length());
        }
      }
    }
  }

  private static ByteBuffer whole(Layout layout) throws IOException {
    ByteBuffer file = ByteBuffer.allocate((int) layout.size());
    layout.read(0, file);
    return file;
  }

  private static byte[] noise(int length) {
    byte[] noise = new byte[length];
    new Random(1).nextBytes(noise);
    return noise;
  }

  private static Qcow2Disk open(ByteBuffer image) throws IOException {
    return Qcow2Disk.open(ImageBytes.of(image), MOST);
  }

  private static byte[] all(Qcow2Disk disk) throws IOException {
    byte[] all = new byte[(int) disk.size()];
    Arrays.fill(all, (byte) 9);
    disk.read(0, ByteBuffer.wrap(all));
    return all;
  }
}
