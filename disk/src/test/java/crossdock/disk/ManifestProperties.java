package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class ManifestProperties {
  private static final int MOST = 3 * Manifest.CHUNK + 5;

  @Property(tries = 60)
  void theSameContentHasTheSameRootWhateverItsExtents(
      @ForAll @IntRange(min = 1, max = MOST) int length, @ForAll long seed) throws IOException {
    byte[] content = content(length, seed);
    Manifest plain = DiskHasher.hash(MemoryDisk.allData(content));
    assertThat(DiskHasher.hash(new MemoryDisk(content, someZeroPages(content, seed))))
        .isEqualTo(plain);
    assertThat(plain.chunks()).isEqualTo(Math.ceilDiv(length, Manifest.CHUNK));
  }

  @Property(tries = 60)
  void anyFlippedBitChangesTheRoot(
      @ForAll @IntRange(min = 1, max = MOST) int length,
      @ForAll long seed,
      @ForAll @IntRange(min = 0, max = Integer.MAX_VALUE) int bit)
      throws IOException {
    byte[] content = content(length, seed);
    Manifest before = DiskHasher.hash(MemoryDisk.allData(content));
    content[bit / 8 % length] ^= (byte) (1 << (bit % 8));
    assertThat(DiskHasher.hash(MemoryDisk.allData(content)).root()).isNotEqualTo(before.root());
  }

  @Property(tries = 200)
  void manyZerosAtOnceAreAsManyOneByOne(
      @ForAll @IntRange(min = 0, max = 70) int before,
      @ForAll @IntRange(min = 0, max = 300) int zeros,
      @ForAll @IntRange(min = 0, max = 9) int after) {
    MerkleTree atOnce = new MerkleTree();
    MerkleTree oneByOne = new MerkleTree();
    Sha256 leaf = Sha256.of(new byte[32]);
    for (int i = 0; i < before; i++) {
      atOnce.append(leaf);
      oneByOne.append(leaf);
    }
    atOnce.appendZeros(zeros);
    for (int i = 0; i < zeros; i++) {
      oneByOne.append(MerkleTree.ZERO_LEAF);
    }
    for (int i = 0; i < after; i++) {
      atOnce.append(leaf);
      oneByOne.append(leaf);
    }
    assertThat(atOnce.root()).isEqualTo(oneByOne.root());
    assertThat(atOnce.size()).isEqualTo(oneByOne.size());
  }

  @Property(tries = 60)
  void extentsCoverARangeInOrder(
      @ForAll @IntRange(min = 1, max = MOST) int length, @ForAll long seed) {
    byte[] content = content(length, seed);
    DiskSource disk = new MemoryDisk(content, someZeroPages(content, seed));
    Random random = new Random(seed);
    long from = random.nextInt(length);
    long count = random.nextLong(length - from) + 1;
    long at = from;
    for (Extent extent : disk.extents(from, count)) {
      assertThat(extent.offset()).isEqualTo(at);
      at = extent.end();
    }
    assertThat(at).isEqualTo(from + count);
  }

  private static byte[] content(int length, long seed) {
    Random random = new Random(seed);
    byte[] content = new byte[length];
    random.nextBytes(content);
    for (int hole = 0; hole < 4; hole++) {
      int from = random.nextInt(length);
      Arrays.fill(content, from, from + random.nextInt(length - from + 1), (byte) 0);
    }
    return content;
  }

  private static BitSet someZeroPages(byte[] content, long seed) {
    Random random = new Random(seed);
    BitSet pages = new BitSet();
    for (int from = 0; from < content.length; from += MemoryDisk.PAGE) {
      int to = Math.min(content.length, from + MemoryDisk.PAGE);
      boolean zero = Arrays.equals(content, from, to, new byte[MemoryDisk.PAGE], 0, to - from);
      pages.set(from / MemoryDisk.PAGE, zero && random.nextInt(8) > 0);
    }
    return pages;
  }
}
