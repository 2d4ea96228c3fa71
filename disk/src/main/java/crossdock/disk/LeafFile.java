package crossdock.disk;

import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;

/**
 * The leaves of a disk in a file, 32 bytes each in order, as they are sent and kept beside a
 * certificate. Reading is thread-safe.
 */
public final class LeafFile implements Closeable {
  static final int LEAF_BYTES = 32;

  private final FileChannel channel;
  private final long leaves;

  private LeafFile(FileChannel channel, long leaves) {
    this.channel = channel;
    this.leaves = leaves;
  }

  /** Hashes a disk and writes its leaves, replacing what the file held. */
  public static Manifest write(DiskSource disk, Path file) throws IOException {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16)) {
      return DiskHasher.hash(disk, (chunk, leaf) -> out.write(leaf.bytes()));
    }
  }

  /** Opens the leaves of a disk and refuses them unless they make up the manifest's root. */
  public static LeafFile open(Path file, Manifest manifest) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    LeafFile leaves = new LeafFile(channel, manifest.chunks());
    try {
      if (channel.size() != manifest.chunks() * LEAF_BYTES
          || !leaves.root().equals(manifest.root())) {
        throw new IOException("the leaves are not those of root " + manifest.root());
      }
      return leaves;
    } catch (Throwable e) {
      channel.close();
      throw e;
    }
  }

  /** How many leaves there are. */
  public long size() {
    return leaves;
  }

  /** The hash that chunk must have. */
  public Sha256 leaf(long chunk) throws IOException {
    return leaves(Objects.checkIndex(chunk, leaves), 1)[0];
  }

  private Sha256 root() throws IOException {
    MerkleTree tree = new MerkleTree();
    for (long at = 0; at < leaves; ) {
      Sha256[] some = leaves(at, (int) Math.min(4096, leaves - at));
      for (Sha256 leaf : some) {
        tree.append(leaf);
      }
      at += some.length;
    }
    return tree.root();
  }

  private Sha256[] leaves(long from, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count * LEAF_BYTES);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, from * LEAF_BYTES + bytes.position()) < 0) {
        throw new EOFException("leaf file ends early");
      }
    }
    Sha256[] found = new Sha256[count];
    byte[] leaf = new byte[LEAF_BYTES];
    bytes.flip();
    for (int i = 0; i < count; i++) {
      bytes.get(leaf);
      found[i] = Sha256.of(leaf);
    }
    return found;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
