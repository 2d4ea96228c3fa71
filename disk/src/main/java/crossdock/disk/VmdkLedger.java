package crossdock.disk;

import static crossdock.disk.VmdkHeader.SECTOR;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;

/**
 * What is known of a compressed stream as far as it has been written: where each grain table is,
 * hence where its grains begin, and a checksum of both. Eight bytes for 32 MiB of the disk. With
 * it, and the same encoder, any part of the stream is made again. Any thread.
 */
final class VmdkLedger {
  /** Where the grains of a stream begin. */
  static final int FIRST_SECTOR = 128;

  private static final int MAGIC = 0x564d4c31;
  private static final int TABLE_SECTORS = VmdkHeader.TABLE * 4 / SECTOR;
  private static final long DISK_BYTES_A_TABLE = (long) VmdkHeader.TABLE * VmdkLayout.UNIT;
  private static final long MOST_DISK_BYTES = DISK_BYTES_A_TABLE << 22;

  private final String encoder;
  private final UUID id;
  private final long diskBytes;
  private final int[] sectors;
  private final int[] checksums;
  private int known;

  /**
   * One of a stream not yet begun.
   *
   * @throws IllegalArgumentException for a disk of nothing or of more than 128 TiB
   */
  VmdkLedger(String encoder, UUID id, long diskBytes) {
    if (diskBytes <= 0 || diskBytes > MOST_DISK_BYTES) {
      throw new IllegalArgumentException("a disk of " + diskBytes + " bytes");
    }
    this.encoder = encoder;
    this.id = id;
    this.diskBytes = diskBytes;
    this.sectors = new int[(int) ((diskBytes - 1) / DISK_BYTES_A_TABLE) + 1];
    this.checksums = new int[sectors.length];
  }

  String encoder() {
    return encoder;
  }

  UUID id() {
    return id;
  }

  long diskBytes() {
    return diskBytes;
  }

  int tables() {
    return sectors.length;
  }

  /**
   * Notes where a table is, 0 for one that there is none of.
   *
   * @throws IOException if it is known to be elsewhere, or of other grains
   */
  synchronized void record(int table, int sector, int checksum) throws IOException {
    if (table < known && (sectors[table] != sector || checksums[table] != checksum)) {
      throw new IOException("the stream differs from what was written before table " + table);
    }
    sectors[table] = sector;
    checksums[table] = checksum;
    known = Math.max(known, table + 1);
  }

  /** The last table known to begin at or before a sector; all of them may be known. */
  synchronized int tableAt(long sector) {
    long start = FIRST_SECTOR;
    int last = 0;
    for (int table = 0; table < known && start <= sector; table++) {
      last = table;
      start = after(table, start);
    }
    return start <= sector ? known : last;
  }

  /** The sector where a table's first grain is, or would be. */
  synchronized long start(int table) {
    long start = FIRST_SECTOR;
    for (int before = 0; before < table; before++) {
      start = after(before, start);
    }
    return start;
  }

  private long after(int table, long start) {
    return sectors[table] == 0 ? start : Integer.toUnsignedLong(sectors[table]) + TABLE_SECTORS;
  }

  /** The grain directory. */
  synchronized ByteBuffer directory() {
    ByteBuffer directory = ByteBuffer.allocate(4 * sectors.length);
    directory.order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().put(sectors);
    return directory;
  }

  /** All that is known now, to be kept. */
  synchronized byte[] toBytes() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(MAGIC);
      out.writeUTF(encoder);
      out.writeLong(id.getMostSignificantBits());
      out.writeLong(id.getLeastSignificantBits());
      out.writeLong(diskBytes);
      out.writeInt(known);
      for (int table = 0; table < known; table++) {
        out.writeInt(sectors[table]);
        out.writeInt(checksums[table]);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /**
   * One that was kept.
   *
   * @throws IOException if these are not the bytes of one
   */
  static VmdkLedger of(byte[] bytes) throws IOException {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      if (in.readInt() != MAGIC) {
        throw new IOException("not a ledger of a stream");
      }
      VmdkLedger ledger =
          new VmdkLedger(in.readUTF(), new UUID(in.readLong(), in.readLong()), in.readLong());
      int known = in.readInt();
      if (known < 0 || known > ledger.tables()) {
        throw new IOException("a ledger of " + known + " tables of " + ledger.tables());
      }
      for (int table = 0; table < known; table++) {
        ledger.record(table, in.readInt(), in.readInt());
      }
      return ledger;
    } catch (IllegalArgumentException e) {
      throw new IOException("not a ledger of a stream", e);
    }
  }
}
