package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ImageSinkTest {
  private static final int SIZE = 12_345_678;

  @TempDir private Path directory;

  @ParameterizedTest
  @EnumSource
  void whatIsWrittenInAnyOrderAndInTwoAttemptsIsRead(DiskFormat format) throws IOException {
    Path image = directory.resolve("image");
    byte[] expected = new byte[SIZE];
    Random random = new Random(format.wire().hashCode());
    try (DiskSink sink = Disks.createSink(image, format, SIZE)) {
      assertThat(sink.startsZeroed()).isTrue();
      change(sink, expected, random);
      sink.flush();
    }
    assertThat(image).doesNotExist();
    try (DiskSink sink = Disks.createSink(image, format, SIZE)) {
      assertThat(sink.startsZeroed()).isFalse();
      change(sink, expected, random);
      sink.finish();
    }
    assertSame(image, format, expected);
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files).containsExactly(image);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "RAW")
  void nothingWrittenIsZeros(DiskFormat format) throws IOException {
    Path image = directory.resolve("image");
    try (DiskSink sink = Disks.createSink(image, format, SIZE)) {
      sink.zero(100, 1 << 20);
      sink.finish();
    }
    assertSame(image, format, new byte[SIZE]);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "RAW")
  void aFinishThatWasInterruptedIsDoneAgain(DiskFormat format) throws IOException {
    Path image = directory.resolve("image");
    byte[] expected = new byte[SIZE];
    Arrays.fill(expected, 0, 1_000_000, (byte) 7);
    try (DiskSink sink = Disks.createSink(image, format, SIZE)) {
      sink.write(0, ByteBuffer.wrap(expected, 0, 1_000_000));
      sink.finish();
    }
    // As a process leaves it that dies just before the file gets its name.
    Path partial = Files.createDirectory(directory.resolve(".image.partial"));
    long end = Files.size(image);
    Files.move(image, partial.resolve("image"));
    Files.writeString(partial.resolve(".shape"), format.wire() + " " + SIZE + "\n");
    Files.writeString(partial.resolve(".data-end"), Long.toString(dataEnd(format, end)));
    try (DiskSink sink = Disks.createSink(image, format, SIZE)) {
      Arrays.fill(expected, 11_000_000, 11_000_300, (byte) 8);
      sink.write(11_000_000, ByteBuffer.wrap(expected, 11_000_000, 300));
      sink.finish();
    }
    assertSame(image, format, expected);
  }

  @Test
  void anotherImageIsNotGoneOnWith() throws IOException {
    Path image = directory.resolve("image");
    Disks.createSink(image, DiskFormat.QCOW2, SIZE).close();
    assertThatThrownBy(() -> Disks.createSink(image, DiskFormat.QCOW2, SIZE + 512))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> Disks.createSink(image, DiskFormat.VDI, SIZE))
        .isInstanceOf(IOException.class);
  }

  @Test
  void whoeverGivesUpLeavesNothing() throws IOException {
    try (DiskSink sink = Disks.createSink(directory.resolve("image"), DiskFormat.VHDX, SIZE)) {
      sink.write(5, ByteBuffer.wrap(new byte[] {1}));
      sink.abandon();
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void aDiskThatHasNoRoomInItsFormatIsRefusedAtOnce() {
    assertThatThrownBy(() -> Disks.createSink(directory.resolve("image"), DiskFormat.VHD, 3L << 40))
        .isInstanceOf(IOException.class);
  }

  private static long dataEnd(DiskFormat format, long fileEnd) {
    // Of a disk whose first million bytes are stored.
    return switch (format) {
      case QCOW2 -> (3 + 16) << 16;
      case VHD -> fileEnd - VhdDisk.FOOTER;
      case RAW, VMDK, VHDX, VDI -> fileEnd;
    };
  }

  private static void change(DiskSink sink, byte[] expected, Random random) throws IOException {
    for (int n = 0; n < 40; n++) {
      int from = random.nextInt(SIZE);
      int length = Math.min(1 + random.nextInt(300_000), SIZE - from);
      if (n % 4 == 2) {
        from &= ~0xffff;
        length = Math.min((1 + random.nextInt(5)) << 16, SIZE - from);
      }
      if (n % 4 == 3) {
        Arrays.fill(expected, from, from + length, (byte) 0);
        sink.zero(from, length);
      } else {
        byte[] noise = new byte[length];
        random.nextBytes(noise);
        System.arraycopy(noise, 0, expected, from, length);
        sink.write(from, n % 4 == 2 ? direct(noise) : ByteBuffer.wrap(noise));
      }
    }
  }

  /** Where it is aligned, it goes past the page cache. */
  private static ByteBuffer direct(byte[] bytes) {
    return ByteBuffer.allocateDirect(bytes.length + 4096)
        .alignedSlice(4096)
        .limit(bytes.length)
        .put(bytes)
        .flip();
  }

  private static void assertSame(Path image, DiskFormat format, byte[] expected)
      throws IOException {
    try (DiskSource disk = Disks.openSource(image, format, 1L << 30)) {
      assertThat(DiskComparison.of(disk, MemoryDisk.allData(expected)))
          .isEqualTo(new DiskComparison.Same(disk.size() - SIZE));
      assertThat(disk.size() - SIZE).isBetween(0L, 511L);
    }
  }
}
