package crossdock.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.zip.Deflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VmdkDiskTest {
  private static final long MOST = 1L << 45;
  private static final long HUGE = 20_000_000_000L;
  private static final int GRAIN = 64 << 10;
  // The places of things in the images of this test, in bytes.
  static final int DIRECTORY = 40 * 512;
  static final int TABLE = 41 * 512;
  static final int DATA = 128 * 512;

  @TempDir private Path directory;

  @Test
  void aCompressedGrainIsInflatedAndChecked() throws IOException {
    ByteBuffer image = compressed(grain(7));
    assertThat(first(image)).isEqualTo(ByteBuffer.wrap(grain(7)));
    refused(compressed(grain(7)).putLong(DATA, 128), Reason.BAD_FIELD);
    refused(compressed(grain(7)).putInt(DATA + 8, 0), Reason.BAD_FIELD);
    refused(compressed(grain(7)).putInt(DATA + 8, -1), Reason.BAD_FIELD);
    refused(compressed(grain(7)).putInt(DATA + 8, 2 * GRAIN), Reason.TRUNCATED);
    refused(compressed(grain(7)).putInt(DATA + 8, 5), Reason.BAD_FIELD);
    refused(compressed(grain(7)).putInt(DATA + 20, 0x55555555), Reason.BAD_FIELD);
    refused(compressed(new byte[GRAIN - 1]), Reason.BAD_FIELD);
    refused(compressed(new byte[GRAIN + 1]), Reason.BAD_FIELD);
    refused(compressed(new byte[100 * GRAIN]), Reason.BAD_FIELD);
  }

  @Test
  void tablesAndGrainsAreWhereNothingElseIs() throws IOException {
    assertThat(first(plain(128))).isEqualTo(ByteBuffer.wrap(grain(7)));
    refused(plain(1), Reason.BAD_FIELD);
    refused(plain(20), Reason.BAD_FIELD);
    refused(plain(40), Reason.BAD_FIELD);
    refused(plain(129), Reason.TRUNCATED);
    refused(plain(-1), Reason.TRUNCATED);
    refused(plain(128).putInt(DIRECTORY, 1), Reason.BAD_FIELD);
    refused(plain(128).putInt(DIRECTORY, -1), Reason.TRUNCATED);
  }

  @Test
  void anEntryOfOneIsAGrainOfZerosIfTheHeaderSaysSo() throws IOException {
    ByteBuffer image = plain(1).putInt(4, 2).putInt(8, 7);
    try (VmdkDisk disk = open(image)) {
      assertThat(disk.extentAt(0, disk.size()))
          .isEqualTo(new Extent(0, disk.size(), Extent.Kind.ZERO));
      assertThat(Zeros.isZero(first(image))).isTrue();
    }
  }

  @Test
  void flagsThatWouldBeReadInTwoWaysAreRefused() {
    refused(plain(128).putInt(8, 0x10003), Reason.UNSUPPORTED);
    refused(plain(128).putInt(8, 0x30003), Reason.BAD_FIELD);
    refused(plain(128).putInt(8, 0x100003), Reason.UNSUPPORTED);
    refused(plain(128).putShort(77, (short) 1), Reason.BAD_FIELD);
    refused(plain(128).putInt(4, 4), Reason.BAD_FIELD);
  }

  @Test
  void theDescriptorSaysTheSizeWhereTheHeaderIsRoundedUp() throws IOException {
    ByteBuffer image = plain(128);
    replace(image, "RW 2048 ", "RW 2047 ");
    try (VmdkDisk disk = open(image)) {
      assertThat(disk.size()).isEqualTo(2047 * 512);
    }
    replace(image, "RW 2047 ", "RW 1920 ");
    refused(image, Reason.BAD_FIELD);
  }

  @Test
  void aDirectoryLargerThanAnyDiskNeedsIsRefused() {
    ByteBuffer image = plain(128);
    String text = VmdkDescriptor.write("monolithicSparse", "RW", HUGE, "a", new UUID(1, 2));
    image.put(512, text.getBytes(ISO_8859_1));
    refused(image.putLong(12, HUGE).putLong(20, 8), Reason.TOO_LARGE);
  }

  @Test
  void aLargeDiskWithLittleInItIsLaidOutWithoutMakingItsTables() throws IOException {
    DiskSource large = SparseDisks.oneGrain(15L << 40, 9L << 40);
    Layout layout = VmdkLayout.of(large, new UUID(1, 2));
    long data = 0;
    for (Extent extent : layout.extents(0, layout.size())) {
      data += extent.kind() == Extent.Kind.DATA ? extent.length() : 0;
    }
    assertThat(data).as("two directories and some tables").isLessThan(8 << 20);
    ImageBytes.Reader reader =
        (into, at) -> {
          int length = into.remaining();
          layout.read(at, into);
          return length;
        };
    ByteBuffer some = ByteBuffer.allocate(1000);
    try (VmdkDisk disk = VmdkDisk.open(new ImageBytes(layout.size(), reader, layout), MOST)) {
      disk.read(9L << 40, some);
      assertThat(disk.extentAt((9L << 40) - 1, 2).kind()).isEqualTo(Extent.Kind.ZERO);
      assertThat(disk.extentAt(9L << 40, MOST).length()).isEqualTo(GRAIN);
    }
    assertThat(some.array()).containsOnly(1);
  }

  @Test
  void aFileOfMoreThanTwoTebibytesIsNotLaidOut() {
    DiskSource disk = SparseDisks.oneGrain(3L << 40, 0);
    long[] stored = new long[(3 << 24) / 64];
    stored[(2 << 24) / 64] = 1;
    Allocation own = Allocation.inPlace(disk.size(), VmdkLayout.UNIT, stored);
    assertThatThrownBy(() -> VmdkLayout.of(disk, own, new UUID(1, 2)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> VmdkLayout.of(SparseDisks.oneGrain(2L << 40, 0), own, new UUID(1, 2)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aDiskMayLieInFlatFilesBesideItsDescriptor() throws IOException {
    byte[] content = Patterns.disk(1);
    Files.write(directory.resolve("a-f001.vmdk"), Arrays.copyOf(content, 5000 * 512));
    byte[] second = new byte[6000 * 512];
    System.arraycopy(content, 5000 * 512, second, 7 * 512, 5000 * 512);
    Files.write(directory.resolve("a \u00e4-f002.vmdk"), second);
    Path vmdk =
        descriptor(
            "twoGbMaxExtentFlat",
            "RW 5000 FLAT \"a-f001.vmdk\" 0",
            "RW 5000 FLAT \"a \u00e4-f002.vmdk\" 7",
            "RW 100 ZERO");
    try (DiskSource disk = VmdkDisk.openDescriptor(vmdk, MOST)) {
      assertThat(disk.size()).isEqualTo(10_100 * 512);
      byte[] whole = Arrays.copyOf(Arrays.copyOf(content, 10_000 * 512), 10_100 * 512);
      assertThat(SparseDisks.bytes(disk)).isEqualTo(ByteBuffer.wrap(whole));
      assertThat(disk.extents(0, disk.size()))
          .contains(new Extent(10_000 * 512, 100 * 512, Extent.Kind.ZERO));
    }
  }

  @Test
  void aDiskOfAnEsxHostIsFlatWithoutSayingWhere() throws IOException {
    Files.write(directory.resolve("a-flat.vmdk"), grain(3));
    Path vmdk = descriptor("vmfs", "RW 128 VMFS \"a-flat.vmdk\"");
    try (DiskSource disk = VmdkDisk.openDescriptor(vmdk, MOST)) {
      assertThat(SparseDisks.bytes(disk)).isEqualTo(ByteBuffer.wrap(grain(3)));
    }
  }

  @Test
  void aDiskMayBeSplitIntoSparseFiles() throws IOException {
    MemoryDisk one = MemoryDisk.allData(grain(5));
    MemoryDisk two = new MemoryDisk(new byte[3 * GRAIN], BitSet.valueOf(new long[] {-1L}));
    write("a-s001.vmdk", VmdkLayout.of(one, new UUID(1, 2)));
    write("a-s002.vmdk", VmdkLayout.of(two, new UUID(3, 4)));
    Path vmdk =
        descriptor(
            "twoGbMaxExtentSparse",
            "RW 128 SPARSE \"a-s001.vmdk\"",
            "RW 384 SPARSE \"a-s002.vmdk\"");
    try (DiskSource disk = VmdkDisk.openDescriptor(vmdk, MOST)) {
      byte[] whole = Arrays.copyOf(grain(5), 4 * GRAIN);
      assertThat(SparseDisks.bytes(disk)).isEqualTo(ByteBuffer.wrap(whole));
      assertThat(disk.extentAt(GRAIN, MOST).kind()).isEqualTo(Extent.Kind.ZERO);
    }
    notOpened(
        descriptor("twoGbMaxExtentSparse", "RW 512 SPARSE \"a-s001.vmdk\""), Reason.BAD_FIELD);
  }

  @Test
  void filesThatAreNotPlainlyBesideTheDescriptorAreRefused() throws IOException {
    Files.write(directory.resolve("b"), grain(1));
    Files.createSymbolicLink(directory.resolve("link"), directory.resolve("b"));
    Files.createDirectory(directory.resolve("dir"));
    flat("RW 128 FLAT \"link\" 0", Reason.NOT_A_FILE);
    flat("RW 128 FLAT \"dir\" 0", Reason.NOT_A_FILE);
    flat("RW 128 FLAT \"missing\" 0", Reason.NOT_A_FILE);
    flat("RW 128 FLAT \"../b\" 0", Reason.FOREIGN_REFERENCE);
    flat("RW 128 FLAT \"..\" 0", Reason.FOREIGN_REFERENCE);
    flat("RW 128 FLAT \"/dev/zero\" 0", Reason.FOREIGN_REFERENCE);
    flat("RW 128 FLAT \"c:b\" 0", Reason.FOREIGN_REFERENCE);
    flat("RW 128 FLAT \"b\\\\b\" 0", Reason.FOREIGN_REFERENCE);
    flat("RW 128 FLAT", Reason.FOREIGN_REFERENCE);
    flat("RW 64 FLAT \"b\" 0\nRW 64 FLAT \"b\" 64", Reason.FOREIGN_REFERENCE);
    flat("RW 1 FLAT \"disk.vmdk\" 0", Reason.FOREIGN_REFERENCE);
    flat("RW 129 FLAT \"b\" 0", Reason.TRUNCATED);
    flat("RW 128 FLAT \"b\" 1", Reason.TRUNCATED);
    flat("RW 128 FLAT \"b\" 999999999999999999", Reason.BAD_FIELD);
    flat("RW 999999999999999999 FLAT \"b\" 0", Reason.BAD_FIELD);
    flat("RW 0 FLAT \"b\" 0", Reason.BAD_FIELD);
    flat("RW 99999999999 ZERO", Reason.TOO_LARGE);
    flat("RW 128 VMFSRDM \"b\"", Reason.UNSUPPORTED);
    flat("NOACCESS 128 ZERO", Reason.BAD_FIELD);
    flat("", Reason.BAD_FIELD);
    flat("parentFileNameHint=\"b\"\nRW 128 FLAT \"b\" 0", Reason.FOREIGN_REFERENCE);
    notOpened(descriptor("monolithicSparse", "RW 128 SPARSE \"b\""), Reason.UNSUPPORTED);
    notOpened(descriptor("twoGbMaxExtentSparse", "RW 128 SPARSE \"b\""), Reason.BAD_FIELD);
    notOpened(Files.write(directory.resolve("long"), new byte[(1 << 20) + 1]), Reason.BAD_FIELD);
  }

  private void flat(String lines, Reason reason) throws IOException {
    notOpened(descriptor("monolithicFlat", lines), reason);
  }

  private static void notOpened(Path descriptor, Reason reason) {
    assertThatThrownBy(() -> VmdkDisk.openDescriptor(descriptor, MOST))
        .isInstanceOfSatisfying(
            BadImageException.class,
            e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason));
  }

  private Path descriptor(String type, String... lines) throws IOException {
    String text =
        "# Disk DescriptorFile\r\nversion=1\r\nencoding=\"UTF-8\"\r\nCID=12345678\r\n"
            + "parentCID=ffffffff\r\nisNativeSnapshot=\"no\"\r\ncreateType=\"%s\"\r\n\r\n"
                .formatted(type)
            + "# Extent description\r\n%s\r\n\r\n".formatted(String.join("\r\n", lines))
            + "# The Disk Data Base \r\n#DDB\r\n\r\nddb.adapterType = \"lsilogic\"\r\n"
            + "ddb.comment=\"\"\r\nddb.uuid.image=\"0f6a53c8-1c60-4a86-8a32-3bb5ad2f7a11\"\r\n";
    return Files.write(directory.resolve("disk.vmdk"), text.getBytes(UTF_8));
  }

  private void write(String name, DiskSource file) throws IOException {
    Files.write(directory.resolve(name), SparseDisks.bytes(file).array());
  }

  static byte[] grain(int value) {
    byte[] grain = new byte[GRAIN];
    Arrays.fill(grain, (byte) value);
    return grain;
  }

  /** A disk of 16 grains with one entry in its table, and a grain at the end of the file. */
  static ByteBuffer plain(int entry) {
    ByteBuffer image = ByteBuffer.allocate(DATA + GRAIN).order(ByteOrder.LITTLE_ENDIAN);
    image.put(0, Images.vmdk("monolithicSparse", ""), 0, DIRECTORY);
    image.putInt(DIRECTORY, TABLE / 512).putInt(TABLE, entry).putLong(64, 128);
    return image.put(DATA, grain(7));
  }

  /**
   * One of each kind: with grains as they are, compressed, and with all that is at a stream's end.
   */
  static List<ByteBuffer> images() {
    ByteBuffer compressed = compressed(grain(7));
    compressed.putInt(TABLE + 4, DATA / 512);
    ByteBuffer stream = ByteBuffer.allocate(compressed.capacity() + 1024);
    stream.order(ByteOrder.LITTLE_ENDIAN).put(0, compressed, 0, compressed.capacity());
    stream.put(compressed.capacity(), compressed, 0, 512).putLong(56, -1);
    return List.of(plain(128).putInt(TABLE + 4, 64).putInt(8, 7), compressed, stream);
  }

  private static ByteBuffer compressed(byte[] grain) {
    ByteBuffer image = plain(128).putInt(4, 3).putInt(8, 0x30001).putShort(77, (short) 1);
    try (Closer deflater = new Closer(new Deflater())) {
      deflater.deflater().setInput(grain);
      deflater.deflater().finish();
      byte[] packed = new byte[8192];
      int length = deflater.deflater().deflate(packed);
      assertThat(deflater.deflater().finished()).isTrue();
      return image.putLong(DATA, 0).putInt(DATA + 8, length).put(DATA + 12, packed, 0, length);
    }
  }

  private record Closer(Deflater deflater) implements AutoCloseable {
    @Override
    public void close() {
      deflater.end();
    }
  }

  private static void replace(ByteBuffer image, String text, String by) {
    byte[] bytes = new byte[image.capacity()];
    image.get(0, bytes);
    int at = new String(bytes, ISO_8859_1).indexOf(text);
    assertThat(at).isPositive();
    image.put(at, by.getBytes(ISO_8859_1));
  }

  private static ByteBuffer first(ByteBuffer image) throws IOException {
    ByteBuffer part = ByteBuffer.allocate(100);
    ByteBuffer whole = ByteBuffer.allocate(GRAIN);
    try (VmdkDisk disk = open(image)) {
      disk.read(0, whole);
      disk.read(50, part);
      assertThat(part.flip()).isEqualTo(whole.slice(50, 100));
    }
    return whole.flip();
  }

  private static VmdkDisk open(ByteBuffer image) throws IOException {
    return VmdkDisk.open(ImageBytes.of(image), MOST);
  }

  private static void refused(ByteBuffer image, Reason reason) {
    Consumer<BadImageException> check =
        e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason);
    assertThatThrownBy(() -> first(image)).isInstanceOfSatisfying(BadImageException.class, check);
  }
}
