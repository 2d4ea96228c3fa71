package crossdock.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.BadImageException.Reason;
import crossdock.disk.FormatSafety.RawContent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class FormatSafetyTest {
  private static final long MOST = 1L << 40;

  @ParameterizedTest
  @EnumSource
  void anHonestImagePasses(DiskFormat format) throws IOException {
    assertThat(check(Images.of(format), format)).isEqualTo(Images.SIZE);
  }

  @ParameterizedTest
  @EnumSource
  void noImagePassesAsAnotherFormat(DiskFormat format) {
    for (DiskFormat declared : DiskFormat.values()) {
      if (declared != format) {
        refused(Images.of(format), declared, Reason.WRONG_FORMAT);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aDiskOverTheLimitIsRefused(DiskFormat format) {
    ImageBytes image = ImageBytes.of(Images.of(format));
    assertThatThrownBy(
            () -> FormatSafety.check(image, format, Images.SIZE - 1, RawContent.NOT_AN_IMAGE))
        .isInstanceOfSatisfying(
            BadImageException.class, e -> assertThat(e.reason()).isEqualTo(Reason.TOO_LARGE));
  }

  @Test
  void aRawDiskThatLooksLikeAnImageNeedsTheCallersWord() throws IOException {
    ByteBuffer image = Images.of(DiskFormat.QCOW2);
    assertThat(FormatSafety.check(ImageBytes.of(image), DiskFormat.RAW, MOST, RawContent.ANYTHING))
        .isEqualTo(image.capacity());
  }

  @Test
  void qcow2() {
    spoiled(DiskFormat.QCOW2, Reason.FOREIGN_REFERENCE, i -> i.putLong(8, 400).putInt(16, 9));
    spoiled(DiskFormat.QCOW2, Reason.FOREIGN_REFERENCE, i -> i.putLong(72, 4));
    spoiled(DiskFormat.QCOW2, Reason.FOREIGN_REFERENCE, i -> i.putInt(112, 0x44415441));
    spoiled(DiskFormat.QCOW2, Reason.FOREIGN_REFERENCE, i -> i.putInt(112, 0xe2792aca));
    spoiled(DiskFormat.QCOW2, Reason.ENCRYPTED, i -> i.putInt(32, 2));
    spoiled(DiskFormat.QCOW2, Reason.ENCRYPTED, i -> i.putInt(112, 0x0537be77));
    spoiled(DiskFormat.QCOW2, Reason.NOT_CLEAN, i -> i.putLong(72, 2));
    spoiled(DiskFormat.QCOW2, Reason.UNSUPPORTED, i -> i.putLong(72, 1L << 40));
    spoiled(DiskFormat.QCOW2, Reason.UNSUPPORTED, i -> i.put(104, (byte) 1));
    spoiled(DiskFormat.QCOW2, Reason.UNSUPPORTED, i -> i.putLong(72, 8).put(104, (byte) 7));
    spoiled(DiskFormat.QCOW2, Reason.BAD_FIELD, i -> i.putInt(4, 4));
    spoiled(DiskFormat.QCOW2, Reason.BAD_FIELD, i -> i.putInt(20, 8));
    spoiled(DiskFormat.QCOW2, Reason.BAD_FIELD, i -> i.putInt(20, 63));
    spoiled(DiskFormat.QCOW2, Reason.BAD_FIELD, i -> i.putInt(36, 31));
    spoiled(DiskFormat.QCOW2, Reason.BAD_FIELD, i -> i.putInt(36, -1));
    spoiled(DiskFormat.QCOW2, Reason.BAD_FIELD, i -> i.putLong(40, 513));
    spoiled(DiskFormat.QCOW2, Reason.TRUNCATED, i -> i.putLong(40, 1L << 40));
    spoiled(DiskFormat.QCOW2, Reason.TRUNCATED, i -> i.putInt(56, 16_000));
    spoiled(DiskFormat.QCOW2, Reason.BAD_FIELD, i -> i.putInt(60, -5));
    spoiled(DiskFormat.QCOW2, Reason.BAD_FIELD, i -> i.putInt(100, 1 << 20));
    spoiled(DiskFormat.QCOW2, Reason.BAD_FIELD, i -> i.putInt(112, 77).putInt(116, -9));
    spoiled(DiskFormat.QCOW2, Reason.TOO_LARGE, i -> i.putLong(24, -1));
    spoiled(DiskFormat.QCOW2, Reason.BAD_FIELD, i -> i.putLong(24, 0));
  }

  @Test
  void vmdk() throws IOException {
    // QEMU would take the descriptor for one that may name any file.
    spoiled(DiskFormat.VMDK, Reason.BAD_FIELD, i -> i.putLong(12, 0));
    spoiled(DiskFormat.VMDK, Reason.BAD_FIELD, i -> i.putLong(20, 0));
    spoiled(DiskFormat.VMDK, Reason.BAD_FIELD, i -> i.putLong(20, 100));
    spoiled(DiskFormat.VMDK, Reason.BAD_FIELD, i -> i.putInt(44, 1 << 30));
    spoiled(DiskFormat.VMDK, Reason.BAD_FIELD, i -> i.putLong(36, 1 << 30));
    spoiled(DiskFormat.VMDK, Reason.BAD_FIELD, i -> i.putLong(28, 0));
    spoiled(DiskFormat.VMDK, Reason.BAD_FIELD, i -> i.putLong(56, 1 << 30));
    spoiled(DiskFormat.VMDK, Reason.BAD_FIELD, i -> i.put(74, (byte) '\n'));
    vmdk("monolithicFlat", "", Reason.UNSUPPORTED);
    vmdk("vmfs", "", Reason.UNSUPPORTED);
    vmdk("monolithicSparse", "RW 2048 SPARSE \"b.vmdk\"\n", Reason.FOREIGN_REFERENCE);
    vmdk("monolithicSparse", "RW 2048 FLAT \"/etc/shadow\" 0\n", Reason.FOREIGN_REFERENCE);
    vmdk("monolithicSparse", "parentFileNameHint=\"/etc/shadow\"\n", Reason.FOREIGN_REFERENCE);
    vmdk("monolithicSparse", "\0parentFileNameHint=\"x\"\n", Reason.FOREIGN_REFERENCE);
    vmdk("monolithicSparse", "parentCID=00000001\n", Reason.BAD_FIELD);
    vmdk("monolithicSparse", "nonsense\n", Reason.BAD_FIELD);
    replaced("\"a.vmdk\"", "\"../a.v\"", Reason.FOREIGN_REFERENCE);
    replaced("\"a.vmdk\"", "\"/a.vmd\"", Reason.FOREIGN_REFERENCE);
    replaced("2048 SPARSE", "2049 SPARSE", Reason.BAD_FIELD);
    replaced("2048 SPARSE", "2048 FLATXX", Reason.FOREIGN_REFERENCE);
    replaced("parentCID=ffffffff", "parentCID=0fffffff", Reason.FOREIGN_REFERENCE);
    replaced("parentCID", "parentXXX", Reason.FOREIGN_REFERENCE);
    ByteBuffer stream = Images.vmdk("streamOptimized", "");
    assertThat(check(stream, DiskFormat.VMDK)).isEqualTo(Images.SIZE);
  }

  @Test
  void vmdkWithItsDirectoryAtTheEnd() throws IOException {
    ByteBuffer image = Images.vmdk("streamOptimized", "");
    int footer = image.capacity() - 1024;
    image.put(footer, image, 0, 512).putLong(56, -1);
    assertThat(check(image, DiskFormat.VMDK)).isEqualTo(Images.SIZE);
    image.putLong(footer + 12, 0);
    refused(image, DiskFormat.VMDK, Reason.BAD_FIELD);
    image.putLong(footer + 12, Images.SIZE / 512).putLong(footer + 56, -1);
    refused(image, DiskFormat.VMDK, Reason.BAD_FIELD);
  }

  @Test
  void vhd() {
    int footer = Images.of(DiskFormat.VHD).capacity() - 512;
    spoiled(DiskFormat.VHD, Reason.FOREIGN_REFERENCE, i -> i.putInt(footer + 60, 4));
    spoiled(DiskFormat.VHD, Reason.UNSUPPORTED, i -> i.putInt(footer + 60, 0));
    spoiled(DiskFormat.VHD, Reason.BAD_FIELD, i -> i.putInt(footer + 60, 2));
    spoiled(DiskFormat.VHD, Reason.TRUNCATED, i -> i.putLong(footer + 16, footer));
    spoiled(DiskFormat.VHD, Reason.BAD_FIELD, i -> i.putLong(footer + 16, -1));
    spoiled(DiskFormat.VHD, Reason.BAD_FIELD, i -> i.putInt(540, 0));
    spoiled(DiskFormat.VHD, Reason.TRUNCATED, i -> i.putInt(540, Integer.MAX_VALUE));
    spoiled(DiskFormat.VHD, Reason.BAD_FIELD, i -> i.putInt(544, 3 << 20));
    spoiled(DiskFormat.VHD, Reason.BAD_FIELD, i -> i.putInt(544, 0));
    spoiled(DiskFormat.VHD, Reason.TRUNCATED, i -> i.putLong(528, 1L << 50));
    ByteBuffer unsealed = Images.of(DiskFormat.VHD).put(footer + 70, (byte) 1);
    refused(unsealed, DiskFormat.VHD, Reason.BAD_CHECKSUM);
    refused(Images.of(DiskFormat.VHD).put(70, (byte) 9), DiskFormat.VHD, Reason.BAD_FIELD);
  }

  @Test
  void vhdx() {
    int regions = 192 << 10;
    int metadata = 1 << 20;
    spoiled(DiskFormat.VHDX, Reason.NOT_CLEAN, i -> i.putLong((64 << 10) + 48, 1));
    spoiled(DiskFormat.VHDX, Reason.BAD_FIELD, i -> i.putInt(regions + 8, 5000));
    spoiled(DiskFormat.VHDX, Reason.TRUNCATED, i -> i.putLong(regions + 32, 1L << 40));
    spoiled(DiskFormat.VHDX, Reason.UNSUPPORTED, i -> i.putLong(regions + 16, 7));
    spoiled(DiskFormat.VHDX, Reason.FOREIGN_REFERENCE, i -> i.putInt(metadata + (64 << 10) + 4, 2));
    spoiled(
        DiskFormat.VHDX,
        Reason.FOREIGN_REFERENCE,
        i -> {
          Images.item(i, 3, "a8d35f2d-b30b-454d-abf7-d3d84834ab0c", 20, 1);
          i.putShort(metadata + 10, (short) 4);
        });
    spoiled(
        DiskFormat.VHDX,
        Reason.UNSUPPORTED,
        i -> {
          Images.item(i, 3, "a8d35f2d-b30b-454d-abf7-d3d84834ab0d", 20, 1);
          i.putShort(metadata + 10, (short) 4);
        });
    spoiled(DiskFormat.VHDX, Reason.BAD_FIELD, i -> i.putInt(metadata + (64 << 10), 3 << 20));
    spoiled(DiskFormat.VHDX, Reason.BAD_FIELD, i -> i.putInt(metadata + (64 << 10) + 16, 100));
    spoiled(DiskFormat.VHDX, Reason.BAD_FIELD, i -> i.putInt(metadata + 32 + 16, -1));
    ByteBuffer unsealed = Images.of(DiskFormat.VHDX).putInt(regions + 1000, 1);
    refused(unsealed, DiskFormat.VHDX, Reason.BAD_FIELD);
    unsealed.put(256 << 10, unsealed, regions, 64 << 10);
    refused(unsealed, DiskFormat.VHDX, Reason.BAD_CHECKSUM);
  }

  @Test
  void vdi() {
    spoiled(DiskFormat.VDI, Reason.FOREIGN_REFERENCE, i -> i.putInt(76, 4));
    spoiled(DiskFormat.VDI, Reason.FOREIGN_REFERENCE, i -> i.putInt(440, 1));
    spoiled(DiskFormat.VDI, Reason.BAD_FIELD, i -> i.putInt(68, 1));
    spoiled(DiskFormat.VDI, Reason.BAD_FIELD, i -> i.putInt(376, 512));
    spoiled(DiskFormat.VDI, Reason.BAD_FIELD, i -> i.putInt(384, 0));
    spoiled(DiskFormat.VDI, Reason.BAD_FIELD, i -> i.putInt(384, -1));
    spoiled(DiskFormat.VDI, Reason.TRUNCATED, i -> i.putInt(384, 1000));
    spoiled(DiskFormat.VDI, Reason.BAD_FIELD, i -> i.putInt(340, 3000));
    spoiled(DiskFormat.VDI, Reason.TOO_LARGE, i -> i.putLong(368, 1L << 60));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 63, 511, 512, 1023})
  void aFileCutShortIsRefused(int length) {
    for (DiskFormat format : DiskFormat.values()) {
      if (format != DiskFormat.RAW || length == 0) {
        byte[] cut = Arrays.copyOf(bytes(Images.of(format)), length);
        assertThatThrownBy(() -> check(ByteBuffer.wrap(cut), format))
            .isInstanceOf(BadImageException.class);
      }
    }
  }

  @Test
  void aSymbolicLinkIsNotFollowed(@TempDir Path directory) throws IOException {
    Path file = Files.write(directory.resolve("a.raw"), new byte[512]);
    assertThat(FormatSafety.check(file, DiskFormat.RAW, MOST)).isEqualTo(512);
    Path link = Files.createSymbolicLink(directory.resolve("b.raw"), file);
    for (Path other : new Path[] {link, directory, Path.of("/dev/zero")}) {
      assertThatThrownBy(() -> FormatSafety.check(other, DiskFormat.RAW, MOST))
          .isInstanceOfSatisfying(
              BadImageException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NOT_A_FILE));
    }
  }

  private static void spoiled(DiskFormat format, Reason reason, Consumer<ByteBuffer> change) {
    ByteBuffer image = Images.of(format);
    change.accept(image);
    Images.seal(format, image);
    refused(image, format, reason);
  }

  private static void vmdk(String type, String more, Reason reason) {
    refused(Images.vmdk(type, more), DiskFormat.VMDK, reason);
  }

  private static void replaced(String text, String by, Reason reason) {
    byte[] image = bytes(Images.of(DiskFormat.VMDK));
    String changed = new String(image, ISO_8859_1).replace(text, by);
    refused(ByteBuffer.wrap(changed.getBytes(ISO_8859_1)), DiskFormat.VMDK, reason);
  }

  private static void refused(ByteBuffer image, DiskFormat format, Reason reason) {
    assertThatThrownBy(() -> check(image, format))
        .isInstanceOfSatisfying(
            BadImageException.class,
            e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason));
  }

  private static long check(ByteBuffer image, DiskFormat format) throws IOException {
    return FormatSafety.check(ImageBytes.of(image), format, MOST, RawContent.NOT_AN_IMAGE);
  }

  private static byte[] bytes(ByteBuffer image) {
    byte[] bytes = new byte[image.capacity()];
    image.get(0, bytes);
    return bytes;
  }
}
