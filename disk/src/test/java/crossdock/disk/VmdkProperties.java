package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.UUID;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class VmdkProperties {
  private static final UUID ID = UUID.fromString("0f6a53c8-1c60-4a86-8a32-3bb5ad2f7a11");
  private static final long MOST = 1L << 30;

  @Property(tries = 30)
  void whatIsLaidOutReadsAsTheDisk(@ForAll long seed) throws IOException {
    Random random = new Random(seed);
    MemoryDisk disk = SparseDisks.random(random, random.nextInt(4) == 0 ? 40 << 20 : 1 << 20);
    Layout layout = VmdkLayout.of(disk, ID);
    same(disk, VmdkDisk.open(ImageBytes.of(SparseDisks.bytes(layout)), MOST), random);
  }

  @Property(tries = 20)
  void grainsInTheirOwnPlacesReadAsTheDisk(@ForAll long seed) throws IOException {
    Random random = new Random(seed);
    MemoryDisk disk = SparseDisks.random(random, 4 << 20);
    int units = (int) ((disk.size() - 1) / VmdkLayout.UNIT) + 1;
    Allocation packed = Allocation.packed(disk, VmdkLayout.UNIT);
    long[] stored = new long[(units - 1) / 64 + 1];
    for (int unit = 0; unit < units; unit++) {
      if (packed.slot(unit) >= 0) {
        stored[unit / 64] |= 1L << unit;
      }
    }
    Allocation own = Allocation.inPlace(disk.size(), VmdkLayout.UNIT, stored);
    Layout layout = VmdkLayout.of(disk, own, ID);
    same(disk, VmdkDisk.open(ImageBytes.of(SparseDisks.bytes(layout)), MOST), random);
  }

  @Property(tries = 10)
  void aStreamReadsAsTheDiskAndAnyPartOfItIsMadeAgain(@ForAll long seed) throws IOException {
    Random random = new Random(seed);
    MemoryDisk disk = SparseDisks.random(random, random.nextInt(4) == 0 ? 40 << 20 : 1 << 20);
    VmdkStream stream = VmdkStreamTest.stream(disk, 1);
    byte[] all = VmdkStreamTest.written(stream, 0, Long.MAX_VALUE);
    same(disk, VmdkDisk.open(ImageBytes.of(ByteBuffer.wrap(all)), MOST), random);
    for (int n = 0; n < 3; n++) {
      int from = random.nextInt(all.length);
      int to = random.nextInt(from, all.length + 1);
      byte[] part = Arrays.copyOfRange(all, from, to);
      // By who wrote it, by who never did, and by who began and was cut off somewhere.
      assertThat(VmdkStreamTest.written(stream, from, to)).isEqualTo(part);
      assertThat(VmdkStreamTest.written(VmdkStreamTest.stream(disk, 1), from, to)).isEqualTo(part);
      VmdkStream begun = VmdkStreamTest.stream(disk, 1);
      VmdkStreamTest.written(begun, 0, random.nextInt(1, all.length + 1));
      VmdkStream resumed = VmdkStreamTest.resumed(disk, begun.ledger(), 1);
      assertThat(VmdkStreamTest.written(resumed, from, to)).isEqualTo(part);
    }
  }

  static void same(DiskSource disk, DiskSource read, Random random) throws IOException {
    assertThat(DiskHasher.matches(DiskHasher.hash(disk), read))
        .isEqualTo(new Verdict.Same((512 - disk.size() % 512) % 512));
    byte[] content = SparseDisks.bytes(disk).array();
    for (int n = 0; n < 50; n++) {
      int from = random.nextInt(content.length);
      int length = random.nextInt(Math.min(content.length - from, 300_000) + 1);
      ByteBuffer some = ByteBuffer.allocate(length);
      read.read(from, some);
      assertThat(some.flip()).isEqualTo(ByteBuffer.wrap(content, from, length));
    }
    long at = 0;
    for (Extent extent : read.extents(0, read.size())) {
      assertThat(extent.offset()).isEqualTo(at);
      at = extent.end();
      int within = (int) Math.min(extent.length(), content.length - extent.offset());
      if (extent.kind() == Extent.Kind.ZERO) {
        assertThat(Zeros.isZero(ByteBuffer.wrap(content, (int) extent.offset(), within))).isTrue();
      }
    }
    assertThat(at).isEqualTo(read.size());
  }
}
