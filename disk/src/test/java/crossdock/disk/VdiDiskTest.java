package crossdock.disk;

import static crossdock.disk.BlockDiskProperties.read;
import static crossdock.disk.VhdDiskTest.refused;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VdiDiskTest {
  private static final long MOST = 1L << 50;
  private static final int MIB = 1 << 20;
  private static final int SIZE = 5 * MIB - 512;
  private static final int MAP = 1 << 20;
  private static final int DATA = 2 << 20;

  /**
   * Five blocks, as VirtualBox lays them out: the map at 1 MiB, a description, geometries, a block
   * discarded and one never written.
   */
  static ByteBuffer image() {
    ByteBuffer image = ByteBuffer.allocate(DATA + 3 * MIB).order(ByteOrder.LITTLE_ENDIAN);
    byte[] bytes = new byte[3 * MIB];
    new Random(1).nextBytes(bytes);
    image.put(DATA, bytes);
    image.put(0, "<<< Oracle VM VirtualBox Disk Image >>>\n".getBytes(ISO_8859_1));
    image.putInt(64, 0xbeda107f).putInt(68, 0x10001).putInt(72, 400).putInt(76, 1);
    image.put(84, "A machine's disk \u00e4".getBytes(ISO_8859_1));
    image.putInt(340, MAP).putInt(344, DATA).putInt(360, 512).putLong(368, SIZE);
    image.putInt(376, MIB).putInt(384, 5).putInt(388, 3);
    image.putLong(392, 1).putLong(400, 2).putLong(408, 3).putLong(416, 4);
    image.putInt(456, 10).putInt(460, 16).putInt(464, 63).putInt(468, 512);
    image.putInt(MAP, 2).putInt(MAP + 4, -1).putInt(MAP + 8, 0).putInt(MAP + 12, 1);
    return image.putInt(MAP + 16, -2);
  }

  @Test
  void whatVirtualBoxWritesIsRead() throws IOException {
    ByteBuffer image = image();
    try (VdiDisk disk = VdiDisk.open(ImageBytes.of(image), MOST)) {
      disk.walk();
      assertThat(disk.size()).isEqualTo(SIZE);
      assertThat(disk.extents(0, SIZE))
          .containsExactly(
              new Extent(0, MIB, Extent.Kind.DATA),
              new Extent(MIB, MIB, Extent.Kind.ZERO),
              new Extent(2 * MIB, 2 * MIB, Extent.Kind.DATA),
              new Extent(4 * MIB, MIB - 512, Extent.Kind.ZERO));
      assertThat(read(disk, 0, MIB)).isEqualTo(image.slice(DATA + 2 * MIB, MIB));
      assertThat(Zeros.isZero(read(disk, MIB, MIB))).isTrue();
      assertThat(read(disk, 2 * MIB, 2 * MIB)).isEqualTo(image.slice(DATA, 2 * MIB));
      assertThat(Zeros.isZero(read(disk, 4 * MIB, MIB - 512))).isTrue();
    }
  }

  @Test
  void otherBlockSizesAreReadToo() throws IOException {
    ByteBuffer image = image().putInt(376, 2 * MIB).putInt(384, 3).putInt(388, 1);
    image.putInt(MAP, 0).putInt(MAP + 8, -2);
    try (VdiDisk disk = VdiDisk.open(ImageBytes.of(image), MOST)) {
      disk.walk();
      assertThat(read(disk, 0, 2 * MIB)).isEqualTo(image.slice(DATA, 2 * MIB));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {5, 3, 1, Integer.MAX_VALUE, Integer.MIN_VALUE, -3})
  void aBlockHasASlotOfItsOwnInTheFile(int slot) {
    Reason reason = slot == 3 ? Reason.TRUNCATED : Reason.BAD_FIELD;
    spoiled(reason, image -> image.putInt(MAP + 4, slot));
  }

  @Test
  void headersThatSayOtherwiseAreRefused() {
    spoiled(Reason.WRONG_FORMAT, image -> image.putInt(64, 0));
    spoiled(Reason.BAD_FIELD, image -> image.putInt(68, 1)); // before 1.1
    spoiled(Reason.BAD_FIELD, image -> image.putInt(72, 348));
    spoiled(Reason.FOREIGN_REFERENCE, image -> image.putInt(76, 3));
    spoiled(Reason.BAD_FIELD, image -> image.putInt(340, 471));
    spoiled(Reason.BAD_FIELD, image -> image.putInt(344, MAP + 19));
    spoiled(Reason.BAD_FIELD, image -> image.putInt(344, -1));
    spoiled(Reason.BAD_FIELD, image -> image.putInt(376, 3 * MIB));
    spoiled(Reason.BAD_FIELD, image -> image.putInt(380, 512));
    spoiled(Reason.BAD_FIELD, image -> image.putInt(384, 4));
  }

  @Test
  void theNumberOfBlocksIsCounted() throws IOException {
    ByteBuffer image = image().putInt(388, 2);
    try (VdiDisk disk = VdiDisk.open(ImageBytes.of(image), MOST)) {
      refused(Reason.BAD_FIELD, disk::walk);
    }
  }

  private static void spoiled(Reason reason, Consumer<ByteBuffer> change) {
    ByteBuffer image = image();
    change.accept(image);
    refused(reason, () -> VdiDisk.open(ImageBytes.of(image), MOST));
  }
}
