package crossdock.providers.openstack;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands between an adapter and a cloud, a port for each service: notes what is asked, and spoils
 * some of the requests.
 */
final class Proxy implements AutoCloseable {
  /** What becomes of a request. */
  enum Fault {
    /** It does not reach the cloud. */
    LOST,
    /** The cloud does it, and nobody hears of it. */
    ANSWER_LOST,
    INTERNAL_ERROR,
    UNAVAILABLE,
    TOO_MANY_REQUESTS,
    /** The cloud does it, and the answer is no JSON. */
    GARBAGE
  }

  /**
   * @param bytes of its body
   */
  record Request(String method, String path, long bytes) {
    /** What it asks for, of whichever thing. */
    String kind() {
      return method
          + " "
          + path.replaceAll("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}", "{id}");
    }

    @Override
    public String toString() {
      return method + " " + path;
    }
  }

  private static final Set<String> OWN =
      Set.of("connection", "content-length", "host", "transfer-encoding", "expect", "upgrade");

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final List<HttpServer> servers = new ArrayList<>();
  private final List<Request> asked = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger count = new AtomicInteger();
  private final List<Spoiled> done = Collections.synchronizedList(new ArrayList<>());
  private volatile Spoiling spoiling = (_, _) -> Optional.empty();

  /** The same URL, through here. */
  String through(String url) throws IOException {
    URI real = URI.create(url.replaceFirst("%.*", ""));
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", exchange -> pass(exchange, real));
    server.start();
    servers.add(server);
    return url.replaceFirst("//[^/]*", "//127.0.0.1:" + server.getAddress().getPort());
  }

  /** What has become of a request. */
  record Spoiled(Request request, Fault fault) {}

  /** What becomes of a request, by its number, from 1 on; nothing, if it passes. */
  interface Spoiling {
    Optional<Fault> of(int number, Request request);
  }

  /** Counts from now on, and spoils these. */
  void spoil(Spoiling those) {
    spoiling = those;
    asked.clear();
    done.clear();
    count.set(0);
  }

  /** The same of none. */
  void spoilNothing() {
    spoil((_, _) -> Optional.empty());
  }

  /** What was spoiled since then. */
  List<Spoiled> spoiled() {
    return List.copyOf(done);
  }

  /** Every request since then. */
  List<Request> asked() {
    return List.copyOf(asked);
  }

  private void pass(HttpExchange exchange, URI real) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    Request request =
        new Request(exchange.getRequestMethod(), exchange.getRequestURI().getPath(), body.length);
    asked.add(request);
    Optional<Fault> fault = spoiling.of(count.incrementAndGet(), request);
    try {
      if (fault.isEmpty()) {
        answer(exchange, forward(exchange, real, body));
        return;
      }
      done.add(new Spoiled(request, fault.get()));
      switch (fault.get()) {
        case LOST -> {}
        case ANSWER_LOST -> {
          HttpResponse<byte[]> _ = forward(exchange, real, body);
        }
        case INTERNAL_ERROR -> answer(exchange, 500, "{}".getBytes(StandardCharsets.UTF_8));
        case UNAVAILABLE -> answer(exchange, 503, new byte[0]);
        case TOO_MANY_REQUESTS -> answer(exchange, 429, new byte[0]);
        case GARBAGE -> {
          HttpResponse<byte[]> real200 = forward(exchange, real, body);
          answer(exchange, real200.statusCode(), "{]".getBytes(StandardCharsets.UTF_8));
        }
      }
    } finally {
      exchange.close();
    }
  }

  private HttpResponse<byte[]> forward(HttpExchange exchange, URI real, byte[] body)
      throws IOException {
    URI uri =
        URI.create(
            "http://%s:%d%s".formatted(real.getHost(), real.getPort(), exchange.getRequestURI()));
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .method(exchange.getRequestMethod(), BodyPublishers.ofByteArray(body));
    exchange
        .getRequestHeaders()
        .forEach(
            (name, values) -> {
              if (!OWN.contains(name.toLowerCase(java.util.Locale.ROOT))) {
                values.forEach(value -> request.header(name, value));
              }
            });
    try {
      return http.send(request.build(), BodyHandlers.ofByteArray());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private static void answer(HttpExchange exchange, HttpResponse<byte[]> real) throws IOException {
    real.headers()
        .map()
        .forEach(
            (name, values) -> {
              if (!OWN.contains(name)) {
                exchange.getResponseHeaders().put(name, values);
              }
            });
    answer(exchange, real.statusCode(), real.body());
  }

  private static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      exchange.getResponseBody().write(body);
    }
  }

  @Override
  public void close() {
    servers.forEach(server -> server.stop(0));
    threads.close();
    http.shutdownNow();
  }
}
