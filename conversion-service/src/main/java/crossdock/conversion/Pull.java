package crossdock.conversion;

import crossdock.chassis.Held;
import crossdock.chassis.MutualTls;
import crossdock.chassis.StepFailed;
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
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * Pulls a certified disk from the source's dock into a sink: leaves first, held against the
 * certified root, then every chunk that is not zero, held against its leaf before it is written.
 * What has been flushed is in a ledger beside the job, so that whoever goes on after a crash asks
 * for the rest only.
 */
@Singleton
final class Pull {
  private static final int CONNECTIONS = 4;
  private static final int BATCH = 64;
  private static final Duration STALL = Duration.ofSeconds(30);

  private final MutualTls tls;
  private final Sites sites;
  private final Path work;

  Pull(MutualTls tls, Sites sites, @Value("${crossdock.work}") Path work) throws IOException {
    this.tls = tls;
    this.sites = sites;
    this.work = Files.createDirectories(work.resolve("ledgers"));
  }

  /**
   * Returns when the disk is finished in its place.
   *
   * @throws StepFailed DIGEST_MISMATCH if the source serves other bytes than were certified
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
          copy(connections, client, base, leaves, sink, disk, batch, meter);
          sink.flush();
          batch.forEach(written::set);
          write(ledger, written);
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

  private static void copy(
      ExecutorService connections,
      HttpClient client,
      URI base,
      LeafFile leaves,
      DiskSink sink,
      Certificate.Disk disk,
      List<Integer> chunks,
      Meter meter)
      throws IOException, InterruptedException {
    List<Future<?>> copies = new ArrayList<>();
    for (int chunk : chunks) {
      copies.add(
          connections.submit(
              () -> {
                long offset = (long) chunk * Manifest.CHUNK;
                int length = (int) Math.min(Manifest.CHUNK, disk.length() - offset);
                byte[] bytes = get(client, base.resolve("chunks/" + chunk), length);
                if (!MerkleTree.leaf(ByteBuffer.wrap(bytes)).equals(leaves.at(chunk).leaf())) {
                  throw new StepFailed(
                      Reason.DIGEST_MISMATCH,
                      "chunk " + chunk + " of " + disk.name() + " is not the certified one");
                }
                sink.write(offset, ByteBuffer.wrap(bytes));
                meter.add(Manifest.CHUNK);
                return null;
              }));
    }
    try {
      for (Future<?> copy : copies) {
        copy.get();
      }
    } catch (ExecutionException e) {
      copies.forEach(copy -> copy.cancel(true));
      switch (e.getCause()) {
        case StepFailed failed -> throw failed;
        case IOException io -> throw io;
        case null, default -> throw new IOException("cannot copy a chunk", e);
      }
    }
  }

  private LeafFile leaves(
      HttpClient client, URI base, MigrationId migration, Certificate.Disk disk, Manifest manifest)
      throws IOException, InterruptedException {
    // Of this turn alone: one before that lost its lease may still be writing its own.
    Path file = Files.createTempFile(work, migration + "." + disk.name() + ".", ".leaves");
    try {
      HttpResponse<Path> response =
          await(
              client.sendAsync(
                  request(base.resolve("leaves")),
                  BodyHandlers.limiting(
                      BodyHandlers.ofFile(file), manifest.chunks() * LeafFile.ENTRY_BYTES)),
              () -> Files.size(file));
      ok(response.statusCode());
      return LeafFile.open(file, manifest);
    } catch (BadImageException e) {
      throw new StepFailed(Reason.DIGEST_MISMATCH, "the leaves do not make up the certified root");
    } finally {
      // Open, it is read all the same.
      Files.deleteIfExists(file);
    }
  }

  private static byte[] get(HttpClient client, URI uri, int length)
      throws IOException, InterruptedException {
    HttpResponse<byte[]> response =
        await(
            client.sendAsync(
                request(uri), BodyHandlers.limiting(BodyHandlers.ofByteArray(), length)),
            () -> 0);
    ok(response.statusCode());
    if (response.body().length != length) {
      throw new IOException("a chunk of another length");
    }
    return response.body();
  }

  /** How much has come. */
  @FunctionalInterface
  private interface Progress {
    long bytes() throws IOException;
  }

  /** The whole answer, unless nothing more of it comes for a while. */
  private static <T> T await(CompletableFuture<T> answer, Progress progress)
      throws IOException, InterruptedException {
    try {
      for (long before = -1; ; ) {
        try {
          return answer.get(STALL.toSeconds(), TimeUnit.SECONDS);
        } catch (TimeoutException e) {
          long now = progress.bytes();
          if (now == before) {
            throw new IOException("the source's dock has stopped sending", e);
          }
          before = now;
        }
      }
    } catch (ExecutionException e) {
      throw new IOException("the source's dock broke off: " + e.getCause(), e);
    } finally {
      answer.cancel(true);
    }
  }

  private static HttpRequest request(URI uri) {
    return HttpRequest.newBuilder(uri).timeout(STALL).build();
  }

  private static void ok(int status) throws IOException {
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
