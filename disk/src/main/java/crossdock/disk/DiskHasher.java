package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Computes manifests. Chunks are read and hashed by a few threads, leaves come out in order; runs
 * of zero are never read. Memory is a chunk for each chunk in flight, whatever the disk's size.
 */
public final class DiskHasher {
  private static final int THREADS = Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 8);
  private static final int IN_FLIGHT = 2 * THREADS;

  /** Receives the leaves in order, from one thread. */
  @FunctionalInterface
  public interface Leaves {
    void leaf(long chunk, Sha256 hash) throws IOException;
  }

  private DiskHasher() {}

  /** The manifest of a disk. */
  public static Manifest hash(DiskSource disk) throws IOException {
    return hash(disk, (chunk, leaf) -> {});
  }

  /** The manifest of a disk, and all its leaves on the way. */
  public static Manifest hash(DiskSource disk, Leaves leaves) throws IOException {
    return hash(disk, disk.size(), leaves);
  }

  /**
   * Holds a disk against a manifest. A target may have had to round its size up: then all beyond
   * must read as zero.
   */
  public static Verdict matches(Manifest manifest, DiskSource disk) throws IOException {
    long grownBy = disk.size() - manifest.length();
    if (grownBy < 0) {
      return new Verdict.Shorter(-grownBy);
    }
    Manifest found = hash(disk, manifest.length(), (chunk, leaf) -> {});
    if (!found.equals(manifest)) {
      return new Verdict.Different(found.root());
    }
    long dirty = firstNotZero(disk, manifest.length());
    return dirty < 0 ? new Verdict.Same(grownBy) : new Verdict.TailNotZero(dirty);
  }

  private static Manifest hash(DiskSource disk, long length, Leaves leaves) throws IOException {
    MerkleTree tree = new MerkleTree();
    Queue<Future<Sha256>> inFlight = new ArrayDeque<>();
    ExecutorService threads =
        Executors.newFixedThreadPool(
            THREADS, Thread.ofPlatform().daemon().name("disk-hash-", 0).factory());
    try {
      Queue<ByteBuffer> buffers = new ConcurrentLinkedQueue<>();
      Cursor cursor = new Cursor(disk, length);
      for (long offset = 0; offset < length; offset += Manifest.CHUNK) {
        long at = offset;
        int part = (int) Math.min(Manifest.CHUNK, length - offset);
        inFlight.add(
            cursor.isZero(offset, part)
                ? CompletableFuture.completedFuture(MerkleTree.ZERO_LEAF)
                : threads.submit(() -> leaf(disk, at, part, buffers)));
        if (inFlight.size() == IN_FLIGHT) {
          take(inFlight, tree, leaves);
        }
      }
      while (!inFlight.isEmpty()) {
        take(inFlight, tree, leaves);
      }
      return new Manifest(length, tree.root());
    } finally {
      // Not shutdownNow: an interrupt would close the channel under the source.
      inFlight.forEach(leaf -> leaf.cancel(false));
      threads.close();
    }
  }

  private static Sha256 leaf(DiskSource disk, long offset, int length, Queue<ByteBuffer> buffers)
      throws IOException {
    ByteBuffer pooled = buffers.poll();
    ByteBuffer buffer = pooled == null ? ByteBuffer.allocate(Manifest.CHUNK) : pooled;
    buffer.clear().limit(length);
    disk.read(offset, buffer);
    Sha256 leaf = MerkleTree.leaf(buffer.flip());
    buffers.add(buffer);
    return leaf;
  }

  private static void take(Queue<Future<Sha256>> inFlight, MerkleTree tree, Leaves leaves)
      throws IOException {
    try {
      Sha256 leaf = inFlight.remove().get();
      leaves.leaf(tree.size(), leaf);
      tree.append(leaf);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException cause -> throw cause;
        case RuntimeException cause -> throw cause;
        case null, default -> throw new IOException(e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while hashing", e);
    }
  }

  private static long firstNotZero(DiskSource disk, long from) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(Manifest.CHUNK);
    long size = disk.size();
    for (long at = from; at < size; ) {
      Extent extent = disk.extentAt(at, size - at);
      if (extent.kind() == Extent.Kind.ZERO) {
        at = extent.end();
        continue;
      }
      int part = (int) Math.min(Manifest.CHUNK, extent.length());
      buffer.clear().limit(part);
      disk.read(at, buffer);
      if (!Zeros.isZero(buffer.flip())) {
        return at;
      }
      at += part;
    }
    return -1;
  }

  /** Walks the extents of a disk beside its chunks, asking for each run once. */
  private static final class Cursor {
    private final DiskSource disk;
    private final long length;
    private @Nullable Extent extent;

    Cursor(DiskSource disk, long length) {
      this.disk = disk;
      this.length = length;
    }

    boolean isZero(long offset, int part) throws IOException {
      for (long at = offset; at < offset + part; ) {
        Extent here = extent;
        if (here == null || here.end() <= at) {
          here = disk.extentAt(at, length - at);
          extent = here;
        }
        if (here.kind() == Extent.Kind.DATA) {
          return false;
        }
        at = here.end();
      }
      return true;
    }
  }
}
