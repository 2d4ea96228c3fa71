package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;

import crossdock.disk.BadImageException.Reason;
import crossdock.disk.codec.Inflate;
import crossdock.disk.codec.JdkDeflate;
import crossdock.disk.codec.Zstd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.zip.DataFormatException;

/**
 * The disk in a qcow2, version 2 or 3, as QEMU would read it: clusters from 512 bytes to 2 MiB,
 * compressed or not, with or without subclusters. Internal snapshots are left aside, refcounts are
 * not looked at, and what the file lacks of its last cluster reads as zero. Header and L1 table are
 * checked when it is opened, an L2 entry when it is used. Keeps at most 16 MiB of tables and
 * decompressed clusters, and the L1 table.
 */
final class Qcow2Disk implements ImageDisk {
  private static final int MOST_KEPT_BYTES = 8 << 20;
  private static final int MOST_KEPT = 4096;
  private static final int MOST_SLICE = 64 << 10;
  private static final int SUBCLUSTERS = 32;

  /** A run of the disk. Only a stored one has a place of its own in the file. */
  private record Run(Kind kind, long length, long host) {
    enum Kind {
      ZERO,
      STORED,
      /** One compressed cluster, or a part of it; its host is its L2 entry. */
      COMPRESSED
    }

    boolean goesOnWith(Run next) {
      return kind == next.kind
          && switch (kind) {
            case ZERO -> true;
            case STORED -> next.host == host + length;
            case COMPRESSED -> false;
          };
    }

    Run with(Run next) {
      return new Run(kind, length + next.length, host);
    }

    Run atMost(long most) {
      return length <= most ? this : new Run(kind, most, host);
    }
  }

  private final ImageBytes image;
  private final Qcow2Header header;
  private final Qcow2Entries entries;
  // Where the L2 tables are; 0 for none.
  private final long[] tables;
  private final int sliceBytes;
  private final Recent<ByteBuffer> slices;
  private final Recent<byte[]> clusters;

  private Qcow2Disk(Qcow2Entries entries, long[] tables) {
    this.image = entries.image();
    this.header = entries.header();
    this.entries = entries;
    this.tables = tables;
    this.sliceBytes = Math.min(MOST_SLICE, header.clusterBytes());
    this.slices = new Recent<>(Math.min(MOST_KEPT, MOST_KEPT_BYTES / sliceBytes));
    this.clusters = new Recent<>(Math.min(MOST_KEPT, MOST_KEPT_BYTES / header.clusterBytes()));
  }

  /**
   * Closing the disk closes the image.
   *
   * @throws BadImageException if it is refused, also when its disk has more than that many bytes
   */
  static Qcow2Disk open(ImageBytes image, long mostVirtualBytes) throws IOException {
    Qcow2Header header = Qcow2Header.read(image, mostVirtualBytes);
    Qcow2Entries entries = new Qcow2Entries(image, header);
    long[] tables = entries.longs(header.l1Offset(), header.tables());
    for (int i = 0; i < tables.length; i++) {
      tables[i] = entries.table(header.l1Offset() + i * 8L, tables[i]);
    }
    return new Qcow2Disk(entries, tables);
  }

  /** What the header says. */
  Qcow2Header header() {
    return header;
  }

  @Override
  public List<Finding> check() throws IOException {
    List<Finding> _ = ImageDisk.super.check();
    return Qcow2Check.check(image, Long.MAX_VALUE);
  }

  @Override
  public About about() {
    List<String> unusual = new ArrayList<>();
    if (header.dirty()) {
      unusual.add("marked dirty: refcounts may be stale");
    }
    if (header.extended()) {
      unusual.add("subclusters");
    }
    if (header.snapshots() > 0) {
      unusual.add(header.snapshots() + " internal snapshots, which are not read");
    }
    if (header.bitmaps()) {
      unusual.add("bitmaps, which are not read");
    }
    String compression =
        switch (header.compression()) {
          case DEFLATE -> "deflate";
          case ZSTD -> "zstd";
        };
    return new About("version " + header.version(), header.clusterBytes(), compression, unusual);
  }

  @Override
  public long size() {
    return header.size();
  }

