package crossdock.conversion;

import crossdock.chassis.Held;
import crossdock.chassis.MutualTls;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Unanswered;
import crossdock.contracts.Certificate;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Reason;
import crossdock.disk.BadImageException;
import crossdock.disk.DiskSink;
import crossdock.disk.LeafFile;
import crossdock.disk.Manifest;
import crossdock.disk.MerkleTree;
import crossdock.disk.Sha256;
import crossdock.disk.codec.Zstd;
import crossdock.providers.DiskTicket;
import crossdock.site.DockMessage;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import java.util.zip.DataFormatException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Pulls a certified disk from the source's dock into a sink: leaves first, held against the
 * certified root, then every chunk that is not zero, held against its leaf before it is written.
 * What has been written is in a {@link Ledger} beside the job, so that whoever goes on after a
 * crash asks for the rest only. However long it takes: only a source that sends next to nothing
 * ends a turn.
 */
@Singleton
final class Pull {
  private static final Logger LOG = LoggerFactory.getLogger(Pull.class);

  /** Chunks under way at once, each on a connection of its own: 16 MiB. */
  static final int IN_FLIGHT = 16;

  private static final int FLUSHED_AT_ONCE = 32;

  private final MutualTls tls;
  private final Sites sites;
  private static final int KEPT = 24; // chunks of all disks of a machine, while one is adapted

  /**
   * The same of a disk that is taken in one piece: 8 MiB, for they wait in memory for their turn.
   */
  private static final int AHEAD = 8;

  /** And of those before them: whoever compresses reads that many at once. */
  private static final int BEHIND =
      Math.clamp(2L * Runtime.getRuntime().availableProcessors(), 4, 16);

  private final Pace pace;
  private final Spool spool;
  private final Path work;
  private final Patience patience;
  private final Counter received;
  private final Buffers buffers = new Buffers(2 * IN_FLIGHT, Manifest.CHUNK);

  Pull(
      MutualTls tls,
      Sites sites,
      Pace pace,
      Spool spool,
      MeterRegistry meters,
      @Value("${crossdock.work}") Path work,
      @Value("${crossdock.dock.stall:30s}") Duration stall)
      throws IOException {
    this.tls = tls;
    this.sites = sites;
    this.pace = pace;
    this.spool = spool;
    this.work = Files.createDirectories(work.resolve("ledgers"));
    this.patience = new Patience(stall);
    this.received = meters.counter("crossdock.dock.received", "unit", "byte");
  }

  /**
   * What is the same for all disks of an order, in one turn of a worker.
   *
   * @param own what this migration may take for itself
   * @param here what need not come
   */
  record Turn(DockMessage.Fetch order, Pace own, Shelf.Disks here, Held held, Meter meter) {}

  /** What an order may take for itself, all its disks together. */
  Pace own(DockMessage.Fetch order) {
    return pace.of(order.bandwidth());
  }

  /**
   * Returns when the disk is finished in its place.
   *
   * @param layer what of it is written otherwise than certified
   * @throws StepFailed DIGEST_MISMATCH if the source serves other bytes than were certified
   * @throws Unanswered if it does not answer, or stops in the middle
   */
  void disk(Turn turn, Certificate.Disk disk, DiskTicket ticket, Layer layer)
      throws IOException, InterruptedException {
    switch (ticket) {
      case DiskTicket.Image _, DiskTicket.Export _ -> inAnyOrder(turn, disk, ticket, layer);
      case DiskTicket.Glance _ -> inOnePiece(turn, disk, ticket, layer);
    }
  }

