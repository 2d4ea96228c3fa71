package crossdock.providers.kvm;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against somebody who is not QEMU; {@link GuestsTest} talks to the real one. */
final class QmpTest {
  private static final Duration SHORT = Duration.ofMillis(200);
  private static final Duration LONG = Duration.ofSeconds(10);
  private static final String GREETING = "{\"QMP\": {\"capabilities\": []}}\r\n";
  private static final String READY = GREETING + "{\"return\": {}, \"id\": 1}\r\n";

  @TempDir private Path directory;
  private ServerSocketChannel server;

  @BeforeEach
  void listen() throws IOException {
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(directory.resolve("s")));
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  /** Says this to the next client, then waits until it goes, or hangs up at its first word. */
  private void say(String text, boolean hangUp) {
    Thread.ofVirtual()
        .start(
            () -> {
              try (SocketChannel client = server.accept()) {
                ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(UTF_8));
                while (bytes.hasRemaining()) {
                  client.write(bytes);
                }
                while (client.read(ByteBuffer.allocate(4096)) >= 0 && !hangUp) {}
              } catch (IOException e) {
                // The client went first.
              }
            });
  }

  private Qmp connect(Duration most) throws IOException {
    return Qmp.connect(directory.resolve("s"), most);
  }

  @Test
  void eventsBetweenCommandAndReplyAreKept() throws IOException {
    say(READY + "{\"event\": \"STOP\"}\n{\"return\": 7, \"id\": 2}\n", false);
    try (Qmp qmp = connect(LONG)) {
      assertThat(qmp.execute("x", Map.of()).asInt()).isEqualTo(7);
      assertThat(qmp.event(Qmp.named("STOP"), SHORT).path("event").asText()).isEqualTo("STOP");
      assertThatThrownBy(() -> qmp.event(Qmp.named("STOP"), SHORT))
          .isInstanceOf(JsonLines.Late.class);
    }
  }

  @Test
  void eventsBeforeTheGreetingAreKept() throws IOException {
    say("{\"event\": \"RESUME\"}\r\n" + READY, false);
    try (Qmp qmp = connect(LONG)) {
      assertThat(qmp.event(Qmp.named("RESUME"), SHORT).has("event")).isTrue();
    }
  }

  @Test
  void eventsWithoutEndAreNoGreeting() {
    say("{\"event\": \"RESUME\"}\r\n".repeat(1 << 20), false);
    assertThatThrownBy(() -> connect(SHORT)).isInstanceOf(JsonLines.Late.class);
  }

  @Test
  void aRefusalCarriesTheWordsWithoutControlCharacters() throws IOException {
    say(READY + "{\"error\": {\"class\": \"G\", \"desc\": \"no\\u001bway\"}, \"id\": 2}\n", false);
    try (Qmp qmp = connect(LONG)) {
      assertThatThrownBy(() -> qmp.execute("x", Map.of()))
          .isInstanceOf(QmpException.class)
          .hasMessage("QEMU refuses x: no way");
    }
  }

  @Test
  void silenceEndsAtTheDeadline() {
    say("", false);
    assertThatThrownBy(() -> connect(SHORT)).isInstanceOf(JsonLines.Late.class);
  }

  @Test
  void anEndlessLineIsRefused() {
    say("{\"QMP\": \"" + "x".repeat(2 << 20), false);
    assertThatThrownBy(() -> connect(LONG)).hasMessageContaining("a line of more than");
  }

  @Test
  void whatIsNotQemuIsRefused() {
    say("SSH-2.0-OpenSSH\r\n", false);
    assertThatThrownBy(() -> connect(LONG)).hasMessageContaining("no JSON object");
    say("{\"hello\": 1}\r\n", false);
    assertThatThrownBy(() -> connect(LONG)).hasMessageContaining("not QEMU");
  }

  @Test
  void aReplyToAnotherCommandIsRefused() throws IOException {
    say(READY + "{\"return\": {}, \"id\": 1}\n", false);
    try (Qmp qmp = connect(LONG)) {
      assertThatThrownBy(() -> qmp.execute("x", Map.of())).hasMessageContaining("something else");
    }
  }

  @Test
  void aClosedSocketEndsTheWait() throws IOException {
    say(READY, true);
    try (Qmp qmp = connect(LONG)) {
      assertThatThrownBy(() -> qmp.event(event -> true, LONG)).isInstanceOf(IOException.class);
    }
  }
}
