package crossdock.providers.disks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import crossdock.disk.DiskSink;
import crossdock.disk.DiskSource;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a disk when Glance and Keystone answer late, wrongly or not at all. */
final class GlanceTest {
  private static final int SIZE = 3 << 20;

  @TempDir Path directory;
  private HttpServer server;
  private byte[] data = new byte[0];
  private int uploads;
  private int refusals;
  private boolean busy;
  private int tokens;
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

  @BeforeEach
  void serve() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/v3/auth/tokens", this::token);
    server.createContext("/v2/images/one", this::status);
    server.createContext("/v2/images/one/file", this::image);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void token(HttpExchange exchange) throws IOException {
    String asked = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    boolean known = asked.contains("\"id\":\"good\"") && asked.contains("\"secret\":\"word\"");
    if (known) {
      tokens++;
      exchange.getResponseHeaders().set("X-Subject-Token", "token-" + tokens);
    }
    byte[] body =
        "{\"token\": {\"expires_at\": \"%s\"}}"
            .formatted(now.plus(Duration.ofHours(1)))
            .getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(known ? 201 : 401, known ? body.length : -1);
    if (known) {
      exchange.getResponseBody().write(body);
    }
    exchange.close();
  }

  private boolean isKnown(HttpExchange exchange) {
    return ("token-" + tokens).equals(exchange.getRequestHeaders().getFirst("X-Auth-Token"));
  }

