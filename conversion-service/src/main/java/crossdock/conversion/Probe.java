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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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
  private static final int NOT_FOUND = 404;

  private final MutualTls tls;
  private final Pace pace;
  private final Clock clock;
  private final Duration stall;
  private final Map<String, Rate> rates = new ConcurrentHashMap<>();

  private record Rate(long bytesPerSecond, Instant until) {}

  Probe(
      MutualTls tls, Pace pace, Clock clock, @Value("${crossdock.dock.stall:30s}") Duration stall) {
    this.tls = tls;
    this.pace = pace;
    this.clock = clock;
    this.stall = stall;
  }

  /**
   * What was found; all it takes is at most 64 MiB, and once as long as a stall.
   *
   * @return empty if the source's dock is of a version that cannot be tried, and answers
   * @throws StepFailed UNAVAILABLE if the clocks are too far apart for signatures to count
   * @throws Unanswered if nobody answers in time
   * @throws IOException if whoever answers does not let this site in, or says something else
   */
  Optional<NetworkPath> path(DockMessage.Probe order, Held held)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + stall.toNanos();
    try (DockClient client = new DockClient(tls.context(order.peer()), order.from())) {
      long best = Long.MAX_VALUE;
      long skew = 0;
      for (int i = 0; i < PINGS; i++) {
        Instant asked = clock.instant();
        long start = System.nanoTime();
        DockClient.Answer answer =
            get(client, ByteBuffer.allocate(0), deadline)
                .orElseThrow(() -> new Unanswered("the source's dock says nothing"));
        if (answer.status() == NOT_FOUND) {
          return Optional.empty();
        }
        Patience.ok(answer.status());
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
      return Optional.of(new NetworkPath(rate(client, order, held, deadline), best / 1000, skew));
    }
  }

  private long rate(DockClient client, DockMessage.Probe order, Held held, long deadline)
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
              Optional<DockClient.Answer> answer = get(client, piece, deadline);
              if (answer.isPresent()) {
                Patience.ok(answer.get().status());
                if (piece.hasRemaining()) {
                  throw new IOException("%d bytes, not %d".formatted(piece.position(), PIECE));
                }
              }
              bytes.addAndGet(piece.position());
            });
      }
      window.finish();
    }
    if (bytes.get() == 0) {
      throw new Unanswered("the source's dock sends nothing");
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    long rate = Math.max(1, (long) (bytes.get() / seconds));
    rates.put(order.peer(), new Rate(rate, clock.instant().plus(GOOD)));
    return rate;
  }

  /** As many bytes as there is room for; empty if they have not come in time. */
  private static Optional<DockClient.Answer> get(DockClient client, ByteBuffer into, long deadline)
      throws IOException, InterruptedException {
    CompletableFuture<DockClient.Answer> answer =
        client.get("/v1/probe/" + into.capacity(), Optional.empty(), into);
    try {
      return Optional.of(
          answer.get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS));
    } catch (TimeoutException e) {
      return Optional.empty();
    } catch (ExecutionException e) {
      throw new Unanswered("the source's dock broke off: " + e.getCause(), e);
    } finally {
      answer.cancel(true);
    }
  }
}
