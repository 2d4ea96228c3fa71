package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;

import crossdock.disk.BadImageException.Reason;
import crossdock.disk.Finding.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * Counts what uses each cluster of a qcow2's file, internal snapshots included, and holds that
 * against its refcounts; no data is read. Takes a bit more than two bytes for each cluster, and
 * eight for each entry of an L1 table. Where there are persistent bitmaps, which are not followed,
 * leaks are not told.
 */
final class Qcow2Check {
  /** 4 TiB of file in clusters of 64 KiB. */
  static final int MOST_CLUSTERS = 1 << 26;

  /** How many findings there are at most; the rest is left out. */
  static final int MOST_FINDINGS = 1000;

  private static final char MANY = Character.MAX_VALUE;

  private final ImageBytes image;
  private final Qcow2Header header;
  private final Qcow2Entries entries;
  private final int cluster;
  private final List<Finding> findings = new ArrayList<>();
  private final char[] uses;
  private final BitSet tables;
  private final ByteBuffer table;

  private Qcow2Check(ImageBytes image, Qcow2Header header, int clusters) {
    this.image = image;
    this.header = header;
    this.entries = new Qcow2Entries(image, header);
    this.cluster = header.clusterBytes();
    this.uses = new char[clusters];
    this.tables = new BitSet(clusters);
    this.table = ByteBuffer.allocate(cluster);
  }

  /**
   * What is wrong, in no particular order; nothing if all is well.
   *
   * @throws BadImageException if the image is refused as a reader would, or has more than 2^26
   *     clusters, or more than 2^22 entries in the L1 tables of all snapshots
   */
  static List<Finding> check(ImageBytes image, long mostVirtualBytes) throws IOException {
    Qcow2Header header = Qcow2Header.read(image, mostVirtualBytes);
    long clusters = Math.ceilDiv(image.size(), (long) header.clusterBytes());
    if (clusters > MOST_CLUSTERS) {
      throw bad(Reason.UNSUPPORTED, 0, clusters + " clusters", "at most " + MOST_CLUSTERS);
    }
    Qcow2Check check = new Qcow2Check(image, header, (int) clusters);
    check.run();
    return check.findings;
  }

  private void run() throws IOException {
    useTable(0, cluster, 1, "the header");
    useTable(header.l1Offset(), header.l1Entries() * 8L, 1, "the L1 table");
    useTable(header.refcountTableOffset(), header.refcountTableBytes(), 1, "the refcount table");
    long[] blocks = blocks();
    for (long block : blocks) {
      if (block != 0) {
        useTable(block, cluster, 1, "a refcount block");
      }
    }
    long[] l2 = l1(header.l1Offset(), header.l1Entries());
    Arrays.sort(l2);
    for (int i = 1; i < l2.length; i++) {
      if (l2[i] != 0 && l2[i] == l2[i - 1]) {
        broken(l2[i], "two L1 entries name this L2 table");
      }
    }
    long[] all = withSnapshots(l2);
    Arrays.sort(all);
    forEach(all, (offset, times) -> useTable(offset, cluster, times, "an L2 table"));
    forEach(all, this::useClusters);
    compare(blocks);
    l1Flags();
    forEach(l2, (offset, times) -> l2Flags(offset));
  }

  private interface Table {
    void use(long offset, int times) throws IOException;
  }

  /** Each of the sorted offsets once, with how many times it is there. */
  private static void forEach(long[] sorted, Table table) throws IOException {
    int times = 0;
    for (int i = 0; i < sorted.length; i++) {
      times++;
      if (i + 1 == sorted.length || sorted[i + 1] != sorted[i]) {
        if (sorted[i] != 0) {
          table.use(sorted[i], times);
        }
        times = 0;
      }
    }
  }

  private void useTable(long offset, long length, int times, String name) {
    for (int i = (int) (offset / cluster); (long) i * cluster < offset + length; i++) {
      if (tables.get(i)) {
        broken((long) i * cluster, name + " lies on another table");
      }
      tables.set(i);
      use(i, times);
    }
  }

  private void use(int index, int times) {
    uses[index] = (char) Math.min(MANY, uses[index] + (long) times);
  }

  private long[] blocks() throws IOException {
    long[] blocks =
        entries.longs(header.refcountTableOffset(), (int) (header.refcountTableBytes() / 8));
    for (int i = 0; i < blocks.length; i++) {
      long last = image.size() - cluster;
      if (blocks[i] % cluster != 0 || blocks[i] < 0 || blocks[i] > last) {
        long field = header.refcountTableOffset() + i * 8L;
        broken(field, "a refcount block at " + Qcow2Entries.hex(blocks[i]));
        blocks[i] = 0;
      }
    }
    return blocks;
  }

  private long[] l1(long offset, int count) throws IOException {
    long[] l1 = entries.longs(offset, count);
    for (int i = 0; i < count; i++) {
      try {
        l1[i] = entries.table(offset + i * 8L, l1[i]);
      } catch (BadImageException e) {
        broken(e);
        l1[i] = 0;
      }
    }
    return l1;
  }

