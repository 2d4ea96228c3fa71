package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Computes manifests. Chunks are read and hashed by a few threads, leaves come out in order; runs
 * of zero are never read. Memory is a chunk for each chunk in flight, whatever the disk's size.
 */
public final class DiskHasher {
  /** Receives the leaves in order, one after the other. */
  @FunctionalInterface
  public interface Leaves {
    void leaf(long chunk, Sha256 hash) throws IOException;

    /** That many chunks of zeros, from this one on. */
    default void zeros(long chunk, long count) throws IOException {
      for (long n = 0; n < count; n++) {
        leaf(chunk + n, MerkleTree.ZERO_LEAF);
      }
    }
  }

  /** Nobody wants them: long runs of zeros are free. */
  static final Leaves NO_LEAVES =
      new Leaves() {
        @Override
        public void leaf(long chunk, Sha256 hash) {}

        @Override
        public void zeros(long chunk, long count) {}
      };

  private DiskHasher() {}

  /** The manifest of a disk. */
  public static Manifest hash(DiskSource disk) throws IOException {
    return hash(disk, NO_LEAVES);
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
    return matches(manifest, disk, NO_LEAVES);
  }

  /** The same, and all leaves of what the manifest is of on the way. */
  public static Verdict matches(Manifest manifest, DiskSource disk, Leaves leaves)
      throws IOException {
    long grownBy = disk.size() - manifest.length();
    if (grownBy < 0) {
      return new Verdict.Shorter(-grownBy);
    }
    Manifest found = hash(disk, manifest.length(), leaves);
    if (!found.equals(manifest)) {
      return new Verdict.Different(found.root());
    }
    long dirty = firstNotZero(disk, manifest.length());
    return dirty < 0 ? new Verdict.Same(grownBy) : new Verdict.TailNotZero(dirty);
  }

  private static Manifest hash(DiskSource disk, long length, Leaves leaves) throws IOException {
    // Not closed: the disk is the caller's.
    HashingDisk hashing = new HashingDisk(disk, length, leaves);
    DiskPass.over(hashing, length, DiskPass.NOTHING);
    return hashing.manifest();
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
}
