package crossdock.disk;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server that says what it should not. */
@Timeout(30)
class NbdClientTest {
  private static final long OPTION_REPLY = 0x3e889045565a9L;

  @TempDir private Path directory;

  @Test
  void whatIsNotNbdIsRefused() throws Exception {
    refusedInHandshake(
        bytes().put("HTTP/1.1 400 Bad Request".getBytes(UTF_8)), "not an NBD server");
    refusedInHandshake(hello(0), "fixed newstyle");
  }

  @Test
  void lengthsAreCheckedBeforeAnythingIsAllocated() throws Exception {
    refusedInHandshake(hello(3).putLong(OPTION_REPLY).putInt(8).putInt(1).putInt(-1), "length");
    refusedInHandshake(
        hello(3).putLong(OPTION_REPLY).putInt(8).putInt(1).putInt(Integer.MAX_VALUE), "length");
    // A megabyte of error text, a read of more than was asked for, one elsewhere.
    refusedRead(structured(3, 0x8001, 1 << 20), "length");
    refusedRead(structured(1, 1, 8 + 513), "length");
    refusedRead(structured(1, 1, -1), "length");
    refusedRead(structured(1, 1, 8 + 512).putLong(4096).put(new byte[512]), "outside");
    refusedRead(structured(1, 2, 12).putLong(0).putInt(Integer.MAX_VALUE), "outside");
    refusedRead(structured(1, 2, 12).putLong(0).putInt(10), "fewer");
    refusedRead(structured(1, 77, 0), "unknown type");
    refusedRead(
        bytes().putInt(0x668e33ef).putShort((short) 1).putShort((short) 0).putLong(99).putInt(0),
        "another");
  }

  @Test
  void blockStatusOfNothingIsRefused() throws Exception {
    refusedStatus(structured(1, 5, 12).putInt(7).putInt(0).putInt(2), "empty run");
    refusedStatus(structured(1, 5, 12).putInt(8).putInt(512).putInt(2), "another context");
    refusedStatus(structured(1, 5, 13).putInt(7), "malformed");
    refusedStatus(structured(1, 5, Integer.MAX_VALUE - 3), "length");
    refusedStatus(structured(1, 0, 0), "no block status");
  }

  @Test
  void errorsWithoutEndAreRefused() throws Exception {
    ByteBuffer replies = bytes();
    for (int i = 0; i < 100; i++) {
      replies.put(part(1, 0, 0x8001, 6)).putInt(5).putShort((short) 0);
    }
    refusedRead(replies, "errors without end");
  }

  @Test
  void anHonestServerIsUnderstood() throws Exception {
    ByteBuffer script = export().put(part(1, 0, 2, 12)).putLong(100).putInt(500);
    script.put(part(1, 1, 1, 8 + 12)).putLong(600).put("hello, world".getBytes(UTF_8));
    script.put(part(2, 1, 5, 20)).putInt(7).putInt(1024).putInt(3).putInt(1 << 30).putInt(0);
    try (ServerSocketChannel server = serve(script);
        NbdClient client = NbdClient.connect(directory.resolve("s"), "disk")) {
      assertThat(client.size()).isEqualTo(1 << 20);
      ByteBuffer into = ByteBuffer.allocate(512);
      client.read(100, into);
      assertThat(new String(into.array(), 500, 12, UTF_8)).isEqualTo("hello, world");
      assertThat(client.extents(0, 4096))
          .containsExactly(
              new Extent(0, 1024, Extent.Kind.ZERO), new Extent(1024, 3072, Extent.Kind.DATA));
      assertThat(server.isOpen()).isTrue();
    }
  }

  private void refusedInHandshake(ByteBuffer script, String because) throws Exception {
    try (ServerSocketChannel server = serve(script)) {
      assertThatThrownBy(() -> NbdClient.connect(directory.resolve("s"), "disk"))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(because);
      assertThat(server.isOpen()).isTrue();
    }
  }

  private void refusedRead(ByteBuffer reply, String because) throws Exception {
    try (ServerSocketChannel server = serve(export().put(reply.flip()));
        NbdClient client = NbdClient.connect(directory.resolve("s"), "disk")) {
      assertThatThrownBy(() -> client.read(0, ByteBuffer.allocate(512)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(because);
      assertThat(server.isOpen()).isTrue();
    }
  }

  private void refusedStatus(ByteBuffer reply, String because) throws Exception {
    try (ServerSocketChannel server = serve(export().put(reply.flip()));
        NbdClient client = NbdClient.connect(directory.resolve("s"), "disk")) {
      assertThatThrownBy(() -> client.extents(0, 512))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(because);
      assertThat(server.isOpen()).isTrue();
    }
  }

  private static ByteBuffer bytes() {
    return ByteBuffer.allocate(16 << 10);
  }

  private static ByteBuffer hello(int flags) {
    ByteBuffer hello = bytes().putLong(0x4e42444d41474943L).putLong(0x49484156454f5054L);
    return hello.putShort((short) flags);
  }

  /** The whole handshake of a disk of 1 MiB with block status under context 7. */
  private static ByteBuffer export() {
    byte[] context = "base:allocation".getBytes(UTF_8);
    ByteBuffer export = hello(3).putLong(OPTION_REPLY).putInt(8).putInt(1).putInt(0);
    export.putLong(OPTION_REPLY).putInt(10).putInt(4).putInt(4 + context.length);
    export.putInt(7).put(context);
    export.putLong(OPTION_REPLY).putInt(10).putInt(1).putInt(0);
    export.putLong(OPTION_REPLY).putInt(7).putInt(3).putInt(12);
    export.putShort((short) 0).putLong(1 << 20).putShort((short) 1);
    return export.putLong(OPTION_REPLY).putInt(7).putInt(1).putInt(0);
  }

  private static ByteBuffer structured(int flags, int type, int length) {
    return bytes().put(part(1, flags, type, length));
  }

  private static ByteBuffer part(long cookie, int flags, int type, int length) {
    ByteBuffer head = ByteBuffer.allocate(20).putInt(0x668e33ef).putShort((short) flags);
    return head.putShort((short) type).putLong(cookie).putInt(length).flip();
  }

  /** Sends the script to the first that connects, whatever that says, then ends. */
  private ServerSocketChannel serve(ByteBuffer script) throws IOException {
    Path socket = directory.resolve("s");
    Files.deleteIfExists(socket);
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    script.flip();
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try (SocketChannel peer = server.accept()) {
                while (script.hasRemaining()) {
                  peer.write(script);
                }
                ByteBuffer ignored = ByteBuffer.allocate(4096);
                while (peer.read(ignored) >= 0) {
                  ignored.clear();
                }
              } catch (IOException e) {
                // The client hung up, which is what it should do.
              }
            });
    return server;
  }
}
