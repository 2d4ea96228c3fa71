package crossdock.disk;

import static crossdock.disk.VmdkHeader.SECTOR;
import static crossdock.disk.VmdkHeader.TABLE;

import crossdock.disk.codec.Compressor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import java.util.zip.CRC32C;

/**
 * A streamOptimized VMDK, version 3, made front to back (VMware, Virtual Disk Format 5.0,
 * "Stream-Optimized Compressed Sparse Extents"): header and descriptor; for each 32 MiB of the disk
 * that hold anything, its grains compressed and then their table; directory, footer, end of stream.
 * Grains of zeros are left out; the disk is rounded up to a sector, at most 128 TiB. One call at a
 * time; it reads and compresses with several threads.
 */
final class VmdkStream {
  private static final int GRAIN_BYTES = VmdkLayout.UNIT;
  private static final int GRAIN = VmdkLayout.GRAIN;
  private static final int MARKER = 12;
  // More than any deflate adds to what it cannot compress, and whole sectors.
  private static final int MOST_STORED = GRAIN_BYTES + 3 * SECTOR;
  // What one thread does at a time: some grains of one table.
  private static final int PIECE = 16;
  private static final int PIECE_BYTES = PIECE * GRAIN_BYTES;
  private static final long DISK_BYTES_A_TABLE = (long) TABLE * GRAIN_BYTES;
  private static final int END_OF_STREAM = 0;
  private static final int GRAIN_TABLE = 1;
  private static final int GRAIN_DIRECTORY = 2;
  private static final int FOOTER = 3;
  // As VMware's, which stands for whatever name the file gets.
  private static final String NAME = "generated-stream.vmdk";
  private static final long MOST_SECTORS = 1L << 32;

  private final DiskSource disk;
  private final VmdkLedger ledger;
  private final Supplier<Compressor> compressors;
  private final long capacity;

  /**
   * @param id becomes the content's id, the end of it the CID
   * @param encoder names what compresses, such that what has the same name makes the same bytes
   * @param compressors make zlib streams (RFC 1950)
   */
  VmdkStream(DiskSource disk, UUID id, String encoder, Supplier<Compressor> compressors) {
    this(disk, new VmdkLedger(encoder, id, disk.size()), compressors);
  }

  private VmdkStream(DiskSource disk, VmdkLedger ledger, Supplier<Compressor> compressors) {
    this.disk = disk;
    this.ledger = ledger;
    this.compressors = compressors;
    this.capacity = (disk.size() - 1) / SECTOR + 1;
  }

  /**
   * A stream that was begun before, by the same encoder from the same disk.
   *
   * @throws IOException if it was another encoder, or a disk of another size
   */
  static VmdkStream resumed(
      DiskSource disk, VmdkLedger ledger, String encoder, Supplier<Compressor> compressors)
      throws IOException {
    if (!ledger.encoder().equals(encoder)) {
      throw new IOException("begun by encoder " + ledger.encoder() + ", not by " + encoder);
    }
    if (ledger.diskBytes() != disk.size()) {
      throw new IOException("begun for a disk of " + ledger.diskBytes() + " bytes");
    }
    return new VmdkStream(disk, ledger, compressors);
  }

  /** What is known so far of the stream; grows while it is written. */
  VmdkLedger ledger() {
    return ledger;
  }

  /** All of it; returns its length in bytes. */
  long write(WritableByteChannel to) throws IOException {
    return write(0, Long.MAX_VALUE, to);
  }

  /**
   * The bytes from one offset up to another or the end, as they were or will be in the whole. As
   * far as the ledger goes, it costs no more than the tables that have them, 32 MiB of the disk
   * each.
   *
   * @return the offset after the last byte
   * @throws IOException also if what was known of the stream comes out differently this time: then
   *     what has been written is worth nothing
   */
  long write(long from, long end, WritableByteChannel to) throws IOException {
    Output out = new Output(from, end, to);
    out.put(VmdkLayout.start(header(VmdkHeader.AT_END), descriptor()));
    out.put(ByteBuffer.allocate(VmdkLedger.FIRST_SECTOR * SECTOR - (int) out.at));
    int table = ledger.tableAt(from / SECTOR);
    out.at = ledger.start(table) * SECTOR;
    if (!out.isDone()) {
      tables(table, out);
    }
    if (!out.isDone()) {
      directory(out);
    }
    return Math.min(out.at, end);
  }