  private void inAnyOrder(Turn turn, Certificate.Disk disk, DiskTicket ticket, Layer layer)
      throws IOException, InterruptedException {
    DockMessage.Fetch order = turn.order();
    Manifest manifest = manifest(disk);
    URI base = base(order, disk);
    try (DockClient client = new DockClient(tls.context(order.peer()), order.from());
        DiskSink sink = sites.sink(ticket);
        Ledger ledger =
            Ledger.open(work.resolve(order.migration() + "." + disk.name() + ".ledger"), sink);
        LeafFile leaves = leaves(order.peer(), base, order.migration(), disk, manifest)) {
      if (sink.size() != disk.length()) {
        throw new StepFailed(
            Reason.DIGEST_MISMATCH, disk.name() + " has another size than was certified");
      }
      boolean zeroed = sink.startsZeroed();
      Encoding encoding = new Encoding(IN_FLIGHT, System::nanoTime);
      long chunks = manifest.chunks();
      int asked = 0;
      try (Window flushes = new Window(1);
          Window window = new Window(IN_FLIGHT)) {
        for (int chunk = 0; chunk < chunks; ) {
          LeafFile.Run run = leaves.at(chunk);
          boolean changed = layer.has(chunk);
          int end = changed ? chunk + 1 : Math.toIntExact(layer.unchanged(chunk, run.end()));
          long offset = (long) chunk * Manifest.CHUNK;
          long length = Math.min((long) end * Manifest.CHUNK, disk.length()) - offset;
          if (changed || run.isZero() || ledger.has(chunk)) {
            turn.held().check();
            if (changed && !ledger.has(chunk)) {
              sink.write(offset, layer.read(chunk));
              ledger.add(chunk);
            } else if (!changed && run.isZero() && !zeroed) {
              sink.zero(offset, length);
            }
            turn.meter().add(length);
          } else {
            if (++asked % FLUSHED_AT_ONCE == 0) {
              turn.held().check();
              // Beside what comes meanwhile; waits only for the flush before.
              flushes.submit(
                  () -> {
                    ledger.flush(sink);
                    turn.held().advanced();
                  });
            }
            int wanted = chunk;
            boolean lies = turn.here().had(chunk, run.leaf());
            if (!lies) {
              await(order, turn.own(), (int) length);
            }
            boolean compressed = !lies && encoding.next();
            window.submit(
                () -> {
                  ByteBuffer bytes = buffers.take((int) length);
                  if (!lies || !turn.here().read(wanted, run.leaf(), bytes)) {
                    if (lies) {
                      await(order, turn.own(), (int) length);
                    }
                    bytes.clear().limit((int) length);
                    certified(client, base, wanted, bytes, compressed, run.leaf(), disk);
                  }
                  // Whoever goes on after this turn may be writing already.
                  turn.held().check();
                  sink.write(offset, bytes);
                  buffers.give(bytes);
                  ledger.add(wanted);
                  turn.meter().add(length);
                });
          }
          chunk = end;
        }
        window.finish();
        flushes.finish();
      } catch (IOException | InterruptedException | RuntimeException e) {
        // Whatever ended it: what has come need not come again.
        try {
          keep(ledger, sink, turn.held());
        } catch (IOException lost) {
          e.addSuppressed(lost);
        }
        throw e;
      }
      keep(ledger, sink, turn.held());
      turn.held().check();
      sink.finish();
    } catch (FileAlreadyExistsException e) {
      // Finished by an earlier turn; the read-back will hold it against the certificate.
      turn.meter().add(disk.length());
    }
  }

  /**
   * From its first byte to its last, while it comes: nothing of the size of a disk lies here, but
   * for what the {@link Spool} has room for.
   */
  private void inOnePiece(Turn turn, Certificate.Disk disk, DiskTicket ticket, Layer layer)
      throws IOException, InterruptedException {
    DockMessage.Fetch order = turn.order();
    MigrationId migration = order.migration();
    Encoding encoding = new Encoding(AHEAD, System::nanoTime);
    AtomicLong left = new AtomicLong(disk.length());
    try (DockClient client = new DockClient(tls.context(order.peer()), order.from());
        LeafFile leaves = leaves(order.peer(), base(order, disk), migration, disk, manifest(disk));
        ServedDisk arriving =
            new ServedDisk(
                disk.length(),
                layer.over(leaves::at),
                AHEAD,
                BEHIND,
                chunk -> {
                  turn.held().check();
                  int length = length(disk, chunk);
                  ByteBuffer bytes;
                  if (layer.has(chunk)) {
                    bytes = layer.read(chunk);
                  } else {
                    Sha256 leaf = leaves.at(chunk).leaf();
                    Optional<ByteBuffer> spooled =
                        spool.read(migration, disk.name(), chunk, length, leaf);
                    ByteBuffer into = ByteBuffer.allocate(length);
                    if (leaves.at(chunk).isZero()) {
                      bytes = into;
                    } else if (spooled.isPresent()) {
                      bytes = spooled.get();
                    } else if (turn.here().read(chunk, leaf, into)) {
                      bytes = into;
                    } else {
                      await(order, turn.own(), length);
                      bytes = into.clear();
                      certified(
                          client, base(order, disk), chunk, bytes, encoding.next(), leaf, disk);
                      if (spool.keep(migration, disk.name(), chunk, bytes)) {
                        turn.held().advanced();
                      }
                    }
                  }
                  if (left.addAndGet(-length) >= 0) {
                    turn.meter().add(length);
                  }
                  return bytes;
                })) {
      try {
        sites.put(ticket, arriving);
      } catch (FileAlreadyExistsException e) {
        LOG.debug("{} of {} was finished by an earlier turn", disk.name(), migration);
      } catch (IOException e) {
        arriving.rethrow();
        throw e;
      }
      turn.held().check();
      spool.forget(migration, disk.name());
      turn.meter().add(Math.max(0, left.get()));
    }
  }

