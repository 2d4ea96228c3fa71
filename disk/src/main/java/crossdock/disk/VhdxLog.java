package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The log of a VHDX that was not closed (MS-VHDX 2.3): finds its active sequence of entries, and
 * lays over the file what they hold, without writing to it.
 */
final class VhdxLog {
  static final int SECTOR = 4096;
  static final int ENTRY = 0x65676f6c; // loge
  static final int ZERO = 0x6f72657a; // zero
  static final int DESCRIPTOR = 0x63736564; // desc
  static final int DATA = 0x61746164; // data
  static final int HEADER = 64;

  /** Logs are 1 MiB in practice. This one is kept in memory, and searched entry by entry. */
  static final int MOST_BYTES = 8 << 20;

  private static final int MIB = 1 << 20;
  private static final int DESCRIPTOR_BYTES = 32;

  private final ByteBuffer log;
  private final UUID id;

  private VhdxLog(ByteBuffer log, UUID id) {
    this.log = log;
    this.id = id;
  }

  /**
   * The file as it will be when the log is replayed.
   *
   * @param header the valid header of the file, and where it is
   * @throws BadImageException if the log is beyond the limit, or has no active sequence
   */
  static ImageBytes replay(ImageBytes image, ByteBuffer header, long headerAt) throws IOException {
    range(headerAt + 64, "log version", header.getShort(64), 0, 0);
    long length = Integer.toUnsignedLong(header.getInt(68));
    long at = header.getLong(72);
    if (length == 0 || length % MIB != 0 || length > MOST_BYTES || at < MIB || at % MIB != 0) {
      throw bad(
          Reason.NOT_CLEAN,
          headerAt + 68,
          "a log to replay, " + length + " bytes at " + at,
          "at most " + MOST_BYTES + " bytes, both in MiB");
    }
    image.inside(at, length);
    ByteBuffer bytes = ByteBuffer.allocate((int) length).order(ByteOrder.LITTLE_ENDIAN);
    image.read(at, bytes);
    VhdxLog log = new VhdxLog(bytes, Guid.get(header, 48));
    List<Entry> entries = log.active();
    if (entries.isEmpty()) {
      throw bad(Reason.NOT_CLEAN, at, "a log without active entries", "some, or no log");
    }
    Entry head = entries.getLast();
    image.inside(0, head.flushedFileBytes());
    Overlay overlay = new Overlay(image);
    for (Entry entry : entries) {
      log.apply(entry, overlay);
    }
    return overlay.over(Math.max(image.size(), head.lastFileBytes()));
  }

  private record Entry(
      int at,
      int length,
      int tail,
      long sequence,
      int descriptors,
      long flushedFileBytes,
      long lastFileBytes) {}

  /** The active sequence, from the tail that its head names; empty if there is none. */
  private List<Entry> active() {
    List<Entry> active = List.of();
    for (int at = 0; at < log.capacity(); ) {
      List<Entry> run = runFrom(at);
      if (run.isEmpty()) {
        at += SECTOR;
        continue;
      }
      Entry head = run.getLast();
      // Entries before the tail were flushed already, and may be older than what is in the file. A
      // run without its tail is the end of one that begins further back and goes on at the front.
      List<Entry> live = run.stream().dropWhile(entry -> entry.at() != head.tail()).toList();
      if (!live.isEmpty()
          && (active.isEmpty()
              || Long.compareUnsigned(head.sequence(), active.getLast().sequence()) > 0)) {
        active = live;
      }
      at = head.at() >= at ? head.at() + head.length() : log.capacity();
    }
    return active;
  }

  /** Valid entries with consecutive numbers, one behind the other; at most one round. */
  private List<Entry> runFrom(int from) {
    List<Entry> run = new ArrayList<>();
    int length = 0;
    int at = from;
    for (Entry entry = entryAt(at); entry != null; entry = entryAt(at)) {
      length += entry.length();
      boolean next = run.isEmpty() || entry.sequence() == run.getLast().sequence() + 1;
      if (!next || length > log.capacity()) {
        break;
      }
      run.add(entry);
      at = (at + entry.length()) % log.capacity();
    }
    return run;
  }

  private @Nullable Entry entryAt(int at) {
    if (log.getInt(at) != ENTRY || !Guid.get(log, at + 32).equals(id)) {
      return null;
    }
    int length = log.getInt(at + 8);
    int tail = log.getInt(at + 12);
    long sequence = log.getLong(at + 16);
    int descriptors = log.getInt(at + 24);
    if (length < SECTOR
        || length > log.capacity()
        || length % SECTOR != 0
        || tail < 0
        || tail >= log.capacity()
        || tail % SECTOR != 0
        || sequence == 0
        || descriptors < 0
        || descriptors > (length - HEADER) / DESCRIPTOR_BYTES) {
      return null;
    }
    Entry entry =
        new Entry(
            at, length, tail, sequence, descriptors, log.getLong(at + 48), log.getLong(at + 56));
    return log.getInt(at + 4) == crc(entry) && isWhole(entry) ? entry : null;
  }

