package crossdock.disk;

import crossdock.disk.BadImageException.Reason;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.UUID;

/**
 * The leaves of a disk in a file, as they are sent and kept beside a certificate: entries of 40
 * bytes, each the number of the chunk behind it, 64 bits, most significant byte first, and a leaf.
 * An entry stands for all chunks since the one before; for more than one only if they are zeros,
 * and then for as many as there are in a row, so that a disk has one such file. Reading is
 * thread-safe, and takes no memory for the file's size.
 */
public final class LeafFile implements Closeable {
  /** Bytes of an entry; there are at most as many entries as chunks. */
  public static final int ENTRY_BYTES = 40;

  private static final int CHECKED_AT_ONCE = 4096;

  /**
   * Chunks that have one hash.
   *
   * @param end the number of the chunk behind the last of them
   */
  public record Run(long end, Sha256 leaf) {
    /** Whether they are zeros; only then are there several. */
    public boolean isZero() {
      return leaf.equals(MerkleTree.ZERO_LEAF);
    }
  }

  /** Takes the leaves of a disk as they come. Nothing is in the file before {@link #finish}. */
  public static final class Writer implements DiskHasher.Leaves, Closeable {
    private final Path file;
    private final Path unfinished;
    private final OutputStream out;
    private long chunks;
    private boolean zeros;

    /** To a file that may be there; several at once do not disturb each other. */
    public Writer(Path file) throws IOException {
      this.file = file;
      this.unfinished = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID());
      this.out = new BufferedOutputStream(Files.newOutputStream(unfinished), 1 << 16);
    }

    @Override
    public void leaf(long chunk, Sha256 hash) throws IOException {
      if (hash.equals(MerkleTree.ZERO_LEAF)) {
        zeros(chunk, 1);
        return;
      }
      endZeros();
      chunks++;
      put(hash);
    }

    @Override
    public void zeros(long chunk, long count) {
      zeros = true;
      chunks += count;
    }

    private void endZeros() throws IOException {
      if (zeros) {
        put(MerkleTree.ZERO_LEAF);
        zeros = false;
      }
    }

    private void put(Sha256 leaf) throws IOException {
      out.write(ByteBuffer.allocate(ENTRY_BYTES).putLong(chunks).put(leaf.bytes()).array());
    }

    /** Puts what was taken in the place of what the file held. */
    public void finish() throws IOException {
      endZeros();
      out.close();
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Leaves nothing of what was not finished. */
    @Override
    public void close() throws IOException {
      try (out) {
        Files.deleteIfExists(unfinished);
      }
    }
  }

  private final FileChannel channel;
  private final long entries;
  private final long chunks;

  private LeafFile(FileChannel channel, long chunks) throws IOException {
    this.channel = channel;
    this.entries = channel.size() / ENTRY_BYTES;
    this.chunks = chunks;
  }

  /**
   * Opens the leaves of a disk.
   *
   * @throws BadImageException unless they make up the manifest's root, and are all of them
   */
  public static LeafFile open(Path file, Manifest manifest) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    try {
      LeafFile leaves = new LeafFile(channel, manifest.chunks());
      if (channel.size() % ENTRY_BYTES != 0 || !leaves.root().equals(manifest.root())) {
        throw ImageBytes.bad(Reason.BAD_CHECKSUM, 0, "other leaves", "those of " + manifest.root());
      }
      return leaves;
    } catch (Throwable e) {
      channel.close();
      throw e;
    }
  }

  /** How many chunks there are. */
  public long chunks() {
    return chunks;
  }

  /** The run that a chunk is in. */
  public Run at(long chunk) throws IOException {
    Objects.checkIndex(chunk, chunks);
    long low = 0;
    for (long high = entries - 1; low < high; ) {
      long middle = (low + high) >>> 1;
      if (runs(middle, 1)[0].end > chunk) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return runs(low, 1)[0];
  }

  /** Somebody else wrote it: the entries are held against their rules, too. */
  private Sha256 root() throws IOException {
    MerkleTree tree = new MerkleTree();
    boolean zeros = false;
    for (long entry = 0; entry < entries; ) {
      Run[] some = runs(entry, (int) Math.min(CHECKED_AT_ONCE, entries - entry));
      for (Run run : some) {
        boolean fits = run.isZero() ? !zeros : run.end == tree.size() + 1;
        if (!fits || run.end <= tree.size() || run.end > chunks) {
          throw ImageBytes.bad(
              Reason.BAD_FIELD, 0, "an entry that ends at " + run.end, "after " + tree.size());
        }
        if (run.isZero()) {
          tree.appendZeros(run.end - tree.size());
        } else {
          tree.append(run.leaf);
        }
        zeros = run.isZero();
      }
      entry += some.length;
    }
    if (tree.size() != chunks) {
      throw ImageBytes.bad(Reason.TRUNCATED, 0, tree.size() + " leaves", "" + chunks);
    }
    return tree.root();
  }

  private Run[] runs(long from, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count * ENTRY_BYTES);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, from * ENTRY_BYTES + bytes.position()) < 0) {
        throw new EOFException("leaf file ends early");
      }
    }
    Run[] found = new Run[count];
    byte[] leaf = new byte[32];
    bytes.flip();
    for (int i = 0; i < count; i++) {
      long end = bytes.getLong();
      bytes.get(leaf);
      found[i] = new Run(end, Sha256.of(leaf));
    }
    return found;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
