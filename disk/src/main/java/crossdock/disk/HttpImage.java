package crossdock.disk;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An image on a web server that answers range requests (RFC 9110, section 14). Small reads are
 * served from blocks that are kept, large ones are one request each. A connection that breaks is
 * made again, from where it broke; an image that changes meanwhile is refused where the server
 * names its version. Not more is read than was asked for, whatever is sent. Thread-safe.
 */
public final class HttpImage {
  /** Lets a request in, such as by a token that is not kept longer than it is good. */
  @FunctionalInterface
  public interface Signer {
    void sign(HttpRequest.Builder request) throws IOException;
  }

  private static final Pattern CONTENT_RANGE =
      Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18})");
  private static final int BLOCK = 256 << 10;
  private static final int MOST_BLOCKS = 32;
  private static final int TRIES = 5;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final URI uri;
  private final HttpClient client;
  private final Signer signer;
  private final Duration patience;
  private final long size;
  private final Optional<String> version;
  private final Map<Long, byte[]> blocks =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, byte[]> eldest) {
          return size() > MOST_BLOCKS;
        }
      };

  private HttpImage(
      URI uri,
      HttpClient client,
      Signer signer,
      Duration patience,
      long size,
      Optional<String> version) {
    this.uri = uri;
    this.client = client;
    this.signer = signer;
    this.patience = patience;
    this.size = size;
    this.version = version;
  }

  /**
   * Asks for the first byte, and learns the size from the answer.
   *
   * @param client of the caller, who closes it; it should not follow redirects to other hosts
   * @throws IOException if the server does not answer, or not with a range
   */
  public static ImageBytes open(URI uri, HttpClient client) throws IOException {
    return open(uri, client, request -> {}, PATIENCE);
  }

  /**
   * As the other, where the server wants to know who asks.
   *
   * @param signer adds to every request what lets it in
   */
  public static ImageBytes open(URI uri, HttpClient client, Signer signer) throws IOException {
    return open(uri, client, signer, PATIENCE);
  }

  static ImageBytes open(URI uri, HttpClient client, Duration patience) throws IOException {
    return open(uri, client, request -> {}, patience);
  }

  private static ImageBytes open(URI uri, HttpClient client, Signer signer, Duration patience)
      throws IOException {
    HttpRequest.Builder request = HttpRequest.newBuilder(uri).header("Range", "bytes=0-0");
    signer.sign(request);
    HttpResponse<Integer> response =
        send(client, request.build(), ByteBuffer.allocate(1), patience);
    long size = Long.parseLong(range(response, 0, 0).group(3));
    // A weak one does not promise the same bytes.
    Optional<String> version =
        response.headers().firstValue("ETag").filter(tag -> tag.startsWith("\""));
    HttpImage image = new HttpImage(uri, client, signer, patience, size, version);
    return new ImageBytes(size, image::read, () -> {});
  }

  private int read(ByteBuffer into, long offset) throws IOException {
    if (into.remaining() >= BLOCK) {
      return fetch(into, offset);
    }
    long number = offset / BLOCK;
    byte[] block;
    synchronized (blocks) {
      block = blocks.get(number);
    }
    if (block == null) {
      ByteBuffer fetched = ByteBuffer.allocate((int) Math.min(BLOCK, size - number * BLOCK));
      while (fetched.hasRemaining()) {
        fetch(fetched, number * BLOCK + fetched.position());
      }
      block = fetched.array();
      synchronized (blocks) {
        blocks.put(number, block);
      }
    }
    int from = (int) (offset % BLOCK);
    int length = Math.min(into.remaining(), block.length - from);
    into.put(block, from, length);
    return length;
  }

  /** At least one byte, of what remains of the buffer. */
  private int fetch(ByteBuffer into, long offset) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        return fetchOnce(into, offset);
      } catch (Refused e) {
        throw e;
      } catch (IOException e) {
        if (attempt == TRIES) {
          throw new IOException(uri + " breaks off at byte " + offset, e);
        }
        pause(attempt);
      }
    }
  }

  private int fetchOnce(ByteBuffer into, long offset) throws IOException {
    long last = offset + into.remaining() - 1;
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri).header("Range", "bytes=" + offset + "-" + last);
    version.ifPresent(tag -> request.header("If-Match", tag));
    signer.sign(request);
    HttpResponse<Integer> response = send(client, request.build(), into.slice(), patience);
    if (Long.parseLong(range(response, offset, last).group(3)) != size) {
      throw new Refused(uri + " has changed its size");
    }
    int length = response.body();
    if (length == 0) {
      throw new IOException("no bytes");
    }
    into.position(into.position() + length);
    return length;
  }

  private static HttpResponse<Integer> send(
      HttpClient client, HttpRequest request, ByteBuffer into, Duration patience)
      throws IOException {
    Body body = new Body(into);
    CompletableFuture<HttpResponse<Integer>> answer = client.sendAsync(request, info -> body);
    try {
      try {
        return answer.get(patience.toNanos(), TimeUnit.NANOSECONDS);
      } catch (TimeoutException e) {
        // What has come so far is worth keeping, if an answer has begun.
        body.stop();
        return answer.get(1, TimeUnit.SECONDS);
      }
    } catch (ExecutionException | TimeoutException e) {
      body.stop();
      answer.cancel(true);
      throw new IOException(request.uri() + " does not answer", e);
    } catch (InterruptedException e) {
      body.stop();
      answer.cancel(true);
      Thread.currentThread().interrupt();
      throw new Refused("interrupted while reading " + request.uri());
    }
  }

  /**
   * As much of a body as there is room for, or as came before it broke off: how many bytes. Once it
   * is stopped, it does not touch the buffer any more.
   */
  private static final class Body implements HttpResponse.BodySubscriber<Integer> {
    private final ByteBuffer bytes;
    private final CompletableFuture<Integer> done = new CompletableFuture<>();
    private Flow.@Nullable Subscription subscription;

    Body(ByteBuffer bytes) {
      this.bytes = bytes;
    }

    @Override
    public CompletionStage<Integer> getBody() {
      return done;
    }

    @Override
    public synchronized void onSubscribe(Flow.Subscription begun) {
      subscription = begun;
      begun.request(Long.MAX_VALUE);
    }

    @Override
    public synchronized void onNext(List<ByteBuffer> parts) {
      for (ByteBuffer part : parts) {
        if (!done.isDone()) {
          bytes.put(part.slice(part.position(), Math.min(part.remaining(), bytes.remaining())));
        }
      }
      if (!bytes.hasRemaining()) {
        stop();
      }
    }

    @Override
    public void onError(Throwable broken) {
      stop();
    }

    @Override
    public void onComplete() {
      stop();
    }

    synchronized void stop() {
      if (done.isDone()) {
        return;
      }
      if (subscription != null && bytes.hasRemaining()) {
        subscription.cancel();
      }
      done.complete(bytes.position());
    }
  }

  private static Matcher range(HttpResponse<?> response, long first, long last) throws IOException {
    int status = response.statusCode();
    if (status >= 500) {
      throw new IOException(response.uri() + " answers " + status);
    }
    String range = response.headers().firstValue("Content-Range").orElse("nothing");
    Matcher matcher = CONTENT_RANGE.matcher(range);
    if (status != 206
        || !matcher.matches()
        || Long.parseLong(matcher.group(1)) != first
        || Long.parseLong(matcher.group(2)) != last) {
      throw new Refused(
          response.uri() + " answers " + status + " with " + range + " to a request for a range");
    }
    return matcher;
  }

  private static void pause(int attempt) throws IOException {
    try {
      TimeUnit.MILLISECONDS.sleep(50L << attempt);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Refused("interrupted");
    }
  }

  /** Asking again would not help. */
  private static final class Refused extends IOException {
    private static final long serialVersionUID = 1L;

    Refused(String message) {
      super(message);
    }
  }
}
