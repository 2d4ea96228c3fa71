package crossdock.conversion;

import crossdock.chassis.Held;
import crossdock.chassis.MutualTls;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Unanswered;
import crossdock.contracts.Certificate;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Reason;
import crossdock.disk.BadImageException;
import crossdock.disk.DiskSink;
import crossdock.disk.LeafFile;
import crossdock.disk.Manifest;
import crossdock.disk.MerkleTree;
import crossdock.disk.Sha256;
import crossdock.providers.DiskTicket;
import crossdock.site.DockMessage;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
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
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/**
 * Pulls a certified disk from the source's dock into a sink: leaves first, held against the
 * certified root, then every chunk that is not zero, held against its leaf before it is written.
 * What has been flushed is in a ledger beside the job, so that whoever goes on after a crash asks
 * for the rest only. However long it takes: only a source that sends next to nothing ends a turn.
 */
@Singleton
final class Pull {
  private static final int CONNECTIONS = 4;
  private static final int BATCH = 64;

  /** Bytes of an answer that come within {@link #stall}, at least. */
  private static final long LEAST = 16 << 10;

  private final MutualTls tls;
  private final Sites sites;
  private final Path work;
  private final Duration stall;

  Pull(
      MutualTls tls,
      Sites sites,
      @Value("${crossdock.work}") Path work,
      @Value("${crossdock.dock.stall:30s}") Duration stall)
      throws IOException {
    this.tls = tls;
    this.sites = sites;
    this.work = Files.createDirectories(work.resolve("ledgers"));
    this.stall = stall;
  }

  /**
   * Returns when the disk is finished in its place.
   *
   * @throws StepFailed DIGEST_MISMATCH if the source serves other bytes than were certified
   * @throws Unanswered if it does not answer, or stops in the middle
   */
  void disk(
      DockMessage.Fetch order, Certificate.Disk disk, DiskTicket ticket, Held held, Meter meter)
      throws IOException, InterruptedException {
    Manifest manifest = new Manifest(disk.length(), new Sha256(disk.root().hex()));
    URI base =
        order.from().resolve("/v1/migrations/" + order.migration() + "/disks/" + disk.name() + "/");
    try (HttpClient client = tls.client(order.peer());
        DiskSink sink = sites.sink(ticket);
        LeafFile leaves = leaves(client, base, order.migration(), disk, manifest);
        ExecutorService connections =
            Executors.newFixedThreadPool(CONNECTIONS, Thread.ofVirtual().factory())) {
      if (sink.size() != disk.length()) {
        throw new StepFailed(
            Reason.DIGEST_MISMATCH, disk.name() + " has another size than was certified");
      }
      Path ledger = work.resolve(order.migration() + "." + disk.name() + ".ledger");
      BitSet written = sink.startsZeroed() ? new BitSet() : read(ledger);
      boolean zeroed = sink.startsZeroed();
      List<Integer> batch = new ArrayList<>();
      long chunks = manifest.chunks();
      for (int chunk = 0; chunk < chunks; ) {
        LeafFile.Run run = leaves.at(chunk);
        int end = Math.toIntExact(run.end());
        if (run.isZero() || written.get(chunk)) {
          long offset = (long) chunk * Manifest.CHUNK;
          long length = Math.min((long) end * Manifest.CHUNK, disk.length()) - offset;
          if (run.isZero() && !zeroed) {
            sink.zero(offset, length);
          }
          meter.add(length);
        } else {
          batch.add(chunk);
        }
        chunk = end;
        if (batch.size() == BATCH || chunk == chunks) {
          held.check();
          Set<Integer> arrived = ConcurrentHashMap.newKeySet();
          try {
            copy(
                connections,
                held,
                chunkOf(client, base, leaves, disk),
                sink,
                batch,
                meter,
                arrived);
          } finally {
            // Whatever ended the batch: what has come need not come again.
            if (!arrived.isEmpty() && held.now() && !Thread.currentThread().isInterrupted()) {
              sink.flush();
              arrived.forEach(written::set);
              write(ledger, written);
              held.advanced();
            }
          }
          batch.clear();
        }
      }
      held.check();
      sink.finish();
    } catch (FileAlreadyExistsException e) {
      // Finished by an earlier turn; the read-back will hold it against the certificate.
      meter.add(disk.length());
    }
  }

  /** Gets a chunk, and believes it only if it is the certified one. */
  @FunctionalInterface
  private interface Chunks {
    ByteBuffer get(int chunk) throws IOException, InterruptedException;
  }

  private Chunks chunkOf(HttpClient client, URI base, LeafFile leaves, Certificate.Disk disk) {
    return chunk -> {
      long offset = (long) chunk * Manifest.CHUNK;
      int length = (int) Math.min(Manifest.CHUNK, disk.length() - offset);
      ByteBuffer bytes = get(client, base.resolve("chunks/" + chunk), length);
      if (!MerkleTree.leaf(bytes.duplicate()).equals(leaves.at(chunk).leaf())) {
        throw new StepFailed(
            Reason.DIGEST_MISMATCH,
            "chunk " + chunk + " of " + disk.name() + " is not the certified one");
      }
      return bytes;
    };
  }