  private void await(DockMessage.Fetch order, Pace own, int bytes) throws InterruptedException {
    String provider = Party.Site.ofDock(order.peer()).id().provider();
    pace.await(provider, bytes);
    own.await(provider, bytes);
  }

  private static int length(Certificate.Disk disk, int chunk) {
    return (int) Math.min(Manifest.CHUNK, disk.length() - (long) chunk * Manifest.CHUNK);
  }

  /**
   * A disk as the source's dock serves it, for whoever reads only some of it.
   *
   * @param leaves as certified
   */
  record Served(ServedDisk disk, LeafFile leaves, DockClient client) implements Closeable {
    @Override
    public void close() throws IOException {
      try (client;
          leaves) {
        disk.close();
      }
    }
  }

  Served served(DockMessage.Fetch order, Certificate.Disk disk, Pace own)
      throws IOException, InterruptedException {
    URI base = base(order, disk);
    LeafFile leaves = leaves(order.peer(), base, order.migration(), disk, manifest(disk));
    DockClient client = new DockClient(tls.context(order.peer()), order.from());
    ServedDisk served =
        new ServedDisk(
            disk.length(),
            leaves::at,
            0,
            Math.max(1, KEPT / order.disks().size()),
            chunk -> {
              int length = length(disk, chunk);
              ByteBuffer into = ByteBuffer.allocate(length);
              LeafFile.Run run = leaves.at(chunk);
              if (run.isZero()) {
                return into;
              }
              await(order, own, length);
              certified(client, base, chunk, into, false, run.leaf(), disk);
              return into;
            });
    return new Served(served, leaves, client);
  }

  private static Manifest manifest(Certificate.Disk disk) {
    return new Manifest(disk.length(), new Sha256(disk.root().hex()));
  }

  private static URI base(DockMessage.Fetch order, Certificate.Disk disk) {
    return order
        .from()
        .resolve("/v1/migrations/" + order.migration() + "/disks/" + disk.name() + "/");
  }

  /** Fills that buffer, whose limit is a chunk's length, with the certified chunk, to be read. */
  private void certified(
      DockClient client,
      URI base,
      int chunk,
      ByteBuffer into,
      boolean compressed,
      Sha256 leaf,
      Certificate.Disk disk)
      throws IOException, InterruptedException {
    get(client, base.resolve("chunks/" + chunk).getPath(), into, compressed);
    received.increment(into.flip().remaining());
    if (!MerkleTree.leaf(into.duplicate()).equals(leaf)) {
      throw new StepFailed(
          Reason.DIGEST_MISMATCH,
          "chunk " + chunk + " of " + disk.name() + " is not the certified one");
    }
  }

