package crossdock.conversion;

import crossdock.chassis.Held;
import crossdock.chassis.Unanswered;
import crossdock.disk.DiskSource;
import crossdock.disk.Extent;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * ClamAV's daemon (clamd(8), INSTREAM). It sees a disk's bytes as they lie there, in pieces of 8
 * MiB that overlap by 64 KiB: signatures over bytes are found, those over whole files are not. Runs
 * of 1 MiB of zeros and more are left out. {@code StreamMaxLength} has to be 8 MiB or more.
 * Thread-safe.
 *
 * @param patience how long it may take over one piece
 */
record Clamd(Path socket, Duration patience) {
  private static final int PIECE = 8 << 20;
  private static final int OVERLAP = 64 << 10;

  /** However many runs a guest makes of its disk: shorter ones are data, or there is no end. */
  private static final int GAP = 1 << 20;

  private static final int LONGEST_ANSWER = 1024;

  /**
   * The first signature that it finds, and where; empty if it finds none.
   *
   * @throws Unanswered if it does not answer
   * @throws IOException if it cannot look
   */
  Optional<String> scan(DiskSource disk, Held held, Meter meter) throws IOException {
    // Begins with the end of the piece before, if that lies next to it.
    ByteBuffer piece = ByteBuffer.allocateDirect(PIECE);
    for (long at = 0; at < disk.size(); ) {
      held.check();
      Extent extent = disk.extentAt(at, disk.size() - at);
      if (gap(extent)) {
        meter.add(extent.length());
        at = extent.end();
        piece.clear();
        continue;
      }
      long from = at - piece.position();
      long end = dataEnd(disk, at, Math.min(disk.size(), at + piece.remaining()));
      disk.read(at, piece.limit(piece.position() + (int) (end - at)));
      int length = piece.flip().limit();
      Optional<String> found = found(say("zINSTREAM\0", Optional.of(piece)));
      if (found.isPresent()) {
        return Optional.of(found.get() + " in the " + length + " bytes from " + from);
      }
      meter.add(end - at);
      at = end;
      piece.limit(length).position(Math.max(0, length - OVERLAP)).compact();
    }
    return Optional.empty();
  }

  private static boolean gap(Extent extent) {
    return extent.kind() == Extent.Kind.ZERO && extent.length() >= GAP;
  }

  /** Where the first gap begins, or {@code most}. */
  private static long dataEnd(DiskSource disk, long at, long most) throws IOException {
    for (long end = at; end < most; ) {
      Extent extent = disk.extentAt(end, most - end);
      if (gap(extent)) {
        return end;
      }
      end = extent.end();
    }
    return most;
  }

  /** Its version and that of its signatures, as it says them. */
  String version() throws IOException {
    String said = say("zVERSION\0", Optional.empty());
    return said.substring(0, Math.min(said.length(), 100));
  }

  private static Optional<String> found(String answer) throws IOException {
    if (answer.equals("stream: OK")) {
      return Optional.empty();
    }
    if (answer.startsWith("stream: ") && answer.endsWith(" FOUND")) {
      String name = answer.substring("stream: ".length(), answer.length() - " FOUND".length());
      return Optional.of(name.replaceAll("[^ -~]", "?"));
    }
    throw new IOException("clamd cannot look: " + answer);
  }

  private String say(String command, Optional<ByteBuffer> bytes) throws IOException {
    CompletableFuture<Void> said = new CompletableFuture<>();
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      // A channel has no time limit of its own.
      CompletableFuture<Void> _ =
          said.orTimeout(patience.toMillis(), TimeUnit.MILLISECONDS)
              .whenComplete((_, late) -> cut(channel, late != null));
      channel.connect(UnixDomainSocketAddress.of(socket));
      send(channel, command, bytes);
      return answer(channel);
    } catch (IOException e) {
      throw new Unanswered("clamd does not answer: " + e, e);
    } finally {
      said.complete(null);
    }
  }

  private static void cut(SocketChannel channel, boolean late) {
    if (late) {
      try {
        channel.close();
      } catch (IOException _) {
        // Whoever waits finds it closed.
      }
    }
  }

  private static void send(SocketChannel channel, String command, Optional<ByteBuffer> bytes) {
    try {
      write(channel, ByteBuffer.wrap(command.getBytes(StandardCharsets.US_ASCII)));
      if (bytes.isPresent()) {
        write(channel, ByteBuffer.allocate(4).putInt(bytes.get().remaining()).flip());
        write(channel, bytes.get());
        write(channel, ByteBuffer.allocate(4));
      }
    } catch (IOException e) {
      // It wants no more, and may have said why.
    }
  }

  private static void write(SocketChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** Up to the zero that ends it. */
  private static String answer(SocketChannel channel) throws IOException {
    ByteBuffer answer = ByteBuffer.allocate(LONGEST_ANSWER);
    while (answer.hasRemaining() && channel.read(answer) >= 0) {
      if (answer.position() > 0 && answer.get(answer.position() - 1) == 0) {
        return new String(answer.array(), 0, answer.position() - 1, StandardCharsets.US_ASCII);
      }
    }
    throw new IOException("clamd broke off its answer");
  }
}