  @Override
  public Extent extentAt(long offset, long atMost) throws IOException {
    Objects.checkIndex(offset, size());
    if (atMost <= 0) {
      throw new IndexOutOfBoundsException("at most " + atMost + " bytes");
    }
    long most = Math.min(atMost, size() - offset);
    Run run = run(offset, most);
    boolean zero = run.kind() == Run.Kind.ZERO;
    long length = run.length();
    // Not beyond a table, so that asking for runs one by one never costs more than a table each.
    long inTable = Math.min(most, header.tableCovers() - offset % header.tableCovers());
    while (length < inTable) {
      run = run(offset + length, inTable - length);
      if ((run.kind() == Run.Kind.ZERO) != zero) {
        break;
      }
      length += run.length();
    }
    return new Extent(offset, length, zero ? Extent.Kind.ZERO : Extent.Kind.DATA);
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, into.remaining(), size());
    long at = offset;
    while (into.hasRemaining()) {
      Run run = run(at, into.remaining());
      int length = (int) run.length();
      switch (run.kind()) {
        case ZERO -> Zeros.fill(into, length);
        case STORED -> {
          int inFile = Math.clamp(image.size() - run.host(), 0, length);
          image.read(run.host(), into.slice(into.position(), inFile));
          into.position(into.position() + inFile);
          Zeros.fill(into, length - inFile);
        }
        case COMPRESSED -> {
          int inCluster = (int) (at & (header.clusterBytes() - 1));
          boolean whole =
              inCluster == 0 && (length == header.clusterBytes() || at + length == size());
          byte[] cluster =
              whole ? decompress(run.host()) : clusters.get(run.host(), this::decompress);
          into.put(cluster, inCluster, length);
        }
      }
      at += length;
    }
  }

  @Override
  public void close() throws IOException {
    image.close();
  }

  /** The longest run from there that one slice of an L2 table tells. */
  private Run run(long offset, long most) throws IOException {
    long covers = header.tableCovers();
    int index = (int) (offset / covers);
    if (tables[index] == 0) {
      do {
        index++;
      } while (index < tables.length && tables[index] == 0 && index * covers - offset < most);
      return new Run(Run.Kind.ZERO, Math.min(most, index * covers - offset), 0);
    }
    int cluster = header.clusterBytes();
    int entry = (int) (offset % covers / cluster) * header.entryBytes();
    int inSlice = entry % sliceBytes;
    long at = tables[index] + entry - inSlice;
    ByteBuffer slice = slices.get(at, from -> image.read(from, sliceBytes, ByteOrder.BIG_ENDIAN));
    int inCluster = (int) (offset & (cluster - 1));
    Run run = part(at + inSlice, slice, inSlice, inCluster);
    while (run.length() < most) {
      long next = offset + run.length();
      inCluster = (int) (next & (cluster - 1));
      inSlice += inCluster == 0 ? header.entryBytes() : 0;
      if (inSlice == sliceBytes) {
        break;
      }
      Run more = part(at + inSlice, slice, inSlice, inCluster);
      if (!run.goesOnWith(more)) {
        break;
      }
      run = run.with(more);
    }
    return run.atMost(most);
  }

  /** What a cluster holds from a place in it on, to its end if it is of one kind. */
  private Run part(long field, ByteBuffer slice, int inSlice, int inCluster)
      throws BadImageException {
    long entry = slice.getLong(inSlice);
    int rest = header.clusterBytes() - inCluster;
    if (Qcow2Entries.isCompressed(entry)) {
      entries.compressed(field, entry);
      return new Run(Run.Kind.COMPRESSED, rest, entry & ~Qcow2Entries.COPIED);
    }
    long host = entries.cluster(field, entry);
    if (header.extended()) {
      return subclusters(field, host, slice.getLong(inSlice + 8), inCluster);
    }
    if (host == 0 || entries.isZero(entry)) {
      return new Run(Run.Kind.ZERO, rest, 0);
    }
    entries.stored(field, host);
    return new Run(Run.Kind.STORED, rest, host + inCluster);
  }

  private Run subclusters(long field, long host, long bitmap, int inCluster)
      throws BadImageException {
    int stored = (int) bitmap;
    if ((stored & (int) (bitmap >>> SUBCLUSTERS)) != 0 || (host == 0 && stored != 0)) {
      throw bad(
          Reason.BAD_FIELD,
          field + 8,
          "subclusters " + Qcow2Entries.hex(bitmap),
          "zero or stored, with a place");
    }
    int subcluster = header.clusterBytes() / SUBCLUSTERS;
    int index = inCluster / subcluster;
    boolean isStored = (stored >> index & 1) != 0;
    int same = Integer.numberOfTrailingZeros((isStored ? ~stored : stored) >> index);
    int end = Math.min(SUBCLUSTERS, index + same);
    int length = end * subcluster - inCluster;
    if (!isStored) {
      return new Run(Run.Kind.ZERO, length, 0);
    }
    entries.stored(field, host);
    return new Run(Run.Kind.STORED, length, host + inCluster);
  }

  private byte[] decompress(long entry) throws IOException {
    long host = entries.compressedOffset(entry);
    int all = entries.compressedLength(entry);
    int length = (int) Math.min(all, image.size() - host);
    byte[] in = new byte[length];
    image.read(host, ByteBuffer.wrap(in));
    byte[] out = new byte[header.clusterBytes()];
    try {
      switch (header.compression()) {
        case DEFLATE -> inflate(in, out);
        case ZSTD -> Zstd.decompress(in, out);
      }
    } catch (DataFormatException e) {
      Reason reason = length < all ? Reason.TRUNCATED : Reason.BAD_FIELD;
      throw bad(reason, host, length + " bytes: " + e.getMessage(), "a compressed cluster");
    }
    return out;
  }

  /** Raw deflate; that the window is of 12 bits only is for writers to know. */
  private static void inflate(byte[] in, byte[] out) throws DataFormatException {
    ByteBuffer into = ByteBuffer.wrap(out);
    try (Inflate raw = new Inflate(JdkDeflate.Wrapper.RAW)) {
      // It may go on behind the cluster.
      boolean _ = raw.inflate(ByteBuffer.wrap(in), into);
    }
    if (into.hasRemaining()) {
      throw new DataFormatException("it ends after " + into.position());
    }
  }
}