  private LeafFile leaves(
      String peer, URI base, MigrationId migration, Certificate.Disk disk, Manifest manifest)
      throws IOException, InterruptedException {
    // Of this turn alone: one before that lost its lease may still be writing its own.
    Path file = Files.createTempFile(work, migration + "." + disk.name() + ".", ".part");
    try (HttpClient client = tls.client(peer)) {
      HttpResponse<?> response =
          patience.await(
              client.sendAsync(
                  request(base.resolve("leaves")),
                  ifGood(BodyHandlers.ofFile(file), manifest.chunks() * LeafFile.ENTRY_BYTES)),
              () -> Files.size(file));
      Patience.ok(response.statusCode());
      LeafFile leaves = LeafFile.open(file, manifest);
      Files.move(file, file(migration, disk.name()), StandardCopyOption.ATOMIC_MOVE);
      return leaves;
    } catch (BadImageException e) {
      throw new StepFailed(Reason.DIGEST_MISMATCH, "the leaves do not make up the certified root");
    } finally {
      Files.deleteIfExists(file);
    }
  }

  /** What a disk was pulled with, for holding it against what reads back. */
  Pulled pulled(MigrationId migration, String disk, Manifest manifest) throws IOException {
    Path file = file(migration, disk);
    try {
      return new Pulled(
          disk, Files.exists(file) ? Optional.of(LeafFile.open(file, manifest)) : Optional.empty());
    } catch (BadImageException e) {
      // The power failed before it was on the disk.
      return new Pulled(disk, Optional.empty());
    }
  }

  private Path file(MigrationId migration, String disk) {
    return work.resolve(migration + "." + disk + ".leaves");
  }

  private static void keep(Ledger ledger, DiskSink sink, Held held) throws IOException {
    if (ledger.unflushed() > 0 && held.now() && !Thread.currentThread().isInterrupted()) {
      ledger.flush(sink);
      held.advanced();
    }
  }

  /** The same, whatever it is. */
  private void get(DockClient client, String path, ByteBuffer into, boolean compressed)
      throws IOException, InterruptedException {
    if (!compressed) {
      Optional<String> _ = ask(client, path, Optional.empty(), into);
      requireFull(into);
      return;
    }
    // Not given back after a failure: the connection may be writing into it still.
    ByteBuffer came = buffers.take(into.remaining());
    if (ask(client, path, Optional.of(DiskController.ZSTD), came).isPresent()) {
      try {
        Zstd.decompress(came.flip(), into);
      } catch (DataFormatException e) {
        throw new IOException("a chunk that does not decompress to its length", e);
      }
    } else {
      requireFull(came);
      into.put(came.flip());
    }
    buffers.give(came);
  }

  /** What came is compressed if it has a coding: only the one that was offered is taken. */
  private Optional<String> ask(
      DockClient client, String path, Optional<String> coding, ByteBuffer into)
      throws IOException, InterruptedException {
    DockClient.Answer answer = patience.await(client.get(path, coding, into), into::position);
    Patience.ok(answer.status());
    return answer.coding().filter(said -> coding.equals(Optional.of(said)));
  }

  private static void requireFull(ByteBuffer chunk) throws IOException {
    if (chunk.hasRemaining()) {
      throw new IOException("a chunk of " + chunk.position() + " bytes, not " + chunk.limit());
    }
  }

  /** Takes the body of a good answer, up to a limit; any other's is not looked at. */
  private static <T> BodyHandler<Optional<T>> ifGood(BodyHandler<T> good, long most) {
    return answer ->
        answer.statusCode() == 200
            ? BodySubscribers.mapping(
                BodyHandlers.limiting(good, most).apply(answer), Optional::ofNullable)
            : BodySubscribers.replacing(Optional.empty());
  }

  private HttpRequest request(URI uri) {
    return HttpRequest.newBuilder(uri).timeout(patience.stall()).build();
  }

  /** Lets a disk that reads back as it was pulled spare later ones of its customer the way. */
  void keep(MigrationId migration, DiskTicket ticket, Manifest manifest, Shelf shelf)
      throws IOException {
    shelf.keep(ticket, file(migration, ticket.disk()), manifest);
  }

  /** Removes ledgers, leaves and what is spooled of a migration. */
  void forget(MigrationId migration) throws IOException {
    spool.forget(migration);
    try (Stream<Path> files = Files.list(work)) {
      for (Path file :
          files
              .filter(file -> file.getFileName().toString().startsWith(migration + "."))
              .toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
