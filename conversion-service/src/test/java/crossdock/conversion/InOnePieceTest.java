package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import crossdock.chassis.StepFailed;
import crossdock.chassis.testing.Parties;
import crossdock.contracts.Certificate;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Reason;
import crossdock.contracts.Sha256;
import crossdock.contracts.Subject;
import crossdock.disk.DiskComparison;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.disk.LeafFile;
import crossdock.disk.Manifest;
import crossdock.disk.MerkleTree;
import crossdock.providers.DiskTicket;
import crossdock.site.DockMessage;
import io.micronaut.context.ApplicationContext;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A disk that goes, while it comes, to a place that takes it from its first byte to its last. */
@Timeout(60)
final class InOnePieceTest {
  private static final MigrationId ID = MigrationId.of(new Subject("https://idp", "alice"), "one");
  private static final int MIB = Manifest.CHUNK;
  private static final int SIZE = 60 * MIB + 512;

  private final Parties parties = new Parties();
  private final Path directory;
  private final byte[] content = new byte[SIZE];
  private final Certificate.Disk disk;
  private final byte[] leaves;
  private final Queue<String> asked = new ConcurrentLinkedQueue<>();
  private final AtomicLong told = new AtomicLong();
  private final HttpsServer source;
  private final HttpServer glance;
  private int flipped = -1;
  private byte[] data = new byte[0];
  private long takes = Long.MAX_VALUE;

  InOnePieceTest(@TempDir Path directory) throws IOException {
    this.directory = directory;
    new Random(1).nextBytes(content);
    Arrays.fill(content, 5 * MIB, 30 * MIB, (byte) 0);
    Path image = Files.write(directory.resolve("image.raw"), content);
    Path file = directory.resolve("leaves");
    try (DiskSource raw = Disks.openSource(image, DiskFormat.RAW, 1L << 40);
        LeafFile.Writer writer = new LeafFile.Writer(file)) {
      Manifest manifest = DiskHasher.hash(raw, writer);
      writer.finish();
      disk = new Certificate.Disk("root", new Sha256(manifest.root().hex()), manifest.length());
    }
    leaves = Files.readAllBytes(file);
    InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    source = HttpsServer.create(any, 0);
    source.setHttpsConfigurator(
        new HttpsConfigurator(parties.context(Parties.NORTH, Parties.NORTH.dockUrn())));
    source.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    source.createContext("/v1/migrations/" + ID + "/disks/root/", this::serve);
    source.start();
    glance = HttpServer.create(any, 0);
    glance.createContext("/v3/auth/tokens", this::token);
    glance.createContext("/v2/images/one", this::status);
    glance.createContext("/v2/images/one/file", this::take);
    glance.start();
  }

  @AfterEach
  void close() {
    source.stop(0);
    glance.stop(0);
  }

  private void serve(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    String last = path.substring(path.lastIndexOf('/') + 1);
    asked.add(last);
    byte[] bytes;
    if (last.equals("leaves")) {
      bytes = leaves;
    } else {
      int from = Integer.parseInt(last) * MIB;
      bytes = Arrays.copyOfRange(content, from, Math.min(from + MIB, SIZE));
      bytes[0] ^= (byte) (last.equals(Integer.toString(flipped)) ? 1 : 0);
    }
    answer(exchange, 200, bytes);
  }

  private void token(HttpExchange exchange) throws IOException {
    exchange.getResponseHeaders().set("X-Subject-Token", "token");
    Instant until = Instant.now().plusSeconds(3600);
    answer(
        exchange,
        201,
        "{\"token\": {\"expires_at\": \"%s\"}}".formatted(until).getBytes(StandardCharsets.UTF_8));
  }

  private void status(HttpExchange exchange) throws IOException {
    String status = data.length == 0 ? "queued" : "active";
    answer(
        exchange, 200, "{\"status\": \"%s\"}".formatted(status).getBytes(StandardCharsets.UTF_8));
  }

  private void take(HttpExchange exchange) throws IOException {
    int length = Integer.parseInt(exchange.getRequestHeaders().getFirst("Content-Length"));
    byte[] body = exchange.getRequestBody().readNBytes((int) Math.min(length, takes));
    if (body.length == length) {
      data = body;
      answer(exchange, 204, new byte[0]);
    }
    exchange.close();
  }

  private static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private ApplicationContext dock(long spool) throws IOException {
    Path root = Files.createDirectories(directory.resolve("site"));
    Map<String, Object> all = TestDock.configuration(parties, Parties.SOUTH, directory, root);
    all.put("crossdock.dock.spool", spool);
    return ApplicationContext.run(all);
  }

