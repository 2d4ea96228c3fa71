package crossdock.disk.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
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

  private int run(Object... arguments) {
    PrintStream before = System.out;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    System.setOut(new PrintStream(out, true, UTF_8));
    try {
      return Application.run(Arrays.stream(arguments).map(Object::toString).toArray(String[]::new));
    } finally {
      System.setOut(before);
      said = out.toString(UTF_8);
    }
  }
}
