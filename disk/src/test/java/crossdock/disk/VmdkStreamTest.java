package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.codec.Compressor;
import crossdock.disk.codec.JdkDeflate;
import crossdock.disk.codec.JdkDeflate.Wrapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class VmdkStreamTest {
  private static final UUID ID = UUID.fromString("0f6a53c8-1c60-4a86-8a32-3bb5ad2f7a11");

  @Test
  void itEndsAsTheFormatSays() throws IOException {
    byte[] all = written(stream(MemoryDisk.allData(Patterns.disk(1)), 1), 0, Long.MAX_VALUE);
    ByteBuffer end = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
    int at = all.length - 1024;
    assertThat(all.length % 512).isZero();
    assertThat(end.getLong(56)).isEqualTo(-1);
    assertThat(end.getLong(at - 512)).isEqualTo(1);
    assertThat(end.getInt(at - 512 + 12)).isEqualTo(3);
    assertThat(end.getInt(at)).isEqualTo(0x564d444b);
    assertThat(Arrays.copyOfRange(all, at + 512, all.length)).containsOnly(0);
    int directory = (int) end.getLong(at + 56) * 512;
    assertThat(end.getInt(directory - 512 + 12)).isEqualTo(2);
    int table = end.getInt(directory) * 512;
    assertThat(end.getInt(table - 512 + 12)).isEqualTo(1);
  }

  @Test
  void aDiskOfFifteenTebibytesWithOneGrainTakesNoTime() throws IOException {
    DiskSource disk = SparseDisks.oneGrain(15L << 40, 9L << 40);
    VmdkStream stream = stream(disk, 1);
    byte[] all = written(stream, 0, Long.MAX_VALUE);
    assertThat(all).hasSizeLessThan(3 << 20);
    try (VmdkDisk read = VmdkDisk.open(ImageBytes.of(ByteBuffer.wrap(all)), 1L << 50)) {
      assertThat(read.extents(0, read.size()))
          .containsExactly(
              new Extent(0, 9L << 40, Extent.Kind.ZERO),
              new Extent(9L << 40, 65536, Extent.Kind.DATA),
              new Extent((9L << 40) + 65536, (6L << 40) - 65536, Extent.Kind.ZERO));
    }
  }

  @Test
  void anUploadThatBreaksGoesOnWhereItBroke() throws IOException {
    DiskSource disk = MemoryDisk.allData(noise(36 << 20));
    byte[] all = written(stream(disk, 1), 0, Long.MAX_VALUE);
    VmdkStream broken = stream(disk, 1);
    ByteArrayOutputStream arrived = new ByteArrayOutputStream();
    assertThatThrownBy(() -> broken.write(breakingAfter(33 << 20, arrived))).hasMessage("broken");
    VmdkStream resumed = resumed(disk, broken.ledger(), 1);
    AtomicInteger compressed = new AtomicInteger();
    VmdkStream counted =
        VmdkStream.resumed(
            disk,
            VmdkLedger.of(broken.ledger().toBytes()),
            "jdk/1",
            () -> counting(compressed, new JdkDeflate(Wrapper.ZLIB, 1)));
    arrived.write(written(counted, arrived.size(), Long.MAX_VALUE));
    assertThat(arrived.toByteArray()).isEqualTo(all);
    assertThat(compressed.get()).as("not from the beginning").isEqualTo((36 - 32) * 16);
    assertThat(written(resumed, 0, Long.MAX_VALUE)).isEqualTo(all);
  }

  @Test
  void anotherEncoderIsFoundOutByItsNameOrByWhatItMakes() throws IOException {
    byte[] text = new byte[5 << 20];
    for (int i = 0; i < text.length; i++) {
      text[i] = (byte) (i % 251 * (i >> 9));
    }
    DiskSource disk = MemoryDisk.allData(text);
    VmdkStream stream = stream(disk, 1);
    byte[] all = written(stream, 0, Long.MAX_VALUE);
    assertThatThrownBy(() -> resumed(disk, stream.ledger(), 9))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("jdk/1");
    VmdkStream liar = VmdkStream.resumed(disk, stream.ledger(), "jdk/1", encoder(9));
    assertThatThrownBy(() -> written(liar, 70_000, 70_001))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("differs");
    assertThat(all).isNotEqualTo(written(stream(disk, 9), 0, Long.MAX_VALUE));
  }

  @Test
  void anotherDiskIsFoundOut() throws IOException {
    byte[] content = noise(2 << 20);
    VmdkStream stream = stream(MemoryDisk.allData(content), 1);
    byte[] all = written(stream, 0, Long.MAX_VALUE);
    content[12345] ^= 1;
    assertThatThrownBy(() -> written(stream, 100_000, 100_001))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("differs");
    assertThatThrownBy(() -> resumed(MemoryDisk.allData(new byte[1]), stream.ledger(), 1))
        .isInstanceOf(IOException.class);
    content[12345] ^= 1;
    assertThat(written(stream, 100_000, 100_001)).containsExactly(all[100_000]);
  }

  @Test
  void aDiskTooLargeIsRefused() {
    DiskSource disk = SparseDisks.oneGrain((1L << 47) + 1, 0);
    assertThatThrownBy(() -> stream(disk, 1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> VmdkLedger.of(new byte[100])).isInstanceOf(IOException.class);
  }

  static VmdkStream stream(DiskSource disk, int level) {
    return new VmdkStream(disk, ID, "jdk/" + level, encoder(level));
  }

  /** As another process would that was left the ledger. */
  static VmdkStream resumed(DiskSource disk, VmdkLedger ledger, int level) throws IOException {
    VmdkLedger kept = VmdkLedger.of(ledger.toBytes());
    return VmdkStream.resumed(disk, kept, "jdk/" + level, encoder(level));
  }

  static byte[] written(VmdkStream stream, long from, long to) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    long end = stream.write(from, to, Channels.newChannel(bytes));
    assertThat(end).isEqualTo(from + bytes.size());
    return bytes.toByteArray();
  }

  private static Supplier<Compressor> encoder(int level) {
    return () -> new JdkDeflate(Wrapper.ZLIB, level);
  }

  private static byte[] noise(int length) {
    byte[] noise = new byte[length];
    new Random(length).nextBytes(noise);
    return noise;
  }

  private static Compressor counting(AtomicInteger calls, Compressor compressor) {
    return new Compressor() {
      @Override
      public int compress(ByteBuffer in, ByteBuffer out) {
        calls.incrementAndGet();
        return compressor.compress(in, out);
      }

      @Override
      public void close() {
        compressor.close();
      }
    };
  }

  private static WritableByteChannel breakingAfter(int most, ByteArrayOutputStream arrived) {
    WritableByteChannel to = Channels.newChannel(arrived);
    return new WritableByteChannel() {
      @Override
      public int write(ByteBuffer bytes) throws IOException {
        int room = Math.min(bytes.remaining(), most - arrived.size());
        if (room == 0) {
          throw new IOException("broken");
        }
        int written = to.write(bytes.slice(bytes.position(), room));
        bytes.position(bytes.position() + written);
        return written;
      }

      @Override
      public boolean isOpen() {
        return true;
      }

      @Override
      public void close() {}
    };
  }
}
