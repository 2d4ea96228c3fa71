package crossdock.conversion;

import crossdock.contracts.Countersignature.Change;
import crossdock.disk.LeafFile;
import crossdock.disk.Manifest;
import crossdock.disk.MerkleTree;
import crossdock.disk.Sha256;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What of one disk is written otherwise than certified: a file for each such chunk, named by its
 * number.
 *
 * @param changes by the numbers of their chunks
 */
record Layer(SortedMap<Long, Change> changes, Path directory) {
  /** Of one disk. */
  static Layer of(List<Change> changes, Path directory) {
    TreeMap<Long, Change> all = new TreeMap<>();
    changes.forEach(change -> all.put(change.chunk(), change));
    return new Layer(all, directory);
  }

  boolean has(long chunk) {
    return changes.containsKey(chunk);
  }

  /** The end of a run that begins with a chunk of the certified disk: there, or before. */
  long unchanged(long chunk, long end) {
    SortedMap<Long, Change> within = changes.subMap(chunk, end);
    return within.isEmpty() ? end : within.firstKey();
  }

  /** Which chunks are zeros, the changed ones none. */
  ServedDisk.Runs over(ServedDisk.Runs certified) {
    return chunk -> {
      Change change = changes.get(chunk);
      if (change != null) {
        return new LeafFile.Run(chunk + 1, new Sha256(change.registered().hex()));
      }
      LeafFile.Run run = certified.at(chunk);
      return new LeafFile.Run(unchanged(chunk, run.end()), run.leaf());
    };
  }

  /**
   * A changed chunk.
   *
   * @throws IOException also if it is not what was kept
   */
  ByteBuffer read(long chunk) throws IOException {
    Path file = directory.resolve(Long.toString(chunk));
    byte[] bytes = Files.size(file) > Manifest.CHUNK ? new byte[0] : Files.readAllBytes(file);
    Change change = changes.get(chunk);
    if (change == null
        || !MerkleTree.leaf(ByteBuffer.wrap(bytes)).hex().equals(change.registered().hex())) {
      throw new IOException("chunk " + chunk + " of the layer is not what was kept");
    }
    return ByteBuffer.wrap(bytes);
  }
}
