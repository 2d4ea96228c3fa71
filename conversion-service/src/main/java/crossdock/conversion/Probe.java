package crossdock.conversion;

import crossdock.chassis.Held;
import crossdock.chassis.MutualTls;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Unanswered;
import crossdock.contracts.NetworkPath;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.site.DockMessage;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tries the way to a source's dock before anything is stopped: whether it answers there as who it
 * should be and lets this site in, what time it has, how far it is and what comes through, over as
 * many connections as a disk takes. What came through counts for ten minutes, whoever's machine it
 * was tried for. Thread-safe.
 */
@Singleton
final class Probe {
  /** Certificates and listings that come from the future are refused before an hour. */
  private static final Duration MOST_SKEW = Duration.ofMinutes(10);

  private static final Duration GOOD = Duration.ofMinutes(10);
  private static final int PINGS = 4;
  private static final int PIECE = 256 << 10;
  private static final int PIECES = 256;
  private static final long ENOUGH_NANOS = 2_000_000_000L;

  private final MutualTls tls;
  private final Pace pace;
  private final Clock clock;
  private final Patience patience;
  private final Map<String, Rate> rates = new ConcurrentHashMap<>();

  private record Rate(long bytesPerSecond, Instant until) {}

  Probe(
      MutualTls tls, Pace pace, Clock clock, @Value("${crossdock.dock.stall:30s}") Duration stall) {
    this.tls = tls;
    this.pace = pace;
    this.clock = clock;
    this.patience = new Patience(stall);
  }

  /**
   * What was found; all it takes is at most 64 MiB and, unless the way is slow, some seconds.
   *
   * @throws StepFailed UNAVAILABLE if the clocks are too far apart for signatures to count
   * @throws Unanswered if nobody answers
   * @throws IOException if whoever answers is somebody else, or does not let this site in
   */
  NetworkPath path(DockMessage.Probe order, Held held) throws IOException, InterruptedException {
    try (DockClient client = new DockClient(tls.context(order.peer()), order.from())) {
      long best = Long.MAX_VALUE;
      long skew = 0;
      for (int i = 0; i < PINGS; i++) {
        Instant asked = clock.instant();
        long start = System.nanoTime();
        DockClient.Answer answer = get(client, ByteBuffer.allocate(0));
        long nanos = System.nanoTime() - start;
        Instant there =
            answer.date().orElseThrow(() -> new IOException("the source's dock has no clock"));
        // The first one opens the connection, too.
        best = i == 0 ? best : Math.min(best, nanos);
        skew = Duration.between(asked.plusNanos(nanos / 2), there).toSeconds();
      }
      if (Math.abs(skew) > MOST_SKEW.toSeconds()) {
        throw new StepFailed(
            Reason.UNAVAILABLE,
            "the clock of %s is %d s ahead of the one here".formatted(order.peer(), skew));
      }
      held.check();
      return new NetworkPath(rate(client, order, held), best / 1000, skew);
    }
  }

  private long rate(DockClient client, DockMessage.Probe order, Held held)
      throws IOException, InterruptedException {
    Optional<Rate> known =
        Optional.ofNullable(rates.get(order.peer()))
            .filter(rate -> clock.instant().isBefore(rate.until()));
    if (known.isPresent()) {
      return known.get().bytesPerSecond();
    }
    String provider = Party.Site.ofDock(order.peer()).id().provider();
    AtomicLong bytes = new AtomicLong();
    long start = System.nanoTime();
    try (Window window = new Window(Pull.IN_FLIGHT)) {
      for (int i = 0; i < PIECES && System.nanoTime() - start < ENOUGH_NANOS; i++) {
        held.check();
        pace.await(provider, PIECE);
        window.submit(
            () -> {
              ByteBuffer piece = ByteBuffer.allocate(PIECE);
              DockClient.Answer _ = get(client, piece);
              bytes.addAndGet(piece.capacity());
            });
      }
      window.finish();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    long rate = Math.max(1, (long) (bytes.get() / seconds));
    rates.put(order.peer(), new Rate(rate, clock.instant().plus(GOOD)));
    return rate;
  }

  /** As many bytes as there is room for. */
  private DockClient.Answer get(DockClient client, ByteBuffer into)
      throws IOException, InterruptedException {
    DockClient.Answer answer =
        patience.await(
            client.get("/v1/probe/" + into.capacity(), Optional.empty(), into), into::position);
    Patience.ok(answer.status());
    if (into.hasRemaining()) {
      throw new IOException("%d bytes, not %d".formatted(into.position(), into.capacity()));
    }
    return answer;
  }
}