  /**
   * Copies chunks, several at once. After one has failed no other is begun, and those that are
   * under way are waited for; only an interrupt breaks them off.
   *
   * @param arrived gets those that are written
   */
  private static void copy(
      ExecutorService connections,
      Held held,
      Chunks source,
      DiskSink sink,
      List<Integer> chunks,
      Meter meter,
      Set<Integer> arrived)
      throws IOException, InterruptedException {
    List<Future<?>> copies = new ArrayList<>();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    for (int chunk : chunks) {
      copies.add(
          connections.submit(
              () -> {
                if (failure.get() != null) {
                  return null;
                }
                ByteBuffer bytes = source.get(chunk);
                // Whoever goes on after this turn may be writing already.
                held.check();
                sink.write((long) chunk * Manifest.CHUNK, bytes);
                arrived.add(chunk);
                meter.add(Manifest.CHUNK);
                return null;
              }));
    }
    try {
      for (Future<?> copy : copies) {
        try {
          copy.get();
        } catch (ExecutionException e) {
          failure.compareAndSet(null, e.getCause());
        }
      }
    } finally {
      copies.forEach(copy -> copy.cancel(true));
    }
    switch (failure.get()) {
      case null -> {}
      case StepFailed failed -> throw failed;
      case IOException io -> throw io;
      case IllegalStateException lost -> throw lost;
      case Throwable other -> throw new IOException("cannot copy a chunk", other);
    }
  }

  private LeafFile leaves(
      HttpClient client, URI base, MigrationId migration, Certificate.Disk disk, Manifest manifest)
      throws IOException, InterruptedException {
    // Of this turn alone: one before that lost its lease may still be writing its own.
    Path file = Files.createTempFile(work, migration + "." + disk.name() + ".", ".part");
    try {
      HttpResponse<?> response =
          await(
              client.sendAsync(
                  request(base.resolve("leaves")),
                  ifGood(BodyHandlers.ofFile(file), manifest.chunks() * LeafFile.ENTRY_BYTES)),
              () -> Files.size(file));
      ok(response.statusCode());
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

  private ByteBuffer get(HttpClient client, URI uri, int length)
      throws IOException, InterruptedException {
    ByteBuffer chunk = ByteBuffer.allocate(length);
    HttpResponse<?> response =
        await(
            client.sendAsync(
                request(uri),
                ifGood(
                    BodyHandlers.ofByteArrayConsumer(part -> part.ifPresent(chunk::put)), length)),
            chunk::position);
    ok(response.statusCode());
    if (chunk.hasRemaining()) {
      throw new IOException("a chunk of " + chunk.position() + " bytes, not of " + length);
    }
    return chunk.flip();
  }

  /** Takes the body of a good answer, up to a limit; any other's is not looked at. */
  private static <T> BodyHandler<Optional<T>> ifGood(BodyHandler<T> good, long most) {
    return answer ->
        answer.statusCode() == 200
            ? BodySubscribers.mapping(
                BodyHandlers.limiting(good, most).apply(answer), Optional::ofNullable)
            : BodySubscribers.replacing(Optional.empty());
  }

  /** How much has come. */
  @FunctionalInterface
  private interface Progress {
    long bytes() throws IOException;
  }

  /** The whole answer, unless next to nothing of it comes for a while. */
  private <T> T await(CompletableFuture<T> answer, Progress progress)
      throws IOException, InterruptedException {
    try {
      for (long before = 0; ; ) {
        try {
          return answer.get(stall.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
          long now = progress.bytes();
          if (now - before < LEAST) {
            throw new Unanswered(
                "the source's dock has stopped sending: %d bytes in %d s"
                    .formatted(now - before, stall.toSeconds()),
                e);
          }
          before = now;
        }
      }
    } catch (ExecutionException e) {
      throw new Unanswered("the source's dock broke off: " + e.getCause(), e);
    } finally {
      answer.cancel(true);
    }
  }

  private HttpRequest request(URI uri) {
    return HttpRequest.newBuilder(uri).timeout(stall).build();
  }

  private static void ok(int status) throws IOException {
    if (status >= 500) {
      throw new Unanswered("the source's dock answers HTTP " + status);
    }
    if (status != 200) {
      throw new IOException("the source's dock answers HTTP " + status);
    }
  }

  private static BitSet read(Path ledger) throws IOException {
    return Files.exists(ledger) ? BitSet.valueOf(Files.readAllBytes(ledger)) : new BitSet();
  }

  private static void write(Path ledger, BitSet written) throws IOException {
    Path next = ledger.resolveSibling(ledger.getFileName() + ".next");
    Files.write(next, written.toByteArray());
    Files.move(next, ledger, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Removes ledgers and leaves of a migration. */
  void forget(MigrationId migration) throws IOException {
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
