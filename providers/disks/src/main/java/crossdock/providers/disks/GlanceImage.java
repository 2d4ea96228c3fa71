package crossdock.providers.disks;

import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.disk.HttpImage;
import crossdock.disk.ImageBytes;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
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

  /** Gives it its data, unless it has it. */
  void upload(Path file) throws IOException {
    AtomicLong sent = new AtomicLong();
    BodyPublisher body =
        BodyPublishers.fromPublisher(
            BodyPublishers.ofInputStream(() -> counted(file, sent)), Files.size(file));
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
      }
      default -> throw new IOException("Glance answers " + status + " to an image's data");
    }
  }

  private static InputStream counted(Path file, AtomicLong sent) {
    try {
      return new FilterInputStream(Files.newInputStream(file)) {
        @Override
        public int read() throws IOException {
          int one = in.read();
          sent.addAndGet(one < 0 ? 0 : 1);
          return one;
        }

        @Override
        public int read(byte[] into, int from, int length) throws IOException {
          int count = in.read(into, from, length);
          sent.addAndGet(Math.max(count, 0));
          return count;
        }
      };
    } catch (IOException e) {
      throw new UncheckedIOException(e);
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
