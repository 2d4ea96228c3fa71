package crossdock.gateway.partner;

import crossdock.chassis.Database;
import crossdock.chassis.Identity;
import crossdock.chassis.Problem;
import crossdock.contracts.Event;
import crossdock.contracts.Json;
import crossdock.gateway.partner.Subscriptions.Turn;
import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.StartupEvent;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells partners: each event at least once, those of one migration in order and one at a time to
 * each subscription. What fails is tried again, ever later, and then parked. Any number of gateways
 * may do so at once.
 */
@Singleton
final class Deliverer implements ApplicationEventListener<StartupEvent>, AutoCloseable {
  /** Of one event; with the pauses between them they span two to three days. */
  static final int ATTEMPTS = 24;

  private static final Logger LOG = LoggerFactory.getLogger(Deliverer.class);
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(5);
  private static final Duration LONGEST_PAUSE = Duration.ofHours(6);
  private static final int AT_ONCE = 64;
  private static final long IDLE_NANOS = 500_000_000L;
  private static final int GONE = 410;

  private final Database database;
  private final Subscriptions subscriptions;
  private final Guard guard;
  private final Courier courier;
  private final Identity identity;
  private final Clock clock;
  private final MeterRegistry meters;
  private final Semaphore places = new Semaphore(AT_ONCE);
  private final Thread thread = Thread.ofVirtual().name("deliverer").unstarted(this::run);
  private volatile boolean open = true;

  Deliverer(
      Database database,
      Subscriptions subscriptions,
      Guard guard,
      Courier courier,
      Identity identity,
      Clock clock,
      MeterRegistry meters) {
    this.database = database;
    this.subscriptions = subscriptions;
    this.guard = guard;
    this.courier = courier;
    this.identity = identity;
    this.clock = clock;
    this.meters = meters;
  }

  @Override
  public void onApplicationEvent(StartupEvent event) {
    start();
  }

  /** Begins to deliver; called once. */
  void start() {
    thread.start();
  }

  private void run() {
    while (open) {
      places.acquireUninterruptibly();
      Optional<Turn> turn = Optional.empty();
      try {
        turn = next();
      } catch (RuntimeException e) {
        LOG.error("deliveries wait", e);
      }
      if (turn.isPresent()) {
        Turn mine = turn.get();
        Thread.ofVirtual().name("delivery-" + mine.migration()).start(() -> begin(mine));
      } else {
        places.release();
        LockSupport.parkNanos(IDLE_NANOS);
      }
    }
  }

  private void begin(Turn turn) {
    try {
      deliver(turn);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      // Whoever comes after the lease does it again.
      LOG.error("{} of {} waits", turn.migration(), turn.subscription(), e);
    } finally {
      places.release();
    }
  }

  /** What is due, claimed. */
  Optional<Turn> next() {
    return database.transaction(tx -> subscriptions.claim(tx, clock.instant()));
  }

  /** One attempt at what was claimed. */
  void deliver(Turn turn) throws InterruptedException {
    try {
      URI url = Guard.url(turn.url());
      List<InetAddress> addresses = guard.addresses(url);
      Instant now = clock.instant();
      if (now.plus(Courier.PATIENCE).isAfter(turn.until())) {
        // Held up so long that somebody else may soon begin.
        return;
      }
      CloudEvent event =
          CloudEvent.of(Json.read(turn.event(), Event.class), identity.party().urn());
      byte[] body = Json.bytes(event);
      long seconds = now.getEpochSecond();
      int status =
          courier.post(
              url,
              addresses.get(turn.attempts() % addresses.size()),
              Map.of(
                  "content-type", CloudEvent.MEDIA_TYPE,
                  "webhook-id", event.id(),
                  "webhook-timestamp", Long.toString(seconds),
                  "webhook-signature", turn.key().sign(event.id(), seconds, body)),
              body);
      if (status / 100 == 2) {
        database.change(
            tx -> {
              subscriptions.delivered(tx, turn, clock.instant());
            });
        count("delivered");
      } else {
        failed(turn, "the receiver answers " + status, status == GONE);
      }
    } catch (Problem.Thrown | IOException e) {
      failed(turn, String.valueOf(e.getMessage()), false);
    }
  }

  private void failed(Turn turn, String reason, boolean gone) {
    boolean last = gone || turn.attempts() + 1 >= ATTEMPTS;
    Instant now = clock.instant();
    database.change(
        tx -> {
          subscriptions.failed(
              tx,
              turn,
              now.plus(pause(turn.attempts())),
              last ? Optional.of(reason) : Optional.empty(),
              now);
        });
    LOG.info("{} {} to {}: {}", turn.migration(), turn.sequence(), turn.subscription(), reason);
    count("failed");
    if (last) {
      count("parked");
    }
  }

  /**
   * Twice as long each time, less a random part so that not all who failed together come back so.
   */
  static Duration pause(int attempts) {
    long longest =
        Math.min(LONGEST_PAUSE.toMillis(), FIRST_PAUSE.toMillis() << Math.min(attempts, 20));
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(longest / 2, longest + 1));
  }

  private void count(String outcome) {
    meters.counter("crossdock.webhooks", "outcome", outcome).increment();
  }

  @Override
  @PreDestroy
  public void close() {
    open = false;
    LockSupport.unpark(thread);
  }
}
