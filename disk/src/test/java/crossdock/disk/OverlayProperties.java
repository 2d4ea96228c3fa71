package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.Swap.Leaf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OverlayProperties {
  private static final int CHUNK = Manifest.CHUNK;

  private static void erase(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }

  /** The leaves of a disk, in order. */
  private static List<Sha256> leaves(DiskSource disk) throws IOException {
    List<Sha256> all = new ArrayList<>();
    Manifest _ = DiskHasher.hash(disk, (_, hash) -> all.add(hash));
    return all;
  }

  @Property(tries = 40)
  void whatIsWrittenIsReadAndWhatLiesUnderItStaysAndEitherRootIsComputedFromTheOther(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 12) int writes) throws IOException {
    Random random = new Random(seed);
    byte[] content = new byte[5 * CHUNK + random.nextInt(1, CHUNK)];
    random.nextBytes(content);
    Arrays.fill(content, CHUNK, 4 * CHUNK, (byte) 0);
    byte[] expected = content.clone();
    Path directory = Files.createTempDirectory("overlay");
    DiskSource beneath = MemoryDisk.allData(content);
    Manifest before = DiskHasher.hash(beneath);
    try (Overlay overlay = new Overlay(beneath, directory, new AtomicInteger(6))) {
      for (int i = 0; i < writes; i++) {
        byte[] part = new byte[random.nextInt(1, 2 * CHUNK)];
        if (random.nextInt(4) > 0) {
          random.nextBytes(part);
        }
        int at = random.nextInt(content.length - part.length);
        overlay.write(at, ByteBuffer.wrap(part));
        System.arraycopy(part, 0, expected, at, part.length);
      }
      overlay.flush();
      ByteBuffer read = ByteBuffer.allocate(content.length);
      overlay.read(0, read);
      assertThat(read.array()).isEqualTo(expected);
      Manifest after = DiskHasher.hash(MemoryDisk.allData(expected));
      assertThat(DiskHasher.hash(overlay)).isEqualTo(after);

      List<Sha256> was = leaves(beneath);
      SortedMap<Long, Leaf> forwards = new TreeMap<>();
      SortedMap<Long, Leaf> backwards = new TreeMap<>();
      overlay
          .leaves()
          .forEach(
              (chunk, leaf) -> {
                Sha256 old = was.get(Math.toIntExact(chunk));
                forwards.put(chunk, new Leaf(old, leaf));
                backwards.put(chunk, new Leaf(leaf, old));
              });
      Path file = Files.createTempFile("leaves", "");
      try (LeafFile.Writer writer = new LeafFile.Writer(file)) {
        Manifest _ = DiskHasher.hash(beneath, writer);
        writer.finish();
      }
      try (LeafFile kept = LeafFile.open(file, before)) {
        Swap ahead = new Swap(forwards).of(kept);
        assertThat(ahead.matches()).isTrue();
        assertThat(ahead.root()).isEqualTo(after.root());
      }
      Files.delete(file);
      Swap back = new Swap(backwards);
      Manifest _ = DiskHasher.hash(overlay, back);
      assertThat(back.matches()).isTrue();
      assertThat(back.root()).isEqualTo(before.root());
      Swap other = new Swap(backwards);
      Manifest _ = DiskHasher.hash(beneath, other);
      assertThat(other.matches()).isEqualTo(same(forwards));
    }
    erase(directory);
  }

  private static boolean same(SortedMap<Long, Leaf> swaps) {
    return swaps.values().stream().allMatch(swap -> swap.from().equals(swap.to()));
  }

  @Test
  void aSwapOfAChunkThatIsNotThereMatchesNothing() throws IOException {
    SortedMap<Long, Leaf> beyond =
        new TreeMap<>(Map.of(3L, new Leaf(MerkleTree.ZERO_LEAF, MerkleTree.ZERO_LEAF)));
    Swap swap = new Swap(beyond);
    Manifest _ = DiskHasher.hash(MemoryDisk.allData(new byte[3 * CHUNK]), swap);
    assertThat(swap.matches()).isFalse();
  }

  @Test
  void noMoreChunksAreWrittenThanMayBeAndNothingBeyondTheDisk(@TempDir Path directory)
      throws IOException {
    byte[] content = Patterns.disk(3);
    try (Overlay overlay =
        new Overlay(MemoryDisk.allData(content), directory, new AtomicInteger(2))) {
      overlay.write(0, ByteBuffer.allocate(1));
      overlay.write(CHUNK, ByteBuffer.allocate(1));
      assertThatThrownBy(() -> overlay.write(2 * CHUNK, ByteBuffer.allocate(1)))
          .isInstanceOf(Overlay.Full.class);
      assertThatThrownBy(() -> overlay.write(content.length, ByteBuffer.allocate(1)))
          .isInstanceOf(IndexOutOfBoundsException.class);
      overlay.write(5, ByteBuffer.allocate(1));
      assertThat(overlay.leaves().keySet()).containsExactly(0L, 1L);
    }
    assertThat(directory).isDirectoryContaining(file -> file.endsWith("1"));
  }

  @Test
  void anOverlayIsWrittenOverNbdAndWhatCannotBeWrittenSaysSo(@TempDir Path directory)
      throws Exception {
    Qemu.judges("writing to an overlay over NBD");
    Path socket = directory.resolve("socket");
    byte[] content = new byte[3 * CHUNK];
    try (Overlay overlay =
            new Overlay(
                MemoryDisk.allData(content),
                Files.createDirectory(directory.resolve("own")),
                new AtomicInteger(1));
        NbdServer _ = new NbdServer(socket, overlay)) {
      Qemu.io(socket, "write -P 7 100k 64k", "flush", "read -P 7 100k 64k", "read -P 0 0 64k");
      ByteBuffer read = ByteBuffer.allocate(3);
      overlay.read((100 << 10) - 1, read);
      assertThat(read.array()).containsExactly(0, 7, 7);
      assertThatThrownBy(() -> Qemu.io(socket, "write -P 7 2M 64k"))
          .hasMessageContaining("Input/output error");
      assertThatThrownBy(overlay::rethrow).isInstanceOf(Overlay.Full.class);
    }
    assertThat(content).containsOnly(0);
  }
}
