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

  ImageBytes bytes() throws IOException {
    return HttpImage.open(uri, http, tokens::sign);
  }

  /** Whether it has its data. */
  boolean isThere() throws IOException {
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
      return Json.read(answer.body(), State.class).status().equals("active");
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
    if (isThere()) {
      throw new FileAlreadyExistsException(uri.getPath());
    }
    Conversion conversion =
        new Conversion(container, OptionalInt.empty(), Optional.empty(), id, false);
    AtomicLong sent = new AtomicLong();
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

  private void put(BodyPublisher body, AtomicLong sent) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri).header("Content-Type", "application/octet-stream").PUT(body);
    tokens.sign(request);
    int status =
        await(http.sendAsync(request.build(), BodyHandlers.discarding()), sent::get).statusCode();
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

  /** A file that is compressed while it is read; where that fails it has no end. */
  private static final class Compressing extends InputStream {
    private final AtomicLong read;
    private final Pipe pipe = Pipe.open();
    private final InputStream out = Channels.newInputStream(pipe.source());
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Future<?> writing;

    Compressing(Conversion conversion, DiskSource disk, AtomicLong read) throws IOException {
      this.read = read;
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
      int count = out.read(into, from, length);
      read.addAndGet(Math.max(count, 0));
      if (count < 0) {
        try {
          Object _ = writing.get();
        } catch (ExecutionException e) {
          throw new IOException("the disk does not come to its end", e.getCause());
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
    private final AtomicLong read;
    private final ByteBuffer part = ByteBuffer.allocate(1 << 20).limit(0);
    private long at;

    Reading(DiskSource file, AtomicLong read) {
      this.file = file;
      this.read = read;
    }

    private boolean fill() throws IOException {
      if (!part.hasRemaining() && at < file.size()) {
        part.clear().limit((int) Math.min(part.capacity(), file.size() - at));
        file.read(at, part);
        at += part.flip().remaining();
        read.set(at);
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
