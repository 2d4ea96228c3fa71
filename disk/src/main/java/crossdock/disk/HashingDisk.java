package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;

/**
 * A disk that is hashed by being read: whoever reads each of its chunks once and whole, in about
 * their order, has its manifest for free. Runs of zeros that the disk knows of need not be read.
 * Any thread may read; closing closes the disk.
 */
final class HashingDisk implements DiskSource {
  private final DiskSource disk;
  private final long length;
  private final DiskHasher.Leaves leaves;
  private final MerkleTree tree = new MerkleTree();
  private final Map<Long, Sha256> early = new TreeMap<>();
  // No chunk from the next one up to here is all zeros by the disk's extents.
  private long dataUpTo;

  /**
   * @param length how much of the disk counts
   * @param leaves is given them in order, one at a time, by whoever reads
   */
  HashingDisk(DiskSource disk, long length, DiskHasher.Leaves leaves) {
    this.disk = disk;
    this.length = length;
    this.leaves = leaves;
  }

  @Override
  public long size() {
    return disk.size();
  }

  @Override
  public Extent extentAt(long offset, long atMost) throws IOException {
    return disk.extentAt(offset, atMost);
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    int from = into.position();
    disk.read(offset, into);
    long end = offset + into.position() - from;
    if (offset % Manifest.CHUNK != 0 || offset >= length) {
      return;
    }
    for (long at = offset; at < length; at += Manifest.CHUNK) {
      int part = (int) Math.min(Manifest.CHUNK, length - at);
      if (at + part > end) {
        return;
      }
      add(at / Manifest.CHUNK, MerkleTree.leaf(into.slice(from + (int) (at - offset), part)));
    }
  }

  private synchronized void add(long chunk, Sha256 leaf) throws IOException {
    if (chunk >= tree.size() && early.putIfAbsent(chunk, leaf) == null) {
      advance();
    }
  }

  private void advance() throws IOException {
    for (long chunks = Manifest.chunks(length); tree.size() < chunks; ) {
      long next = tree.size();
      Sha256 leaf = early.remove(next);
      if (leaf != null) {
        leaves.leaf(next, leaf);
        tree.append(leaf);
        continue;
      }
      long zeros = next < dataUpTo ? 0 : zeros(next);
      if (zeros == 0) {
        return;
      }
      leaves.zeros(next, zeros);
      tree.appendZeros(zeros);
    }
  }

  /** How many chunks from there are all zeros by the disk's extents. */
  private long zeros(long chunk) throws IOException {
    long from = chunk * Manifest.CHUNK;
    long at = from;
    while (at < length) {
      Extent extent = disk.extentAt(at, length - at);
      if (extent.kind() == Extent.Kind.DATA) {
        // The data's last chunk may have zeros behind it.
        dataUpTo = Math.max(at / Manifest.CHUNK + 1, extent.end() / Manifest.CHUNK);
        return (at - from) / Manifest.CHUNK;
      }
      at = extent.end();
    }
    return Manifest.chunks(length) - chunk;
  }

  /** The manifest; chunks that nobody has read are read now. */
  Manifest manifest() throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(Manifest.CHUNK);
    synchronized (this) {
      advance();
      while (tree.size() < Manifest.chunks(length)) {
        long at = tree.size() * Manifest.CHUNK;
        read(at, buffer.clear().limit((int) Math.min(Manifest.CHUNK, length - at)));
      }
      return new Manifest(length, tree.root());
    }
  }

  @Override
  public void close() throws IOException {
    disk.close();
  }
}
