package crossdock.providers.disks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import crossdock.disk.DiskSource;
import crossdock.disk.Extent;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
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
        directory, 1L << 40, RawContent.NOT_AN_IMAGE, source.withZone(ZoneOffset.UTC));
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
        DiskSource disk = new Beginning(content(), SIZE)) {
      disks.put(ticket, disk);
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

  @Test
  void whatIsWrittenIsReadAndAsLongAsItsLayout() throws IOException {
    write(ticket("word"));
    assertThat(read(ticket("word"))).isEqualTo(content());
    assertThat(data.length).as("its data and its tables").isBetween(SIZE, SIZE + (1 << 20));
  }

  @Test
  void whatGlanceHasIsNotWrittenAgain() throws IOException {
    write(ticket("word"));
    assertThatThrownBy(() -> write(ticket("word"))).isInstanceOf(FileAlreadyExistsException.class);
    assertThat(uploads).isEqualTo(1);
  }

  @Test
  void anUploadThatBreaksOffIsRepeated() throws IOException {
    refusals = 1;
    assertThatThrownBy(() -> write(ticket("word"))).isInstanceOf(IOException.class);
    write(ticket("word"));
    assertThat(read(ticket("word"))).isEqualTo(content());
  }

  @Test
  void whatCannotBeReadToItsEndIsNoDiskThere() throws IOException {
    DiskSource broken =
        new DiskSource() {
          @Override
          public long size() {
            return SIZE;
          }

          @Override
          public Extent extentAt(long offset, long atMost) {
            return new Extent(offset, Math.min(atMost, SIZE - offset), Extent.Kind.DATA);
          }

          @Override
          public void read(long offset, ByteBuffer into) throws IOException {
            if (offset > 1 << 20) {
              throw new IOException("no more");
            }
            into.position(into.limit());
          }

          @Override
          public void close() {}
        };
    DiskTicket.Glance qcow2 = (DiskTicket.Glance) ticket("word");
    DiskTicket vmdk = new DiskTicket.Glance("root", qcow2.image(), qcow2.access(), "vmdk", SIZE);
    try (TicketDisks disks = disks()) {
      for (DiskTicket ticket : List.of(qcow2, vmdk)) {
        assertThatThrownBy(() -> disks.put(ticket, broken)).hasStackTraceContaining("no more");
      }
    }
    assertThat(data).isEmpty();
    write(ticket("word"));
    assertThat(read(ticket("word"))).isEqualTo(content());
  }

  @Test
  void aVmdkIsCompressedWhileItGoes() throws IOException {
    DiskTicket.Glance qcow2 = (DiskTicket.Glance) ticket("word");
    DiskTicket vmdk =
        new DiskTicket.Glance("root", qcow2.image(), qcow2.access(), "vmdk", 3L * SIZE);
    byte[] mostlyText = new byte[SIZE];
    Arrays.fill(mostlyText, (byte) 'x');
    try (TicketDisks disks = disks()) {
      disks.put(vmdk, new Beginning(mostlyText, 3L * SIZE));
      try (DiskSource there = disks.source(vmdk)) {
        assertThat(there.size()).isEqualTo(3L * SIZE);
        ByteBuffer begins = ByteBuffer.allocate(SIZE);
        there.read(0, begins);
        assertThat(begins.array()).isEqualTo(mostlyText);
      }
    }
    assertThat(data.length).isLessThan(SIZE / 4);
  }

  @Test
  void aDiskOfAnotherSizeIsNotTaken() throws IOException {
    try (TicketDisks disks = disks()) {
      assertThatThrownBy(() -> disks.put(ticket("word"), new Beginning(new byte[0], SIZE + 1)))
          .isInstanceOf(IOException.class);
    }
    assertThat(uploads).isZero();
  }

  @Test
  void anImageThatSomebodyElseIsFillingIsNotTakenForFinished() throws IOException {
    busy = true;
    assertThatThrownBy(() -> write(ticket("word")))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(FileAlreadyExistsException.class);
    busy = false;
    write(ticket("word"));
    assertThat(read(ticket("word"))).isEqualTo(content());
  }

  @Test
  void aTokenIsUsedUntilShortlyBeforeItsEnd() throws IOException {
    try (TicketDisks disks = disks()) {
      busy = true;
      assertThatThrownBy(() -> disks.put(ticket("word"), new Beginning(content(), SIZE)))
          .isInstanceOf(IOException.class);
      now = now.plus(Duration.ofMinutes(54));
      busy = false;
      assertThat(tokens).isEqualTo(1);
      now = now.plus(Duration.ofMinutes(5));
      disks.put(ticket("word"), new Beginning(content(), SIZE));
    }
    assertThat(tokens).isEqualTo(2);
    assertThat(uploads).isEqualTo(2);
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
