package crossdock.disk;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PartitionsTest {
  private static final String LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4";
  private static final String EFI = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
  private static final int MIB = 1 << 20;

  @TempDir Path directory = Path.of("");

  /** What sfdisk of util-linux makes of a script on a disk of that size. */
  @SuppressWarnings("SystemOut")
  private byte[] divided(long size, String script) throws Exception {
    Path sfdisk = Path.of("/usr/sbin/sfdisk");
    if (!Files.isExecutable(sfdisk)) {
      System.out.println("NOT CHECKED: what sfdisk writes, for lack of it");
    }
    assumeTrue(Files.isExecutable(sfdisk), "sfdisk is not installed");
    Path disk = directory.resolve("disk.raw");
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      file.setLength(size);
    }
    Process process =
        new ProcessBuilder(sfdisk.toString(), "--no-reread", disk.toString())
            .redirectErrorStream(true)
            .start();
    process.getOutputStream().write(script.getBytes(UTF_8));
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return Files.readAllBytes(disk);
  }

  private static Partitions read(byte[] disk) throws IOException {
    return Partitions.read(MemoryDisk.allData(disk));
  }

  private byte[] gpt() throws Exception {
    return divided(
        16 * MIB, "label: gpt\nstart=2048, size=4096, type=U\nstart=8192, size=8192, type=L\n");
  }

  @Test
  void aGuidPartitionTableIsReadAsItWasWritten() throws Exception {
    Partitions found = read(gpt());
    assertThat(found.table()).isEqualTo(Partitions.Table.GPT);
    assertThat(found.partitions())
        .containsExactly(
            new Partitions.Partition(EFI, MIB, 2 * MIB),
            new Partitions.Partition(LINUX, 4 * MIB, 4 * MIB));
    assertThat(found.efiSystem()).isTrue();
    assertThat(found.bootCode()).isFalse();
    assertThat(found.odd()).isEmpty();
    assertThat(found.broken()).isEmpty();
  }

  @Test
  void aMasterBootRecordIsReadWithItsLogicalPartitions() throws Exception {
    byte[] disk =
        divided(
            32 * MIB,
            """
            label: dos
            start=2048, size=2048, type=83, bootable
            start=4096, size=40960, type=5
            start=6144, size=2048, type=82
            start=10240, size=4096, type=83
            """);
    disk[0] = (byte) 0xeb;
    Partitions found = read(disk);
    assertThat(found.table()).isEqualTo(Partitions.Table.MBR);
    assertThat(found.partitions())
        .containsExactly(
            new Partitions.Partition("83", MIB, MIB),
            new Partitions.Partition("82", 3 * MIB, MIB),
            new Partitions.Partition("83", 5 * MIB, 2 * MIB));
    assertThat(found.bootCode()).isTrue();
    assertThat(found.efiSystem()).isFalse();
    assertThat(found.odd()).isEmpty();
    assertThat(found.broken()).isEmpty();
  }

  @Test
  void aDiskThatWasCutOffIsBroken() throws Exception {
    Partitions found = read(Arrays.copyOf(gpt(), 6 * MIB));
    assertThat(found.broken()).containsExactly("a partition reaches beyond the end of the disk");
  }

  @Test
  void aDiskThatHasGrownIsOdd() throws Exception {
    Partitions found = read(Arrays.copyOf(gpt(), 20 * MIB));
    assertThat(found.partitions()).hasSize(2);
    assertThat(found.odd())
        .containsExactly("no copy of the GUID partition table at the end of the disk");
    assertThat(found.broken()).isEmpty();
  }

  @Test
  void aBrokenTableIsReadFromItsCopy() throws Exception {
    byte[] disk = gpt();
    disk[2 * 512 + 3] ^= 1;
    Partitions found = read(disk);
    assertThat(found.partitions()).hasSize(2);
    assertThat(found.odd())
        .containsExactly("the GUID partition table is broken; its copy at the end is whole");
    disk[disk.length - 512 + 60] ^= 1;
    assertThat(read(disk).broken())
        .containsExactly("neither the GUID partition table nor its copy is whole");
  }

  @Test
  void noTableIsNothingBroken() throws Exception {
    assertThat(read(new byte[4 * MIB]).table()).isEqualTo(Partitions.Table.NONE);
    assertThat(read(new byte[100]).table()).isEqualTo(Partitions.Table.NONE);
    byte[] fileSystem = new byte[4 * MIB];
    Arrays.fill(fileSystem, 0, 500, (byte) 'x');
    fileSystem[510] = 0x55;
    fileSystem[511] = (byte) 0xaa;
    Partitions found = read(fileSystem);
    assertThat(found.table()).isEqualTo(Partitions.Table.NONE);
    assertThat(found.bootCode()).isTrue();
    assertThat(found.broken()).isEmpty();
  }

  /** A record with one slot in use. */
  static ByteBuffer record(int size, int type, int start, int length) {
    ByteBuffer disk = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    return slot(disk, 0, 0, type, start, length);
  }

  private static ByteBuffer slot(
      ByteBuffer disk, int sector, int slot, int type, int start, int length) {
    int at = sector * 512 + 446 + slot * 16;
    disk.put(at + 4, (byte) type).putInt(at + 8, start).putInt(at + 12, length);
    return disk.putShort(sector * 512 + 510, (short) 0xaa55);
  }

  @Test
  void aChainOfLogicalPartitionsWithoutEndIsBroken() throws Exception {
    ByteBuffer disk = record(MIB, 0x0f, 8, 1000);
    slot(disk, 8, 1, 5, 0x40, 8);
    slot(disk, 8 + 0x40, 1, 5, 0x40, 8);
    assertThat(read(Images.bytes(disk)).broken())
        .containsExactly("the chain of logical partitions has no end");
  }

  @Test
  void partitionsThatOverlapAreOdd() throws Exception {
    ByteBuffer disk = slot(record(MIB, 0x83, 8, 100), 0, 1, 0x83, 50, 100);
    Partitions found = read(Images.bytes(disk));
    assertThat(found.odd()).containsExactly("two partitions overlap");
    assertThat(found.broken()).isEmpty();
  }

  @Test
  void aHugeTableIsNotRead() throws Exception {
    ByteBuffer disk = record(4 * MIB, 0xee, 1, 8191);
    disk.putLong(512, 0x5452415020494645L).putInt(512 + 12, 92).putLong(512 + 24, 1);
    disk.putLong(512 + 72, 2).putInt(512 + 80, -1).putInt(512 + 84, 4096);
    MemoryDisk source = MemoryDisk.allData(Images.bytes(disk));
    assertThat(Partitions.read(source).broken()).hasSize(1);
    assertThat(source.bytesRead.get()).isLessThan(64 << 10);
  }
}
