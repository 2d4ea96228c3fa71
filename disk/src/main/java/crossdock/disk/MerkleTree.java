package crossdock.disk;

import crossdock.disk.codec.Hash;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;

/**
 * The RFC 6962 SHA-256 tree, built leaf by leaf in order, in memory that grows with the logarithm
 * of the leaves. Not thread-safe; {@link #leaf} is.
 */
public final class MerkleTree {
  private static final byte LEAF = 0;
  private static final byte NODE = 1;

  /** The leaf of a chunk of zeros: known without reading. */
  public static final Sha256 ZERO_LEAF = hash(ByteBuffer.allocate(0), Manifest.CHUNK);

  private final MessageDigest sha = Sha256.digest();
  // One root for each bit set in size: complete subtrees, the largest first.
  private final List<byte[]> subtrees = new ArrayList<>();
  // Complete trees of zeros by their height, as far as they were needed.
  private final List<byte[]> zeros = new ArrayList<>(List.of(ZERO_LEAF.bytes()));
  private long size;

  /** Hash of what remains of a chunk, padded with zeros to a whole one. Leaves it as it was. */
  public static Sha256 leaf(ByteBuffer chunk) {
    int padding = Manifest.CHUNK - chunk.remaining();
    if (padding < 0) {
      throw new IllegalArgumentException("a chunk of " + chunk.remaining() + " bytes");
    }
    return Zeros.isZero(chunk) ? ZERO_LEAF : hash(chunk, padding);
  }

  private static Sha256 hash(ByteBuffer chunk, int padding) {
    return Sha256.of(Hash.sha256(ByteBuffer.wrap(new byte[] {LEAF}), chunk, Zeros.of(padding)));
  }

  /** Adds the hash of the next leaf. */
  public void append(Sha256 leaf) {
    append(leaf.bytes(), 0);
  }

  private void append(byte[] complete, int height) {
    byte[] node = complete;
    // Each trailing one of the old size is a complete neighbour of the same height.
    for (long bits = size >>> height; (bits & 1) == 1; bits >>>= 1) {
      node = node(subtrees.removeLast(), node);
    }
    subtrees.add(node);
    size += 1L << height;
  }

  /** Adds that many leaves of zeros, in time that grows with the logarithm of their number. */
  public void appendZeros(long count) {
    for (long left = count; left > 0; ) {
      // The largest complete tree that begins here and is not too large.
      int height = 63 - Long.numberOfLeadingZeros(left);
      height = size == 0 ? height : Math.min(height, Long.numberOfTrailingZeros(size));
      while (zeros.size() <= height) {
        zeros.add(node(zeros.getLast(), zeros.getLast()));
      }
      append(zeros.get(height), height);
      left -= 1L << height;
    }
  }

  /** How many leaves were added. */
  public long size() {
    return size;
  }

  /** The root over the leaves so far; more may follow. */
  public Sha256 root() {
    if (subtrees.isEmpty()) {
      return Sha256.of(sha.digest());
    }
    byte[] root = subtrees.getLast();
    for (int i = subtrees.size() - 2; i >= 0; i--) {
      root = node(subtrees.get(i), root);
    }
    return Sha256.of(root);
  }

  private byte[] node(byte[] left, byte[] right) {
    sha.update(NODE);
    sha.update(left);
    return sha.digest(right);
  }
}
