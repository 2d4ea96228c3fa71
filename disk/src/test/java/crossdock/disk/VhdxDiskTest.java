package crossdock.disk;

import static crossdock.disk.BlockDiskProperties.read;
import static crossdock.disk.VhdDiskTest.refused;
import static crossdock.disk.VhdxImage.BAT;
import static crossdock.disk.VhdxImage.BLOCK;
import static crossdock.disk.VhdxImage.DATA;
import static crossdock.disk.VhdxImage.ITEMS;
import static crossdock.disk.VhdxImage.LOG;
import static crossdock.disk.VhdxImage.LOG_BYTES;
import static crossdock.disk.VhdxImage.MIB;
import static crossdock.disk.VhdxImage.SECTOR;
import static crossdock.disk.VhdxImage.SIZE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.BadImageException.Reason;
import crossdock.disk.VhdxImage.Write;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VhdxDiskTest {
  private static final long MOST = 1L << 50;

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void aBlockThatIsNotPresentReadsAsZero(int state) throws IOException {
    ByteBuffer image = VhdxImage.of(VhdxImage.disk()).putLong(BAT, DATA + state);
    try (VhdxDisk disk = open(image)) {
      assertThat(disk.extentAt(0, SIZE)).isEqualTo(new Extent(0, 2 * BLOCK, Extent.Kind.ZERO));
      assertThat(Zeros.isZero(read(disk, 0, 2 * BLOCK))).isTrue();
      assertThat(read(disk, 2 * BLOCK, MIB)).isEqualTo(read(VhdxImage.disk(), 2 * BLOCK, MIB));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "4, 4, BAD_FIELD",
    "4, 5, BAD_FIELD",
    "4, 7, FOREIGN_REFERENCE",
    "0, 6, BAD_FIELD",
    "1, 6, BAD_FIELD",
    "2, 6, BAD_FIELD",
    "3, 6, BAD_FIELD",
    "7, 6, TRUNCATED",
    "-1, 6, TRUNCATED",
  })
  void aBlockIsWhereNothingElseIsOrRefused(long mib, int state, Reason reason) throws IOException {
    ByteBuffer image = VhdxImage.of(VhdxImage.disk()).putLong(BAT, (mib << 20) + state);
    try (VhdxDisk disk = open(image)) {
      refused(reason, () -> disk.read(0, ByteBuffer.allocate(1)));
      refused(reason, () -> disk.extentAt(0, SIZE));
      refused(reason, disk::walk);
      assertThat(read(disk, 2 * BLOCK, MIB)).isEqualTo(read(VhdxImage.disk(), 2 * BLOCK, MIB));
    }
  }

  @Test
  void twoBlocksDoNotShareTheirPlace() throws IOException {
    ByteBuffer image = VhdxImage.of(VhdxImage.disk()).putLong(BAT + 8, DATA + MIB + 6);
    try (VhdxDisk disk = open(image)) {
      refused(Reason.BAD_FIELD, disk::walk);
    }
  }

  @Test
  void regionsLieApart() {
    int regions = 192 << 10;
    spoiled(Reason.BAD_FIELD, image -> image.putLong(regions + 32, 2 * MIB));
    spoiled(Reason.BAD_FIELD, image -> image.putLong(regions + 32, MIB));
    spoiled(Reason.BAD_FIELD, image -> image.putLong(regions + 32, 512 << 10));
    spoiled(Reason.BAD_FIELD, image -> image.putInt(regions + 40, 16));
    spoiled(Reason.BAD_FIELD, image -> image.putLong((128 << 10) + 72, 512 << 10));
    spoiled(Reason.TRUNCATED, image -> image.putInt((128 << 10) + 68, -1));
    spoiled(Reason.BAD_FIELD, image -> image.putLong(ITEMS + 8, SIZE + 1));
    spoiled(Reason.TOO_LARGE, image -> image.putLong(ITEMS + 8, VhdxDisk.MOST + 512));
    spoiled(Reason.WRONG_FORMAT, image -> image.putLong(0, 0));
  }

  @Test
  void eitherHeaderIsEnough() throws IOException {
    for (int header : new int[] {64 << 10, 128 << 10}) {
      ByteBuffer image = VhdxImage.of(VhdxImage.disk()).putInt(header, 0);
      try (VhdxDisk disk = open(image)) {
        same(disk, VhdxImage.disk());
      }
    }
  }

  /** With blocks of 256 MiB there is a bitmap entry after 16 of them, or 128. */
  @ParameterizedTest
  @CsvSource({"512, 16", "4096, 128"})
  void bitmapEntriesAreSkippedAsTheSectorSizeSays(int sector, int ratio) throws IOException {
    int block = 256 << 20;
    ByteBuffer image = VhdxImage.of(VhdxImage.disk());
    image.putInt(ITEMS, block).putLong(ITEMS + 8, (ratio + 1L) * block).putInt(ITEMS + 32, sector);
    byte[] table = new byte[MIB];
    image.put(BAT, table).putLong(BAT + ratio * 8, -1);
    image.putLong(BAT + (ratio + 1) * 8, DATA + 6);
    byte[] start = Images.bytes(image);
    try (VhdxDisk disk = VhdxDisk.open(BlockFuzz.padded(start, DATA + block), MOST)) {
      disk.walk();
      long data = (long) ratio * block;
      assertThat(disk.extentAt(0, MOST)).isEqualTo(new Extent(0, data, Extent.Kind.ZERO));
      assertThat(read(disk, data, MIB)).isEqualTo(image.slice(DATA, MIB));
    }
  }

  @Test
  void theLargestDiskIsLaidOutAndOneByteMoreIsNot() throws IOException {
    SparseDisk source = SparseDisk.random(VhdxDisk.MOST, 20, 100_000, new Random(2));
    try (VhdxDisk disk =
        VhdxDisk.open(BlockFormat.image(VhdxLayout.of(source, BlockFormat.ID)), MOST)) {
      disk.walk();
      assertThat(disk.size()).isEqualTo(VhdxDisk.MOST);
      same(disk, source);
    }
    SparseDisk larger = new SparseDisk(VhdxDisk.MOST + 1);
    assertThatThrownBy(() -> VhdxLayout.of(larger, BlockFormat.ID))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aLogIsReplayedWithoutWriting() throws IOException {
    ByteBuffer image = VhdxImage.of(VhdxImage.disk());
    ByteBuffer bat = copy(image, BAT);
    image.put(BAT, sector(-1), 0, SECTOR);
    Write[] writes = {
      Write.of(BAT, bat), new Write(DATA, 3 * SECTOR, null), Write.of(DATA + SECTOR, sector(7)),
    };
    VhdxImage.entry(image, 0, 1L << 32, 0, writes);
    VhdxImage.dirty(image);
    byte[] before = Images.bytes(image);
    try (VhdxDisk disk = open(image)) {
      disk.walk();
      ByteBuffer start = read(disk, 0, 3 * SECTOR);
      assertThat(Zeros.isZero(start.slice(0, SECTOR))).isTrue();
      assertThat(start.slice(SECTOR, SECTOR)).isEqualTo(sector(7));
      assertThat(Zeros.isZero(start.slice(2 * SECTOR, SECTOR))).isTrue();
      assertThat(read(disk, 3 * SECTOR, SIZE - 3 * SECTOR))
          .isEqualTo(read(VhdxImage.disk(), 3 * SECTOR, SIZE - 3 * SECTOR));
    }
    assertThat(image).isEqualTo(ByteBuffer.wrap(before));
  }

  @Test
  void onlyTheActiveSequenceIsReplayed() throws IOException {
    ByteBuffer image = VhdxImage.of(VhdxImage.disk());
    // Over the end of the log: its second entry is at the front.
    int tail = LOG_BYTES - SECTOR;
    int next =
        VhdxImage.entry(
            image, tail, 7, tail, Write.of(DATA, sector(1)), Write.of(DATA + SECTOR, sector(2)));
    int end = VhdxImage.entry(image, next, 8, tail, Write.of(DATA, sector(3)));
    // Torn, of an older round, out of sequence, and of another log.
    int torn = end;
    end = VhdxImage.entry(image, end, 9, tail, Write.of(DATA, sector(4)));
    image.put(LOG + torn + 100, (byte) 1);
    end = VhdxImage.entry(image, end, 3, end, Write.of(DATA, sector(5)));
    end = VhdxImage.entry(image, end, 5, end, Write.of(DATA, sector(6)));
    int other = end;
    VhdxImage.entry(image, end, 100, end, Write.of(DATA, sector(7)));
    image.put(LOG + other + 32, (byte) 1);
    image.putInt(LOG + other + 4, VhdxDisk.crc(image.slice(LOG + other, 2 * SECTOR)));
    try (VhdxDisk disk = open(VhdxImage.dirty(image))) {
      assertThat(read(disk, 0, SECTOR)).isEqualTo(sector(3));
      assertThat(read(disk, SECTOR, SECTOR)).isEqualTo(sector(2));
      same(disk, VhdxImage.disk(), 2 * SECTOR);
    }
  }

  @Test
  void entriesBeforeTheTailWereFlushedAlready() throws IOException {
    ByteBuffer image = VhdxImage.of(VhdxImage.disk());
    int tail = VhdxImage.entry(image, 0, 1, 0, Write.of(DATA, sector(1)));
    int next = VhdxImage.entry(image, tail, 2, tail, Write.of(DATA + SECTOR, sector(2)));
    VhdxImage.entry(image, next, 3, tail);
    try (VhdxDisk disk = open(VhdxImage.dirty(image))) {
      assertThat(read(disk, 0, SECTOR)).isEqualTo(read(VhdxImage.disk(), 0, SECTOR));
      assertThat(read(disk, SECTOR, SECTOR)).isEqualTo(sector(2));
    }
  }

  @Test
  void theLogDoesNotPutABlockWhereNoFileReaches() throws IOException {
    ByteBuffer image = VhdxImage.of(VhdxImage.disk());
    ByteBuffer bat = copy(image, BAT).putLong(0, (1L << 52) + 6);
    VhdxImage.entry(image, 0, 1, 0, Write.of(BAT, bat));
    ByteBuffer entry = copy(image, LOG, 2 * SECTOR).putLong(56, 1L << 53);
    VhdxImage.put(image, 0, entry);
    try (VhdxDisk disk = open(VhdxImage.dirty(image))) {
      assertThatThrownBy(disk::walk)
          .isInstanceOf(BadImageException.class)
          .hasMessageContaining("block at " + (1L << 52));
    }
  }

  @Test
  void theLogMayMakeTheFileLonger() throws IOException {
    ByteBuffer image = VhdxImage.of(VhdxImage.disk());
    ByteBuffer bat = copy(image, BAT).putLong(0, image.capacity() + 6);
    VhdxImage.entry(image, 0, 1, 0, Write.of(BAT, bat), Write.of(image.capacity(), sector(1)));
    ByteBuffer entry = copy(image, LOG, 3 * SECTOR).putLong(56, image.capacity() + BLOCK);
    VhdxImage.put(image, 0, entry);
    try (VhdxDisk disk = open(VhdxImage.dirty(image))) {
      disk.walk();
      assertThat(read(disk, 0, SECTOR)).isEqualTo(sector(1));
      assertThat(Zeros.isZero(read(disk, SECTOR, BLOCK - SECTOR))).isTrue();
    }
  }

  @Test
  void aLogThatCannotBeReplayedIsRefused() {
    spoiled(Reason.NOT_CLEAN, VhdxImage::dirty);
    dirty(Reason.TRUNCATED, entry -> entry.putLong(48, DATA + 2 * BLOCK + 1));
    dirty(Reason.NOT_CLEAN, entry -> entry.putInt(8, SECTOR + 512));
    dirty(Reason.NOT_CLEAN, entry -> entry.putInt(8, -SECTOR));
    dirty(Reason.NOT_CLEAN, entry -> entry.putInt(12, SECTOR));
    dirty(Reason.NOT_CLEAN, entry -> entry.putLong(16, 0));
    dirty(Reason.NOT_CLEAN, entry -> entry.putInt(24, 1 << 20));
    dirty(Reason.NOT_CLEAN, entry -> entry.putInt(24, -1));
    dirty(Reason.NOT_CLEAN, entry -> entry.putInt(64, 1));
    dirty(Reason.NOT_CLEAN, entry -> entry.putLong(64 + 16, 512));
    dirty(Reason.NOT_CLEAN, entry -> entry.putLong(64 + 24, 2));
    dirty(Reason.NOT_CLEAN, entry -> entry.putInt(64, VhdxLog.ZERO).putLong(72, 77));
    dirty(Reason.NOT_CLEAN, entry -> entry.putInt(SECTOR, 0));
    dirty(Reason.NOT_CLEAN, entry -> entry.putInt(SECTOR + 4, 1));
    dirty(Reason.NOT_CLEAN, entry -> entry.putInt(2 * SECTOR - 4, 2));
    header(Reason.NOT_CLEAN, header -> header.putInt(68, VhdxLog.MOST_BYTES + MIB));
    header(Reason.NOT_CLEAN, header -> header.putInt(68, 4096));
    header(Reason.NOT_CLEAN, header -> header.putLong(72, 4096));
    header(Reason.TRUNCATED, header -> header.putLong(72, 64 * MIB));
    header(Reason.BAD_FIELD, header -> header.putShort(64, (short) 1));
  }

  private static void dirty(Reason reason, Consumer<ByteBuffer> change) {
    spoiled(
        reason,
        image -> {
          VhdxImage.entry(image, 0, 1, 0, Write.of(DATA, sector(1)));
          ByteBuffer entry = copy(image, LOG, 2 * SECTOR);
          change.accept(entry);
          VhdxImage.put(image, 0, entry);
          VhdxImage.dirty(image);
        });
  }

  private static void header(Reason reason, Consumer<ByteBuffer> change) {
    spoiled(
        reason,
        image -> {
          VhdxImage.entry(image, 0, 1, 0, Write.of(DATA, sector(1)));
          VhdxImage.dirty(image);
          change.accept(image.slice(128 << 10, SECTOR).order(ByteOrder.LITTLE_ENDIAN));
        });
  }

  private static void spoiled(Reason reason, Consumer<ByteBuffer> change) {
    refused(
        reason,
        () -> {
          ByteBuffer image = VhdxImage.of(VhdxImage.disk());
          change.accept(image);
          image.put(256 << 10, image, 192 << 10, 64 << 10);
          VhdxImage.seal(image);
          open(image).close();
        });
  }

  private static VhdxDisk open(ByteBuffer image) throws IOException {
    return VhdxDisk.open(ImageBytes.of(image), MOST);
  }

  private static ByteBuffer sector(int value) {
    ByteBuffer sector = ByteBuffer.allocate(SECTOR);
    while (sector.hasRemaining()) {
      sector.put((byte) value);
    }
    return sector.flip();
  }

  private static ByteBuffer copy(ByteBuffer image, int at) {
    return copy(image, at, SECTOR);
  }

  private static ByteBuffer copy(ByteBuffer image, int at, int length) {
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    return bytes.put(image.slice(at, length)).flip();
  }

  private static void same(DiskSource disk, SparseDisk source) throws IOException {
    same(disk, source, 0);
  }

  /** The same data where the source has some. */
  private static void same(DiskSource disk, SparseDisk source, long from) throws IOException {
    for (Extent extent : source.extents(from, source.size() - from)) {
      if (extent.kind() == Extent.Kind.DATA) {
        int length = (int) extent.length();
        assertThat(read(disk, extent.offset(), length))
            .isEqualTo(read(source, extent.offset(), length));
      }
    }
  }
}
