package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import crossdock.chassis.Held;
import crossdock.chassis.MutualTls;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Trust;
import crossdock.chassis.Unanswered;
import crossdock.chassis.testing.Parties;
import crossdock.contracts.MigrationId;
import crossdock.contracts.NetworkPath;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.contracts.Subject;
import crossdock.site.DockMessage;
import io.micronaut.context.ApplicationContext;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The way from one dock to another, tried before anything is stopped. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
class ProbeTest {
  private static final MigrationId ID = MigrationId.of(new Subject("https://idp", "alice"), "one");
  private static final Held HELD = () -> true;

  private final Parties parties = new Parties();
  private final EmbeddedServer north;
  private final ApplicationContext south;

  ProbeTest(@TempDir Path directory) throws IOException {
    Map<String, Object> source = configuration(Parties.NORTH, directory.resolve("north"));
    TestDock.serves(source);
    north = ApplicationContext.run(EmbeddedServer.class, source);
    Map<String, Object> target = configuration(Parties.SOUTH, directory.resolve("south"));
    target.put("crossdock.dock.budgets.west.bytes-per-second", 4 << 20);
    south = ApplicationContext.run(target);
  }

  private Map<String, Object> configuration(Party.Site site, Path directory) throws IOException {
    Path root = Files.createDirectories(directory.resolve("site"));
    return TestDock.configuration(parties, site, directory, root);
  }

  @AfterAll
  void close() {
    south.close();
    north.close();
  }

  private NetworkPath path(URI from, Party.Site source) throws IOException, InterruptedException {
    return probe(Clock.systemUTC()).path(order(from, source), HELD).orElseThrow();
  }

  /** One that has tried nothing yet. */
  private Probe probe(Clock clock) {
    return new Probe(
        south.getBean(MutualTls.class), south.getBean(Pace.class), clock, Duration.ofSeconds(2));
  }

  private static DockMessage.Probe order(URI from, Party.Site source) {
    return new DockMessage.Probe(ID, 1, from, source.dockUrn(), false);
  }

  /** Somebody else's dock. */
  private interface Answer {
    void to(HttpExchange exchange, int bytes) throws IOException;
  }

  private HttpsServer serve(Party.Site as, Answer answer) throws IOException {
    HttpsServer server =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    SSLContext tls = parties.context(as, as.dockUrn());
    server.setHttpsConfigurator(
        new HttpsConfigurator(tls) {
          @Override
          public void configure(HttpsParameters parameters) {
            parameters.setSSLParameters(new SSLParameters(null, new String[] {"TLSv1.3"}));
          }
        });
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext(
        "/v1/probe/",
        exchange -> {
          String path = exchange.getRequestURI().getPath();
          answer.to(exchange, Integer.parseInt(path.substring("/v1/probe/".length())));
          exchange.close();
        });
    server.start();
    return server;
  }

  private static URI at(HttpsServer server) {
    return URI.create("https://127.0.0.1:" + server.getAddress().getPort());
  }

