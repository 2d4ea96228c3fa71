package crossdock.conversion;

import crossdock.chassis.Held;
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
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * ClamAV's daemon (clamd(8), INSTREAM). It sees a disk's bytes as they lie there, in pieces of 8
 * MiB that overlap by 64 KiB: signatures over bytes are found, those over whole files are not.
 * {@code StreamMaxLength} has to be 8 MiB or more. Thread-safe.
 *
 * @param patience how long it may take over one piece
 */
record Clamd(Path socket, Duration patience) {
  private static final int PIECE = 8 << 20;
  private static final int OVERLAP = 64 << 10;
  private static final int LONGEST_ANSWER = 1024;

  /**
   * The first signature that it finds, and where; empty if it finds none.
   *
   * @throws IOException if it does not answer, or cannot look
   */
  Optional<String> scan(DiskSource disk, Held held, Meter meter) throws IOException {
    ByteBuffer piece = ByteBuffer.allocate(PIECE);
    for (Extent extent : disk.extents(0, disk.size())) {
      if (extent.kind() == Extent.Kind.ZERO) {
        meter.add(extent.length());
        continue;
      }
      for (long at = extent.offset(); at < extent.end(); at += PIECE - OVERLAP) {
        held.check();
        disk.read(at, piece.clear().limit((int) Math.min(PIECE, extent.end() - at)));
        Optional<String> found = found(say("zINSTREAM\0", Optional.of(piece.flip())));
        if (found.isPresent()) {
          return Optional.of(found.get() + " in the " + PIECE + " bytes from " + at);
        }
        boolean last = extent.end() - at <= PIECE;
        meter.add(last ? extent.end() - at : PIECE - OVERLAP);
        if (last) {
          break;
        }
      }
    }
    return Optional.empty();
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
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      // A channel has no time limit of its own.
      Executor late = CompletableFuture.delayedExecutor(patience.toMillis(), TimeUnit.MILLISECONDS);
      CompletableFuture<Void> limit = CompletableFuture.runAsync(() -> cut(channel), late);
      try {
        channel.connect(UnixDomainSocketAddress.of(socket));
        write(channel, ByteBuffer.wrap(command.getBytes(StandardCharsets.US_ASCII)));
        if (bytes.isPresent()) {
          write(channel, ByteBuffer.allocate(4).putInt(bytes.get().remaining()).flip());
          write(channel, bytes.get());
          write(channel, ByteBuffer.allocate(4));
        }
        return answer(channel);
      } finally {
        limit.cancel(false);
      }
    }
  }

  private static void cut(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException _) {
      // Whoever waits finds it closed.
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
