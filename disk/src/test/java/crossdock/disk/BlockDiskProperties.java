package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;

class BlockDiskProperties {
  private static final long MOST = 1L << 50;

  @Property(tries = 150)
  void whatIsLaidOutIsReadBack(
      @ForAll BlockFormat format,
      @ForAll boolean inPlace,
      @ForAll @LongRange(min = 1, max = 20_000_000) long size,
      @ForAll long seed)
      throws IOException {
    Random random = new Random(seed);
    SparseDisk source = SparseDisk.random(size, random.nextInt(8), 3_000_000, random);
    Layout layout = inPlace ? format.layInPlace(source) : format.lay(source);
    try (MappedDisk disk = format.open(BlockFormat.image(layout), MOST)) {
      disk.walk();
      assertThat(disk.size() % 512).isZero();
      assertThat(DiskHasher.matches(DiskHasher.hash(source), disk))
          .isEqualTo(new Verdict.Same(disk.size() - size));
      assertThat(disk.size() - size).isLessThan(512);
      for (int n = 0; n < 20; n++) {
        long from = random.nextLong(size);
        int length = (int) random.nextLong(Math.min(4_000_000, size - from) + 1);
        assertThat(read(disk, from, length)).isEqualTo(read(source, from, length));
      }
      for (Extent extent : disk.extents(0, size)) {
        if (extent.kind() == Extent.Kind.ZERO) {
          assertThat(Zeros.isZero(read(source, extent.offset(), (int) extent.length()))).isTrue();
        }
      }
    }
  }

  /** Tables are made for what is asked, which may begin and end within an entry. */
  @Property(tries = 60)
  void anyPartOfAFileIsMadeAgain(@ForAll BlockFormat format, @ForAll long seed) throws IOException {
    Random random = new Random(seed);
    long size = random.nextLong(1, 20_000_000_000L);
    Layout layout = format.lay(SparseDisk.random(size, 3, 1_000_000, random));
    int whole = (int) Math.min(layout.size(), 200_000);
    ByteBuffer all = read(layout, 0, whole);
    for (int n = 0; n < 50; n++) {
      int from = random.nextInt(whole);
      int length = random.nextInt(Math.min(3000, whole - from) + 1);
      assertThat(read(layout, from, length)).isEqualTo(all.slice(from, length));
    }
  }

  static ByteBuffer read(DiskSource disk, long from, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    disk.read(from, bytes);
    return bytes.flip();
  }
}