  private long[] withSnapshots(long[] active) throws IOException {
    List<long[]> all = new ArrayList<>(List.of(active));
    int left = Qcow2Header.MOST_L1_ENTRIES - active.length;
    long at = header.snapshotsOffset();
    for (int i = 0; i < header.snapshots(); i++) {
      ByteBuffer entry = image.read(at, 40, ByteOrder.BIG_ENDIAN);
      int count = (int) range(at + 8, "L1 size", entry.getInt(8), 0, left);
      left -= count;
      long l1 = entry.getLong(0);
      if (l1 % cluster != 0) {
        throw bad(Reason.BAD_FIELD, at, "L1 table at " + l1, "a multiple of " + cluster);
      }
      image.inside(l1, count * 8L);
      useTable(l1, count * 8L, 1, "the L1 table of a snapshot");
      all.add(l1(l1, count));
      long extra = Integer.toUnsignedLong(entry.getInt(36));
      int names = Short.toUnsignedInt(entry.getShort(12)) + Short.toUnsignedInt(entry.getShort(14));
      at += (40 + extra + names + 7) & ~7L;
    }
    if (header.snapshots() > 0) {
      long length = at - header.snapshotsOffset();
      image.inside(header.snapshotsOffset(), length);
      useTable(header.snapshotsOffset(), length, 1, "the snapshot table");
    }
    return all.stream().flatMapToLong(Arrays::stream).toArray();
  }

  private void useClusters(long offset, int times) throws IOException {
    image.read(offset, table.clear());
    for (int i = 0; i < cluster; i += header.entryBytes()) {
      long field = offset + i;
      long entry = table.getLong(i);
      try {
        if (Qcow2Entries.isCompressed(entry)) {
          long from = entries.compressed(field, entry);
          useData(field, from, entries.compressedLength(entry), times);
          if ((entry & Qcow2Entries.COPIED) != 0) {
            broken(field, "a compressed cluster is marked as to be written in place");
          }
        } else {
          long from = entries.cluster(field, entry);
          if (from != 0) {
            entries.stored(field, from);
            useData(field, from, cluster, times);
          }
        }
      } catch (BadImageException e) {
        broken(e);
      }
    }
  }

  private void useData(long field, long from, int length, int times) {
    long end = Math.min(image.size(), from + length);
    for (int i = (int) (from / cluster); (long) i * cluster < end; i++) {
      if (tables.get(i)) {
        broken(field, "data lies on a table at " + (long) i * cluster);
      }
      use(i, times);
    }
  }

  private void compare(long[] blocks) throws IOException {
    int order = header.refcountOrder();
    int inBlock = (cluster * 8) >> order;
    for (int i = 0; i < uses.length; i++) {
      int block = i / inBlock;
      long offset = block < blocks.length ? blocks[block] : 0;
      if (i % inBlock == 0 && offset != 0) {
        image.read(offset, table.clear());
      }
      long refcount = offset == 0 ? 0 : refcount(i % inBlock, order);
      if (refcount < uses[i]) {
        add(Kind.BROKEN, i, refcount);
      } else if (refcount > uses[i] && uses[i] < MANY && !(header.bitmaps() && uses[i] == 0)) {
        add(Kind.LEAK, i, refcount);
      }
    }
  }

  private void add(Kind kind, int index, long refcount) {
    String sentence = "used " + (int) uses[index] + " times, and its refcount is " + refcount;
    add(new Finding(kind, (long) index * cluster, sentence));
  }

  private long refcount(int index, int order) {
    return switch (order) {
      case 3 -> table.get(index) & 0xff;
      case 4 -> table.getShort(index * 2) & 0xffff;
      case 5 -> table.getInt(index * 4) & 0xffff_ffffL;
      case 6 -> table.getLong(index * 8) & Long.MAX_VALUE;
      default -> {
        int width = 1 << order;
        int bit = index * width;
        yield (table.get(bit / 8) >> (bit % 8)) & ((1 << width) - 1);
      }
    };
  }

  /** What is marked as to be written in place must be used once, and the other way round. */
  private void l1Flags() throws IOException {
    long[] l1 = entries.longs(header.l1Offset(), header.l1Entries());
    for (int i = 0; i < l1.length; i++) {
      long field = header.l1Offset() + i * 8L;
      try {
        long offset = entries.table(field, l1[i]);
        if (offset != 0) {
          flag(field, l1[i], offset);
        }
      } catch (BadImageException e) {
        // Told before.
      }
    }
  }

  private void l2Flags(long offset) throws IOException {
    image.read(offset, table.clear());
    for (int i = 0; i < cluster; i += header.entryBytes()) {
      long entry = table.getLong(i);
      try {
        long from = Qcow2Entries.isCompressed(entry) ? 0 : entries.cluster(offset + i, entry);
        if (from != 0 && from < image.size()) {
          flag(offset + i, entry, from);
        }
      } catch (BadImageException e) {
        // Told before.
      }
    }
  }

  private void flag(long field, long entry, long offset) {
    boolean marked = (entry & Qcow2Entries.COPIED) != 0;
    char used = uses[(int) (offset / cluster)];
    if (marked != (used == 1)) {
      broken(
          field,
          (marked ? "" : "not ")
              + "marked as to be written in place, used "
              + (int) used
              + " times");
    }
  }

  private void broken(BadImageException e) {
    broken(e.offset(), e.found() + " where " + e.allowed() + " is allowed");
  }

  private void broken(long offset, String sentence) {
    add(new Finding(Kind.BROKEN, offset, sentence));
  }

  private void add(Finding finding) {
    if (findings.size() < MOST_FINDINGS) {
      findings.add(finding);
    }
  }
}