  private VmdkHeader header(long directory) {
    return new VmdkHeader(
        3,
        VmdkHeader.NEWLINE_TEST | VmdkHeader.COMPRESSED | VmdkHeader.MARKERS,
        capacity,
        GRAIN,
        1,
        VmdkLayout.DESCRIPTOR_SECTORS,
        0,
        directory,
        VmdkLedger.FIRST_SECTOR);
  }

  private String descriptor() {
    return VmdkDescriptor.write("streamOptimized", "RDONLY", capacity, NAME, ledger.id());
  }

  private void tables(int first, Output out) throws IOException {
    Workers workers = new Workers();
    Tables tables = new Tables(first, out, workers);
    long at = first * DISK_BYTES_A_TABLE;
    try (workers;
        InOrder<Piece> pieces = new InOrder<>("vmdk-stream", tables::take)) {
      while (at < Math.min(disk.size(), tables.enough)) {
        Extent extent = disk.extentAt(at, disk.size() - at);
        if (extent.kind() == Extent.Kind.ZERO) {
          at = extent.end();
          continue;
        }
        for (at = at / PIECE_BYTES * PIECE_BYTES; at < extent.end(); at += PIECE_BYTES) {
          if (at >= tables.enough) {
            break;
          }
          long from = at;
          pieces.submit(() -> workers.compress(from));
        }
      }
      pieces.finish();
      tables.turnTo(at < disk.size() ? (int) (at / DISK_BYTES_A_TABLE) : ledger.tables());
    }
  }

  private void directory(Output out) throws IOException {
    ByteBuffer directory = ledger.directory();
    int sectors = (directory.remaining() - 1) / SECTOR + 1;
    out.put(marker(sectors, GRAIN_DIRECTORY));
    long at = out.at / SECTOR;
    out.put(directory);
    out.put(ByteBuffer.allocate(sectors * SECTOR - directory.limit()));
    out.put(marker(1, FOOTER));
    out.put(header(at).bytes());
    out.put(marker(0, END_OF_STREAM));
  }

  private static ByteBuffer marker(long sectors, int type) {
    return ByteBuffer.allocate(SECTOR)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(0, sectors)
        .putInt(MARKER, type);
  }

  /** The part of the stream that is asked for; the rest is counted only. */
  private static final class Output {
    private final long from;
    private final long end;
    private final WritableByteChannel to;
    private long at;

    Output(long from, long end, WritableByteChannel to) {
      this.from = from;
      this.end = end;
      this.to = to;
    }

    boolean isDone() {
      return at >= end;
    }

    void put(ByteBuffer bytes) throws IOException {
      int length = bytes.remaining();
      int skip = Math.clamp(from - at, 0, length);
      int stop = Math.clamp(end - at, skip, length);
      ByteBuffer part = bytes.slice(bytes.position() + skip, stop - skip);
      while (part.hasRemaining()) {
        to.write(part);
      }
      at += length;
    }
  }

  /** Some grains, compressed; the worker's until it is given back. */
  private record Piece(long grain, Worker worker) {}

  /** What a thread needs to compress, and the room for what comes out. */
  private static final class Worker {
    private final Compressor compressor;
    private final ByteBuffer in = ByteBuffer.allocateDirect(PIECE_BYTES);
    private final ByteBuffer out =
        ByteBuffer.allocateDirect(PIECE * MOST_STORED).order(ByteOrder.LITTLE_ENDIAN);
    // Sectors of each grain, none for zeros.
    private final int[] sectors = new int[PIECE];

    Worker(Compressor compressor) {
      this.compressor = compressor;
    }
  }

  private final class Workers implements AutoCloseable {
    private final Queue<Worker> idle = new ConcurrentLinkedQueue<>();
    private final Queue<Compressor> all = new ConcurrentLinkedQueue<>();

