package crossdock.disk;

import static crossdock.disk.Qcow2Layout.COUNTS;
import static crossdock.disk.Qcow2Layout.ENTRIES;
import static crossdock.disk.Qcow2Layout.UNIT;

import crossdock.disk.codec.Compressor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes a disk as a qcow2 of version 3 with compressed clusters, as {@code qemu-img convert -c}
 * does: clusters of 64 KiB, each compressed for itself, packed byte by byte; what does not become
 * smaller is stored as it is, what is zero is not. The file is a function of the disk's size and
 * bytes and of what the compressor does. Where things are:
 *
 * <ul>
 *   <li>header, refcount table, L1 table, first refcount block;
 *   <li>clusters, and after the last one that it maps, each L2 table;
 *   <li>a refcount block in front of the clusters that it counts.
 * </ul>
 *
 * <p>Deflated clusters may refer back by up to 32 KiB, where QEMU itself writes a window of 4 KiB:
 * QEMU inflates a cluster into one buffer and so never needs the window.
 */
final class Qcow2Compressed {
  private static final int LENGTH_SHIFT = 62 - (16 - 8);

  /** What one thread compresses with. */
  private record Tool(Compressor compressor, ByteBuffer in) {}

  /**
   * Some clusters, one after the other as they will be in the file.
   *
   * @param first the number of the first one on the disk
   * @param lengths of each: nothing for zeros, all of a cluster for what is stored as it is
   */
  private record Piece(long first, int[] lengths, ByteBuffer bytes) {}

  private final FileChannel file;
  private final Qcow2Header header;
  private final ByteBuffer l1;
  private final ByteBuffer refcountTable;
  private final ByteBuffer table = ByteBuffer.allocate(UNIT);
  private final ByteBuffer counts = ByteBuffer.allocate(UNIT);
  private int tableIndex = -1;
  // In clusters: the next one to use, and where the present refcount block is.
  private long next;
  private long block;
  // In bytes: where the last cluster with compressed bytes ends, if there is room.
  private long room;

  private Qcow2Compressed(FileChannel file, Qcow2Header header) {
    this.file = file;
    this.header = header;
    this.refcountTable = ByteBuffer.allocate((int) header.refcountTableBytes());
    this.l1 = ByteBuffer.allocate(Math.ceilDiv(header.l1Entries(), ENTRIES) * UNIT);
  }

  /**
   * Writes into an empty file, the header last of all; nothing is forced to the device.
   *
   * @param compressors makes one for each thread; they are closed
   * @throws IllegalArgumentException for a disk of more than 1 PiB
   */
  static void write(
      DiskSource disk,
      FileChannel file,
      Qcow2Header.Compression compression,
      Supplier<? extends Compressor> compressors)
      throws IOException {
    Qcow2Header header = Qcow2Layout.header(disk.size(), compression);
    new Qcow2Compressed(file, header).write(disk, compressors);
  }

  private void write(DiskSource disk, Supplier<? extends Compressor> compressors)
      throws IOException {
    while (next < Qcow2Layout.front(header)) {
      count(next++);
    }
    beginBlock();
    Queue<Tool> tools = new ConcurrentLinkedQueue<>();
    Queue<ByteBuffer> buffers = new ConcurrentLinkedQueue<>();
    try (InOrder<Piece> pieces =
        new InOrder<>(
            "qcow2",
            piece -> {
              put(piece);
              buffers.add(piece.bytes());
            })) {
      for (long at = 0; at < disk.size(); ) {
        Extent extent = disk.extentAt(at, disk.size() - at);
        if (extent.kind() == Extent.Kind.ZERO) {
          at = extent.end();
          continue;
        }
        long from = at / Manifest.CHUNK * Manifest.CHUNK;
        int length = (int) Math.min(Manifest.CHUNK, disk.size() - from);
        pieces.submit(
            () -> {
              Tool tool = tools.poll();
              tool = tool == null ? new Tool(compressors.get(), chunk(null)) : tool;
              try {
                return compress(disk, from, length, tool, chunk(buffers.poll()));
              } finally {
                tools.add(tool);
              }
            });
        at = from + length;
      }
      pieces.finish();
    } finally {
      tools.forEach(tool -> tool.compressor().close());
    }
    endTable();
    endBlock();
    write(refcountTable, header.refcountTableOffset());
    write(l1, header.l1Offset());
    write(header.toBytes(), 0);
  }

