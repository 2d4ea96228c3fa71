package crossdock.disk;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A disk that can be written while what lies under it is only read: each chunk of {@link
 * Manifest#CHUNK} bytes that is written to lies in a file of its own then, named by its number, as
 * long as the chunk is. Thread-safe.
 */
public final class Overlay implements DiskSource {
  private final DiskSource beneath;
  private final Path directory;
  private final AtomicInteger room;
  private final SortedMap<Long, FileChannel> written = new TreeMap<>();
  private Optional<IOException> failure = Optional.empty();

  /**
   * Nothing is written yet.
   *
   * @param beneath stays the caller's, who closes it later than this
   * @param directory an empty one
   * @param room how many chunks may be written still, to all overlays that share it
   */
  public Overlay(DiskSource beneath, Path directory, AtomicInteger room) {
    this.beneath = beneath;
    this.directory = directory;
    this.room = room;
  }

  @Override
  public long size() {
    return beneath.size();
  }

  /** Whoever looks at a guest reads little of it. */
  @Override
  public Extent extentAt(long offset, long atMost) {
    Objects.checkIndex(offset, size());
    return new Extent(offset, Math.min(atMost, size() - offset), Extent.Kind.DATA);
  }

  @Override
  public synchronized void read(long offset, ByteBuffer into) throws IOException {
    int end = into.limit();
    Objects.checkFromIndexSize(offset, into.remaining(), size());
    for (long at = offset; into.position() < end; ) {
      int within = (int) (at % Manifest.CHUNK);
      int part = Math.min(Manifest.CHUNK - within, end - into.position());
      into.limit(into.position() + part);
      FileChannel own = written.get(at / Manifest.CHUNK);
      if (own == null) {
        beneath.read(at, into);
      } else {
        fill(own, within, into);
      }
      into.limit(end);
      at += part;
    }
  }

  /**
   * Writes what remains of {@code from}.
   *
   * @throws IndexOutOfBoundsException if that reaches beyond the disk
   * @throws Full if more chunks would be written than may be
   */
  public synchronized void write(long offset, ByteBuffer from) throws IOException {
    Objects.checkFromIndexSize(offset, from.remaining(), size());
    int end = from.limit();
    for (long at = offset; from.position() < end; ) {
      int within = (int) (at % Manifest.CHUNK);
      int part = Math.min(Manifest.CHUNK - within, end - from.position());
      FileChannel own = kept(at / Manifest.CHUNK);
      from.limit(from.position() + part);
      for (int done = within; from.hasRemaining(); ) {
        done += own.write(from, done);
      }
      from.limit(end);
      at += part;
    }
  }

  private FileChannel kept(long chunk) throws IOException {
    try {
      return own(chunk);
    } catch (IOException e) {
      failure = failure.or(() -> Optional.of(e));
      throw e;
    }
  }

  /** Throws why the first write that failed did: whoever writes may be told only that it did. */
  public synchronized void rethrow() throws IOException {
    if (failure.isPresent()) {
      throw failure.get();
    }
  }

  private FileChannel own(long chunk) throws IOException {
    FileChannel there = written.get(chunk);
    if (there != null) {
      return there;
    }
    // Taken at once: others may be taking the last of it.
    if (room.getAndDecrement() <= 0) {
      room.incrementAndGet();
      throw new Full();
    }
    boolean made = false;
    try {
      FileChannel own = copy(chunk);
      written.put(chunk, own);
      made = true;
      return own;
    } finally {
      if (!made) {
        room.incrementAndGet();
      }
    }
  }

  /** In a file of its own. */
  private FileChannel copy(long chunk) throws IOException {
    long from = chunk * Manifest.CHUNK;
    ByteBuffer content = ByteBuffer.allocate((int) Math.min(Manifest.CHUNK, size() - from));
    beneath.read(from, content);
    content.flip();
    FileChannel own =
        FileChannel.open(
            directory.resolve(Long.toString(chunk)),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    try {
      while (content.hasRemaining()) {
        own.write(content);
      }
    } catch (IOException e) {
      own.close();
      throw e;
    }
    return own;
  }

  private static void fill(FileChannel own, int from, ByteBuffer into) throws IOException {
    for (int at = from; into.hasRemaining(); ) {
      int count = own.read(into, at);
      if (count < 0) {
        throw new EOFException("a chunk of the overlay ends early");
      }
      at += count;
    }
  }

  /** There is no room for another chunk. */
  public static final class Full extends IOException {
    private static final long serialVersionUID = 1L;

    Full() {
      super("more chunks would be changed than may be");
    }
  }

  /** What was written lies in its files, whatever happens then. */
  public synchronized void flush() throws IOException {
    for (FileChannel own : written.values()) {
      own.force(false);
    }
  }

  /** The hash of each chunk that was written to, by its number; it may be what it was before. */
  public synchronized SortedMap<Long, Sha256> leaves() throws IOException {
    SortedMap<Long, Sha256> leaves = new TreeMap<>();
    for (var own : written.entrySet()) {
      ByteBuffer content = ByteBuffer.allocate((int) own.getValue().size());
      fill(own.getValue(), 0, content);
      leaves.put(own.getKey(), MerkleTree.leaf(content.flip()));
    }
    return Collections.unmodifiableSortedMap(leaves);
  }

  /** The files stay. */
  @Override
  public synchronized void close() throws IOException {
    for (FileChannel own : written.values()) {
      own.close();
    }
    written.clear();
  }
}
