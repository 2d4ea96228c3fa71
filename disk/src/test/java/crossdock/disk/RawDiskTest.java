package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import crossdock.disk.DiskSink.Resume;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
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
  void holesAreZeroWithoutBeingRead() throws IOException {
    Path file = directory.resolve("a \u00e4.raw");
    long size = 1L << 40;
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
      channel.write(ByteBuffer.wrap(new byte[] {1}), 1L << 30);
      channel.write(ByteBuffer.wrap(new byte[] {2}), 1L << 35);
    }
    try (RandomAccessFile whole = new RandomAccessFile(file.toFile(), "rw")) {
      whole.setLength(size);
    }
    try (DiskSource disk = RawDisk.open(file)) {
      List<Extent> data = new ArrayList<>();
      long holes = 0;
      for (Extent extent : disk.extents(0, size)) {
        if (extent.kind() == Extent.Kind.DATA) {
          data.add(extent);
        } else {
          holes += extent.length();
        }
      }
      assumeTrue(holes > 0, "this file system does not tell");
      assertThat(data).hasSize(2).allMatch(extent -> extent.length() <= 1 << 20);
      assertThat(data.getFirst().offset()).isLessThanOrEqualTo(1L << 30);
      assertThat(data.getFirst().end()).isGreaterThan(1L << 30);
      assertThat(disk.extentAt(size - 5, 9)).isEqualTo(new Extent(size - 5, 5, Extent.Kind.ZERO));
      assertThat(disk.extentAt(5, 7)).isEqualTo(new Extent(5, 7, Extent.Kind.ZERO));
    }
    DiskSource closed = RawDisk.open(file);
    closed.close();
    assertThatThrownBy(() -> closed.extentAt(0, 1)).isInstanceOf(IOException.class);
  }

  @Test
  void aHoleThatIsGoneAtTheEndIsNotZero() throws IOException {
    Path file = directory.resolve("a.raw");
    try (RandomAccessFile writer = new RandomAccessFile(file.toFile(), "rw")) {
      writer.setLength(SIZE);
      try (DiskSource disk = RawDisk.open(file)) {
        writer.setLength(SIZE - 1);
        assertThatThrownBy(() -> DiskHasher.hash(disk)).isInstanceOf(IOException.class);
      }
    }
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
