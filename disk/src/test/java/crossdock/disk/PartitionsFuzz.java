package crossdock.disk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.params.provider.MethodSource;

class PartitionsFuzz {
  private static final int SIZE = 1 << 16;

  static Stream<byte[]> seeds() {
    ByteBuffer gpt = PartitionsTest.record(4096, 0xee, 1, 127);
    gpt.putLong(512, 0x5452415020494645L).putInt(512 + 12, 92).putLong(512 + 24, 1);
    gpt.putLong(512 + 72, 2).putInt(512 + 80, 4).putInt(512 + 84, 128);
    gpt.putLong(1024, 5).putLong(1024 + 32, 34).putLong(1024 + 40, 90);
    return Stream.of(
            PartitionsTest.record(512, 0x83, 8, 16), PartitionsTest.record(512, 5, 1, 100), gpt)
        .map(Images::bytes);
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void anyDivisionOfADiskIsReadSoon(byte[] input) throws IOException {
    ByteBuffer disk = ByteBuffer.wrap(Arrays.copyOf(input, SIZE)).order(ByteOrder.LITTLE_ENDIAN);
    seal(disk);
    MemoryDisk source = MemoryDisk.allData(Images.bytes(disk));
    Partitions found = Partitions.read(source);
    if (source.bytesRead.get() > 5 << 20) {
      throw new AssertionError("read " + source.bytesRead.get() + " bytes");
    }
    if (Boolean.getBoolean("crossdock.planted") && found.efiSystem() && found.odd().size() == 1) {
      throw new AssertionError("planted");
    }
  }

  /** Nobody finds a checksum by chance. */
  private static void seal(ByteBuffer disk) {
    int size = disk.getInt(512 + 12);
    long entries = disk.getLong(512 + 72);
    int length = disk.getInt(512 + 80) * disk.getInt(512 + 84);
    if (size < 92 || size > 512 || entries < 1 || entries > 120 || length < 1) {
      return;
    }
    if (length <= SIZE - entries * 512) {
      disk.putInt(512 + 88, crc(disk.slice((int) entries * 512, length)));
    }
    disk.putInt(512 + 16, 0).putInt(512 + 16, crc(disk.slice(512, size)));
  }

  private static int crc(ByteBuffer bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    return (int) crc.getValue();
  }
}
