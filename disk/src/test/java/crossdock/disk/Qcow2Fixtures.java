package crossdock.disk;

import crossdock.disk.Qcow2Header.Compression;
import crossdock.disk.codec.Compressor;
import crossdock.disk.codec.JdkDeflate;
import crossdock.disk.codec.Zstd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;

/** Images for tests: small ones with something of everything, and compressed ones. */
final class Qcow2Fixtures {
  private Qcow2Fixtures() {}

  /**
   * A valid image, a cluster each: header, refcount table, refcount block, L1, L2, three with data,
   * two with compressed data. On the disk are two stored clusters, a zero one with a place, one
   * that is unallocated, two compressed ones; a second L2 table would map what is beyond.
   */
  enum Small {
    V2(2, 9, Compression.DEFLATE, 4),
    DEFLATE(3, 9, Compression.DEFLATE, 1),
    ZSTD(3, 9, Compression.ZSTD, 6),
    EXTENDED(3, 14, Compression.ZSTD, 3);

    final int cluster;
    final int entry;
    final int l1;
    final int l2;
    private final int version;
    private final Compression compression;
    private final int order;

    Small(int version, int bits, Compression compression, int order) {
      this.version = version;
      this.cluster = 1 << bits;
      this.entry = bits == 9 ? 8 : 16;
      this.l1 = 3 * cluster;
      this.l2 = 4 * cluster;
      this.compression = compression;
      this.order = order;
    }

    /** Where the data of a cluster that is not compressed is. */
    int data(int index) {
      return (5 + index) * cluster;
    }

    /** Where the first compressed cluster is; it goes over the border of a cluster of the file. */
    int compressed() {
      return data(3) + cluster / 2;
    }

    ByteBuffer image() {
      Qcow2Header header =
          new Qcow2Header(
              3,
              Integer.numberOfTrailingZeros(cluster),
              disk().length,
              l1,
              2,
              cluster,
              cluster,
              order,
              0,
              0,
              false,
              compression,
              entry == 16,
              false);
      ByteBuffer image = ByteBuffer.allocate(10 * cluster);
      image.put(0, header.toBytes(), 0, version == 2 ? 72 : 112);
      image.putInt(4, version);
      long copied = Qcow2Entries.COPIED;
      image.putLong(cluster, 2L * cluster);
      image.putLong(l1, l2 | copied);
      for (int i = 0; i < 3; i++) {
        // The first two lie the other way round.
        int host = data(i == 2 ? 2 : 1 - i);
        boolean zero = i == 2 && version == 3 && entry == 8;
        image.putLong(l2 + i * entry, host | copied | (zero ? 1 : 0));
        if (entry == 16) {
          image.putLong(l2 + i * entry + 8, i == 0 ? 0xffff_ffffL : 0x0000_ffff_00ff_0000L << i);
        }
        image.put(host, content(i));
      }
      int[] uses = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0};
      int shift = 62 - (header.clusterBits() - 8);
      int at = compressed();
      try (Compressor compressor = compressor(compression)) {
        for (int i = 4; i < 6; i++) {
          ByteBuffer in = ByteBuffer.allocateDirect(cluster).put(content(i)).flip();
          ByteBuffer out = ByteBuffer.allocateDirect(cluster);
          int length = compressor.compress(in, out);
          image.put(at, out.flip(), 0, length);
          int sectors = (at + length - 1) / 512 - at / 512;
          image.putLong(l2 + i * entry, at | (long) sectors << shift | Qcow2Entries.COMPRESSED);
          for (int c = at / cluster; c <= (at + length - 1) / cluster; c++) {
            uses[c]++;
          }
          at += length;
        }
      }
      for (int i = 0; i < uses.length; i++) {
        count(image, i, uses[i]);
      }
      return image;
    }

    void count(ByteBuffer image, int index, long count) {
      int width = 1 << order;
      for (int bit = 0; bit < width; bit++) {
        int at = 2 * cluster * 8 + index * width;
        // From the last bit of a big-endian number on; numbers below a byte begin at the low end.
        int where = width < 8 ? at + bit : at + width - 8 - bit / 8 * 8 + bit % 8;
        int old = image.get(where / 8) & ~(1 << where % 8);
        image.put(where / 8, (byte) (old | (int) (count >> bit & 1) << where % 8));
      }
    }

    /** What a cluster of the disk would hold if all of it counted. */
    private byte[] content(int index) {
      byte[] content = new byte[cluster];
      Random random = new Random(index);
      if (index < 3) {
        random.nextBytes(content);
      } else {
        for (int i = 0; i < cluster; i++) {
          content[i] = (byte) (random.nextInt(3) == 0 ? random.nextInt(256) : 7);
        }
      }
      return content;
    }

    byte[] disk() {
      byte[] disk = new byte[cluster / entry * cluster + 512];
      for (int i : new int[] {0, 1, 2, 4, 5}) {
        ByteBuffer.wrap(disk).put(i * cluster, content(i));
      }
      int part = cluster / 32;
      if (entry == 16) {
        Arrays.fill(disk, cluster, cluster + 17 * part, (byte) 0);
        Arrays.fill(disk, cluster + 25 * part, cluster + 32 * part, (byte) 0);
        Arrays.fill(disk, 2 * cluster, 2 * cluster + 18 * part, (byte) 0);
        Arrays.fill(disk, 2 * cluster + 26 * part, 3 * cluster, (byte) 0);
      } else if (version == 3) {
        Arrays.fill(disk, 2 * cluster, 3 * cluster, (byte) 0);
      }
      return disk;
    }
  }

  static FileChannel compressed(DiskSource disk, Path path, Compression compression)
      throws IOException {
    FileChannel file =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    Qcow2Compressed.write(disk, file, compression, () -> compressor(compression));
    return file;
  }

  private static Compressor compressor(Compression compression) {
    return switch (compression) {
      case DEFLATE -> new JdkDeflate(JdkDeflate.Wrapper.RAW, 1);
      case ZSTD -> new Zstd(3);
    };
  }
}