  private void pull(ApplicationContext dock) throws IOException, InterruptedException {
    DockMessage.Fetch order =
        new DockMessage.Fetch(
            ID,
            1,
            URI.create("https://127.0.0.1:" + source.getAddress().getPort()),
            Parties.NORTH.dockUrn(),
            List.of(disk),
            Optional.empty(),
            List.of());
    URI base = URI.create("http://127.0.0.1:" + glance.getAddress().getPort());
    DiskTicket ticket =
        new DiskTicket.Glance(
            "root",
            base.resolve("/v2/images/one/file"),
            new DiskTicket.Access(base.resolve("/v3"), "id", "secret"),
            "qcow2",
            SIZE);
    Pull pull = dock.getBean(Pull.class);
    try (Shelf.Disks here = dock.getBean(Shelf.class).open(List.of())) {
      Pull.Turn turn =
          new Pull.Turn(
              order,
              pull.own(order),
              here,
              () -> true,
              new Meter(SIZE, now -> told.accumulateAndGet(now, Math::max)));
      pull.disk(turn, disk, ticket, Layer.of(List.of(), directory));
    }
  }

  private void assertArrived() throws IOException {
    Path taken = Files.write(directory.resolve("taken.qcow2"), data);
    try (DiskSource there = Disks.openSource(taken, DiskFormat.QCOW2, 1L << 40);
        DiskSource here =
            Disks.openSource(directory.resolve("image.raw"), DiskFormat.RAW, 1L << 40)) {
      assertThat(DiskComparison.of(here, there)).isEqualTo(new DiskComparison.Same(0));
    }
  }

  private long spooled() throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files
          .filter(file -> file.toString().contains("/spool/") && Files.isRegularFile(file))
          .count();
    }
  }

  @Test
  void itArrivesWithoutItsZerosAndNothingOfItLiesHere() throws Exception {
    try (ApplicationContext dock = dock(0)) {
      pull(dock);
      assertArrived();
      assertThat(asked).hasSize(1 + 61 - 25).doesNotHaveDuplicates();
      assertThat(told).hasValue(SIZE);
      assertThat(spooled()).isZero();
      asked.clear();
      pull(dock);
      assertThat(asked).as("what is there is not asked for").containsExactly("leaves");
    }
  }

  @Test
  void whatBreaksOffBeginsAgainWithWhatHasCome() throws Exception {
    try (ApplicationContext dock = dock(1 << 30)) {
      takes = 20 * MIB;
      assertThatThrownBy(() -> pull(dock)).isInstanceOf(IOException.class);
      long kept = spooled();
      assertThat(kept).isGreaterThan(15);
      assertThat(data).isEmpty();
      takes = Long.MAX_VALUE;
      asked.clear();
    }
    try (ApplicationContext dock = dock(1 << 30)) {
      long kept = spooled();
      pull(dock);
      assertArrived();
      assertThat(asked).hasSize((int) (1 + 61 - 25 - kept));
      assertThat(spooled()).isZero();
    }
  }

  @Test
  void noMoreIsKeptThanThereIsRoomFor() throws Exception {
    try (ApplicationContext dock = dock(10L * MIB)) {
      takes = 30 * MIB;
      assertThatThrownBy(() -> pull(dock)).isInstanceOf(IOException.class);
      assertThat(spooled()).isEqualTo(10);
      takes = Long.MAX_VALUE;
      pull(dock);
      assertArrived();
      assertThat(spooled()).isZero();
    }
  }

  @Test
  void aChunkThatWasCutOffInItsZerosIsNotTakenForWhole() throws Exception {
    byte[] chunk = Arrays.copyOf(new byte[] {1, 2, 3}, MIB);
    crossdock.disk.Sha256 leaf = MerkleTree.leaf(ByteBuffer.wrap(chunk));
    try (ApplicationContext dock = dock(1 << 30)) {
      Spool spool = dock.getBean(Spool.class);
      assertThat(spool.keep(ID, "root", 7, ByteBuffer.wrap(chunk))).isTrue();
      assertThat(spool.read(ID, "root", 7, MIB, leaf)).contains(ByteBuffer.wrap(chunk));
      try (Stream<Path> files = Files.walk(directory)) {
        Path kept = files.filter(file -> file.endsWith("7")).findFirst().orElseThrow();
        Files.write(kept, Arrays.copyOf(chunk, 100));
      }
      assertThat(spool.read(ID, "root", 7, MIB, leaf)).isEmpty();
      spool.forget(ID);
      assertThat(spooled()).isZero();
    }
  }

  @Test
  void aChunkThatIsNotTheCertifiedOneIsNamedAndNoDiskIsThere() throws Exception {
    try (ApplicationContext dock = dock(1 << 30)) {
      flipped = 42;
      assertThatThrownBy(() -> pull(dock))
          .isInstanceOfSatisfying(
              StepFailed.class,
              failed -> assertThat(failed.reason()).isEqualTo(Reason.DIGEST_MISMATCH))
          .hasMessageContaining("chunk 42 of root is not the certified one");
      assertThat(data).isEmpty();
      dock.getBean(Pull.class).forget(ID);
      assertThat(spooled()).isZero();
    }
  }
}
