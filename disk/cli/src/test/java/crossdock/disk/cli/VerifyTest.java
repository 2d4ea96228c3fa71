package crossdock.disk.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import crossdock.chassis.testing.Parties;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Policy;
import crossdock.contracts.Sha256;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whoever has the image, its certificate and the members' bundle needs nobody to check it. */
class VerifyTest {
  private static final Parties PARTIES = new Parties();
  private static final Instant AT = Instant.parse("2026-03-01T12:00:00Z");
  private static final int SIZE = 3_000_064;
  private static final List<Check> PASSED = Parties.checks();

  @TempDir private Path directory;
  private Path image;
  private Sha256 root = Sha256.NONE;
  private String said = "";

  @BeforeEach
  void image() throws IOException {
    PARTIES.configure(Parties.NORTH, directory);
    byte[] content = new byte[SIZE];
    new Random(3).nextBytes(content);
    Path raw = Files.write(directory.resolve("disk.raw"), content);
    image = directory.resolve("disk.vmdk");
    assertThat(run("convert", raw, image, "--from", "raw", "--to", "vmdk-stream")).isZero();
    assertThat(run("digest", raw, "--from", "raw", "--json")).isZero();
    root = new Sha256(said.replaceAll("(?s).*\"root\" : \"([0-9a-f]{64})\".*", "$1"));
  }

  private Path certificate(Party signer, List<Check> checks, Sha256 of) throws IOException {
    Certificate certificate =
        new Certificate(
            new MigrationId("m-0123456789abcdef01234567"),
            Parties.NORTH.id(),
            Parties.SOUTH.id(),
            AT,
            AT.plus(Duration.ofHours(1)),
            Sha256.of(new byte[] {1}),
            1,
            AT,
            Sha256.of(new byte[] {2}),
            List.of(new Certificate.Disk("root", of, SIZE)),
            Policy.STANDARD,
            checks);
    return Files.write(
        directory.resolve("certificate.json"), Json.bytes(certificate.sign(PARTIES.key(signer))));
  }

  private int verify(Path certificate, Instant at) {
    return run(
        "verify",
        image,
        "--certificate",
        certificate,
        "--trust",
        directory.resolve("bundle.json"),
        "--at",
        at,
        "--json");
  }

  @Test
  void theCertifiedBytesVerifyInAnyFormat() throws IOException {
    assertThat(verify(certificate(Parties.NORTH, PASSED, root), AT)).isZero();
    assertThat(said)
        .contains("\"verified\" : true", "\"issuer\" : \"" + Parties.NORTH.id() + "\"")
        .contains("root has the certified bytes, and");
  }

  @Test
  void otherBytesDoNot() throws IOException {
    assertThat(verify(certificate(Parties.NORTH, PASSED, Sha256.of(new byte[] {7})), AT))
        .isEqualTo(1);
    assertThat(said).contains("\"verified\" : false", "root has other bytes: root " + root);
  }

  @Test
  void aCertificateOfAnotherSignerOrWithAFailedCheckIsRefused() throws IOException {
    assertThat(verify(certificate(Parties.SOUTH, PASSED, root), AT)).isEqualTo(1);
    List<Check> failed =
        List.of(PASSED.getFirst(), new Check("complete", 1, Outcome.FAILED, "a disk is missing"));
    assertThat(verify(certificate(Parties.NORTH, failed, root), AT)).isEqualTo(1);
    assertThat(said).isEmpty();
  }

  @Test
  void anExpiredOneVerifiesAsOfAnEarlierTimeOnly() throws IOException {
    Path certificate = certificate(Parties.NORTH, PASSED, root);
    assertThat(verify(certificate, AT.plus(Duration.ofDays(1)))).isEqualTo(1);
    assertThat(said).contains("\"expired\" : true", "has the certified bytes");
    assertThat(verify(certificate, AT.plus(Duration.ofMinutes(59)))).isZero();
  }

  @Test
  void opensslSaysTheSameByTheCommandsInTheDocumentation() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/openssl")), "openssl is not installed");
    Path _ = certificate(Parties.NORTH, PASSED, root);
    Files.copy(directory.resolve("members/north.pem"), directory.resolve("north.pem"));
    String document = Files.readString(Path.of("../../docs/verify.md"));
    String commands = document.replaceAll("(?s).*```bash\n(.*?)```.*", "$1");
    assertThat(bash(commands)).contains("Verified OK", "certified: " + root);

    byte[] other = Files.readAllBytes(directory.resolve("disk.raw"));
    other[2_000_000] ^= 1;
    Files.write(directory.resolve("disk.raw"), other);
    assertThat(bash(commands)).contains("Verified OK").doesNotContain("certified");
  }

  private String bash(String commands) throws Exception {
    Process bash =
        new ProcessBuilder("bash", "-c", commands)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .start();
    String output = new String(bash.getInputStream().readAllBytes(), UTF_8);
    bash.waitFor();
    return output;
  }

  @Test
  void whoIsNotPinnedIsNotBelieved() throws IOException {
    Path certificate = certificate(Parties.NORTH, PASSED, root);
    new Parties().configure(Parties.NORTH, directory.resolve("others"));
    assertThat(
            run(
                "verify",
                image,
                "--certificate",
                certificate,
                "--trust",
                directory.resolve("bundle.json"),
                "--members",
                directory.resolve("others/members"),
                "--at",
                AT))
        .isEqualTo(1);
    assertThat(run("verify", image, "--certificate", certificate)).isEqualTo(2);
  }

  private int run(Object... arguments) {
    PrintStream before = System.out;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    System.setOut(new PrintStream(out, true, UTF_8));
    try {
      return Application.run(
          Stream.concat(Stream.of("disk"), Arrays.stream(arguments))
              .map(Object::toString)
              .toArray(String[]::new));
    } finally {
      System.setOut(before);
      said = out.toString(UTF_8);
    }
  }
}
