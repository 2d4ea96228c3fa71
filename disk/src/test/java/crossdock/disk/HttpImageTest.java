package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HttpImageTest {
  private interface Answer {
    void to(HttpExchange exchange, int first, int last) throws IOException;
  }

  private final HttpClient client = HttpClient.newHttpClient();
  private final AtomicInteger requests = new AtomicInteger();
  private byte[] content = new byte[3 << 20];
  private volatile String version = "\"1\"";
  private volatile Answer answer = this::range;
  private HttpServer server;
  private URI uri;

  @BeforeEach
  void serve() throws IOException {
    new Random(1).nextBytes(content);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/image",
        exchange -> {
          requests.incrementAndGet();
          String[] range =
              exchange.getRequestHeaders().getFirst("Range").substring(6).split("-", -1);
          try (exchange) {
            answer.to(exchange, Integer.parseInt(range[0]), Integer.parseInt(range[1]));
          }
        });
    server.start();
    uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/image");
  }

  @AfterEach
  void end() {
    server.stop(0);
    client.close();
  }

  @Test
  void everyRangeIsRead() throws IOException {
    try (ImageBytes image = HttpImage.open(uri, client)) {
      assertThat(image.size()).isEqualTo(content.length);
      Random random = new Random(2);
      for (int n = 0; n < 50; n++) {
        int from = random.nextInt(content.length);
        int length = random.nextInt(Math.min(1 << 20, content.length - from) + 1);
        assertThat(image.read(from, length, ByteOrder.BIG_ENDIAN))
            .isEqualTo(ByteBuffer.wrap(content, from, length));
      }
    }
  }

  @Test
  void smallReadsBesideEachOtherAreOneRequest() throws IOException {
    try (ImageBytes image = HttpImage.open(uri, client)) {
      for (int at = 0; at < 200_000; at += 512) {
        image.read(at, 512, ByteOrder.BIG_ENDIAN);
      }
    }
    assertThat(requests).hasValue(2);
  }

  @Test
  void anAnswerThatBreaksOffIsGoneOnWith() throws IOException {
    answer =
        (exchange, first, last) -> {
          int half = first + (last - first) / 2;
          boolean breaks = requests.get() % 2 == 0 && last > first;
          head(exchange, first, last, last - first + 1);
          try (OutputStream out = exchange.getResponseBody()) {
            out.write(content, first, (breaks ? half : last) - first + 1);
          } catch (IOException e) {
            // It is we who break it.
          }
        };
    // The server holds the connection where it should break it, until nobody waits any more.
    try (ImageBytes image = HttpImage.open(uri, client, Duration.ofSeconds(1))) {
      assertThat(image.read(5, 1 << 20, ByteOrder.BIG_ENDIAN))
          .isEqualTo(ByteBuffer.wrap(content, 5, 1 << 20));
    }
    assertThat(requests.get()).isGreaterThan(2);
  }

  @Test
  void anImageThatChangesIsRefused() throws IOException {
    try (ImageBytes image = HttpImage.open(uri, client)) {
      version = "\"2\"";
      assertThatThrownBy(() -> image.read(0, 10, ByteOrder.BIG_ENDIAN))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("412");
      version = "\"1\"";
      content = Arrays.copyOf(content, 100);
      assertThatThrownBy(() -> image.read(0, 10, ByteOrder.BIG_ENDIAN))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void aServerWithoutRangesIsRefused() {
    answer =
        (exchange, first, last) -> {
          exchange.sendResponseHeaders(200, content.length);
          exchange.getResponseBody().write(content);
        };
    assertThatThrownBy(() -> HttpImage.open(uri, client))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("200");
    answer = (exchange, first, last) -> range(exchange, first + 1, last + 1);
    assertThatThrownBy(() -> HttpImage.open(uri, client)).isInstanceOf(IOException.class);
  }

  @Test
  void aServerThatFailsForAMomentIsAskedAgainAndOneThatGoesOnFailingIsGivenUp() throws IOException {
    try (ImageBytes image = HttpImage.open(uri, client)) {
      answer =
          (exchange, first, last) -> {
            if (requests.get() < 4) {
              exchange.sendResponseHeaders(503, -1);
            } else {
              range(exchange, first, last);
            }
          };
      assertThat(image.read(7, 9, ByteOrder.BIG_ENDIAN)).isEqualTo(ByteBuffer.wrap(content, 7, 9));
      answer = (exchange, first, last) -> exchange.sendResponseHeaders(503, -1);
      assertThatThrownBy(() -> image.read(2 << 20, 9, ByteOrder.BIG_ENDIAN))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("breaks off");
    }
  }

  private void range(HttpExchange exchange, int first, int last) throws IOException {
    String match = exchange.getRequestHeaders().getFirst("If-Match");
    if (match != null && !match.equals(version)) {
      exchange.sendResponseHeaders(412, -1);
      return;
    }
    head(exchange, first, last, last - first + 1);
    exchange.getResponseBody().write(content, first, last - first + 1);
  }

  private void head(HttpExchange exchange, int first, int last, long length) throws IOException {
    exchange.getResponseHeaders().add("ETag", version);
    exchange
        .getResponseHeaders()
        .add("Content-Range", "bytes " + first + "-" + last + "/" + content.length);
    exchange.sendResponseHeaders(206, length);
  }
}
