package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** VMDKs of ours before QEMU, and QEMU's before us. */
class VmdkIT {
  private static final long MOST = 1L << 34;
  private static final UUID ID = new UUID(12, 34);

  @TempDir private Path directory;

  @BeforeAll
  static void needsQemu() {
    Qemu.judges("VMDK");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "subformat=monolithicSparse",
        "subformat=monolithicSparse,zeroed_grain=on",
        "subformat=monolithicSparse,compat6=on,adapter_type=lsilogic",
        "subformat=streamOptimized",
        "subformat=monolithicFlat",
        "subformat=twoGbMaxExtentSparse",
        "subformat=twoGbMaxExtentSparse,zeroed_grain=on",
        "subformat=twoGbMaxExtentFlat"
      })
  void whatQemuWroteReadsToTheSameRoot(String options) throws Exception {
    for (int seed = 0; seed < 3; seed++) {
      MemoryDisk disk = SparseDisks.random(new Random(seed), 34 << 20);
      Path raw = raw(disk);
      Path image = directory.resolve(seed + ".vmdk");
      qemu("convert", "-f", "raw", "-O", "vmdk", "-o", options, raw, image);
      try (DiskSource read = open(image, options)) {
        VmdkProperties.same(disk, read, new Random(seed));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"twoGbMaxExtentSparse", "twoGbMaxExtentFlat"})
  void aDiskOfSeveralPartsIsOne(String type) throws Exception {
    Path image = directory.resolve("a b.vmdk");
    qemu("create", "-f", "vmdk", "-o", "subformat=" + type, image, "5G");
    Path io = Path.of("/usr/bin/qemu-io");
    assumeTrue(Files.isExecutable(io), "qemu-io is not installed");
    long boundary = 2L << 30;
    Qemu.run(io, "-f", "vmdk", "-c", "write -P 7 %d 2M".formatted(boundary - (1 << 20)), image);
    try (DiskSource read = open(image, type)) {
      assertThat(read.size()).isEqualTo(5L << 30);
      byte[] some = new byte[4 << 20];
      read.read(boundary - (2 << 20), ByteBuffer.wrap(some));
      for (int i = 0; i < some.length; i++) {
        assertThat(some[i]).isEqualTo((byte) (i >= 1 << 20 && i < 3 << 20 ? 7 : 0));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 511, 65_536, 65_537, 34 << 20})
  void whatWeLayOutQemuReads(int most) throws Exception {
    MemoryDisk disk = SparseDisks.random(new Random(most), most);
    judged(disk, write("a.vmdk", VmdkLayout.of(disk, ID)));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 511, 65_536, 65_537, 34 << 20})
  void whatWeStreamQemuReads(int most) throws Exception {
    MemoryDisk disk = SparseDisks.random(new Random(most), most);
    byte[] stream = VmdkStreamTest.written(VmdkStreamTest.stream(disk, 1), 0, Long.MAX_VALUE);
    judged(disk, Files.write(directory.resolve("a.vmdk"), stream));
  }

  private void judged(MemoryDisk disk, Path image) throws Exception {
    qemu("check", "-f", "vmdk", image);
    qemu("compare", "-f", "raw", "-F", "vmdk", raw(disk), image);
  }

  private Path raw(MemoryDisk disk) throws IOException {
    return write("a.raw", disk);
  }

  private Path write(String name, DiskSource bytes) throws IOException {
    return Files.write(directory.resolve(name), SparseDisks.bytes(bytes).array());
  }

  private static DiskSource open(Path image, String options) throws IOException {
    boolean oneFile = options.contains("monolithicSparse") || options.contains("streamOptimized");
    return oneFile
        ? VmdkDisk.open(ImageBytes.of(FileChannel.open(image)), MOST)
        : VmdkDisk.openDescriptor(image, MOST);
  }

  private static void qemu(Object... arguments) throws Exception {
    Object[] command = new Object[arguments.length + 1];
    command[0] = "qemu-img";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    Qemu.run(command);
  }
}
