package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Computes manifests. Chunks are read and hashed by a few threads, leaves come out in order; runs
 * of zero are never read. Memory is a chunk for each chunk in flight, whatever the disk's size.
 */
public final class DiskHasher {
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
    Queue<ByteBuffer> buffers = new ConcurrentLinkedQueue<>();
    Cursor cursor = new Cursor(disk, length);
    try (InOrder<Sha256> hashes =
        new InOrder<>(
            "disk-hash",
            leaf -> {
              leaves.leaf(tree.size(), leaf);
              tree.append(leaf);
            })) {
      for (long offset = 0; offset < length; offset += Manifest.CHUNK) {
        long at = offset;
        int part = (int) Math.min(Manifest.CHUNK, length - offset);
        if (cursor.isZero(offset, part)) {
          hashes.known(MerkleTree.ZERO_LEAF);
        } else {
          hashes.submit(() -> leaf(disk, at, part, buffers));
        }
      }
      hashes.finish();
    }
    return new Manifest(length, tree.root());
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
