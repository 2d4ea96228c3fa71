package crossdock.conversion;

import crossdock.disk.DiskSource;
import crossdock.disk.Extent;
import crossdock.disk.Manifest;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A disk as another dock serves it: each chunk comes when it is wanted, and is the certified one.
 * The last few are kept. Thread-safe.
 */
final class ServedDisk implements DiskSource {
  /** Gets a whole chunk, held against its certified leaf. */
  @FunctionalInterface
  interface Chunks {
    ByteBuffer get(int chunk) throws IOException, InterruptedException;
  }

  private final long size;
  private final Chunks chunks;
  private final Map<Integer, ByteBuffer> kept;
  private Optional<Exception> failure = Optional.empty();

  /**
   * @param most chunks that are kept in memory
   */
  ServedDisk(long size, int most, Chunks chunks) {
    this.size = size;
    this.chunks = chunks;
    this.kept =
        new LinkedHashMap<>(most, 0.75f, true) {
          @Override
          protected boolean removeEldestEntry(Map.Entry<Integer, ByteBuffer> eldest) {
            return size() > most;
          }
        };
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Extent extentAt(long offset, long atMost) {
    Objects.checkIndex(offset, size);
    return new Extent(offset, Math.min(atMost, size - offset), Extent.Kind.DATA);
  }

  @Override
  public synchronized void read(long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, into.remaining(), size);
    for (long at = offset; into.hasRemaining(); ) {
      ByteBuffer chunk = chunk(Math.toIntExact(at / Manifest.CHUNK));
      int within = (int) (at % Manifest.CHUNK);
      int part = Math.min(chunk.limit() - within, into.remaining());
      into.put(chunk.slice(within, part));
      at += part;
    }
  }

  private ByteBuffer chunk(int number) throws IOException {
    ByteBuffer known = kept.get(number);
    if (known != null) {
      return known;
    }
    try {
      ByteBuffer chunk = chunks.get(number);
      kept.put(number, chunk);
      return chunk;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException();
    } catch (IOException | RuntimeException e) {
      failure = failure.or(() -> Optional.of(e));
      throw new IOException("chunk " + number + " does not come", e);
    }
  }

  /** Throws why the first chunk that did not come did not: whoever reads may be told only that. */
  synchronized void rethrow() throws IOException {
    switch (failure.orElse(null)) {
      case RuntimeException first -> throw first;
      case IOException first -> throw first;
      case null, default -> {}
    }
  }

  @Override
  public void close() {}
}
