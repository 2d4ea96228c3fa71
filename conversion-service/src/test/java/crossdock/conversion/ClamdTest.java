package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import crossdock.chassis.Unanswered;
import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Machine.Firmware;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Scans with a clamd of its own and one signature, and with one that does not behave. */
@Timeout(120)
class ClamdTest {
  private static final String EVIL = "crossdock's own piece of evil";
  private static final int SIZE = 24 << 20;
  private static final int PIECE = 8 << 20;

  @TempDir private Path directory;
  private Path disk = Path.of("");
  private Optional<Process> daemon = Optional.empty();

  @BeforeEach
  void disk() throws IOException {
    // clamd gives up root, and must still be let in.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
    disk = directory.resolve("disk.raw");
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      file.setLength(SIZE);
    }
  }

  @AfterEach
  void stop() throws InterruptedException {
    if (daemon.isPresent()) {
      daemon.get().destroy();
      daemon.get().waitFor();
    }
  }

  private void put(long offset, String text) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      file.seek(offset);
      file.write(text.getBytes(StandardCharsets.US_ASCII));
    }
  }

  /** Starts clamd with one signature, and waits until it answers. */
  @SuppressWarnings("SystemOut")
  private Clamd clamd(String limit) throws Exception {
    Path program = Path.of("/usr/sbin/clamd");
    if (!Files.isExecutable(program)) {
      System.out.println(
          "NOT CHECKED: that clamd finds what it has a signature of, for lack of it");
    }
    assumeTrue(Files.isExecutable(program), "clamd is not installed");
    Path signatures = Files.createDirectory(directory.resolve("signatures"));
    String hex = HexFormat.of().formatHex(EVIL.getBytes(StandardCharsets.US_ASCII));
    Files.writeString(signatures.resolve("own.ndb"), "Crossdock.Evil:0:*:" + hex + "\n");
    Path socket = directory.resolve("clamd.sock");
    Path configuration =
        Files.write(
            directory.resolve("clamd.conf"),
            List.of(
                "Foreground yes",
                "LocalSocket " + socket,
                "DatabaseDirectory " + signatures,
                "StreamMaxLength " + limit));
    daemon =
        Optional.of(
            new ProcessBuilder(program.toString(), "-c", configuration.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("clamd.log").toFile())
                .start());
    Clamd clamd = new Clamd(socket, Duration.ofMinutes(1));
    while (true) {
      try {
        assertThat(clamd.version()).startsWith("ClamAV");
        return clamd;
      } catch (IOException e) {
        assertThat(daemon.get().waitFor(50, TimeUnit.MILLISECONDS))
            .as(Files.readString(directory.resolve("clamd.log")))
            .isFalse();
      }
    }
  }

  private Optional<String> scan(Clamd clamd) throws IOException {
    try (DiskSource source = Disks.openSource(disk, DiskFormat.RAW, SIZE)) {
      return clamd.scan(source, () -> true, new Meter(SIZE, _ -> {}));
    }
  }

  private Check malware(Clamd clamd) throws IOException {
    Examination examination = new Examination(Firmware.BIOS, Optional.of(clamd));
    try (DiskSource source = Disks.openSource(disk, DiskFormat.RAW, SIZE)) {
      DiskTicket ticket = new DiskTicket.Image("disk", "disk.raw", "raw", SIZE);
      examination.disk(ticket, source, () -> true, new Meter(SIZE, _ -> {}));
    }
    return examination.checks().stream()
        .filter(check -> check.name().equals("malware"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void whatHasASignatureIsFoundAlsoWhereTwoPiecesMeet() throws Exception {
    Clamd clamd = clamd("8M");
    for (long at = 0; at < SIZE; at += 4096) {
      put(at, "harmless");
    }
    assertThat(scan(clamd)).isEmpty();
    assertThat(malware(clamd).outcome()).isEqualTo(Outcome.PASSED);
    put(PIECE - 10, EVIL);
    assertThat(scan(clamd))
        .hasValueSatisfying(found -> assertThat(found).contains("Crossdock.Evil"));
    Check check = malware(clamd);
    assertThat(check.outcome()).isEqualTo(Outcome.FAILED);
    assertThat(check.detail()).startsWith("ClamAV").contains("disk: Crossdock.Evil");
  }

  @Test
  void whateverRunsAGuestMakesOfItsDiskEveryByteIsSeen() throws Exception {
    Clamd clamd = clamd("8M");
    for (long at : new long[] {4096 - 10, 3 << 20, (5 << 20) - 4, SIZE - EVIL.length()}) {
      try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
        file.setLength(0);
        file.setLength(SIZE);
      }
      put(0, "harmless");
      put((5 << 20) + 4096, "harmless");
      assertThat(scan(clamd)).isEmpty();
      put(at, EVIL);
      assertThat(scan(clamd)).as("at %d", at).isPresent();
    }
  }

  @Test
  void aDaemonThatTakesLessThanAPieceCannotLook() throws Exception {
    Clamd clamd = clamd("1M");
    for (long at = 0; at < SIZE; at += 4096) {
      put(at, "data");
    }
    assertThatThrownBy(() -> scan(clamd))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(Unanswered.class)
        .hasMessageContaining("size limit exceeded");
  }

  /** Answers each connection with the next of these, as soon as it has come. */
  private Clamd answering(Duration patience, String... answers) throws IOException {
    Path socket = directory.resolve("other.sock");
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    Thread.ofVirtual()
        .start(
            () -> {
              try (server) {
                for (String answer : answers) {
                  try (SocketChannel one = server.accept()) {
                    ByteBuffer got = ByteBuffer.allocate(1 << 16);
                    if (!answer.isEmpty()) {
                      one.write(ByteBuffer.wrap(answer.getBytes(StandardCharsets.US_ASCII)));
                      one.shutdownOutput();
                    }
                    while (one.read(got.clear()) >= 0) {
                      // Until the other side gives up.
                    }
                  }
                }
              } catch (IOException e) {
                // The other side went away, as it was to.
              }
            });
    return new Clamd(socket, patience);
  }

  @Test
  void whatIsNoAnswerIsNoPass() throws Exception {
    put(0, "data");
    String endless = "x".repeat(2000);
    for (String answer : List.of("stream: OK", "stream: fine\0", "\0", endless, "")) {
      Clamd clamd = answering(Duration.ofMillis(500), answer);
      assertThatThrownBy(() -> scan(clamd)).as(answer).isInstanceOf(IOException.class);
      Files.delete(clamd.socket());
    }
    assertThatThrownBy(() -> scan(new Clamd(directory.resolve("none"), Duration.ofSeconds(1))))
        .isInstanceOf(Unanswered.class);
  }
}
