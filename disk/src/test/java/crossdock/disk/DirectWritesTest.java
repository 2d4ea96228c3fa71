package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectWritesTest {
  private static final int SIZE = 3 << 20;

  @Test
  void whatEitherWayWritesTheOtherSees(@TempDir Path directory) throws IOException {
    mixed(directory.resolve("file"));
  }

  @Test
  void aFileSystemInMemoryIsWrittenToo() throws IOException {
    Path memory = Path.of("/dev/shm");
    assumeThat(memory).as("a file system in memory").isDirectory().isWritable();
    Path file = Files.createTempFile(memory, "crossdock", ".raw");
    try {
      mixed(file);
    } finally {
      Files.delete(file);
    }
  }

  /** In pieces of all alignments, over one another, through buffers of all kinds. */
  private static void mixed(Path file) throws IOException {
    byte[] expected = new byte[SIZE];
    Random random = new Random(1);
    try (FileChannel cached =
            FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        DirectWrites writes = DirectWrites.of(file, cached)) {
      for (int n = 0; n < 300; n++) {
        int unit = 1 << (n % 3 * 6 + 4); // 16 bytes, 1 KiB, 64 KiB
        int from = random.nextInt(SIZE / unit) * unit;
        int length = Math.min((1 + random.nextInt(4)) * unit, SIZE - from);
        byte[] noise = new byte[length];
        random.nextBytes(noise);
        System.arraycopy(noise, 0, expected, from, length);
        ByteBuffer bytes = buffer(n, noise);
        for (long at = from; bytes.hasRemaining(); ) {
          at += writes.write(bytes, at);
        }
        byte[] back = new byte[length];
        int read = cached.read(ByteBuffer.wrap(back), from);
        assertThat(read).isEqualTo(length);
        assertThat(back).isEqualTo(noise);
      }
    }
    assertThat(Files.readAllBytes(file))
        .isEqualTo(Arrays.copyOf(expected, Math.toIntExact(Files.size(file))));
  }

  private static ByteBuffer buffer(int number, byte[] bytes) {
    int before = number % 5 == 0 ? 1 : 0;
    return number % 2 == 0
        ? ByteBuffer.wrap(bytes)
        : ByteBuffer.allocateDirect(bytes.length + 8192)
            .alignedSlice(4096)
            .position(before)
            .limit(before + bytes.length)
            .put(bytes)
            .position(before);
  }
}
