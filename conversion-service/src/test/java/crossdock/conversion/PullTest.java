package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import crossdock.chassis.Held;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Unanswered;
import crossdock.chassis.testing.Parties;
import crossdock.contracts.Certificate;
import crossdock.contracts.Countersignature;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.contracts.Sha256;
import crossdock.contracts.Subject;
import crossdock.disk.DiskFormat;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSink;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The target's dock against a source's dock that lies, breaks off, or sends next to nothing. */
@Timeout(60)
class PullTest {
  private static final MigrationId ID = MigrationId.of(new Subject("https://idp", "alice"), "one");
  private static final int MIB = Manifest.CHUNK;

  /** What the source answers for a path behind the disk's name. */
  @FunctionalInterface
  private interface Answer {
    void to(HttpExchange exchange, byte[] honest) throws IOException;
  }

  /** What the source certified, and the file of its leaves. */
  private record Certified(Certificate.Disk disk, byte[] leaves) {}

  private final Parties parties = new Parties();
  private final Path directory;
  private final Path root;
  private final byte[] content = new byte[100 * MIB + 700];
  private Certified certified;
  private final Queue<String> asked = new ConcurrentLinkedQueue<>();
  private final AtomicLong told = new AtomicLong();
  private final ApplicationContext context;
  private HttpsServer source;
  private Answer answer = PullTest::honest;
  private Layer layer = Layer.of(List.of(), Path.of("none"));
  private List<DiskTicket> atHand = List.of();

  /** A disk with zeros in its middle, and an end that is no whole chunk. */
  PullTest(@TempDir Path directory) throws IOException {
    this.directory = directory;
    this.root = Files.createDirectory(directory.resolve("site"));
    new Random(1).nextBytes(content);
    Arrays.fill(content, 5 * MIB, 30 * MIB, (byte) 0);
    certified = certify();
    Map<String, Object> all = TestDock.configuration(parties, Parties.SOUTH, directory, root);
    all.put("crossdock.dock.stall", "5s");
    all.put("crossdock.dock.images", Files.createDirectory(directory.resolve("images")).toString());
    all.put("crossdock.dock.budgets.west.bytes-per-second", 1);
    all.put("crossdock.dock.budgets.all.bytes-per-second", 1L << 40);
    all.put("crossdock.dock.budgets.all.from", "22:00");
    all.put("crossdock.dock.budgets.all.to", "06:00");
    context = ApplicationContext.run(all);
    source = serve(Parties.NORTH, "TLSv1.3");
  }

  /** The content as it is now. */
  private Certified certify() throws IOException {
    Path image = Files.write(directory.resolve("image.raw"), content);
    Path file = directory.resolve("leaves");
    try (DiskSource raw = Disks.openSource(image, DiskFormat.RAW, 1L << 40);
        LeafFile.Writer writer = new LeafFile.Writer(file)) {
      Manifest manifest = DiskHasher.hash(raw, writer);
      writer.finish();
      return new Certified(
          new Certificate.Disk("root", new Sha256(manifest.root().hex()), manifest.length()),
          Files.readAllBytes(file));
    }
  }

  @AfterEach
  void close() {
    context.close();
    source.stop(0);
  }

  private HttpsServer serve(Party.Site as, String protocol) throws IOException {
    HttpsServer server =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    SSLContext tls = parties.context(as, as.dockUrn());
    server.setHttpsConfigurator(
        new HttpsConfigurator(tls) {
          @Override
          public void configure(HttpsParameters parameters) {
            parameters.setSSLParameters(new SSLParameters(null, new String[] {protocol}));
          }
        });
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    String base = "/v1/migrations/" + ID + "/disks/root/";
    server.createContext(
        base,
        exchange -> {
          String path = exchange.getRequestURI().getPath().substring(base.length());
          asked.add(path);
          answer.to(exchange, bytes(path));
          exchange.close();
        });
    server.start();
    return server;
  }

  private byte[] bytes(String path) {
    if (path.equals("leaves")) {
      return certified.leaves();
    }
    int from = chunk(path) * MIB;
    return Arrays.copyOfRange(content, from, Math.min(from + MIB, content.length));
  }

  private static int chunk(String path) {
    return Integer.parseInt(path.substring(path.lastIndexOf('/') + 1));
  }

