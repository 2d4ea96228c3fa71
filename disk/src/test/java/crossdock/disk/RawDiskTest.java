package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.DiskSink.Resume;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RawDiskTest {
  private static final int SIZE = 3_000_001;

  @TempDir private Path directory;

  @Test
  void whatIsWrittenIsRead() throws IOException {
    Path file = directory.resolve("a.raw");
    byte[] content = new byte[SIZE];
    new Random(1).nextBytes(content);
    try (DiskSink sink = Disks.createSink(file, DiskFormat.RAW, SIZE)) {
      assertThat(sink.resume()).isEqualTo(Resume.RANDOM);
      assertThat(sink.startsZeroed()).isTrue();
      sink.write(1000, ByteBuffer.wrap(content, 1000, SIZE - 1000));
      sink.write(0, ByteBuffer.wrap(content, 0, 1000));
      sink.flush();
      assertThat(file).doesNotExist();
      sink.finish();
    }
    assertThat(file).hasBinaryContent(content);
    assertThat(directory.toFile().list()).containsExactly("a.raw");
    try (DiskSource disk = Disks.openSource(file, DiskFormat.RAW, SIZE)) {
      assertThat(DiskHasher.hash(disk)).isEqualTo(DiskHasher.hash(MemoryDisk.allData(content)));
      assertThatThrownBy(() -> disk.read(SIZE - 1, ByteBuffer.allocate(2)))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void zerosMakeHolesAndOverwriteWhatWasThere() throws IOException {
    Path file = directory.resolve("a.raw");
    long size = 1L << 33;
    try (DiskSink sink = Disks.createSink(file, DiskFormat.RAW, size)) {
      sink.write(5, ByteBuffer.wrap(new byte[] {1, 2, 3}));
      sink.zero(0, 5 << 20);
      sink.write(size - 1, ByteBuffer.wrap(new byte[] {9}));
      sink.finish();
    }
    assertThat(file).hasSize(size);
    assertThat((Integer) Files.getAttribute(file, "unix:nlink")).isEqualTo(1);
    try (DiskSource disk = Disks.openSource(file, DiskFormat.RAW, size)) {
      ByteBuffer start = ByteBuffer.allocate(10);
      disk.read(0, start);
      assertThat(Zeros.isZero(start.flip())).isTrue();
    }
  }

  @Test
  void aClosedSinkGoesOnWhereItWas() throws IOException {
    Path file = directory.resolve("a.raw");
    try (DiskSink sink = Disks.createSink(file, DiskFormat.RAW, SIZE)) {
      sink.write(7, ByteBuffer.wrap(new byte[] {7}));
      sink.flush();
    }
    assertThat(file).doesNotExist();
    try (DiskSink sink = Disks.createSink(file, DiskFormat.RAW, SIZE)) {
      assertThat(sink.startsZeroed()).isFalse();
      assertThatThrownBy(() -> Disks.createSink(file, DiskFormat.RAW, SIZE))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("somebody else");
      sink.finish();
    }
    byte[] expected = new byte[SIZE];
    expected[7] = 7;
    assertThat(file).hasBinaryContent(expected);
    assertThatThrownBy(() -> Disks.createSink(file, DiskFormat.RAW, SIZE))
        .isInstanceOf(FileAlreadyExistsException.class);
  }

  @Test
  void anUnfinishedFileOfAnotherSizeIsNotTakenOver() throws IOException {
    Path file = directory.resolve("a.raw");
    Disks.createSink(file, DiskFormat.RAW, SIZE).close();
    assertThatThrownBy(() -> Disks.createSink(file, DiskFormat.RAW, SIZE + 1))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("instead of");
  }

  @Test
  void anAbandonedSinkLeavesNothing() throws IOException {
    try (DiskSink sink = Disks.createSink(directory.resolve("a.raw"), DiskFormat.RAW, SIZE)) {
      sink.write(0, ByteBuffer.allocate(10));
      sink.abandon();
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void aFileThatBecomesShorterIsNoticed() throws IOException {
    Path file = Files.write(directory.resolve("a.raw"), new byte[SIZE]);
    try (DiskSource disk = Disks.openSource(file, DiskFormat.RAW, SIZE)) {
      Files.write(file, new byte[10]);
      assertThatThrownBy(() -> DiskHasher.hash(disk)).isInstanceOf(IOException.class);
    }
  }
}