  private static void send(HttpExchange exchange, byte[] bytes) throws IOException {
    exchange.sendResponseHeaders(200, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  @Test
  void whatCameThroughIsSaidAndCountsForAWhileAndTheClocksAgree() throws Exception {
    Probe probe = south.getBean(Probe.class);
    NetworkPath path = probe.path(order(north.getURI(), Parties.NORTH), HELD).orElseThrow();
    assertThat(path.bytesPerSecond()).isGreaterThan(1 << 20);
    assertThat(path.roundTripMicros()).isBetween(1L, 10_000_000L);
    assertThat(path.skewSeconds()).isBetween(-2L, 2L);
    assertThat(
            probe.path(order(north.getURI(), Parties.NORTH), HELD).orElseThrow().bytesPerSecond())
        .isEqualTo(path.bytesPerSecond());
  }

  @Test
  void nobodyThereAndSomebodyElseThereAreNoWay() throws Exception {
    URI nobody;
    HttpsServer gone = serve(Parties.NORTH, (exchange, bytes) -> send(exchange, new byte[bytes]));
    nobody = at(gone);
    gone.stop(0);
    assertThatThrownBy(() -> path(nobody, Parties.NORTH)).isInstanceOf(Unanswered.class);
    HttpsServer west = serve(Parties.WEST, (exchange, bytes) -> send(exchange, new byte[bytes]));
    try {
      assertThatThrownBy(() -> path(at(west), Parties.NORTH))
          .isInstanceOf(Unanswered.class)
          .hasRootCauseMessage(
              Parties.WEST.dockUrn() + " answers where " + Parties.NORTH.dockUrn() + " should");
    } finally {
      west.stop(0);
    }
  }

  @Test
  void clocksThatAreTooFarApartAreNoWay() throws Exception {
    for (Duration ahead : List.of(Duration.ofMinutes(15), Duration.ofMinutes(-15))) {
      Probe late = probe(Clock.offset(Clock.systemUTC(), ahead));
      assertThatThrownBy(() -> late.path(order(north.getURI(), Parties.NORTH), HELD))
          .isInstanceOfSatisfying(
              StepFailed.class, failed -> assertThat(failed.reason()).isEqualTo(Reason.UNAVAILABLE))
          .hasMessageContaining("clock of urn:crossdock:site:north:oslo:dock is");
    }
  }

  @Test
  void fewerOrMoreBytesThanWereAskedForAreNoWayAndTheirRateIsNone() throws Exception {
    for (int more : new int[] {-1, 1}) {
      HttpsServer liar =
          serve(
              Parties.NORTH,
              (exchange, bytes) -> send(exchange, new byte[bytes == 0 ? 0 : bytes + more]));
      try {
        assertThatThrownBy(() -> path(at(liar), Parties.NORTH)).isInstanceOf(IOException.class);
      } finally {
        liar.stop(0);
      }
    }
  }

  @Test
  void whatComesOneByOneIsARateAndNothingIsNone() throws Exception {
    for (int sent : List.of(0, 1)) {
      HttpsServer slow =
          serve(
              Parties.NORTH,
              (exchange, bytes) -> {
                if (bytes == 0) {
                  send(exchange, new byte[0]);
                  return;
                }
                exchange.sendResponseHeaders(200, bytes);
                exchange.getResponseBody().write(new byte[sent]);
                exchange.getResponseBody().flush();
                try {
                  Thread.sleep(10_000);
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
      try {
        if (sent == 0) {
          assertThatThrownBy(() -> path(at(slow), Parties.NORTH))
              .isInstanceOf(Unanswered.class)
              .hasMessageContaining("nothing");
        } else {
          assertThat(path(at(slow), Parties.NORTH).bytesPerSecond()).isBetween(1L, 100L);
        }
      } finally {
        slow.stop(0);
      }
    }
  }

  @Test
  void aDockOfBeforeThatAnswersIsAWayThatNobodyHasMeasured() throws Exception {
    HttpsServer old = serve(Parties.NORTH, (exchange, _) -> exchange.sendResponseHeaders(404, -1));
    try {
      assertThat(probe(Clock.systemUTC()).path(order(at(old), Parties.NORTH), HELD)).isEmpty();
    } finally {
      old.stop(0);
    }
  }

  @Test
  void tryingStaysWithinWhatTheOperatorAllows() throws Exception {
    AtomicLong sent = new AtomicLong();
    HttpsServer west =
        serve(
            Parties.WEST,
            (exchange, bytes) -> {
              sent.addAndGet(bytes);
              send(exchange, new byte[bytes]);
            });
    try {
      NetworkPath path = path(at(west), Parties.WEST);
      assertThat(path.bytesPerSecond()).isLessThan(5 << 20);
      assertThat(sent.get()).isLessThan(12 << 20);
    } finally {
      west.stop(0);
    }
  }

  private int status(Party party, String urn, String bytes)
      throws IOException, InterruptedException {
    try (HttpClient client =
        HttpClient.newBuilder().sslContext(parties.context(party, urn)).build()) {
      return client
          .send(
              HttpRequest.newBuilder(north.getURI().resolve("/v1/probe/" + bytes)).build(),
              HttpResponse.BodyHandlers.discarding())
          .statusCode();
    }
  }

  @Test
  void onlyMembersDocksTryTheWayAndNotWithoutEnd() throws Exception {
    assertThat(status(Parties.SOUTH, Parties.SOUTH.dockUrn(), "1048576")).isEqualTo(200);
    assertThat(status(Parties.SOUTH, Parties.SOUTH.dockUrn(), "1048577")).isEqualTo(404);
    assertThat(status(Parties.SOUTH, Parties.SOUTH.dockUrn(), "-1")).isEqualTo(404);
    assertThat(status(Parties.SOUTH, Parties.SOUTH.urn(), "1")).isEqualTo(403);
    assertThat(status(Parties.GATEWAY, Parties.GATEWAY.urn(), "1")).isEqualTo(403);
    assertThat(status(Parties.WEST, Parties.SOUTH.dockUrn(), "1")).isEqualTo(403);
    int refused = 0;
    try (HttpClient client =
        HttpClient.newBuilder()
            .sslContext(parties.context(Parties.SOUTH, Parties.SOUTH.dockUrn()))
            .build()) {
      for (int i = 0; i < 256; i++) {
        HttpRequest request =
            HttpRequest.newBuilder(north.getURI().resolve("/v1/probe/1048576")).build();
        int status = client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
        assertThat(status).isIn(200, 503);
        refused += status == 503 ? 1 : 0;
      }
    }
    assertThat(refused).isGreaterThan(0);
    assertThat(status(Parties.WEST, Parties.WEST.dockUrn(), "1")).isEqualTo(200);
    north.getApplicationContext().getBean(Trust.class).offer(parties.suspending("west"));
    assertThat(status(Parties.WEST, Parties.WEST.dockUrn(), "1")).isEqualTo(403);
  }
}
