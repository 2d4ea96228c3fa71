package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.disk.Qcow2Header.Compression;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class Qcow2Properties {
  private static final int MOST = 3 << 20;

  @Property(tries = 40)
  void whatIsLaidOutReadsTheSame(
      @ForAll @IntRange(min = 1, max = MOST) int length, @ForAll boolean inPlace, @ForAll long seed)
      throws IOException {
    Random random = new Random(seed);
    byte[] content = content(length, random);
    DiskSource disk = new MemoryDisk(content, zeroPages(content, random));
    Layout layout = inPlace ? inPlace(disk, random) : Qcow2Layout.of(disk);
    ByteBuffer file = ByteBuffer.allocate((int) layout.size());
    layout.read(0, file);
    same(content, ImageBytes.of(file), random);
    for (int n = 0; n < 50; n++) {
      int from = random.nextInt(file.capacity());
      ByteBuffer part =
          ByteBuffer.allocate(random.nextInt(Math.min(99, file.capacity() - from)) + 1);
      layout.read(from, part);
      assertThat(part.flip()).isEqualTo(file.slice(from, part.capacity()));
    }
  }

  @Property(tries = 40)
  void whatIsCompressedReadsTheSame(
      @ForAll @IntRange(min = 1, max = MOST) int length,
      @ForAll Compression compression,
      @ForAll long seed)
      throws IOException {
    Random random = new Random(seed);
    byte[] content = content(length, random);
    DiskSource disk = new MemoryDisk(content, zeroPages(content, random));
    Path path = Files.createTempFile("crossdock", ".qcow2");
    try (FileChannel file = Qcow2Fixtures.compressed(disk, path, compression)) {
      same(content, ImageBytes.of(file), random);
    } finally {
      Files.delete(path);
    }
  }

  private static Layout inPlace(DiskSource disk, Random random) throws IOException {
    Allocation packed = Allocation.packed(disk, Qcow2Layout.UNIT);
    BitSet stored = new BitSet();
    for (int unit = 0; unit < packed.units(); unit++) {
      stored.set(unit, packed.slot(unit) >= 0 || random.nextInt(4) == 0);
    }
    long[] bits = Arrays.copyOf(stored.toLongArray(), (int) ((packed.units() - 1) / 64) + 1);
    Allocation places = Allocation.inPlace(disk.size(), Qcow2Layout.UNIT, bits);
    Layout layout = Qcow2Layout.of(disk, places);
    Allocation none = Allocation.inPlace(disk.size(), Qcow2Layout.UNIT, new long[bits.length]);
    assertThat(layout.slotsOffset()).isEqualTo(Qcow2Layout.of(disk, none).slotsOffset());
    return layout;
  }

  private static void same(byte[] content, ImageBytes image, Random random) throws IOException {
    try (Qcow2Disk disk = Qcow2Disk.open(image, 1L << 40)) {
      Manifest manifest = DiskHasher.hash(MemoryDisk.allData(content));
      assertThat(DiskHasher.matches(manifest, disk))
          .isEqualTo(new Verdict.Same(disk.size() - content.length));
      assertThat(disk.size()).isEqualTo(Math.ceilDiv(content.length, 512) * 512L);
      byte[] padded = Arrays.copyOf(content, (int) disk.size());
      for (int n = 0; n < 50; n++) {
        int from = random.nextInt(padded.length);
        ByteBuffer part = ByteBuffer.allocate(random.nextInt(padded.length - from + 1));
        disk.read(from, part);
        assertThat(part.flip()).isEqualTo(ByteBuffer.wrap(padded, from, part.capacity()));
      }
      for (Extent extent : disk.extents(0, disk.size())) {
        if (extent.kind() == Extent.Kind.ZERO) {
          assertThat(
                  Zeros.isZero(
                      ByteBuffer.wrap(padded, (int) extent.offset(), (int) extent.length())))
              .isTrue();
        }
      }
    }
  }

  /** Noise, text and zeros in turns. */
  private static byte[] content(int length, Random random) {
    byte[] content = new byte[length];
    for (int at = 0; at < length; ) {
      int end = Math.min(length, at + 1 + random.nextInt(300_000));
      int kind = random.nextInt(3);
      for (int i = at; i < end && kind > 0; i++) {
        content[i] = (byte) (kind == 1 ? random.nextInt() : i / 50 % 64 + random.nextInt(3));
      }
      at = end;
    }
    return content;
  }

  private static BitSet zeroPages(byte[] content, Random random) {
    BitSet pages = new BitSet();
    for (int from = 0; from < content.length; from += MemoryDisk.PAGE) {
      int length = Math.min(MemoryDisk.PAGE, content.length - from);
      boolean zero = Zeros.isZero(ByteBuffer.wrap(content, from, length));
      pages.set(from / MemoryDisk.PAGE, zero && random.nextInt(8) > 0);
    }
    return pages;
  }
}
