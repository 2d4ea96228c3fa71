package crossdock.disk.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ApplicationTest {
  private static final int SIZE = 5_000_192;

  @TempDir private Path directory;
  private Path raw;
  private String said = "";

  @BeforeEach
  void disk() throws IOException {
    byte[] content = new byte[SIZE];
    new Random(1).nextBytes(content);
    Arrays.fill(content, 1_000_000, 3_300_000, (byte) 0);
    raw = Files.write(directory.resolve("disk.raw"), content);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "raw",
        "qcow2",
        "qcow2-zlib",
        "qcow2-zstd",
        "vmdk",
        "vmdk-stream",
        "vhd",
        "vhd-fixed",
        "vhdx",
        "vdi"
      })
  void whatIsConvertedIsTheSameDisk(String format) throws IOException {
    Path image = directory.resolve("image");
    assertThat(run("convert", raw, image, "--from", "raw", "--to", format)).isZero();
    String from = format.contains("-") ? format.substring(0, format.indexOf('-')) : format;
    assertThat(run("compare", raw, image, "--from-a", "raw", "--from-b", from)).isZero();
    assertThat(run("check", image, "--from", from)).isZero();
    assertThat(run("info", image, "--from", from, "--json")).isZero();
    assertThat(said).contains("\"format\" : \"" + from + "\"");
    run("digest", raw, "--from", "raw", "--json");
    String root = said.replaceAll("(?s).*\"root\" : \"([0-9a-f]{64})\".*", "$1");
    assertThat(root).hasSize(64);
    run("digest", image, "--from", from);
    assertThat(said).contains(root);
    assertThat(run("convert", raw, image, "--from", "raw", "--to", format, "--digest", "--json"))
        .isZero();
    assertThat(said).contains(root);
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files).containsExactlyInAnyOrder(raw, image);
    }
  }

  @Test
  void anotherDiskIsNamedByItsFirstDifference() throws IOException {
    byte[] content = Files.readAllBytes(raw);
    content[4_000_000] ^= 1;
    Path other = Files.write(directory.resolve("other.raw"), content);
    assertThat(run("compare", raw, other, "--from-a", "raw", "--from-b", "raw", "--json"))
        .isEqualTo(1);
    assertThat(said).contains("\"firstDifference\" : 4000000");
  }

  @Test
  void aLongerDiskOfZerosIsTheSame() throws IOException {
    Path longer =
        Files.write(directory.resolve("longer"), Arrays.copyOf(Files.readAllBytes(raw), SIZE + 9));
    assertThat(run("compare", longer, raw, "--from-a", "raw", "--from-b", "raw", "--json"))
        .isZero();
    assertThat(said).contains("\"longerBy\" : 9");
  }

  @Test
  void nothingIsTakenForRawUnlessItIsDeclared() {
    assertThat(run("info", raw)).isEqualTo(3);
    assertThat(run("info", raw, "--from", "raw")).isZero();
  }

  @Test
  void everyFailureHasItsStatus() throws IOException {
    assertThat(run()).isEqualTo(2);
    assertThat(run("info")).isEqualTo(2);
    assertThat(run("convert", raw, directory.resolve("x"), "--to", "floppy", "--from", "raw"))
        .isEqualTo(2);
    assertThat(run("convert", raw, "-", "--to", "qcow2-zlib", "--from", "raw")).isEqualTo(2);
    assertThat(run("info", directory.resolve("nothing"), "--from", "raw")).isIn(3, 4);
    assertThat(run("convert", raw, directory.resolve("no/such/x"), "--to", "raw", "--from", "raw"))
        .isEqualTo(4);
    Path broken = Files.write(directory.resolve("broken"), "QFI\u00fb".getBytes(UTF_8));
    assertThat(run("info", broken, "--from", "qcow2")).isEqualTo(3);
    assertThat(Files.exists(directory.resolve("x"))).isFalse();
  }

  @Test
  void anImageIsReadWhereAWebServerHasIt() throws IOException {
    Path image = directory.resolve("disk.qcow2");
    assertThat(run("convert", raw, image, "--from", "raw", "--to", "qcow2")).isZero();
    byte[] bytes = Files.readAllBytes(image);
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", exchange -> range(exchange, bytes));
    server.start();
    try {
      String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/disk.qcow2";
      assertThat(run("info", url, "--json")).isZero();
      assertThat(said).contains("\"fileBytes\" : " + bytes.length);
      assertThat(run("compare", url, raw, "--from-b", "raw")).isZero();
      assertThat(run("check", url)).isZero();
    } finally {
      server.stop(0);
    }
  }

  private static void range(HttpExchange exchange, byte[] bytes) throws IOException {
    String[] range = exchange.getRequestHeaders().getFirst("Range").split("[=-]", -1);
    int first = Integer.parseInt(range[1]);
    int last = Math.min(Integer.parseInt(range[2]), bytes.length - 1);
    exchange
        .getResponseHeaders()
        .set("Content-Range", "bytes %d-%d/%d".formatted(first, last, bytes.length));
    exchange.sendResponseHeaders(206, last - first + 1);
    try (OutputStream body = exchange.getResponseBody()) {
      body.write(bytes, first, last - first + 1);
    }
  }

  @Test
  void theDescriptorOfAVmdkInSeveralFilesIsOneDisk() throws IOException {
    int sectors = SIZE / 512;
    byte[] content = Files.readAllBytes(raw);
    Files.write(directory.resolve("disk-f001.vmdk"), Arrays.copyOf(content, 512 * 100));
    Files.write(directory.resolve("disk-f002.vmdk"), Arrays.copyOfRange(content, 512 * 100, SIZE));
    Path descriptor =
        Files.writeString(
            directory.resolve("disk.vmdk"),
            """
            # Disk DescriptorFile
            version=1
            CID=12345678
            parentCID=ffffffff
            createType="twoGbMaxExtentFlat"
            RW 100 FLAT "disk-f001.vmdk" 0
            RW %d FLAT "disk-f002.vmdk" 0
            """
                .formatted(sectors - 100));
    assertThat(run("info", descriptor)).isZero();
    assertThat(said).contains("twoGbMaxExtentFlat", "in 2 extents");
    assertThat(run("compare", descriptor, raw, "--from-b", "raw")).isZero();
    assertThat(run("compare", descriptor, raw, "--from-a", "vmdk", "--from-b", "raw")).isZero();
    assertThat(run("check", descriptor)).isZero();
    assertThat(run("info", descriptor, "--from", "qcow2")).isEqualTo(3);
  }

  @Test
  void aPackageHoldsTheSameDisksAndSaysSo() throws IOException {
    Path ova = directory.resolve("web.ova");
    assertThat(
            command(
                "ova",
                "create",
                ova,
                raw,
                raw,
                "--from",
                "raw",
                "--cpus",
                "2",
                "--memory",
                "2048",
                "--firmware",
                "efi",
                "--network",
                "VM Network",
                "--json"))
        .isZero();
    assertThat(command("ova", "info", ova, "--json")).isZero();
    assertThat(said)
        .contains("\"verified\" : true", "\"memoryBytes\" : 2147483648", "web-disk2.vmdk");
    Path extracted = directory.resolve("extracted");
    assertThat(command("ova", "extract", ova, extracted)).isZero();
    assertThat(extracted.resolve("web.ovf")).exists();
    assertThat(run("compare", extracted.resolve("web-disk1.vmdk"), raw, "--from-b", "raw"))
        .isZero();
    Path converted = directory.resolve("converted");
    assertThat(command("ova", "extract", ova, converted, "--to", "qcow2")).isZero();
    assertThat(run("compare", converted.resolve("web-disk2.qcow2"), raw, "--from-b", "raw"))
        .isZero();
    assertThat(command("ova", "extract", ova, converted)).as("it is there already").isEqualTo(4);
  }

  @Test
  void aPackageWithOtherBytesThanItSaysIsNotExtracted() throws IOException {
    Path ova = directory.resolve("web.ova");
    assertThat(command("ova", "create", ova, raw, "--from", "raw")).isZero();
    byte[] bytes = Files.readAllBytes(ova);
    bytes[bytes.length / 2] ^= 1;
    Files.write(ova, bytes);
    assertThat(command("ova", "info", ova)).isEqualTo(3);
    assertThat(command("ova", "extract", ova, directory.resolve("extracted"))).isEqualTo(3);
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files).containsExactlyInAnyOrder(raw, ova);
    }
  }

  private int run(Object... arguments) {
    return command("disk", arguments);
  }

  private int command(String command, Object... arguments) {
    PrintStream before = System.out;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    System.setOut(new PrintStream(out, true, UTF_8));
    try {
      return Application.run(
          Stream.concat(Stream.of(command), Arrays.stream(arguments))
              .map(Object::toString)
              .toArray(String[]::new));
    } finally {
      System.setOut(before);
      said = out.toString(UTF_8);
    }
  }
}