  private void status(HttpExchange exchange) throws IOException {
    if (!isKnown(exchange)) {
      answer(exchange, 401);
      return;
    }
    String status = data.length == 0 ? "queued" : "active";
    byte[] body = "{\"status\": \"%s\"}".formatted(status).getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private void image(HttpExchange exchange) throws IOException {
    if (!isKnown(exchange)) {
      answer(exchange, 401);
    } else if (exchange.getRequestMethod().equals("PUT")) {
      uploads++;
      if (refusals > 0) {
        refusals--;
        byte[] _ = exchange.getRequestBody().readNBytes(1000);
        answer(exchange, 503);
      } else if (data.length > 0 || busy) {
        byte[] _ = exchange.getRequestBody().readAllBytes();
        answer(exchange, 409);
      } else {
        data = exchange.getRequestBody().readAllBytes();
        answer(exchange, 204);
      }
    } else {
      String[] range =
          exchange.getRequestHeaders().getFirst("Range").substring("bytes=".length()).split("-", 2);
      int from = Integer.parseInt(range[0]);
      int to = Integer.parseInt(range[1]);
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes %d-%d/%d".formatted(from, to, data.length));
      exchange.sendResponseHeaders(206, to - from + 1L);
      exchange.getResponseBody().write(data, from, to - from + 1);
      exchange.close();
    }
  }

  private static void answer(HttpExchange exchange, int status) throws IOException {
    exchange.sendResponseHeaders(status, -1);
    exchange.close();
  }

  private TicketDisks disks() {
    InstantSource source = () -> now;
    return new TicketDisks(
        directory,
        directory.resolve("spool"),
        1L << 40,
        RawContent.NOT_AN_IMAGE,
        source.withZone(ZoneOffset.UTC));
  }

  private DiskTicket ticket(String secret) {
    URI base = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    return new DiskTicket.Glance(
        "root",
        base.resolve("/v2/images/one/file"),
        new DiskTicket.Access(base.resolve("/v3"), "good", secret),
        "qcow2",
        SIZE);
  }

  private static byte[] content() {
    byte[] content = new byte[SIZE];
    new Random(1).nextBytes(content);
    Arrays.fill(content, 1 << 20, 2 << 20, (byte) 0);
    return content;
  }

  private void write(DiskTicket ticket) throws IOException {
    try (TicketDisks disks = disks();
        DiskSink sink = disks.sink(ticket)) {
      sink.write(0, ByteBuffer.wrap(content()));
      sink.finish();
    }
  }

  private byte[] read(DiskTicket ticket) throws IOException {
    try (TicketDisks disks = disks();
        DiskSource disk = disks.source(ticket)) {
      ByteBuffer bytes = ByteBuffer.allocate((int) disk.size());
      disk.read(0, bytes);
      return bytes.array();
    }
  }

  private long spooled() throws IOException {
    Path spool = directory.resolve("spool");
    if (!Files.exists(spool)) {
      return 0;
    }
    try (Stream<Path> files = Files.list(spool)) {
      return files.count();
    }
  }

  @Test
  void whatIsWrittenIsReadAndNothingIsLeftInTheSpool() throws IOException {
    write(ticket("word"));
    assertThat(read(ticket("word"))).isEqualTo(content());
    assertThat(spooled()).isZero();
  }

  @Test
  void whatGlanceHasIsNotWrittenAgain() throws IOException {
    write(ticket("word"));
    assertThatThrownBy(() -> write(ticket("word"))).isInstanceOf(FileAlreadyExistsException.class);
    assertThat(uploads).isEqualTo(1);
  }

  @Test
  void anUploadThatBreaksOffIsRepeatedFromTheSpool() throws IOException {
    refusals = 1;
    assertThatThrownBy(() -> write(ticket("word"))).isInstanceOf(IOException.class);
    assertThat(spooled()).isEqualTo(1);
    // Who comes next writes nothing: all of it has crossed.
    try (TicketDisks disks = disks()) {
      assertThatThrownBy(() -> disks.sink(ticket("word")))
          .isInstanceOf(FileAlreadyExistsException.class);
    }
    assertThat(read(ticket("word"))).isEqualTo(content());
    assertThat(spooled()).isZero();
  }

  @Test
  void whatIsHalfGatheredGoesOnInAnotherProcess() throws IOException {
    byte[] content = content();
    try (TicketDisks disks = disks();
        DiskSink sink = disks.sink(ticket("word"))) {
      sink.write(0, ByteBuffer.wrap(content, 0, 1 << 20));
      sink.flush();
    }
    try (TicketDisks disks = disks();
        DiskSink sink = disks.sink(ticket("word"))) {
      assertThat(sink.startsZeroed()).isFalse();
      sink.write(2 << 20, ByteBuffer.wrap(content, 2 << 20, 1 << 20));
      sink.zero(1 << 20, 1 << 20);
      sink.finish();
    }
    assertThat(read(ticket("word"))).isEqualTo(content);
  }

  @Test
  void whatIsAbandonedLeavesNothing() throws IOException {
    try (TicketDisks disks = disks();
        DiskSink sink = disks.sink(ticket("word"))) {
      sink.write(0, ByteBuffer.wrap(content()));
      sink.abandon();
    }
    assertThat(spooled()).isZero();
    assertThat(uploads).isZero();
  }

  @Test
  void whatIsGatheredIsGivenUpWithoutAskingGlance() throws IOException {
    refusals = 1;
    assertThatThrownBy(() -> write(ticket("word"))).isInstanceOf(IOException.class);
    server.stop(0);
    try (TicketDisks disks = disks()) {
      disks.abandon(ticket("ended"));
      disks.abandon(ticket("ended"));
    }
    assertThat(spooled()).isZero();
  }

  @Test
  void anImageThatSomebodyElseIsFillingIsNotTakenForFinished() throws IOException {
    busy = true;
    assertThatThrownBy(() -> write(ticket("word")))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(FileAlreadyExistsException.class);
    busy = false;
    try (TicketDisks disks = disks()) {
      assertThatThrownBy(() -> disks.sink(ticket("word")))
          .isInstanceOf(FileAlreadyExistsException.class);
    }
    assertThat(read(ticket("word"))).isEqualTo(content());
  }

  @Test
  void aTokenIsUsedUntilShortlyBeforeItsEnd() throws IOException {
    try (TicketDisks disks = disks()) {
      try (DiskSink sink = disks.sink(ticket("word"))) {
        sink.write(0, ByteBuffer.wrap(content()));
        now = now.plus(Duration.ofMinutes(54));
        sink.flush();
        assertThat(tokens).isEqualTo(1);
        now = now.plus(Duration.ofMinutes(5));
        sink.finish();
      }
    }
    assertThat(tokens).isEqualTo(2);
    assertThat(uploads).isEqualTo(1);
  }

  @Test
  void aTicketWhoseCredentialHasEndedOpensNothing() {
    assertThatThrownBy(() -> read(ticket("other")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("401");
    assertThatThrownBy(() -> write(ticket("other"))).isInstanceOf(IOException.class);
    assertThat(uploads).isZero();
  }

  @Test
  void aSecretIsInNoMessage() {
    assertThat(ticket("word").toString()).doesNotContain("word");
  }
}
