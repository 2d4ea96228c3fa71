package crossdock.providers.kvm;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Machine;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With the agent itself in a guest, and with who is none. */
final class GuestAgentTest {
  private static final Duration SHORT = Duration.ofMillis(300);
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final Pattern ID = Pattern.compile("\"id\":(\\d+)");
  private static final String INFO = "{\"return\": {\"version\": \"7.2.0\"}}\n";

  @TempDir private Path directory;

  /**
   * Asks somebody who says this when asked to begin, with {@code ID} for the id that he was given.
   */
  private Optional<String> version(String says, Duration most) throws IOException {
    Path socket = directory.resolve("s");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      Thread.ofVirtual().start(() -> answer(server, says));
      return GuestAgent.version(socket, most);
    } finally {
      Files.delete(socket);
    }
  }

  private static void answer(ServerSocketChannel server, String says) {
    try (SocketChannel client = server.accept()) {
      ByteBuffer asked = ByteBuffer.allocate(4096);
      Matcher id = ID.matcher("");
      while (!id.find() && client.read(asked) >= 0) {
        id = ID.matcher(new String(asked.array(), 0, asked.position(), ISO_8859_1));
      }
      ByteBuffer said = ByteBuffer.wrap(says.replace("ID", id.group(1)).getBytes(ISO_8859_1));
      while (said.hasRemaining()) {
        client.write(said);
      }
      while (client.read(ByteBuffer.allocate(4096)) >= 0) {}
    } catch (IOException e) {
      // The client went first.
    }
  }

  @Test
  void anAgentThatIsThereSaysItsVersion() throws IOException {
    assertThat(version("\u00ff{\"return\": ID}\n" + INFO, LONG)).contains("7.2.0");
  }

  @Test
  void whatWasLeftHalfSaidAndAnswersToOthersAreSkipped() throws IOException {
    assertThat(version("{\"return\": 1}\n{\"retu\u00ff{\"return\": ID}\n" + INFO, LONG))
        .contains("7.2.0");
  }

  @Test
  void whoSaysNothingOrNeverComesToTheEndIsNotThere() throws IOException {
    assertThat(version("", SHORT)).isEmpty();
    assertThat(version("\u00ff{\"return\": ID}\n", SHORT)).isEmpty();
    assertThat(version("{\"return\": 1}\n".repeat(1 << 20), SHORT)).isEmpty();
    assertThat(version("\u00ff".repeat(8 << 20), SHORT)).isEmpty();
  }

  @Test
  void whatIsNoVersionIsNotPassedOn() {
    for (String version : List.of("", "7\\u001b[2J", "7".repeat(33), "a b")) {
      String info = "{\"return\": {\"version\": \"" + version + "\"}}\n";
      assertThatThrownBy(() -> version("\u00ff{\"return\": ID}\n" + info, LONG))
          .isInstanceOf(IOException.class);
    }
    assertThatThrownBy(() -> version("hello\n", LONG)).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> version("x".repeat(2 << 20), LONG)).isInstanceOf(IOException.class);
  }

  @Test
  void aGuestWhoseConsoleSaysNothingIsAliveByItsAgent() throws Exception {
    Qemu.assumeHere();
    Kvm kvm =
        new Kvm(
            directory, "tcg", List.of("qcow2"), new Kvm.Limits(1, 1L << 30), Kvm.Networks.ISOLATED);
    Machine machine =
        new Machine(
            "silent",
            "silent",
            "x86_64",
            1,
            192 << 20,
            Machine.Firmware.BIOS,
            "linux",
            List.of(new Machine.Disk("root", "qcow2", 64 << 20)),
            List.of(new Machine.Nic("nic0", "lan", "52:54:00:00:00:01")),
            List.of());
    try {
      kvm.adopt(
          machine,
          "alice",
          Map.of("root", Qemu.guest(directory, "silent", "--agent", "yes")),
          true);
      assertThat(kvm.console("alice", "silent")).doesNotContain("CROSSDOCK-GUEST");
      Guests again = new Guests(directory, "tcg");
      assertThat(again.agent("silent")).hasValueSatisfying(one -> assertThat(one).matches("\\d.*"));
      assertThat(again.agent("silent")).as("the same, asked by another").isPresent();
    } finally {
      kvm.cutPower();
    }
    assertThat(new Guests(directory, "tcg").agent("silent")).isEmpty();
  }
}
