package crossdock.providers.kvm;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
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
 * client at a time, so keep it short. The other side is not trusted: events are bounded, and
 * everything has a deadline. Thread-safe, one command at a time. After an {@link IOException} that
 * is no {@link QmpException} it can only be closed.
 */
final class Qmp implements AutoCloseable {
  private static final int MOST_EVENTS = 256;
  private static final Duration REPLY = Duration.ofSeconds(20);

  private final JsonLines lines;
  private final Deque<JsonNode> events = new ArrayDeque<>();
  private long lastId;

  private Qmp(JsonLines lines) {
    this.lines = lines;
  }

  /**
   * Connects and greets. Another client's conversation is waited for.
   *
   * @throws IOException if nobody listens or the greeting has not come within {@code most}
   */
  static Qmp connect(Path socket, Duration most) throws IOException {
    long deadline = System.nanoTime() + most.toNanos();
    Qmp qmp = new Qmp(JsonLines.connect(socket));
    try {
      qmp.greeting(deadline);
      qmp.execute("qmp_capabilities", Map.of());
      return qmp;
    } catch (Throwable e) {
      qmp.close();
      throw e;
    }
  }

  private void greeting(long deadline) throws IOException {
    JsonNode first = lines.read(deadline);
    // QEMU accepts in another thread than it tells events in, which it does as for the client
    // before us until it has greeted: the specification knows none this early.
    while (first.has("event")) {
      remember(first);
      first = lines.read(deadline);
    }
    if (!first.has("QMP")) {
      throw new IOException(
          "who answers at the control socket is not QEMU: " + printable(Json.text(first)));
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
    lines.write(ByteBuffer.wrap((Json.text(message) + "\n").getBytes(UTF_8)), deadline);
    for (; ; ) {
      JsonNode reply = lines.read(deadline);
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
      JsonNode event = lines.read(deadline);
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

  private static String printable(String text) {
    return text.substring(0, Math.min(text.length(), 300)).replaceAll("\\p{Cntrl}", " ");
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
