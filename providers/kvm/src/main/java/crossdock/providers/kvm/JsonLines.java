package crossdock.providers.kvm;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * JSON objects, one a line, to and from one of QEMU's sockets. The other side is not trusted: lines
 * are bounded, and everything has a deadline, by {@link System#nanoTime}. Not thread-safe. After an
 * {@link IOException} but {@link Late} it can only be closed.
 */
final class JsonLines implements AutoCloseable {
  private static final int LONGEST_LINE = 1 << 20;
  // Of sun_path's 108 bytes, with the closing zero.
  private static final int LONGEST_ADDRESS = 107;

  private final SocketChannel channel;
  private final Selector selector;
  private final ByteBuffer input = ByteBuffer.allocate(8192).flip();
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();

  private JsonLines(SocketChannel channel, Selector selector) {
    this.channel = channel;
    this.selector = selector;
  }

  /**
   * @throws IOException if nobody listens
   */
  static JsonLines connect(Path socket) throws IOException {
    SocketChannel channel = open(socket.toAbsolutePath());
    try {
      channel.configureBlocking(false);
      Selector selector = Selector.open();
      channel.register(selector, SelectionKey.OP_READ);
      return new JsonLines(channel, selector);
    } catch (Throwable e) {
      channel.close();
      throw e;
    }
  }

  private static SocketChannel open(Path socket) throws IOException {
    if (socket.toString().getBytes(UTF_8).length <= LONGEST_ADDRESS) {
      return open(UnixDomainSocketAddress.of(socket));
    }
    Path directory = Files.createTempDirectory("crossdock-");
    Path link = directory.resolve("d");
    try {
      Files.createSymbolicLink(link, socket.resolveSibling("."));
      return open(UnixDomainSocketAddress.of(link.resolve(socket.getFileName())));
    } finally {
      Files.deleteIfExists(link);
      Files.delete(directory);
    }
  }

  private static SocketChannel open(UnixDomainSocketAddress address) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(address);
      return channel;
    } catch (Throwable e) {
      channel.close();
      throw e;
    }
  }

  /** All of it, or {@link Late}. */
  void write(ByteBuffer message, long deadline) throws IOException {
    while (message.hasRemaining()) {
      if (channel.write(message) == 0) {
        await(SelectionKey.OP_WRITE, deadline);
      }
    }
  }

  /** The next one. A byte of all ones, which no JSON has, begins a line anew. */
  JsonNode read(long deadline) throws IOException {
    for (; ; ) {
      while (input.hasRemaining()) {
        byte next = input.get();
        if (next == '\n') {
          byte[] json = line.toByteArray();
          line.reset();
          return parse(json);
        }
        if (next == (byte) 0xff) {
          line.reset();
          continue;
        }
        if (line.size() == LONGEST_LINE) {
          throw new IOException("QEMU sent a line of more than " + LONGEST_LINE + " bytes");
        }
        line.write(next);
      }
      input.clear();
      int count = channel.read(input);
      input.flip();
      if (count < 0) {
        throw new EOFException("QEMU has closed its socket");
      }
      if (count == 0 || System.nanoTime() > deadline) {
        await(SelectionKey.OP_READ, deadline);
      }
    }
  }

  private void await(int operation, long deadline) throws IOException {
    long left = (deadline - System.nanoTime()) / 1_000_000;
    if (left <= 0) {
      throw new Late();
    }
    for (SelectionKey key : selector.keys()) {
      key.interestOps(operation);
    }
    selector.select(left);
    selector.selectedKeys().clear();
    if (Thread.currentThread().isInterrupted()) {
      throw new IOException("interrupted while talking to QEMU");
    }
  }

  private static JsonNode parse(byte[] json) throws IOException {
    try {
      JsonNode message = Json.read(json, JsonNode.class);
      if (message.isObject()) {
        return message;
      }
    } catch (Refused e) {
      throw new IOException("QEMU sent what is no JSON object", e);
    }
    throw new IOException("QEMU sent what is no JSON object");
  }

  @Override
  public void close() throws IOException {
    selector.close();
    channel.close();
  }

  /** What was waited for has not come in time; the conversation is still good. */
  static final class Late extends IOException {
    private static final long serialVersionUID = 1L;

    Late() {
      super("QEMU did not answer in time");
    }
  }
}
