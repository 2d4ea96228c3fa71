package crossdock.disk;

import static crossdock.disk.BlockDiskProperties.read;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.function.Consumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VhdDiskTest {
  private static final long MOST = 1L << 50;
  private static final int BLOCK = 8192;
  private static final int STRIDE = 512 + BLOCK;
  private static final int SIZE = 4 * BLOCK;
  private static final int TABLE = 1536;
  private static final int FIRST = 2048;

  /** Four blocks: one stored, two not, one stored. */
  static ByteBuffer image() {
    ByteBuffer image = ByteBuffer.allocate(FIRST + 2 * STRIDE + 512);
    byte[] bytes = new byte[2 * STRIDE];
    new Random(1).nextBytes(bytes);
    image.put(FIRST, bytes).putShort(FIRST, (short) -1).putShort(FIRST + STRIDE, (short) -1);
    int footer = image.capacity() - 512;
    image.put(footer, "conectix".getBytes(ISO_8859_1)).putInt(footer + 12, 0x10000);
    image.putLong(footer + 16, 512).putLong(footer + 40, SIZE).putLong(footer + 48, SIZE);
    image.putInt(footer + 60, 3);
    image.put(512, "cxsparse".getBytes(ISO_8859_1)).putLong(520, -1).putLong(528, TABLE);
    image.putInt(536, 0x10000).putInt(540, 4).putInt(544, BLOCK);
    image.putInt(TABLE, FIRST / 512).putLong(TABLE + 4, -1);
    image.putInt(TABLE + 12, (FIRST + STRIDE) / 512);
    Images.seal(DiskFormat.VHD, image);
    return image;
  }

  @Test
  void aClearedBitReadsAsZero() throws IOException {
    ByteBuffer image = image();
    image.putShort(FIRST, (short) 0b1110_0000_0000_0001);
    try (VhdDisk disk = VhdDisk.open(ImageBytes.of(image), MOST)) {
      ByteBuffer block = read(disk, 0, BLOCK);
      assertThat(block.slice(0, 1536)).isEqualTo(image.slice(FIRST + 512, 1536));
      assertThat(Zeros.isZero(block.slice(1536, BLOCK - 2048))).isTrue();
      assertThat(block.slice(BLOCK - 512, 512)).isEqualTo(image.slice(FIRST + BLOCK, 512));
      assertThat(disk.extents(0, SIZE))
          .containsExactly(
              new Extent(0, 1536, Extent.Kind.DATA),
              new Extent(1536, BLOCK - 2048, Extent.Kind.ZERO),
              new Extent(BLOCK - 512, 512, Extent.Kind.DATA),
              new Extent(BLOCK, 2 * BLOCK, Extent.Kind.ZERO),
              new Extent(3 * BLOCK, BLOCK, Extent.Kind.DATA));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "vpc, 16, 16384",
    "qemu, 17, 17408",
    "qem2, 16, 32768",
    "win, 16, 32768",
    "vbox, 16, 32768",
    "tap, 16, 32768",
    // The most that a geometry can say means the size, which only then is larger.
    "vpc, 65535, 32768",
  })
  void theSizeIsTheOneItsCreatorMeant(String creator, int cylinders, int size) throws IOException {
    ByteBuffer image = image();
    int footer = image.capacity() - 512;
    image.put(footer + 28, (creator + "    ").substring(0, 4).getBytes(ISO_8859_1));
    boolean most = cylinders == 65535;
    image.putShort(footer + 56, (short) cylinders);
    image.put(footer + 58, (byte) (most ? 16 : 2)).put(footer + 59, (byte) (most ? 255 : 1));
    Images.seal(DiskFormat.VHD, image);
    try (VhdDisk disk = VhdDisk.open(ImageBytes.of(image), MOST)) {
      assertThat(disk.size()).isEqualTo(size);
    }
  }

  @Test
  void anImageThatLostItsFooterIsNotReadByTheCopy() {
    spoiled(Reason.NOT_CLEAN, image -> image.putLong(image.capacity() - 512, 0));
    spoiled(Reason.BAD_CHECKSUM, image -> image.put(image.capacity() - 1, (byte) 1));
    spoiled(Reason.BAD_FIELD, image -> image.put(511, (byte) 1));
  }

  @Test
  void headersAndTablesLieApart() {
    sealed(Reason.BAD_FIELD, image -> image.putLong(528, 1532));
    sealed(Reason.BAD_FIELD, image -> image.putLong(528, 508));
    sealed(Reason.BAD_FIELD, image -> image.putLong(528, image.capacity() - 524));
    sealed(
        Reason.UNSUPPORTED, image -> image.putInt(544, 512).putLong(footer(image) + 48, 1L << 34));
  }

  private static int footer(ByteBuffer image) {
    return image.capacity() - 512;
  }

  @ParameterizedTest
  @CsvSource({"0", "1", "2", "3", "5", "19", "37", "38", "2147483647", "-2"})
  void aBlockIsNowhereButBetweenTheHeadersAndTheFooter(int sector) throws IOException {
    ByteBuffer image = image().putInt(TABLE + 4, sector);
    try (VhdDisk disk = VhdDisk.open(ImageBytes.of(image), MOST)) {
      boolean inside = sector == 5 || sector == 19;
      if (inside) {
        assertThat(disk.extentAt(BLOCK, 1).kind()).isNotNull();
      } else {
        refused(Reason.BAD_FIELD, () -> disk.read(BLOCK, ByteBuffer.allocate(1)));
        refused(Reason.BAD_FIELD, () -> disk.extentAt(0, SIZE));
      }
      refused(Reason.BAD_FIELD, disk::walk);
      // What does not touch it is read.
      assertThat(read(disk, 0, BLOCK)).isEqualTo(image.slice(FIRST + 512, BLOCK));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "2048, 30, 4, 17",
    "204800, 1003, 12, 17",
    "1000000, 992, 16, 63",
    "2097152, 2080, 16, 63",
    "266338304, 65278, 16, 255",
    "4278190080, 65535, 16, 255",
  })
  void geometriesAreThoseOfTheSpecification(long disk, int cylinders, int heads, int sectors) {
    assertThat(VhdLayout.geometry(disk)).isEqualTo(cylinders << 16 | heads << 8 | sectors);
  }

  @Test
  void theLargestDiskIsLaidOutAndOneByteMoreIsNot() throws IOException {
    Random random = new Random(2);
    SparseDisk source = SparseDisk.random(VhdDisk.MOST, 20, 100_000, random);
    try (VhdDisk disk =
        VhdDisk.open(BlockFormat.image(VhdLayout.of(source, BlockFormat.ID)), MOST)) {
      disk.walk();
      assertThat(disk.size()).isEqualTo(VhdDisk.MOST);
      for (Extent extent : source.extents(0, source.size())) {
        if (extent.kind() == Extent.Kind.DATA) {
          int length = (int) extent.length();
          assertThat(read(disk, extent.offset(), length))
              .isEqualTo(read(source, extent.offset(), length));
        }
      }
    }
    SparseDisk larger = new SparseDisk(VhdDisk.MOST + 1);
    assertThatThrownBy(() -> VhdLayout.of(larger, BlockFormat.ID))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> VhdLayout.fixed(larger, BlockFormat.ID))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static void sealed(Reason reason, Consumer<ByteBuffer> change) {
    spoiled(
        reason,
        image -> {
          change.accept(image);
          Images.seal(DiskFormat.VHD, image);
        });
  }

  private static void spoiled(Reason reason, Consumer<ByteBuffer> change) {
    ByteBuffer image = image();
    change.accept(image);
    refused(reason, () -> VhdDisk.open(ImageBytes.of(image), MOST));
  }

  static void refused(Reason reason, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            BadImageException.class,
            e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason));
  }
}
