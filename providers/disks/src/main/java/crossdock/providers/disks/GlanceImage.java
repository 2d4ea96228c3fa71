package crossdock.providers.disks;

import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.disk.DiskSource;
import crossdock.disk.HttpImage;
import crossdock.disk.ImageBytes;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
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
  void upload(DiskSource file) throws IOException {
    if (isThere()) {
      throw new FileAlreadyExistsException(uri.getPath());
    }
    AtomicLong sent = new AtomicLong();
    BodyPublisher body =
        BodyPublishers.fromPublisher(
            BodyPublishers.ofInputStream(() -> new Reading(file, sent)), file.size());
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
