package crossdock.conversion;

import crossdock.disk.DiskSource;
import crossdock.disk.Extent;
import crossdock.disk.LeafFile;
import crossdock.disk.Manifest;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * A disk as another dock serves it: each chunk comes when it is wanted, or a little before, and is
 * the certified one. The last few are kept. Thread-safe.
 */
final class ServedDisk implements DiskSource {
  /** Gets a whole chunk, held against its certified leaf. From any thread. */
  @FunctionalInterface
  interface Chunks {
    ByteBuffer get(int chunk) throws IOException, InterruptedException;
  }

  /** Which chunks are zeros. */
  @FunctionalInterface
  interface Runs {
    LeafFile.Run at(long chunk) throws IOException;
  }

  private final long size;
  private final Runs runs;
  private final int ahead;
  private final int most;
  private final Chunks chunks;
  private final SequencedMap<Integer, Future<ByteBuffer>> kept;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private long begun;
  private int furthest;
  private Optional<Throwable> failure = Optional.empty();

  /**
   * @param ahead chunks that are asked for before they are wanted, by who reads from the beginning
   * @param most chunks that are kept in memory: those wanted last, or, of who reads from the
   *     beginning, those before the last beside the ones ahead
   */
  ServedDisk(long size, Runs runs, int ahead, int most, Chunks chunks) {
    this.size = size;
    this.runs = runs;
    this.ahead = ahead;
    this.chunks = chunks;
    this.most = most;
    this.kept = new LinkedHashMap<>(ahead + most, 0.75f, true);
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Extent extentAt(long offset, long atMost) throws IOException {
    long most = Math.min(atMost, size - Objects.checkIndex(offset, size));
    LeafFile.Run run = runs.at(offset / Manifest.CHUNK);
    return new Extent(
        offset,
        Math.min(most, run.end() * Manifest.CHUNK - offset),
        run.isZero() ? Extent.Kind.ZERO : Extent.Kind.DATA);
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, into.remaining(), size);
    for (long at = offset; into.hasRemaining(); ) {
      ByteBuffer chunk = chunk(Math.toIntExact(at / Manifest.CHUNK));
      int within = (int) (at % Manifest.CHUNK);
      int part = Math.min(chunk.limit() - within, into.remaining());
      if (part <= 0) {
        throw new IOException("a chunk of " + chunk.limit() + " bytes");
      }
      into.put(chunk.slice(within, part));
      at += part;
    }
  }

  private ByteBuffer chunk(int number) throws IOException {
    try {
      return wanted(number).get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException();
    } catch (ExecutionException e) {
      Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
      failed(cause);
      throw new IOException("chunk " + number + " does not come", cause);
    }
  }

  private synchronized Future<ByteBuffer> wanted(int number) throws IOException {
    long chunks = Manifest.chunks(size);
    for (begun = Math.max(begun, number + 1L);
        ahead > 0 && begun < chunks && begun <= number + (long) ahead; ) {
      LeafFile.Run run = runs.at(begun);
      if (run.isZero()) {
        begun = run.end();
      } else {
        Future<ByteBuffer> _ = coming((int) begun++);
      }
    }
    Future<ByteBuffer> wanted = coming(number);
    if (ahead > 0) {
      furthest = Math.max(furthest, number);
      kept.keySet().removeIf(one -> one < furthest - most);
    } else if (kept.size() > most) {
      kept.pollFirstEntry();
    }
    return wanted;
  }

  private Future<ByteBuffer> coming(int number) {
    return kept.computeIfAbsent(number, _ -> threads.submit(() -> chunks.get(number)));
  }

  private synchronized void failed(Throwable e) {
    failure = failure.or(() -> Optional.of(e));
  }

  /** Throws why the first chunk that did not come did not: whoever reads may be told only that. */
  synchronized void rethrow() throws IOException {
    switch (failure.orElse(null)) {
      case RuntimeException first -> throw first;
      case IOException first -> throw first;
      case null, default -> {}
    }
  }

  /** Nothing comes any more. */
  @Override
  public void close() {
    threads.shutdownNow();
    threads.close();
  }
}