  private static void honest(HttpExchange exchange, byte[] bytes) throws IOException {
    exchange.sendResponseHeaders(200, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  /** Honest but for one path, where the bytes are others. */
  private static Answer lying(String path, UnaryOperator<byte[]> lie) {
    return (exchange, bytes) ->
        honest(
            exchange,
            exchange.getRequestURI().getPath().endsWith("/" + path) ? lie.apply(bytes) : bytes);
  }

  private static byte[] flipped(byte[] bytes) {
    byte[] other = bytes.clone();
    other[bytes.length / 2] ^= 1;
    return other;
  }

  private void pull(Held held) throws IOException, InterruptedException {
    URI from = URI.create("https://127.0.0.1:" + source.getAddress().getPort());
    DockMessage.Fetch order =
        new DockMessage.Fetch(
            ID,
            1,
            from,
            Parties.NORTH.dockUrn(),
            List.of(certified.disk()),
            Optional.empty(),
            List.of());
    Pull pull = context.getBean(Pull.class);
    try (Shelf.Disks here = context.getBean(Shelf.class).open(atHand)) {
      Pull.Turn turn =
          new Pull.Turn(
              order,
              pull.own(order),
              here,
              held,
              new Meter(content.length, now -> told.accumulateAndGet(now, Math::max)));
      pull.disk(turn, certified.disk(), ticket(), layer);
    }
  }

  private void pull() throws IOException, InterruptedException {
    pull(() -> true);
  }

  private DiskTicket ticket() {
    return new DiskTicket.Image("root", "disk.raw", "raw", content.length);
  }

  private void assertMismatch(String because) {
    assertThatThrownBy(this::pull)
        .isInstanceOfSatisfying(
            StepFailed.class,
            failed -> assertThat(failed.reason()).isEqualTo(Reason.DIGEST_MISMATCH))
        .hasMessageContaining(because);
    assertThat(root.resolve("disk.raw")).doesNotExist();
  }

  private long chunksAsked() {
    return asked.stream().filter(path -> path.startsWith("chunks/")).count();
  }

  @Test
  void everyByteArrivesAndZerosAreNotAskedFor() throws Exception {
    pull();
    assertThat(Files.readAllBytes(root.resolve("disk.raw"))).isEqualTo(content);
    assertThat(asked).hasSize(1 + 101 - 25).doesNotHaveDuplicates();
    assertThat(told).hasValue(content.length);
  }

  @Test
  void whatThisCustomersOwnDisksHaveIsNotAskedFor() throws Exception {
    atHand = List.of(earlierDisk());
    pull();
    assertThat(Files.readAllBytes(root.resolve("disk.raw"))).isEqualTo(content);
    assertThat(asked).as("leaves, 10 new chunks, and the short end").hasSize(1 + 10 + 1);
    assertThat(told).hasValue(content.length);
  }

  @Test
  void aDigestIsNotFilledInFromADiskOfSomebodyElse() throws Exception {
    DiskTicket _ = earlierDisk(); // known to the dock, and no ticket for it in this migration
    pull();
    assertThat(chunksAsked()).isEqualTo(101 - 25);
  }

  @Test
  void whatHasChangedOnADiskSinceOrIsGoneIsAskedFor() throws Exception {
    DiskTicket earlier = earlierDisk();
    atHand = List.of(earlier);
    byte[] now = Files.readAllBytes(root.resolve("earlier.raw"));
    Arrays.fill(now, 50 * MIB, 53 * MIB + 1, (byte) 7);
    Files.write(root.resolve("earlier.raw"), now);
    pull();
    assertThat(Files.readAllBytes(root.resolve("disk.raw"))).isEqualTo(content);
    assertThat(chunksAsked()).isEqualTo(10 + 1 + 4);
    Files.delete(root.resolve("disk.raw"));
    Files.delete(root.resolve("earlier.raw"));
    asked.clear();
    pull();
    assertThat(chunksAsked()).isEqualTo(101 - 25);
  }

  @Test
  void whatPublicImagesHaveIsNotAskedFor() throws Exception {
    Path images = directory.resolve("images");
    Files.write(images.resolve("debian.raw"), Arrays.copyOf(content, 60 * MIB));
    Files.writeString(images.resolve("debian.txt"), "what it is");
    context.getBean(Shelf.class).learn();
    pull();
    assertThat(Files.readAllBytes(root.resolve("disk.raw"))).isEqualTo(content);
    assertThat(chunksAsked()).isEqualTo(101 - 60);
    Files.write(images.resolve("debian.raw"), new byte[60 * MIB]);
    Files.delete(root.resolve("disk.raw"));
    asked.clear();
    pull();
    assertThat(chunksAsked()).as("another image of that name").isEqualTo(101 - 25);
  }

  /** Of the same customer: the content with ten other chunks, as it was pulled and read back. */
  private DiskTicket earlierDisk() throws IOException {
    byte[] other = Arrays.copyOf(content, 100 * MIB);
    for (int chunk = 40; chunk < 50; chunk++) {
      other[chunk * MIB] ^= 1;
    }
    Path file = Files.write(root.resolve("earlier.raw"), other);
    DiskTicket ticket = new DiskTicket.Image("root", "earlier.raw", "raw", other.length);
    Path leaves = directory.resolve("earlier.leaves");
    try (DiskSource raw = Disks.openSource(file, DiskFormat.RAW, 1L << 40);
        LeafFile.Writer writer = new LeafFile.Writer(leaves)) {
      Manifest manifest = DiskHasher.hash(raw, writer);
      writer.finish();
      context.getBean(Shelf.class).keep(ticket, leaves, manifest);
    }
    return ticket;
  }

  @Test
  void whatWasAdaptedIsWrittenAndNotAskedForThoughTheWorkerDiesInTheMiddle() throws Exception {
    // The first chunk, two in a run of zeros and its last, one that becomes zeros, the short end.
    List<Integer> chunks = List.of(0, 10, 11, 29, 50, 100);
    byte[] expected = content.clone();
    Path kept = Files.createDirectory(directory.resolve("layer"));
    List<Countersignature.Change> changes = new ArrayList<>();
    for (int chunk : chunks) {
      byte[] own = bytes("chunks/" + chunk);
      String certifiedLeaf = MerkleTree.leaf(ByteBuffer.wrap(own)).hex();
      if (chunk == 50) {
        Arrays.fill(own, (byte) 0);
      } else {
        new Random(chunk).nextBytes(own);
      }
      Files.write(kept.resolve(Integer.toString(chunk)), own);
      System.arraycopy(own, 0, expected, chunk * MIB, own.length);
      changes.add(
          new Countersignature.Change(
              "root",
              chunk,
              new Sha256(certifiedLeaf),
              new Sha256(MerkleTree.leaf(ByteBuffer.wrap(own)).hex())));
    }
    layer = Layer.of(changes, kept);
    AtomicInteger left = new AtomicInteger(60);
    assertThatThrownBy(() -> pull(() -> left.decrementAndGet() > 0)).isNotNull();
    assertThat(root.resolve("disk.raw")).doesNotExist();
    pull();
    assertThat(Files.readAllBytes(root.resolve("disk.raw"))).isEqualTo(expected);
    assertThat(asked).doesNotContainAnyElementsOf(chunks.stream().map(n -> "chunks/" + n).toList());

    // A layer that is not what was kept is not written.
    Files.write(kept.resolve("29"), new byte[MIB - 1]);
    Files.delete(root.resolve("disk.raw"));
    assertThatThrownBy(this::pull).hasMessageContaining("chunk 29 of the layer");
    assertThat(root.resolve("disk.raw")).doesNotExist();
  }

  @Test
  void budgetsAreThoseOfTheConfiguration() {
    assertThat(context.getBeansOfType(Budget.class))
        .containsExactlyInAnyOrder(
            new Budget("west", 1, null, null),
            new Budget("all", 1L << 40, LocalTime.of(22, 0), LocalTime.of(6, 0)));
  }

  @Test
  void oneFlippedBitInAChunkIsFoundBeforeItIsWritten() {
    answer = lying("chunks/42", PullTest::flipped);
    assertMismatch("chunk 42 of root is not the certified one");
  }

  @Test
  void chunksInAnotherOrderAreRefused() {
    answer = lying("chunks/3", _ -> bytes("chunks/4"));
    assertMismatch("chunk 3 of root is not the certified one");
  }

  @Test
  void leavesThatDoNotMakeUpTheRootAreRefusedBeforeAChunkIsAskedFor() {
    for (UnaryOperator<byte[]> lie :
        List.<UnaryOperator<byte[]>>of(
            PullTest::flipped,
            bytes -> Arrays.copyOf(bytes, bytes.length - LeafFile.ENTRY_BYTES),
            bytes -> Arrays.copyOf(bytes, bytes.length - 1),
            _ -> new byte[0])) {
      answer = lying("leaves", lie);
      assertMismatch("the leaves do not make up the certified root");
    }
    assertThat(chunksAsked()).isZero();
  }

  @Test
  void moreLeavesThanThereCanBeAreNotTaken() {
    answer = lying("leaves", _ -> new byte[certified.leaves().length + 26 * LeafFile.ENTRY_BYTES]);
    assertThatThrownBy(this::pull).isInstanceOf(Unanswered.class);
    assertThat(chunksAsked()).isZero();
  }

  @Test
  void aChunkOfAnotherLengthIsRefused() {
    for (int length : new int[] {0, MIB - 1, MIB + 1}) {
      answer = lying("chunks/2", bytes -> Arrays.copyOf(bytes, length));
      assertThatThrownBy(this::pull).isInstanceOf(IOException.class);
      assertThat(root.resolve("disk.raw")).doesNotExist();
    }
  }

  @Test
  void whoIsRefusedSaysSo() {
    answer = (exchange, _) -> exchange.sendResponseHeaders(403, -1);
    assertThatThrownBy(this::pull)
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(Unanswered.class)
        .hasMessageContaining("HTTP 403");
    answer = (exchange, _) -> exchange.sendResponseHeaders(503, -1);
    assertThatThrownBy(this::pull).isInstanceOf(Unanswered.class).hasMessageContaining("HTTP 503");
  }

  @Test
  void whoStopsInTheMiddleOrSendsAByteNowAndThenIsGivenUp() {
    for (boolean trickles : new boolean[] {false, true}) {
      String path = trickles ? "/chunks/42" : "/leaves";
      answer =
          (exchange, bytes) -> {
            if (!exchange.getRequestURI().getPath().endsWith(path)) {
              honest(exchange, bytes);
              return;
            }
            exchange.sendResponseHeaders(200, bytes.length);
            for (int i = 0; i < 100; i++) {
              if (i == 0 || trickles) {
                exchange.getResponseBody().write(bytes, i, 1);
                exchange.getResponseBody().flush();
              }
              pause();
            }
          };
      assertThatThrownBy(this::pull)
          .isInstanceOf(Unanswered.class)
          .hasMessageContaining("has stopped sending");
    }
    assertThat(root.resolve("disk.raw")).doesNotExist();
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(200);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aSlowSourceIsNotGivenUp() throws Exception {
    answer =
        (exchange, bytes) -> {
          if (!exchange.getRequestURI().getPath().endsWith("chunks/1")) {
            honest(exchange, bytes);
            return;
          }
          exchange.sendResponseHeaders(200, bytes.length);
          for (int at = 0; at < bytes.length; at += MIB / 32) {
            exchange.getResponseBody().write(bytes, at, MIB / 32);
            exchange.getResponseBody().flush();
            pause();
          }
        };
    pull();
    assertThat(Files.readAllBytes(root.resolve("disk.raw"))).isEqualTo(content);
  }

  @Test
  void whoGoesOnAsksForWhatWasNotFlushedOnly() throws Exception {
    AtomicInteger advances = new AtomicInteger();
    answer = lying("chunks/98", bytes -> Arrays.copyOf(bytes, 1));
    Held held =
        new Held() {
          @Override
          public boolean now() {
            return true;
          }

          @Override
          public void advanced() {
            advances.incrementAndGet();
          }
        };
    assertThatThrownBy(() -> pull(held)).isInstanceOf(IOException.class);
    assertThat(advances).as("flushed now and then, and at the end").hasValueBetween(2, 3);
    asked.clear();
    answer = PullTest::honest;
    pull();
    assertThat(chunksAsked()).as("that one, and what was not asked for before").isBetween(1L, 3L);
    assertThat(Files.readAllBytes(root.resolve("disk.raw"))).isEqualTo(content);
  }

  @Test
  void compressedChunksArriveAndWhatIsNoneIsRefused() throws Exception {
    List<String> wishes = new CopyOnWriteArrayList<>();
    answer =
        (exchange, bytes) -> {
          boolean chunk = exchange.getRequestURI().getPath().contains("/chunks/");
          String wish = exchange.getRequestHeaders().getFirst("Accept-Encoding");
          if (!chunk || wish == null) {
            honest(exchange, bytes);
            return;
          }
          wishes.add(wish);
          exchange.getResponseHeaders().add("Content-Encoding", "zstd");
          honest(exchange, squeezed(bytes));
        };
    Arrays.fill(content, 0, content.length, (byte) 0);
    for (int chunk = 0; chunk <= 100; chunk += 3) {
      content[chunk * MIB + chunk] = 1;
    }
    certified = certify();
    pull();
    assertThat(Files.readAllBytes(root.resolve("disk.raw"))).isEqualTo(content);
    assertThat(wishes).isNotEmpty().containsOnly("zstd");

    Files.delete(root.resolve("disk.raw"));
    byte[] bomb = squeezed(new byte[MIB + 1]);
    for (byte[] bad :
        List.of(bomb, squeezed(new byte[MIB - 1]), new byte[] {1, 2, 3}, new byte[0])) {
      answer =
          (exchange, bytes) -> {
            if (exchange.getRequestURI().getPath().contains("/chunks/")) {
              exchange.getResponseHeaders().add("Content-Encoding", "zstd");
            }
            honest(exchange, exchange.getRequestURI().getPath().contains("/chunks/") ? bad : bytes);
          };
      assertThatThrownBy(this::pull).isInstanceOf(IOException.class);
      assertThat(root.resolve("disk.raw")).doesNotExist();
    }
    answer =
        (exchange, bytes) -> {
          if (exchange.getRequestURI().getPath().endsWith("/chunks/3")) {
            exchange.getResponseHeaders().add("Content-Encoding", "zstd");
            honest(exchange, squeezed(flipped(bytes)));
          } else {
            honest(exchange, bytes);
          }
        };
    assertMismatch("chunk 3 of root is not the certified one");
  }

  private static byte[] squeezed(byte[] bytes) {
    return com.github.luben.zstd.Zstd.compress(bytes, 1);
  }

  @Test
  void aKilledTurnsChunksAreNotAskedForAgain() throws Exception {
    AtomicInteger checks = new AtomicInteger();
    // As a kill does, it ends without a flush: whoever has lost the lease writes nothing.
    assertThatThrownBy(() -> pull(() -> checks.incrementAndGet() <= 40))
        .isInstanceOf(IllegalStateException.class);
    long before = chunksAsked();
    asked.clear();
    pull();
    assertThat(before + chunksAsked() - (101 - 25)).as("asked for twice").isBetween(0L, 17L);
    assertThat(Files.readAllBytes(root.resolve("disk.raw"))).isEqualTo(content);
  }

  @Test
  void whoLostTheLeaseWritesNothingMore() throws IOException {
    AtomicInteger checks = new AtomicInteger();
    assertThatThrownBy(() -> pull(() -> checks.incrementAndGet() <= 10))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("the lease is lost");
    assertThat(root.resolve("disk.raw")).doesNotExist();
    // One check is before the zeros, the others each before a chunk.
    assertThat(written(root.resolve(".disk.raw.partial/disk.raw"))).isEqualTo(9);
  }

  /** How many chunks of an unfinished file hold anything. */
  private static long written(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    long chunks = 0;
    for (int at = 0; at < bytes.length; at += MIB) {
      boolean any = false;
      for (int i = at; i < Math.min(at + MIB, bytes.length) && !any; i++) {
        any = bytes[i] != 0;
      }
      chunks += any ? 1 : 0;
    }
    return chunks;
  }

  @Test
  void aPlaceFullOfSomebodyElsesBytesComesOutRight() throws Exception {
    try (DiskSink sink = context.getBean(Sites.class).sink(ticket())) {
      byte[] old = new byte[MIB];
      Arrays.fill(old, (byte) 0x55);
      for (long at = 0; at + MIB <= content.length; at += MIB) {
        sink.write(at, ByteBuffer.wrap(old));
      }
      sink.flush();
    }
    pull();
    assertThat(Files.readAllBytes(root.resolve("disk.raw"))).isEqualTo(content);
  }

  @Test
  void anotherSiteAndAnOlderTlsAreNotSpokenTo() throws IOException {
    for (boolean old : new boolean[] {false, true}) {
      source.stop(0);
      source = old ? serve(Parties.NORTH, "TLSv1.2") : serve(Parties.WEST, "TLSv1.3");
      assertThatThrownBy(this::pull).isInstanceOf(Unanswered.class);
    }
    assertThat(asked).isEmpty();
  }

  @Test
  void whatReadsBackOtherwiseIsNamedByItsChunk() throws Exception {
    pull();
    Manifest manifest =
        new Manifest(content.length, new crossdock.disk.Sha256(certified.disk().root().hex()));
    Path file = root.resolve("disk.raw");
    for (int chunk : new int[] {0, 12, 100}) {
      byte[] other = content.clone();
      other[chunk * MIB + 5] ^= 1;
      Files.write(file, other);
      try (DiskSource back = Disks.openSource(file, DiskFormat.RAW, 1L << 40);
          Pulled pulled = context.getBean(Pull.class).pulled(ID, "root", manifest)) {
        assertThatThrownBy(() -> DiskHasher.matches(manifest, back, pulled))
            .isInstanceOf(StepFailed.class)
            .hasMessage("root reads back otherwise, at chunk " + chunk);
      }
    }
    context.getBean(Pull.class).forget(ID);
    assertThat(directory.resolve("work/ledgers")).isEmptyDirectory();
  }
}