  private int crc(Entry entry) {
    CRC32C crc = new CRC32C();
    crc.update(log.slice(entry.at(), 4));
    crc.update(new byte[4]);
    int toEnd = Math.min(entry.length(), log.capacity() - entry.at());
    crc.update(log.slice(entry.at() + 8, toEnd - 8));
    crc.update(log.slice(0, entry.length() - toEnd));
    return (int) crc.getValue();
  }

  /** Whether all descriptors and data of an entry carry its number. */
  private boolean isWhole(Entry entry) {
    int data = dataAt(entry);
    for (int i = 0; i < entry.descriptors(); i++) {
      int at = descriptorAt(entry, i);
      long offset = log.getLong(at + 16);
      if (log.getLong(at + 24) != entry.sequence() || offset < 0 || offset % SECTOR != 0) {
        return false;
      }
      if (log.getInt(at) == ZERO) {
        long length = log.getLong(at + 8);
        if (length < 0 || length % SECTOR != 0 || length > Long.MAX_VALUE - offset) {
          return false;
        }
      } else if (log.getInt(at) == DESCRIPTOR) {
        int sector = wrap(entry.at() + data);
        data += SECTOR;
        if (data > entry.length()
            || log.getInt(sector) != DATA
            || log.getInt(sector + 4) != (int) (entry.sequence() >>> 32)
            || log.getInt(sector + SECTOR - 4) != (int) entry.sequence()) {
          return false;
        }
      } else {
        return false;
      }
    }
    return true;
  }

  private void apply(Entry entry, Overlay overlay) {
    int data = dataAt(entry);
    for (int i = 0; i < entry.descriptors(); i++) {
      int at = descriptorAt(entry, i);
      long offset = log.getLong(at + 16);
      if (log.getInt(at) == ZERO) {
        overlay.put(offset, log.getLong(at + 8), null);
      } else {
        ByteBuffer bytes = ByteBuffer.allocate(SECTOR);
        bytes.put(log.slice(at + 8, 8)).put(log.slice(wrap(entry.at() + data) + 8, SECTOR - 12));
        overlay.put(offset, SECTOR, bytes.put(log.slice(at + 4, 4)).flip());
        data += SECTOR;
      }
    }
  }

  /** Data begins with the first sector behind the descriptors. */
  private static int dataAt(Entry entry) {
    int end = HEADER + entry.descriptors() * DESCRIPTOR_BYTES;
    return (end + SECTOR - 1) / SECTOR * SECTOR;
  }

  private int descriptorAt(Entry entry, int index) {
    return wrap(entry.at() + HEADER + index * DESCRIPTOR_BYTES);
  }

  private int wrap(int at) {
    return at % log.capacity();
  }

  /** What is to be written to a file, laid over it. Immutable once read. */
  private static final class Overlay {
    private record Patch(long end, @Nullable ByteBuffer bytes) {}

    private final ImageBytes image;
    private final TreeMap<Long, Patch> patches = new TreeMap<>();

    Overlay(ImageBytes image) {
      this.image = image;
    }

    /**
     * Writes over whatever was there.
     *
     * @param bytes of that length, or null for zeros
     */
    void put(long at, long length, @Nullable ByteBuffer bytes) {
      if (length == 0) {
        return;
      }
      long end = at + length;
      cut(at);
      cut(end);
      patches.subMap(at, end).clear();
      patches.put(at, new Patch(end, bytes));
    }

    /** Makes two of a patch that reaches over an offset. */
    private void cut(long at) {
      Map.Entry<Long, Patch> before = patches.lowerEntry(at);
      if (before != null && before.getValue().end() > at) {
        long start = before.getKey();
        Patch whole = before.getValue();
        ByteBuffer bytes = whole.bytes();
        int left = (int) (at - start);
        patches.put(start, new Patch(at, bytes == null ? null : bytes.slice(0, left)));
        patches.put(
            at,
            new Patch(
                whole.end(), bytes == null ? null : bytes.slice(left, bytes.capacity() - left)));
      }
    }

    ImageBytes over(long size) {
      return new ImageBytes(size, (into, offset) -> read(into, offset, size), image);
    }

    private int read(ByteBuffer into, long offset, long size) throws IOException {
      Map.Entry<Long, Patch> here = patches.floorEntry(offset);
      Long next = patches.higherKey(offset);
      long end = Math.min(size, next == null ? size : next);
      ByteBuffer from = null;
      boolean zero = offset >= image.size();
      if (here != null && here.getValue().end() > offset) {
        end = Math.min(end, here.getValue().end());
        from = here.getValue().bytes();
        zero = from == null;
      } else if (!zero) {
        end = Math.min(end, image.size());
      }
      int part = (int) Math.min(into.remaining(), end - offset);
      int limit = into.limit();
      if (zero) {
        for (int left = part; left > 0; left -= Math.min(left, Manifest.CHUNK)) {
          into.put(Zeros.of(Math.min(left, Manifest.CHUNK)));
        }
      } else if (from != null) {
        into.put(from.slice((int) (offset - here.getKey()), part));
      } else {
        image.read(offset, into.limit(into.position() + part));
      }
      into.limit(limit);
      return part;
    }
  }
}