    Piece compress(long from) throws IOException {
      Worker worker = idle.poll();
      if (worker == null) {
        Compressor compressor = compressors.get();
        all.add(compressor);
        worker = new Worker(compressor);
      }
      fill(worker.in.clear(), from);
      worker.out.clear();
      for (int i = 0; i < PIECE; i++) {
        ByteBuffer grain = worker.in.slice(i * GRAIN_BYTES, GRAIN_BYTES);
        boolean zero = Zeros.isZero(grain);
        worker.sectors[i] = zero ? 0 : store(worker, grain, from / SECTOR + i * (long) GRAIN);
      }
      worker.out.flip();
      return new Piece(from / GRAIN_BYTES, worker);
    }

    private void fill(ByteBuffer in, long from) throws IOException {
      long end = Math.min(disk.size(), from + PIECE_BYTES);
      // All of it at once, holes too: who hashes what is read wants whole chunks.
      disk.read(from, in.limit((int) (end - from)));
      in.limit(PIECE_BYTES);
      Zeros.fill(in, in.remaining());
    }

    private int store(Worker worker, ByteBuffer grain, long lba) throws IOException {
      ByteBuffer out = worker.out;
      int from = out.position();
      out.putLong(lba).position(from + MARKER).limit(from + MOST_STORED);
      int length = worker.compressor.compress(grain, out);
      if (length < 0) {
        throw new IOException("a grain becomes larger than " + MOST_STORED + " bytes");
      }
      out.putInt(from + 8, length);
      int sectors = (MARKER + length - 1) / SECTOR + 1;
      out.limit(from + sectors * SECTOR);
      Zeros.fill(out, out.remaining());
      out.limit(out.capacity());
      return sectors;
    }

    @Override
    public void close() {
      all.forEach(Compressor::close);
    }
  }

  /** Takes pieces in their order, and ends each table behind its last grain. */
  private final class Tables {
    private final Output out;
    private final Workers workers;
    private final int[] table = new int[TABLE];
    private final CRC32C crc = new CRC32C();
    private int current;
    private boolean empty = true;
    // Where on the disk the table ends that has the last byte asked for: all of it is made, so that
    // what was known of it can be held against it.
    private long enough = Long.MAX_VALUE;

    Tables(int first, Output out, Workers workers) {
      this.current = first;
      this.out = out;
      this.workers = workers;
    }

    void take(Piece piece) throws IOException {
      turnTo((int) (piece.grain() / TABLE));
      Worker worker = piece.worker();
      long sector = out.at / SECTOR;
      for (int i = 0; i < PIECE; i++) {
        if (worker.sectors[i] > 0) {
          table[(int) (piece.grain() % TABLE) + i] = (int) sector;
          sector += worker.sectors[i];
          empty = false;
        }
      }
      put(worker.out);
      workers.idle.add(worker);
    }

    /** Ends the table in progress, if it is not the next one. */
    void turnTo(int next) throws IOException {
      if (next == current) {
        return;
      }
      if (empty) {
        ledger.record(current, 0, 0);
      } else {
        ByteBuffer bytes = ByteBuffer.allocate(TABLE * 4).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(table);
        put(marker(bytes.limit() / SECTOR, GRAIN_TABLE));
        long at = out.at / SECTOR;
        put(bytes);
        ledger.record(current, (int) at, (int) crc.getValue());
      }
      for (int none = current + 1; none < next; none++) {
        ledger.record(none, 0, 0);
      }
      current = next;
      empty = true;
      Arrays.fill(table, 0);
      crc.reset();
    }

    private void put(ByteBuffer bytes) throws IOException {
      if (out.at / SECTOR + bytes.remaining() / SECTOR > MOST_SECTORS) {
        throw new IOException("a VMDK of more than 2 TiB");
      }
      crc.update(bytes.duplicate());
      out.put(bytes);
      if (out.isDone() && enough == Long.MAX_VALUE) {
        enough = (current + 1) * DISK_BYTES_A_TABLE;
      }
    }
  }
}
