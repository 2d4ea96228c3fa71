package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ManifestTest {
  // The leaves and roots that Certificate Transparency's own tests use.
  private static final List<String> LEAVES =
      List.of(
          "",
          "00",
          "10",
          "2021",
          "3031",
          "40414243",
          "5051525354555657",
          "606162636465666768696a6b6c6d6e6f");
  private static final List<String> ROOTS =
      List.of(
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
          "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
          "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
          "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
          "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
          "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
          "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
          "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");

  @Test
  void theTreeHasTheRootsOfCertificateTransparency() throws Exception {
    MerkleTree tree = new MerkleTree();
    assertThat(tree.root().hex()).isEqualTo(ROOTS.get(0));
    for (int i = 0; i < LEAVES.size(); i++) {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      sha.update((byte) 0);
      tree.append(Sha256.of(sha.digest(HexFormat.of().parseHex(LEAVES.get(i)))));
      assertThat(tree.root().hex()).isEqualTo(ROOTS.get(i + 1));
    }
    assertThat(tree.size()).isEqualTo(8);
  }

  @Test
  void aShortChunkHasTheLeafOfItsPaddedSelf() {
    byte[] padded = new byte[Manifest.CHUNK];
    Arrays.fill(padded, 0, 1000, (byte) 7);
    assertThat(MerkleTree.leaf(ByteBuffer.wrap(padded, 0, 1000)))
        .isEqualTo(MerkleTree.leaf(ByteBuffer.wrap(padded)));
    assertThat(MerkleTree.leaf(ByteBuffer.allocate(3))).isEqualTo(MerkleTree.ZERO_LEAF);
    assertThat(MerkleTree.leaf(ByteBuffer.allocateDirect(Manifest.CHUNK)))
        .isEqualTo(MerkleTree.ZERO_LEAF);
  }

  @Test
  void zeroRunsAreNotRead() throws IOException {
    byte[] content = new byte[5 * Manifest.CHUNK];
    content[0] = 1;
    BitSet zero = new BitSet();
    zero.set(1, content.length / MemoryDisk.PAGE);
    MemoryDisk disk = new MemoryDisk(content, zero);
    assertThat(DiskHasher.hash(disk)).isEqualTo(DiskHasher.hash(MemoryDisk.allData(content)));
    assertThat(disk.bytesRead).hasValue(Manifest.CHUNK);
  }

  @Test
  void aDiskMayGrowByZerosAndNeverShrink() throws IOException {
    byte[] content = new byte[3_000_001];
    Arrays.fill(content, (byte) 5);
    Manifest manifest = DiskHasher.hash(MemoryDisk.allData(content));
    assertThat(verdict(manifest, content)).isEqualTo(new Verdict.Same(0));

    byte[] grown = Arrays.copyOf(content, 5 << 20);
    assertThat(verdict(manifest, grown)).isEqualTo(new Verdict.Same(grown.length - 3_000_001));
    grown[grown.length - 1] = 1;
    assertThat(verdict(manifest, grown)).isInstanceOf(Verdict.TailNotZero.class);
    grown[grown.length - 1] = 0;
    grown[3_000_001] = 1;
    assertThat(verdict(manifest, grown)).isInstanceOf(Verdict.TailNotZero.class);

    byte[] shrunk = Arrays.copyOf(content, 3_000_000);
    assertThat(verdict(manifest, shrunk)).isEqualTo(new Verdict.Shorter(1));
    content[17] = 6;
    assertThat(verdict(manifest, content)).isInstanceOf(Verdict.Different.class);
  }

  @Test
  void aSourceThatFailsFailsTheManifest() {
    DiskSource broken =
        new DiskSource() {
          @Override
          public long size() {
            return 40L << 20;
          }

          @Override
          public Extent extentAt(long offset, long atMost) {
            return new Extent(offset, atMost, Extent.Kind.DATA);
          }

          @Override
          public void read(long offset, ByteBuffer into) throws IOException {
            if (offset > 20 << 20) {
              throw new IOException("bad sector");
            }
            into.position(into.limit());
          }

          @Override
          public void close() {}
        };
    assertThatThrownBy(() -> DiskHasher.hash(broken))
        .isInstanceOf(IOException.class)
        .hasMessage("bad sector");
  }

  private static Manifest write(DiskSource disk, Path file) throws IOException {
    try (LeafFile.Writer leaves = new LeafFile.Writer(file)) {
      Manifest manifest = DiskHasher.hash(disk, leaves);
      leaves.finish();
      return manifest;
    }
  }

  @Test
  void leavesInAFileMustMakeUpTheRoot(@TempDir Path directory) throws IOException {
    byte[] content = new byte[4_500_000];
    content[2_400_000] = 1;
    Path file = directory.resolve("leaves");
    Manifest manifest = write(MemoryDisk.allData(content), file);
    try (LeafFile leaves = LeafFile.open(file, manifest)) {
      assertThat(leaves.chunks()).isEqualTo(5);
      assertThat(leaves.at(0)).isEqualTo(new LeafFile.Run(2, MerkleTree.ZERO_LEAF));
      assertThat(leaves.at(1)).isEqualTo(leaves.at(0));
      assertThat(leaves.at(2).end()).isEqualTo(3);
      assertThat(leaves.at(2).isZero()).isFalse();
      assertThat(leaves.at(4)).isEqualTo(new LeafFile.Run(5, MerkleTree.ZERO_LEAF));
      assertThatThrownBy(() -> leaves.at(5)).isInstanceOf(IndexOutOfBoundsException.class);
    }
    byte[] bytes = Files.readAllBytes(file);
    assertThat(bytes).hasSize(3 * LeafFile.ENTRY_BYTES);
    for (int at = 0; at < bytes.length; at++) {
      byte[] spoilt = bytes.clone();
      spoilt[at] ^= 1;
      Files.write(file, spoilt);
      assertThatThrownBy(() -> LeafFile.open(file, manifest))
          .as("byte %d", at)
          .isInstanceOf(BadImageException.class);
    }
    for (int length = 0; length < bytes.length; length++) {
      Files.write(file, Arrays.copyOf(bytes, length));
      assertThatThrownBy(() -> LeafFile.open(file, manifest)).isInstanceOf(BadImageException.class);
    }
    assertThat(directory.toFile().list()).containsExactly("leaves");
  }

  @Test
  void leavesThatWereNotFinishedAreNowhere(@TempDir Path directory) throws IOException {
    try (LeafFile.Writer leaves = new LeafFile.Writer(directory.resolve("leaves"))) {
      leaves.leaf(0, Sha256.of(new byte[32]));
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void oneDiskHasOneFileOfLeaves(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("leaves");
    Manifest manifest = write(MemoryDisk.allData(new byte[3 << 20]), file);
    byte[] zero = MerkleTree.ZERO_LEAF.bytes();
    ByteBuffer apart = ByteBuffer.allocate(2 * LeafFile.ENTRY_BYTES);
    Files.write(file, apart.putLong(1).put(zero).putLong(3).put(zero).array());
    assertThatThrownBy(() -> LeafFile.open(file, manifest)).hasMessageContaining("an entry");
  }

  @Test
  void aRunOfZerosIsOneEntryHoweverLong(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("leaves");
    Manifest manifest = write(new SparseDisk(15L << 40), file);
    assertThat(file).hasSize(LeafFile.ENTRY_BYTES);
    try (LeafFile leaves = LeafFile.open(file, manifest)) {
      assertThat(leaves.at(1 << 20).end()).isEqualTo(15L << 20);
    }
  }

  @Test
  void whatIsNotADigestIsRefused() {
    assertThatThrownBy(() -> new Sha256("zz")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Sha256("A".repeat(64)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static Verdict verdict(Manifest manifest, byte[] content) throws IOException {
    return DiskHasher.matches(manifest, MemoryDisk.allData(content));
  }
}
