package crossdock.disk;

import java.io.IOException;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Computes what the root of a disk would be if some of its chunks were others: forwards, what a
 * disk becomes by the chunks that are changed, and backwards, what it was. Not thread-safe.
 */
public final class Swap implements DiskHasher.Leaves {
  /**
   * @param from the leaf that the chunk must have
   * @param to the one in its place
   */
  public record Leaf(Sha256 from, Sha256 to) {}

  private final SortedMap<Long, Leaf> swaps;
  private final MerkleTree tree = new MerkleTree();
  private boolean matches = true;

  /**
   * @param swaps by the numbers of their chunks
   */
  public Swap(SortedMap<Long, Leaf> swaps) {
    this.swaps = Collections.unmodifiableSortedMap(new TreeMap<>(swaps));
  }

  @Override
  public void leaf(long chunk, Sha256 hash) {
    Leaf swap = swaps.get(chunk);
    matches &= swap == null || swap.from().equals(hash);
    tree.append(swap == null ? hash : swap.to());
  }

  @Override
  public void zeros(long chunk, long count) {
    long at = chunk;
    for (long swapped : swaps.subMap(chunk, chunk + count).keySet()) {
      tree.appendZeros(swapped - at);
      leaf(swapped, MerkleTree.ZERO_LEAF);
      at = swapped + 1;
    }
    tree.appendZeros(chunk + count - at);
  }

  /** Takes the leaves from a file, all of them. */
  public Swap of(LeafFile leaves) throws IOException {
    for (long at = 0; at < leaves.chunks(); ) {
      LeafFile.Run run = leaves.at(at);
      if (run.isZero()) {
        zeros(at, run.end() - at);
      } else {
        leaf(at, run.leaf());
      }
      at = run.end();
    }
    return this;
  }

  /** Whether every chunk that is swapped was there and had the leaf that it must have. */
  public boolean matches() {
    return matches && (swaps.isEmpty() || swaps.lastKey() < tree.size());
  }

  /** With the others in their places. */
  public Sha256 root() {
    return tree.root();
  }
}
