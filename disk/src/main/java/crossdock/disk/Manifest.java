package crossdock.disk;

/**
 * What a disk holds: its exact length in bytes, and the root of the RFC 6962 SHA-256 tree over its
 * chunks, the last of them padded with zeros. It is the same whatever container the disk is in.
 */
public record Manifest(long length, Sha256 root) {
  /** Bytes in a chunk. Fixed for this version of the contract. */
  public static final int CHUNK = 1 << 20;

  public Manifest {
    if (length < 0) {
      throw new IllegalArgumentException("disk of " + length + " bytes");
    }
  }

  /** How many chunks, hence leaves, this disk has. */
  public long chunks() {
    return chunks(length);
  }

  /** How many chunks a disk of that many bytes has. */
  public static long chunks(long length) {
    return length / CHUNK + (length % CHUNK == 0 ? 0 : 1);
  }
}
