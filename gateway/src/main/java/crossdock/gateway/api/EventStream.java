package crossdock.gateway.api;

import crossdock.chassis.Database;
import crossdock.chassis.Problem;
import crossdock.contracts.Event;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Progress;
import crossdock.gateway.log.MigrationLog;
import crossdock.gateway.log.News;
import io.micronaut.core.io.buffer.ByteBuffer;
import io.micronaut.core.io.buffer.ByteBufferFactory;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;

/**
 * Events as they come, as server-sent events: each with its sequence as id, so that a client that
 * lost the connection goes on after the last it saw. Progress has no id: it is never repeated.
 */
@Singleton
final class EventStream {
  private static final Logger LOG = LoggerFactory.getLogger(EventStream.class);
  private static final Duration HEARTBEAT = Duration.ofSeconds(15);
  private static final long POLL_MILLIS = 500;
  private static final int MOST = 256;

  private final Database database;
  private final MigrationLog log;
  private final ByteBufferFactory<?, ?> buffers;
  private final Semaphore places = new Semaphore(MOST);

  EventStream(Database database, MigrationLog log, ByteBufferFactory<?, ?> buffers) {
    this.database = database;
    this.log = log;
    this.buffers = buffers;
  }

  /** Ends after the migration's last event. */
  Publisher<ByteBuffer<?>> of(MigrationId id, long after) {
    if (!places.tryAcquire()) {
      throw Problem.UNAVAILABLE.because("too many streams are open; try again");
    }
    return Flux.<ByteBuffer<?>>create(
            sink -> Thread.ofVirtual().name("stream-" + id).start(() -> follow(sink, id, after)))
        .doFinally(_ -> places.release());
  }

  private void follow(FluxSink<ByteBuffer<?>> sink, MigrationId id, long after) {
    try {
      send(sink, "retry: 5000\n\n");
      long sequence = after;
      Optional<Progress> told = Optional.empty();
      Instant spoken = Instant.now();
      while (!sink.isCancelled()) {
        long seen = sequence;
        News news = database.transaction(tx -> log.news(tx, id, seen));
        for (byte[] bytes : news.bytes()) {
          sequence++;
          send(sink, frame(Json.read(bytes, Event.class)));
        }
        if (!news.progress().equals(told) && news.progress().isPresent()) {
          told = news.progress();
          send(sink, "event: progress\ndata: " + Json.text(told.get()) + "\n\n");
        } else if (!news.bytes().isEmpty()) {
          spoken = Instant.now();
        } else if (Duration.between(spoken, Instant.now()).compareTo(HEARTBEAT) >= 0) {
          send(sink, ": still here\n\n");
          spoken = Instant.now();
        }
        if (news.ended()) {
          sink.complete();
          return;
        }
        Thread.sleep(POLL_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      sink.complete();
    } catch (RuntimeException e) {
      LOG.warn("the stream of {} breaks off", id, e);
      sink.complete();
    }
  }

  private static String frame(Event event) {
    Told told = Told.of(event);
    return "id: "
        + told.sequence()
        + "\nevent: "
        + told.type()
        + "\ndata: "
        + Json.text(told)
        + "\n\n";
  }

  private void send(FluxSink<ByteBuffer<?>> sink, String text) {
    sink.next(buffers.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }
}