  private static ByteBuffer chunk(@Nullable ByteBuffer used) {
    return used == null ? ByteBuffer.allocateDirect(Manifest.CHUNK) : used.clear();
  }

  private static Piece compress(
      DiskSource disk, long offset, int length, Tool tool, ByteBuffer bytes) throws IOException {
    ByteBuffer in = tool.in().clear().limit(length);
    disk.read(offset, in);
    int clusters = Math.ceilDiv(length, UNIT);
    Zeros.fill(in.limit(clusters * UNIT), clusters * UNIT - length);
    int[] lengths = new int[clusters];
    for (int i = 0; i < clusters; i++) {
      ByteBuffer cluster = in.slice(i * UNIT, UNIT);
      if (Zeros.isZero(cluster)) {
        continue;
      }
      lengths[i] = tool.compressor().compress(cluster, bytes.limit(bytes.position() + UNIT - 1));
      if (lengths[i] < 0) {
        bytes.limit(bytes.position() + UNIT).put(cluster);
        lengths[i] = UNIT;
      }
    }
    return new Piece(offset / UNIT, lengths, bytes.flip());
  }

  private void put(Piece piece) throws IOException {
    ByteBuffer bytes = piece.bytes();
    // What lies together in the file is written at once.
    bytes.limit(0);
    long runAt = 0;
    for (int i = 0; i < piece.lengths().length; i++) {
      int length = piece.lengths()[i];
      if (length == 0) {
        continue;
      }
      long cluster = piece.first() + i;
      if (cluster / ENTRIES != tableIndex) {
        endTable();
        tableIndex = (int) (cluster / ENTRIES);
      }
      long at = place(length);
      table.putLong((int) (cluster % ENTRIES) * 8, entry(at, length));
      if (at != runAt + bytes.remaining()) {
        write(bytes, runAt);
        runAt = at;
      }
      bytes.limit(bytes.limit() + length);
    }
    write(bytes, runAt);
  }

  private static long entry(long at, int length) {
    if (length == UNIT) {
      return at | Qcow2Entries.COPIED;
    }
    long sectors = (at + length - 1) / 512 - at / 512;
    return at | sectors << LENGTH_SHIFT | Qcow2Entries.COMPRESSED;
  }

  /** Finds room for a cluster, and counts it. */
  private long place(int length) throws IOException {
    if (length == UNIT) {
      return allocate() * UNIT;
    }
    int left = (int) (-room & (UNIT - 1));
    boolean isNextFree = room / UNIT + 1 == next && next % COUNTS != 0;
    boolean goesOn = left >= length || (left > 0 && isNextFree);
    if (goesOn) {
      count(room / UNIT);
    }
    if (left < length) {
      long fresh = allocate() * UNIT;
      room = goesOn ? room : fresh;
    }
    room += length;
    return room - length;
  }

  private long allocate() throws IOException {
    if (next % COUNTS == 0) {
      endBlock();
      beginBlock();
    }
    count(next);
    return next++;
  }

  /** Once more in use; only clusters that the present block counts. */
  private void count(long cluster) {
    int at = (int) (cluster % COUNTS) * 2;
    counts.putShort(at, (short) (counts.getShort(at) + 1));
  }

  private void beginBlock() {
    refcountTable.putLong((int) (next / COUNTS) * 8, next * UNIT);
    block = next;
    room = 0;
    count(next++);
  }

  private void endBlock() throws IOException {
    write(counts.clear(), block * UNIT);
    counts.clear().put(new byte[UNIT]);
  }

  private void endTable() throws IOException {
    if (tableIndex >= 0) {
      long at = allocate() * UNIT;
      write(table.clear(), at);
      table.clear().put(new byte[UNIT]);
      l1.putLong(tableIndex * 8, at | Qcow2Entries.COPIED);
    }
  }

  private void write(ByteBuffer bytes, long offset) throws IOException {
    for (long at = offset; bytes.hasRemaining(); ) {
      at += file.write(bytes, at);
    }
  }
}
