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
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;

/**
 * A conversation with one QEMU over its control socket (QEMU Machine Protocol). QEMU talks to one
 * client at a time, so keep it short. The other side is not trusted: lines and events are bounded,
 * and everything has a deadline. Thread-safe, one command at a time. After an {@link IOException}
 * that is no {@link QmpException} it can only be closed.
 */
final class Qmp implements AutoCloseable {
  private static final int LONGEST_LINE = 1 << 20;
  private static final int MOST_EVENTS = 256;
  // Of sun_path's 108 bytes, with the closing zero.
  private static final int LONGEST_ADDRESS = 107;
  private static final Duration REPLY = Duration.ofSeconds(20);

  private final SocketChannel channel;
  private final Selector selector;
  private final ByteBuffer input = ByteBuffer.allocate(8192).flip();
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final Deque<JsonNode> events = new ArrayDeque<>();
  private long lastId;

  private Qmp(SocketChannel channel, Selector selector) {
    this.channel = channel;
    this.selector = selector;
  }

  /**
   * Connects and greets. Another client's conversation is waited for.
   *
   * @throws IOException if nobody listens or the greeting has not come within {@code most}
   */
  static Qmp connect(Path socket, Duration most) throws IOException {
    long deadline = System.nanoTime() + most.toNanos();
    SocketChannel channel = open(socket.toAbsolutePath());
    try {
      channel.configureBlocking(false);
      Selector selector = Selector.open();
      Qmp qmp = new Qmp(channel, selector);
      try {
        channel.register(selector, SelectionKey.OP_READ);
        qmp.greeting(deadline);
        qmp.execute("qmp_capabilities", Map.of());
        return qmp;
      } catch (Throwable e) {
        selector.close();
        throw e;
      }
    } catch (Throwable e) {
      channel.close();
      throw e;
    }
  }

  private void greeting(long deadline) throws IOException {
    JsonNode first = read(deadline);
    // QEMU accepts in another thread than it tells events in, which it does as for the client
    // before us until it has greeted: the specification knows none this early.
    while (first.has("event")) {
      remember(first);
      first = read(deadline);
    }
    if (!first.has("QMP")) {
      throw new IOException(
          "who answers at the control socket is not QEMU: " + printable(Json.text(first)));
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

  /**
   * Sends a command and waits for its reply, at most 20 s.
   *
   * @return what QEMU returned
   * @throws QmpException if QEMU refuses it
   */
  synchronized JsonNode execute(String command, Map<String, ?> arguments) throws IOException {
    long deadline = System.nanoTime() + REPLY.toNanos();
    long id = ++lastId;
    Map<String, Object> message = new LinkedHashMap<>();
    message.put("execute", command);
    message.put("id", id);
    if (!arguments.isEmpty()) {
      message.put("arguments", arguments);
    }
    write(ByteBuffer.wrap((Json.text(message) + "\n").getBytes(UTF_8)), deadline);
    for (; ; ) {
      JsonNode reply = read(deadline);
      if (reply.has("event")) {
        remember(reply);
      } else if (reply.path("id").asLong() == id && reply.has("return")) {
        return reply.get("return");
      } else if (reply.path("id").asLong() == id && reply.has("error")) {
        throw new QmpException(command, printable(reply.path("error").path("desc").asText("?")));
      } else {
        throw new IOException("QEMU answered " + command + " with something else");
      }
    }
  }

  /**
   * The first event, since the beginning of this conversation, that was not asked for before and
   * that {@code wanted} accepts.
   *
   * @throws IOException if it has not come within {@code most}, or QEMU has ended
   */
  synchronized JsonNode event(Predicate<JsonNode> wanted, Duration most) throws IOException {
    long deadline = System.nanoTime() + most.toNanos();
    for (Iterator<JsonNode> past = events.iterator(); past.hasNext(); ) {
      JsonNode event = past.next();
      if (wanted.test(event)) {
        past.remove();
        return event;
      }
    }
    for (; ; ) {
      JsonNode event = read(deadline);
      if (event.has("event") && wanted.test(event)) {
        return event;
      }
      remember(event);
    }
  }

  /** Accepts events of that name. */
  static Predicate<JsonNode> named(String name) {
    return event -> name.equals(event.path("event").asText());
  }

  private void remember(JsonNode event) {
    if (events.size() == MOST_EVENTS) {
      events.removeFirst();
    }
    events.addLast(event);
  }

  private void write(ByteBuffer message, long deadline) throws IOException {
    while (message.hasRemaining()) {
      if (channel.write(message) == 0) {
        await(SelectionKey.OP_WRITE, deadline);
      }
    }
  }

  private JsonNode read(long deadline) throws IOException {
    for (; ; ) {
      while (input.hasRemaining()) {
        byte next = input.get();
        if (next == '\n') {
          byte[] json = line.toByteArray();
          line.reset();
          return parse(json);
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
        throw new EOFException("QEMU has closed its control socket");
      }
      if (count == 0 || System.nanoTime() > deadline) {
        await(SelectionKey.OP_READ, deadline);
      }
    }
  }

  private void await(int operation, long deadline) throws IOException {
    long left = (deadline - System.nanoTime()) / 1_000_000;
    if (left <= 0) {
      throw new QmpTimeout();
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

  private static String printable(String text) {
    return text.substring(0, Math.min(text.length(), 300)).replaceAll("\\p{Cntrl}", " ");
  }

  @Override
  public void close() throws IOException {
    selector.close();
    channel.close();
  }

  /** What was waited for has not come in time; the conversation is still good for events. */
  static final class QmpTimeout extends IOException {
    private static final long serialVersionUID = 1L;

    QmpTimeout() {
      super("QEMU did not answer in time");
    }
  }
}
