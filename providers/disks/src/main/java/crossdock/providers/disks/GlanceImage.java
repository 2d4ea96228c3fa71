package crossdock.providers.disks;

import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.disk.Container;
import crossdock.disk.Conversion;
import crossdock.disk.DiskSource;
import crossdock.disk.HttpImage;
import crossdock.disk.ImageBytes;
import crossdock.disk.Layout;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.Pipe;
import java.nio.file.FileAlreadyExistsException;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The data of one image in Glance (Image service API v2, "Image data"): read by ranges once it is
 * there, and given in one piece before.
 *
 * @param uri of the data, {@code …/v2/images/<id>/file}
 */
record GlanceImage(URI uri, Tokens tokens, HttpClient http) {
  /** Only a stall ends an upload, however long it takes; Glance may think when all has come. */
  private static final Duration STALL = Duration.ofMinutes(2);

  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String ACTIVE = "active";

  ImageBytes bytes() throws IOException {
    return HttpImage.open(uri, http, tokens::sign);
  }

  private boolean isThere() throws IOException {
    return status().equals(ACTIVE);
  }

  private String status() throws IOException {
    URI image = URI.create(uri.toString().replaceFirst("/file$", ""));
    HttpRequest.Builder request = HttpRequest.newBuilder(image).timeout(PATIENCE);
    tokens.sign(request);
    HttpResponse<byte[]> answer =
        await(
            http.sendAsync(
                request.build(), BodyHandlers.limiting(BodyHandlers.ofByteArray(), 1 << 20)),
            () -> 0L);
    if (answer.statusCode() != 200) {
      throw new IOException("Glance answers " + answer.statusCode() + " for an image");
    }
    try {
      return Json.read(answer.body(), State.class).status();
    } catch (Refused e) {
      throw new IOException("Glance's answer is no image: " + e.getMessage(), e);
    }
  }

  private record State(String status) {}

  /**
   * Gives it its data, from the first byte to the last.
   *
   * @throws FileAlreadyExistsException if it has it
   */
  void upload(Container container, UUID id, DiskSource disk) throws IOException {
    switch (status()) {
      case ACTIVE -> throw new FileAlreadyExistsException(uri.getPath());
      case "queued" -> {}
      default -> throw new IOException("Glance is still taking this image's data");
    }
    Conversion conversion =
        new Conversion(container, OptionalInt.empty(), Optional.empty(), id, false);
    Sent sent = new Sent();
    if (container == Container.VMDK_STREAM) {
      try (Compressing file = new Compressing(conversion, disk, sent)) {
        put(BodyPublishers.ofInputStream(() -> file), sent);
      }
    } else {
      Layout file = conversion.laidOut(disk);
      BodyPublisher body = BodyPublishers.ofInputStream(() -> new Reading(file, sent));
      put(BodyPublishers.fromPublisher(body, file.size()), sent);
    }
  }

  private void put(BodyPublisher body, Sent sent) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri).header("Content-Type", "application/octet-stream").PUT(body);
    tokens.sign(request);
    int status =
        await(http.sendAsync(request.build(), BodyHandlers.discarding()), sent::progress)
            .statusCode();
    switch (status) {
      case 204 -> {}
      case 409 -> {
        // Also as long as another upload has not ended.
        if (!isThere()) {
          throw new IOException("Glance is still taking this image's data from somebody else");
        }
        throw new FileAlreadyExistsException(uri.getPath());
      }
      default -> throw new IOException("Glance answers " + status + " to an image's data");
    }
  }

  /** How far an upload is. */
  private static final class Sent {
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicInteger waits = new AtomicInteger();
    private final AtomicLong waited = new AtomicLong();

    /** While the disk itself is waited for, that goes on, however slowly that comes. */
    long progress() {
      return bytes.get() + (waits.get() > 0 ? waited.incrementAndGet() : waited.get());
    }
  }

  /** A file that is compressed while it is read; where that fails it has no end. */
  private static final class Compressing extends InputStream {
    private final Sent sent;
    private final Pipe pipe = Pipe.open();
    private final InputStream out = Channels.newInputStream(pipe.source());
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Future<?> writing;

    Compressing(Conversion conversion, DiskSource disk, Sent sent) throws IOException {
      this.sent = sent;
      this.writing =
          thread.submit(
              () -> {
                try (Pipe.SinkChannel in = pipe.sink()) {
                  return conversion.toStream(disk, in);
                }
              });
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
      sent.waits.incrementAndGet();
      int count;
      try {
        count = out.read(into, from, length);
      } finally {
        sent.waits.decrementAndGet();
      }
      sent.bytes.addAndGet(Math.max(count, 0));
      if (count < 0) {
        try {
          Object _ = writing.get();
        } catch (ExecutionException e) {
          // Not as an IOException: who publishes this might end the body properly behind that.
          throw new UncheckedIOException(
              new IOException("the disk does not come to its end", e.getCause()));
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new InterruptedIOException();
        }
      }
      return count;
    }

    /** Whoever writes into it then is told that nobody reads. */
    @Override
    public void close() throws IOException {
      out.close();
      thread.close();
    }
  }

  /** A file's bytes, a large part of it at a time. */
  private static final class Reading extends InputStream {
    private final DiskSource file;
    private final Sent sent;
    private final ByteBuffer part = ByteBuffer.allocate(1 << 20).limit(0);
    private long at;

    Reading(DiskSource file, Sent sent) {
      this.file = file;
      this.sent = sent;
    }

    private boolean fill() throws IOException {
      if (!part.hasRemaining() && at < file.size()) {
        part.clear().limit((int) Math.min(part.capacity(), file.size() - at));
        sent.waits.incrementAndGet();
        try {
          file.read(at, part);
        } finally {
          sent.waits.decrementAndGet();
        }
        at += part.flip().remaining();
        sent.bytes.set(at);
      }
      return part.hasRemaining();
    }

    @Override
    public int read() throws IOException {
      return fill() ? part.get() & 0xff : -1;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
      if (!fill()) {
        return -1;
      }
      int count = Math.min(length, part.remaining());
      part.get(into, from, count);
      return count;
    }
  }

  /** How many bytes have gone. */
  private interface Progress {
    long bytes();
  }

  private static <T> T await(CompletableFuture<T> answer, Progress progress) throws IOException {
    try {
      for (long before = -1; ; ) {
        try {
          return answer.get(STALL.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
          long now = progress.bytes();
          if (now == before) {
            throw new IOException("Glance takes nothing any more, after " + now + " bytes", e);
          }
          before = now;
        }
      }
    } catch (ExecutionException e) {
      throw new IOException("Glance broke off: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      answer.cancel(true);
    }
  }
}
