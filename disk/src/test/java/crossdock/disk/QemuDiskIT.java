package crossdock.disk;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** Every format against QEMU's own tools. */
@Timeout(120)
class QemuDiskIT {
  private static final long MOST = 1L << 30;
  private static final int ROUNDED = 512 - Patterns.SIZE % 512;

  @TempDir private Path directory;

  @BeforeAll
  static void needsQemu() {
    Qemu.judges("every format");
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "RAW")
  void whatQemuWroteReadsToTheSameRoot(DiskFormat format) throws Exception {
    byte[] content = Patterns.disk(1);
    Manifest manifest = DiskHasher.hash(MemoryDisk.allData(content));
    Path raw = Files.write(directory.resolve("a.raw"), content);
    Path image = directory.resolve("a,b." + format.wire());
    String options = format == DiskFormat.VHD ? "force_size=on" : "";
    convert(raw, format, image, options);
    try (DiskSource disk = Disks.openSource(image, format, MOST)) {
      assertThat(DiskHasher.matches(manifest, disk)).isEqualTo(new Verdict.Same(ROUNDED));
      assertThat(disk.size()).isEqualTo(Patterns.SIZE + ROUNDED);
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatWeWriteQemuReads(DiskFormat format) throws Exception {
    byte[] content = Patterns.disk(2);
    Path image = directory.resolve("a." + format.wire());
    try (DiskSink sink = Disks.createSink(image, format, content.length)) {
      assertThat(sink.startsZeroed()).isTrue();
      assertThat(sink.size()).isEqualTo(content.length);
      Patterns.write(content, sink, 4 << 20, content.length);
      Patterns.write(content, sink, 0, 4 << 20);
      sink.flush();
      assertThat(image).doesNotExist();
      sink.finish();
    }
    assertThat(directory.toFile().list()).containsExactly(image.getFileName().toString());
    assertThat(bytesTaken(image)).as("holes take no space").isLessThan(content.length);
    Path raw = directory.resolve("back.raw");
    Qemu.run("qemu-img", "convert", "-f", Qemu.driver(format), "-O", "raw", image, raw);
    byte[] back = Files.readAllBytes(raw);
    assertThat(back).startsWith(content).hasSizeLessThanOrEqualTo(content.length + ROUNDED);
  }

  @ParameterizedTest
  @EnumSource(names = {"QCOW2", "VMDK"})
  void compressedImagesAreRead(DiskFormat format) throws Exception {
    byte[] content = Patterns.disk(3);
    Path raw = Files.write(directory.resolve("a.raw"), content);
    Path image = directory.resolve("a." + format.wire());
    String options = format == DiskFormat.VMDK ? "subformat=streamOptimized" : "";
    convert(raw, format, image, options, "-c");
    try (DiskSource disk = Disks.openSource(image, format, MOST)) {
      Manifest manifest = DiskHasher.hash(MemoryDisk.allData(content));
      assertThat(DiskHasher.matches(manifest, disk).matches()).isTrue();
    }
  }

  @Test
  void everyKindOfQcow2AndAFixedVhdPass() throws Exception {
    Path raw = Files.write(directory.resolve("a.raw"), Patterns.disk(4));
    for (String options :
        List.of("compat=0.10", "compression_type=zstd", "extended_l2=on", "cluster_size=512")) {
      Path image = directory.resolve(options);
      convert(raw, DiskFormat.QCOW2, image, options);
      assertThat(FormatSafety.check(image, DiskFormat.QCOW2, MOST)).isPositive();
    }
    Path vhd = directory.resolve("fixed.vhd");
    convert(raw, DiskFormat.VHD, vhd, "subformat=fixed,force_size=on");
    try (DiskSource disk = Disks.openSource(vhd, DiskFormat.VHD, MOST);
        DiskSource plain = Disks.openSource(raw, DiskFormat.RAW, MOST)) {
      assertThat(DiskHasher.matches(DiskHasher.hash(plain), disk).matches()).isTrue();
    }
    assertThatThrownBy(() -> FormatSafety.check(vhd, DiskFormat.RAW, MOST))
        .isInstanceOf(BadImageException.class);
  }

  @Test
  void imagesWithABackingFileADataFileOrSeveralExtentsAreRefused() throws Exception {
    Path base = directory.resolve("base.qcow2");
    Path other = directory.resolve("other");
    Qemu.run("qemu-img", "create", "-q", "-f", "qcow2", base, "10M");
    Qemu.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", other);
    refused(other, DiskFormat.QCOW2);
    Qemu.run(
        "qemu-img", "create", "-q", "-f", "qcow2", "-o", "data_file=" + base + ".d", other, "10M");
    refused(other, DiskFormat.QCOW2);
    for (String flat : List.of("monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat")) {
      Path vmdk = directory.resolve(flat + ".vmdk");
      Qemu.run("qemu-img", "create", "-q", "-f", "vmdk", "-o", "subformat=" + flat, vmdk, "10M");
      refused(vmdk, DiskFormat.VMDK);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aKilledWriterLeavesNothingRunningAndIsGoneOnWith(DiskFormat format) throws Exception {
    Path image = directory.resolve("a." + format.wire());
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(List.of("-Xmx128m", "-XX:+UseSerialGC", "-cp"));
    command.add(System.getProperty("java.class.path"));
    command.addAll(List.of(KilledWriter.class.getName(), image.toString(), format.wire(), "5"));
    Process writer =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try (BufferedReader output = writer.inputReader(UTF_8)) {
      String line = output.readLine();
      assertThat(line).startsWith("half");
      assertThat(line.substring("half ".length())).as("nobody is needed to write").isEmpty();
      assertThatThrownBy(() -> Disks.createSink(image, format, Patterns.disk(5).length))
          .hasMessage("somebody else is writing " + image.getFileName());
      writer.destroyForcibly().waitFor();
    }
    assertThat(image).doesNotExist();

    byte[] content = Patterns.disk(5);
    try (DiskSink sink = Disks.createSink(image, format, content.length)) {
      assertThat(sink.startsZeroed()).isFalse();
      // What was not flushed may hold anything; the last flushed chunk is written again too.
      Patterns.write(content, sink, content.length / 2 - 1000, content.length);
      sink.finish();
    }
    try (DiskSource disk = Disks.openSource(image, format, MOST)) {
      Manifest manifest = DiskHasher.hash(MemoryDisk.allData(content));
      assertThat(DiskHasher.matches(manifest, disk).matches()).isTrue();
    }
  }

  private static long bytesTaken(Path file) throws Exception {
    Process stat = new ProcessBuilder("stat", "-c", "%b", file.toString()).start();
    try (BufferedReader output = stat.inputReader(UTF_8)) {
      return 512 * Long.parseLong(output.readLine());
    }
  }

  @Test
  void zerosOverwriteWhatWasThere() throws Exception {
    Path image = directory.resolve("a.qcow2");
    byte[] content = Patterns.disk(6);
    try (DiskSink sink = Disks.createSink(image, DiskFormat.QCOW2, content.length)) {
      sink.write(0, ByteBuffer.wrap(content));
      sink.zero(0, content.length);
      sink.finish();
    }
    try (DiskSource disk = Disks.openSource(image, DiskFormat.QCOW2, MOST)) {
      assertThat(DiskHasher.hash(disk))
          .isEqualTo(DiskHasher.hash(MemoryDisk.allData(new byte[(int) disk.size()])));
    }
  }

  @Test
  void anExportThatIsServedAlreadyIsReadAsADisk() throws Exception {
    Path image = directory.resolve("a.qcow2");
    byte[] content = Patterns.disk(7);
    convert(Files.write(directory.resolve("a.raw"), content), DiskFormat.QCOW2, image, "");
    Path socket = directory.resolve("s");
    Process server =
        new ProcessBuilder(
                "qemu-nbd",
                "--socket=" + socket,
                "--export-name=disk",
                "--persistent",
                "--shared=2",
                "--read-only",
                "--format=qcow2",
                image.toString())
            .inheritIO()
            .start();
    try (DiskSource disk = listening(server, socket)) {
      Manifest manifest = DiskHasher.hash(MemoryDisk.allData(content));
      assertThat(DiskHasher.matches(manifest, disk)).isEqualTo(new Verdict.Same(ROUNDED));
      assertThatThrownBy(() -> Disks.openNbd(socket, "another")).isInstanceOf(IOException.class);
    } finally {
      server.destroy();
      server.waitFor();
    }
  }

  private static DiskSource listening(Process server, Path socket) throws Exception {
    for (; ; ) {
      try {
        return Disks.openNbd(socket, "disk");
      } catch (SocketException e) {
        assertThat(server.waitFor(10, TimeUnit.MILLISECONDS)).as("it has ended").isFalse();
      }
    }
  }

  @Test
  void anAbandonedSinkLeavesNothing() throws Exception {
    try (DiskSink sink = Disks.createSink(directory.resolve("a.vmdk"), DiskFormat.VMDK, 1 << 20)) {
      sink.write(0, ByteBuffer.wrap(new byte[] {1}));
      sink.abandon();
    }
    assertThat(directory).isEmptyDirectory();
  }

  private static void refused(Path image, DiskFormat format) {
    assertThatThrownBy(() -> Disks.openSource(image, format, MOST))
        .isInstanceOf(BadImageException.class);
  }

  @Test
  void qemuReadsOverOurServerWhatIsInAnImage() throws Exception {
    byte[] content = Patterns.disk(4);
    Path raw = Files.write(directory.resolve("a.raw"), content);
    Path image = directory.resolve("a.vmdk");
    convert(raw, DiskFormat.VMDK, image, "subformat=streamOptimized");
    Path socket = directory.resolve("s");
    Path out = directory.resolve("out.raw");
    try (DiskSource disk = Disks.openSource(image, DiskFormat.VMDK, MOST);
        NbdServer server = new NbdServer(socket, disk)) {
      assertThat(server).isNotNull();
      Qemu.run(
          "qemu-img", "convert", "-f", "raw", "-O", "raw", "nbd+unix:///?socket=" + socket, out);
    }
    try (DiskSource disk = Disks.openSource(out, DiskFormat.RAW, MOST)) {
      assertThat(DiskHasher.matches(DiskHasher.hash(MemoryDisk.allData(content)), disk))
          .isEqualTo(new Verdict.Same(ROUNDED));
    }
  }

  private static void convert(
      Path raw, DiskFormat format, Path image, String options, String... more) throws Exception {
    List<Object> command = new ArrayList<>(List.of("qemu-img", "convert", "-f", "raw", "-O"));
    command.add(Qemu.driver(format));
    if (!options.isEmpty()) {
      command.addAll(List.of("-o", options));
    }
    command.addAll(List.of(more));
    command.addAll(List.of(raw, image));
    Qemu.run(command.toArray());
  }
}
