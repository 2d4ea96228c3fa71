package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.disk.Qcow2Header.Compression;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** qcow2 against QEMU's own tools. */
@Timeout(300)
class Qcow2IT {
  private static final long MOST = 1L << 43;

  @TempDir private Path directory;

  @BeforeAll
  static void needsQemu() {
    Qemu.judges("qcow2");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "compat=0.10",
        "compat=0.10,cluster_size=512",
        "compat=1.1",
        "cluster_size=512",
        "cluster_size=1k",
        "cluster_size=2k",
        "cluster_size=4k",
        "cluster_size=8k",
        "cluster_size=16k",
        "cluster_size=32k",
        "cluster_size=128k",
        "cluster_size=256k",
        "cluster_size=512k",
        "cluster_size=1M",
        "cluster_size=2M",
        "extended_l2=on",
        "extended_l2=on,cluster_size=16k",
        "extended_l2=on,cluster_size=2M",
        "refcount_bits=1",
        "refcount_bits=2",
        "refcount_bits=4",
        "refcount_bits=8",
        "refcount_bits=32",
        "refcount_bits=64",
        "lazy_refcounts=on",
        "preallocation=metadata",
        "preallocation=falloc",
        "preallocation=full",
        "compression_type=zstd",
        "compression_type=zstd,extended_l2=on",
        "compression_type=zstd,cluster_size=512",
        "compression_type=zstd,cluster_size=2M"
      })
  void whatQemuWritesReadsTheSame(String options) throws Exception {
    byte[] content = content();
    Path raw = Files.write(directory.resolve("a.raw"), content);
    Manifest manifest = DiskHasher.hash(MemoryDisk.allData(content));
    Path image = directory.resolve("a.qcow2");
    List<String> ways = new ArrayList<>(List.of("-W"));
    if (!options.contains("preallocation")) {
      ways.add("-c");
    }
    for (String way : ways) {
      Qemu.run("qemu-img", "convert", way, "-f", "raw", "-O", "qcow2", "-o", options, raw, image);
      sound(image);
      try (Qcow2Disk disk = open(image)) {
        assertThat(DiskHasher.matches(manifest, disk).matches()).as("%s %s", way, options).isTrue();
        byte[] padded = Arrays.copyOf(content, (int) disk.size());
        Random random = new Random(1);
        for (int n = 0; n < 100; n++) {
          int from = random.nextInt(padded.length);
          ByteBuffer part =
              ByteBuffer.allocate(random.nextInt(Math.min(200_000, padded.length - from)) + 1);
          disk.read(from, part);
          assertThat(part.flip()).isEqualTo(ByteBuffer.wrap(padded, from, part.capacity()));
        }
        for (Extent extent : disk.extents(0, disk.size())) {
          if (extent.kind() == Extent.Kind.ZERO) {
            assertThat(
                    Zeros.isZero(
                        ByteBuffer.wrap(padded, (int) extent.offset(), (int) extent.length())))
                .isTrue();
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"compat=0.10", "cluster_size=4k", "extended_l2=on", "refcount_bits=8"})
  void whatGuestsWroteZeroedAndDiscardedReadsTheSame(String options) throws Exception {
    Path image = directory.resolve("a.qcow2");
    Qemu.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, image, "70M");
    Qemu.run(
        "qemu-io",
        "-f",
        "qcow2",
        "-c",
        "write -P 1 100k 3M",
        "-c",
        "write -P 2 69M 700k",
        "-c",
        "write -c -P 3 8M 512k",
        "-c",
        "write -z 200k 100k",
        "-c",
        "write -z -u 1M 300k",
        "-c",
        "write -z 30M 1M",
        "-c",
        "discard 2M 200k",
        "-c",
        "write -P 4 40000k 512",
        image);
    same(image);
    Qemu.run("qemu-img", "snapshot", "-c", "before", image);
    Qemu.run("qemu-io", "-f", "qcow2", "-c", "write -P 5 0 1M", "-c", "write -z 2500k 64k", image);
    same(image);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatIsLaidOutIsAValidImage(boolean inPlace) throws Exception {
    byte[] content = content();
    Path raw = Files.write(directory.resolve("a.raw"), content);
    DiskSource disk = MemoryDisk.allData(content);
    BitSet stored = new BitSet();
    for (int at = 0, unit = 0; at < content.length; at += Qcow2Layout.UNIT, unit++) {
      int length = Math.min(Qcow2Layout.UNIT, content.length - at);
      stored.set(unit, !Zeros.isZero(ByteBuffer.wrap(content, at, length)));
    }
    long[] bits = stored.toLongArray();
    Path image = directory.resolve("a.qcow2");
    write(
        inPlace
            ? Qcow2Layout.of(disk, Allocation.inPlace(content.length, Qcow2Layout.UNIT, bits))
            : Qcow2Layout.of(disk),
        image);
    valid(raw, image);
  }

  @ParameterizedTest
  @EnumSource
  void whatIsCompressedIsAValidImageNoLargerThanQemus(Compression compression) throws Exception {
    byte[] content = content();
    Path raw = Files.write(directory.resolve("a.raw"), content);
    Path image = directory.resolve("a.qcow2");
    Qcow2Fixtures.compressed(MemoryDisk.allData(content), image, compression).close();
    valid(raw, image);
    Path qemus = directory.resolve("q.qcow2");
    String type = "compression_type=" + (compression == Compression.ZSTD ? "zstd" : "zlib");
    Qemu.run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", type, raw, qemus);
    assertThat(Files.size(image)).isLessThan(Files.size(qemus) * 11 / 10);
  }

  @Test
  void aDiskWhoseRefcountsNeedSeveralBlocksIsAValidImage() throws Exception {
    Path image = directory.resolve("a.qcow2");
    Path raw = directory.resolve("a.raw");
    try (SparseDisk disk = new SparseDisk(5L << 40)) {
      for (long at : new long[] {0, 1L << 31, (5L << 40) - 100_000, (3L << 40) + 12_345}) {
        disk.put(at, 99_999);
      }
      write(Qcow2Layout.of(disk), image);
      assertThat(Files.size(image)).isLessThan(2 << 20);
      try (FileChannel file =
          FileChannel.open(raw, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        for (Extent extent : disk.extents(0, disk.size())) {
          if (extent.kind() == Extent.Kind.DATA) {
            ByteBuffer bytes = ByteBuffer.allocate((int) extent.length());
            disk.read(extent.offset(), bytes);
            file.write(bytes.flip(), extent.offset());
          }
        }
      }
      valid(raw, image);
      Qcow2Fixtures.compressed(disk, image, Compression.ZSTD).close();
      valid(raw, image);
    }
  }

  private void valid(Path raw, Path image) throws Exception {
    sound(image);
    Qemu.run("qemu-img", "check", "-f", "qcow2", image);
    Qemu.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, image);
  }

  private void same(Path image) throws Exception {
    sound(image);
    Path raw = directory.resolve("back.raw");
    Qemu.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", image, raw);
    try (Qcow2Disk disk = open(image);
        DiskSource plain = RawDisk.open(raw)) {
      assertThat(DiskHasher.hash(disk)).isEqualTo(DiskHasher.hash(plain));
    }
  }

  private static void sound(Path image) throws IOException {
    try (ImageBytes bytes = ImageBytes.of(FileChannel.open(image))) {
      assertThat(Qcow2Check.check(bytes, MOST)).isEmpty();
    }
  }

  private static Qcow2Disk open(Path image) throws IOException {
    return Qcow2Disk.open(ImageBytes.of(FileChannel.open(image)), MOST);
  }

  private static void write(Layout layout, Path image) throws IOException {
    try (FileChannel file =
        FileChannel.open(image, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      for (long at = 0; at < layout.size(); ) {
        Extent extent = layout.extentAt(at, Math.min(1 << 20, layout.size() - at));
        ByteBuffer bytes = ByteBuffer.allocate((int) extent.length());
        layout.read(at, bytes);
        file.write(bytes.flip(), at);
        at = extent.end();
      }
    }
  }

  /** 20 MB: noise, what compresses, zeros of many lengths. */
  private static byte[] content() {
    byte[] content = new byte[20_000_001];
    Random random = new Random(5);
    random.nextBytes(content);
    for (int i = 3_000_000; i < 11_900_000; i++) {
      content[i] = (byte) (i / 40 % 64 + (random.nextInt() & 3));
    }
    // What repeats from farther back than QEMU's own window reaches.
    for (int i = 12_000_000; i < 13_000_000; i++) {
      content[i] = content[i - 20_000];
    }
    Arrays.fill(content, 5_000_000, 8_000_000, (byte) 0);
    for (int at = 14_000_000; at < 18_000_000; at += 100_000) {
      Arrays.fill(content, at, at + random.nextInt(100_000), (byte) 0);
    }
    return content;
  }
}
