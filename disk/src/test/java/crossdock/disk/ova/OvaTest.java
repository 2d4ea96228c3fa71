package crossdock.disk.ova;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import crossdock.disk.BadImageException;
import crossdock.disk.BadImageException.Reason;
import crossdock.disk.ImageBytes;
import crossdock.disk.ova.Ova.Content;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OvaTest {
  private static final byte[] ROOT = noise(100_000);
  private static final byte[] DATA = noise(512);

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatIsPackedIsReadInAnyOrderAndFrontToBack(boolean digestsKnown) throws IOException {
    byte[] packed = packed(digestsKnown);
    try (Ova ova = Ova.open(ImageBytes.of(ByteBuffer.wrap(packed)))) {
      assertThat(ova.descriptor()).isEqualTo(OvfDescriptorTest.machine());
      assertThat(ova.members().stream().map(Ova.Member::name))
          .containsExactly(
              digestsKnown
                  ? new String[] {"web.ovf", "web.mf", "root.vmdk", "data.vmdk"}
                  : new String[] {"web.ovf", "root.vmdk", "data.vmdk", "web.mf"});
      ImageBytes root = ova.bytes(ova.member(ova.descriptor().files().getFirst()));
      ByteBuffer some = ByteBuffer.allocate(1000);
      root.read(ROOT.length - 1000, some);
      assertThat(some.flip()).isEqualTo(ByteBuffer.wrap(ROOT, ROOT.length - 1000, 1000));
      assertThatThrownBy(() -> root.read(ROOT.length - 999, ByteBuffer.allocate(1000)))
          .isInstanceOf(BadImageException.class);
      ova.verify();
    }
    Map<String, byte[]> passed = new LinkedHashMap<>();
    Ova.read(
        new ByteArrayInputStream(packed),
        (descriptor, member, content) -> passed.put(member.name(), content.readAllBytes()));
    assertThat(passed.keySet()).containsExactly("root.vmdk", "data.vmdk");
    assertThat(passed.get("root.vmdk")).isEqualTo(ROOT);
    assertThat(Ova.read(new ByteArrayInputStream(packed), (descriptor, member, content) -> {}))
        .as("what is not taken is skipped")
        .isEqualTo(OvfDescriptorTest.machine());
    assertThat(Ova.read(new ByteArrayInputStream(packed), (d, m, content) -> content.skipNBytes(9)))
        .as("what is skipped is digested")
        .isEqualTo(OvfDescriptorTest.machine());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aByteThatChangedIsFound(boolean digestsKnown) throws IOException {
    byte[] packed = packed(digestsKnown);
    int at = new String(packed, ISO_8859_1).indexOf(new String(DATA, ISO_8859_1));
    packed[at] ^= 1;
    try (Ova ova = Ova.open(ImageBytes.of(ByteBuffer.wrap(packed)))) {
      refused(ova::verify, Reason.BAD_CHECKSUM);
    }
    refused(() -> Ova.read(new ByteArrayInputStream(packed), (d, m, c) -> {}), Reason.BAD_CHECKSUM);
  }

  @Test
  void whatASourceWritesMustBeWhatItSaid() {
    for (byte[] other : List.of(noise(99_999), noise(100_001), new byte[100_000])) {
      List<Content> contents =
          List.of(content("root.vmdk", other, true), content("data.vmdk", DATA, true));
      List<Content> said =
          List.of(
              new Content(
                  "root.vmdk",
                  ROOT.length,
                  Optional.of(sha256(ROOT)),
                  contents.getFirst().source()),
              contents.getLast());
      assertThatThrownBy(
              () ->
                  Ova.write(
                      Channels.newChannel(new ByteArrayOutputStream()),
                      "web",
                      OvfDescriptorTest.machine(),
                      said))
          .isInstanceOf(IOException.class);
    }
    assertThatThrownBy(
            () ->
                Ova.write(
                    Channels.newChannel(new ByteArrayOutputStream()),
                    "web",
                    OvfDescriptorTest.machine(),
                    List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void membersThatAreNotPlainFilesAreRefused() throws IOException {
    member("../root.vmdk", '0', Reason.FOREIGN_REFERENCE);
    member("/root.vmdk", '0', Reason.FOREIGN_REFERENCE);
    member("a/root.vmdk", '0', Reason.FOREIGN_REFERENCE);
    member("..", '0', Reason.FOREIGN_REFERENCE);
    member("", '0', Reason.FOREIGN_REFERENCE);
    member("web.ovf", '0', Reason.FOREIGN_REFERENCE);
    member("./web.ovf", '0', Reason.FOREIGN_REFERENCE);
    member("link", '1', Reason.FOREIGN_REFERENCE);
    member("link", '2', Reason.FOREIGN_REFERENCE);
    member("device", '3', Reason.UNSUPPORTED);
    member("directory", '5', Reason.UNSUPPORTED);
    member("sparse", 'S', Reason.UNSUPPORTED);
    member("global", 'g', Reason.UNSUPPORTED);
  }

  @Test
  void sizesAndNamesMayStandInExtensions() throws IOException {
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    tar.write(header("web.ovf", '0', OvfDescriptorTest.machine().write().length));
    tar.write(blocks(OvfDescriptorTest.machine().write()));
    byte[] pax = "18 path=root.vmdk\n15 size=100000\n12 mtime=12\n".getBytes(UTF_8);
    tar.write(header("PaxHeader", 'x', pax.length));
    tar.write(blocks(pax));
    tar.write(header("other", '0', 0));
    tar.write(blocks(ROOT));
    tar.write(header("././@LongLink", 'L', 10));
    tar.write(blocks("data.vmdk\0".getBytes(UTF_8)));
    byte[] large = header("cut", '0', 0);
    Arrays.fill(large, 124, 136, (byte) 0);
    large[124] = (byte) 0x80;
    ByteBuffer.wrap(large).putLong(128, DATA.length);
    tar.write(sealed(large));
    tar.write(blocks(DATA));
    tar.write(new byte[1024]);
    try (Ova ova = Ova.open(ImageBytes.of(ByteBuffer.wrap(tar.toByteArray())))) {
      assertThat(ova.members().stream().map(m -> m.name() + " " + m.size()).skip(1))
          .containsExactly("root.vmdk 100000", "data.vmdk 512");
    }
    byte[] spoilt = tar.toByteArray();
    int record = new String(spoilt, ISO_8859_1).indexOf("15 size");
    spoilt[record] = '9';
    refused(() -> Ova.open(ImageBytes.of(ByteBuffer.wrap(spoilt))), Reason.BAD_FIELD);
  }

  @Test
  void aFileOfTwentyGibibytesHasItsSize() throws BadImageException {
    ByteBuffer header = Tar.header("a", 20L << 30);
    assertThat(header.get(124)).isEqualTo((byte) 0x80);
    assertThat(header.getLong(128)).isEqualTo(20L << 30);
  }

  @Test
  void whatIsCutShortOrNoArchiveIsRefused() throws IOException {
    byte[] packed = packed(true);
    for (int length : new int[] {0, 511, 512, 1000, 5000, packed.length - 1024}) {
      byte[] cut = Arrays.copyOf(packed, length);
      refused(() -> Ova.open(ImageBytes.of(ByteBuffer.wrap(cut))), Reason.TRUNCATED);
      refused(
          () -> Ova.read(new ByteArrayInputStream(cut), (d, m, c) -> c.readAllBytes()),
          Reason.TRUNCATED);
    }
    byte[] zeros = new byte[1024];
    refused(() -> Ova.open(ImageBytes.of(ByteBuffer.wrap(zeros))), Reason.WRONG_FORMAT);
    packed[0] ^= 1;
    refused(() -> Ova.open(ImageBytes.of(ByteBuffer.wrap(packed))), Reason.BAD_CHECKSUM);
    packed[257] = 'x';
    refused(() -> Ova.open(ImageBytes.of(ByteBuffer.wrap(packed))), Reason.WRONG_FORMAT);
    byte[] diskFirst = tar("root.vmdk", '0', ROOT);
    refused(() -> Ova.open(ImageBytes.of(ByteBuffer.wrap(diskFirst))), Reason.WRONG_FORMAT);
    byte[] alone = tar("web.ovf", '0', OvfDescriptorTest.machine().write());
    refused(() -> Ova.open(ImageBytes.of(ByteBuffer.wrap(alone))), Reason.FOREIGN_REFERENCE);
  }

  @Test
  void manifestsOfOtherToolsAreRead() throws IOException {
    String sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    OvfManifest manifest =
        OvfManifest.parse(
            ("SHA1(a.ovf)= " + sha1 + "\r\nSHA1 (b.vmdk) = " + sha1 + "\n").getBytes(UTF_8));
    assertThat(manifest.of("b.vmdk")).contains(new OvfManifest.Digest("SHA1", sha1));
    assertThat(new String(manifest.bytes(), UTF_8)).startsWith("SHA1(a.ovf)= " + sha1 + "\n");
    for (String bad : List.of("MD5(a)= " + sha1, "SHA256(a)= " + sha1, "SHA1(a)= x", "nonsense")) {
      refused(() -> OvfManifest.parse(bad.getBytes(UTF_8)), Reason.BAD_FIELD);
    }
    String twice = "SHA1(a)= %s\n".formatted(sha1).repeat(2);
    refused(() -> OvfManifest.parse(twice.getBytes(UTF_8)), Reason.BAD_FIELD);
  }

  @Test
  void tarReadsWhatIsPacked(@TempDir Path directory) throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/bin/tar")), "tar is not installed");
    Path ova = Files.write(directory.resolve("a.ova"), packed(true));
    Process tar =
        new ProcessBuilder("/bin/tar", "-C", directory.toString(), "-xf", ova.toString())
            .inheritIO()
            .start();
    assertThat(tar.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(tar.exitValue()).isZero();
    assertThat(directory.resolve("root.vmdk")).hasBinaryContent(ROOT);
    assertThat(directory.resolve("web.mf"))
        .content()
        .contains("SHA256(root.vmdk)= " + sha256(ROOT) + "\n");
  }

  static byte[] packed(boolean digestsKnown) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Ova.write(
        Channels.newChannel(bytes),
        "web",
        OvfDescriptorTest.machine(),
        List.of(
            content("root.vmdk", ROOT, digestsKnown), content("data.vmdk", DATA, digestsKnown)));
    return bytes.toByteArray();
  }

  /** Where the headers of its members are. */
  static int[] headers(byte[] packed) throws IOException {
    try (Ova ova = Ova.open(ImageBytes.of(ByteBuffer.wrap(packed)))) {
      return ova.members().stream().mapToInt(member -> (int) member.offset() - 512).toArray();
    }
  }

  /** Makes the headers' checksums right again. */
  static void seal(byte[] packed, int[] headers) {
    for (int at : headers) {
      byte[] header = sealed(Arrays.copyOfRange(packed, at, at + 512));
      System.arraycopy(header, 0, packed, at, 512);
    }
  }

  private static Content content(String name, byte[] bytes, boolean digestKnown) {
    Optional<String> digest = digestKnown ? Optional.of(sha256(bytes)) : Optional.empty();
    return new Content(name, bytes.length, digest, to -> to.write(ByteBuffer.wrap(bytes)));
  }

  private static String sha256(byte[] bytes) {
    return OvfManifest.Digest.of("SHA256", bytes).hex();
  }

  private static void member(String name, char type, Reason reason) throws IOException {
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    tar.write(header("web.ovf", '0', OvfDescriptorTest.machine().write().length));
    tar.write(blocks(OvfDescriptorTest.machine().write()));
    tar.write(tar(name, type, new byte[0]));
    byte[] bytes = tar.toByteArray();
    refused(() -> Ova.open(ImageBytes.of(ByteBuffer.wrap(bytes))), reason);
    refused(() -> Ova.read(new ByteArrayInputStream(bytes), (d, m, c) -> {}), reason);
  }

  private static byte[] tar(String name, char type, byte[] content) throws IOException {
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    tar.write(header(name, type, content.length));
    tar.write(blocks(content));
    tar.write(new byte[1024]);
    return tar.toByteArray();
  }

  private static byte[] header(String name, char type, int size) {
    byte[] header = Tar.header("x", size).array();
    header[0] = 0;
    System.arraycopy(name.getBytes(UTF_8), 0, header, 0, name.length());
    header[156] = (byte) type;
    return sealed(header);
  }

  private static byte[] sealed(byte[] header) {
    Arrays.fill(header, 148, 156, (byte) ' ');
    int sum = 0;
    for (byte one : header) {
      sum += one & 0xff;
    }
    System.arraycopy("%06o\0 ".formatted(sum).getBytes(UTF_8), 0, header, 148, 8);
    return header;
  }

  private static byte[] blocks(byte[] content) {
    return Arrays.copyOf(content, (content.length + 511) / 512 * 512);
  }

  private static byte[] noise(int length) {
    byte[] noise = new byte[length];
    new Random(length).nextBytes(noise);
    return noise;
  }

  private interface Call {
    void run() throws IOException;
  }

  private static void refused(Call call, Reason reason) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            BadImageException.class,
            e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason));
  }
}
