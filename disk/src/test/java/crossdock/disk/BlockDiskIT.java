package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.disk.VhdxImage.Write;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Formats that keep a disk in blocks, with QEMU as the judge. */
@Timeout(300)
class BlockDiskIT {
  private static final long MOST = 1L << 50;

  @TempDir private Path directory;

  @BeforeAll
  static void needsQemu() {
    Qemu.judges("VHD, VHDX and VDI");
  }

  @ParameterizedTest
  @EnumSource
  void whatWeLayOutQemuReads(BlockFormat format) throws Exception {
    Random random = new Random(5);
    // Empty, odd, whole blocks, and large; QEMU reads all of a VHDX, holes too.
    long large = format == BlockFormat.VHDX ? (4L << 30) + 9_000_001 : 300L << 30;
    for (long size : new long[] {1, 9_000_001, 8L << 20, large}) {
      SparseDisk source = SparseDisk.random(size, size == 1 ? 0 : 9, 3_000_000, random);
      Path raw = write(source, directory.resolve("a.raw"));
      for (boolean inPlace : new boolean[] {false, true}) {
        Layout layout = inPlace ? format.layInPlace(source) : format.lay(source);
        Path image = write(layout, directory.resolve("a.image"));
        if (format.format != DiskFormat.VHD) {
          Qemu.run("qemu-img", "check", "-f", Qemu.driver(format.format), image);
        }
        String said =
            Qemu.run(
                "qemu-img", "compare", "-f", "raw", "-F", Qemu.driver(format.format), raw, image);
        assertThat(said).contains("Images are identical.");
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          VHD | subformat=dynamic
          VHD | subformat=dynamic,force_size=on
          VHD | subformat=fixed
          VHD | subformat=fixed,force_size=on
          VHDX | subformat=dynamic
          VHDX | subformat=dynamic,block_size=1M
          VHDX | subformat=dynamic,block_size=256M,log_size=3M
          VHDX | subformat=fixed,block_state_zero=off
          VDI | static=off
          VDI | static=on
          """)
  void whatQemuLaysOutWeRead(BlockFormat format, String options) throws Exception {
    for (long size : new long[] {512, 9_000_001, 200L << 20}) {
      SparseDisk source = SparseDisk.random(size, 9, 3_000_000, new Random(size));
      Path raw = write(source, directory.resolve("a.raw"));
      Path image = directory.resolve("a.image");
      Qemu.run(
          "qemu-img",
          "convert",
          "-f",
          "raw",
          "-O",
          Qemu.driver(format.format),
          "-o",
          options,
          raw,
          image);
      try (MappedDisk disk = format.open(ImageBytes.of(FileChannel.open(image)), MOST)) {
        disk.walk();
        assertThat(DiskHasher.matches(DiskHasher.hash(source), disk))
            .isEqualTo(new Verdict.Same(disk.size() - size));
        String info = Qemu.run("qemu-img", "info", "-f", Qemu.driver(format.format), image);
        assertThat(info).contains("(" + disk.size() + " bytes)");
      }
    }
  }

  @Test
  void aLogIsReplayedAsQemuDoes() throws Exception {
    ByteBuffer image = VhdxImage.of(VhdxImage.disk());
    int sector = VhdxImage.SECTOR;
    Write bat = Write.of(VhdxImage.BAT, image.slice(VhdxImage.BAT, sector));
    Write data = Write.of(VhdxImage.DATA, image.slice(VhdxImage.DATA + 10 * sector, sector));
    Write zeros = new Write(VhdxImage.DATA + 3L * sector, 2L * sector, null);
    int next = VhdxImage.entry(image, 0, 1, 0, bat, data);
    VhdxImage.entry(image, next, 2, 0, zeros);
    image.put(VhdxImage.BAT, new byte[sector]);
    Path file = directory.resolve("a.image");
    Files.write(file, Images.bytes(VhdxImage.dirty(image)));
    Manifest ours;
    try (VhdxDisk disk = VhdxDisk.open(ImageBytes.of(FileChannel.open(file)), MOST)) {
      ours = DiskHasher.hash(disk);
    }
    Qemu.run("qemu-img", "check", "-r", "all", "-f", "vhdx", file);
    Path raw = directory.resolve("a.raw");
    Qemu.run("qemu-img", "convert", "-f", "vhdx", "-O", "raw", file, raw);
    try (DiskSource disk = RawDisk.open(raw)) {
      assertThat(DiskHasher.hash(disk)).isEqualTo(ours);
      assertThat(ours).isNotEqualTo(DiskHasher.hash(VhdxImage.disk()));
    }
  }

  /** Holes stay holes. */
  private static Path write(DiskSource source, Path file) throws IOException {
    Files.deleteIfExists(file);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
      for (Extent extent : source.extents(0, source.size())) {
        for (long at = extent.offset(); at < extent.end(); at += 1 << 20) {
          if (extent.kind() == Extent.Kind.DATA) {
            int part = (int) Math.min(1 << 20, extent.end() - at);
            ByteBuffer bytes = BlockDiskProperties.read(source, at, part);
            channel.write(bytes, at);
          }
        }
      }
      ByteBuffer last = BlockDiskProperties.read(source, source.size() - 1, 1);
      channel.write(last, source.size() - 1);
    }
    return file;
  }
}
