package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32;

/**
 * How a disk's guest has divided it: master boot record with logical partitions, or GUID partition
 * table (UEFI 2.10, sections 5.2 and 5.3), of sectors of 512 or 4096 bytes. Whatever the guest has
 * written there, reading it ends soon and takes at most 1 MiB.
 *
 * @param table which kind it is; {@code NONE} too for a boot sector that is a file system's own
 * @param partitions those in use, by offset
 * @param bootCode whether the first sector begins with code that a BIOS would jump to
 * @param odd what a guest lives with: a copy that is gone, partitions that overlap
 * @param broken what no guest lives with: partitions beyond the disk's end, no copy that is whole
 */
public record Partitions(
    Table table,
    List<Partition> partitions,
    boolean bootCode,
    List<String> odd,
    List<String> broken) {

  /** What divides the disk. */
  public enum Table {
    NONE,
    MBR,
    GPT
  }

  /**
   * @param type one byte in hexadecimal, or a GUID, lower case
   * @param offset in bytes
   * @param length in bytes
   */
  public record Partition(String type, long offset, long length) {
    long end() {
      return offset + length;
    }
  }

  private static final int SECTOR = 512;
  private static final int LINKS = 256;
  private static final int MOST = 1 << 20;
  private static final int CODE = 440;
  private static final int SLOTS = 446;
  private static final int SLOT = 16;
  private static final int PROTECTIVE = 0xee;
  private static final int EFI = 0xef;
  private static final String EFI_SYSTEM = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
  private static final long SIGNATURE = 0x5452415020494645L;

  public Partitions {
    partitions = partitions.stream().sorted(Comparator.comparingLong(Partition::offset)).toList();
    odd = odd.stream().distinct().toList();
    broken = broken.stream().distinct().toList();
  }

  /** Whether UEFI firmware finds a system partition. */
  public boolean efiSystem() {
    return partitions.stream()
        .anyMatch(part -> part.type().equals(EFI_SYSTEM) || part.type().equals(hex(EFI)));
  }

  /** Reads what is there. */
  public static Partitions read(DiskSource disk) throws IOException {
    return new Reading(disk).all();
  }

  private static String hex(int type) {
    return "%02x".formatted(type);
  }

  /** One disk being read. */
  private static final class Reading {
    private final DiskSource disk;
    private final List<Partition> found = new ArrayList<>();
    private final List<String> odd = new ArrayList<>();
    private final List<String> broken = new ArrayList<>();

    Reading(DiskSource disk) {
      this.disk = disk;
    }

    Partitions all() throws IOException {
      if (disk.size() < 2 * SECTOR) {
        return of(Table.NONE, false);
      }
      ByteBuffer first = bytes(0, SECTOR);
      boolean code = false;
      for (int i = 0; i < CODE; i++) {
        code |= first.get(i) != 0;
      }
      boolean marked = first.getShort(SECTOR - 2) == (short) 0xaa55;
      if (!marked || !plausible(first)) {
        return of(Table.NONE, marked && code);
      }
      boolean gpt = false;
      for (int slot = 0; slot < 4; slot++) {
        gpt |= type(first, slot) == PROTECTIVE;
      }
      if (gpt) {
        gpt();
      } else {
        mbr(first);
      }
      whole();
      return of(gpt ? Table.GPT : Table.MBR, code);
    }

    private Partitions of(Table table, boolean code) {
      return new Partitions(table, found, code, odd, broken);
    }

    private ByteBuffer bytes(long offset, int length) throws IOException {
      ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
      disk.read(offset, bytes);
      return bytes.flip();
    }

    /** A file system's own boot sector has the mark too, and code or text where slots would be. */
    private static boolean plausible(ByteBuffer sector) {
      boolean any = false;
      for (int slot = 0; slot < 4; slot++) {
        int status = Byte.toUnsignedInt(sector.get(SLOTS + slot * SLOT));
        if (status != 0 && status != 0x80) {
          return false;
        }
        any |= type(sector, slot) != 0;
      }
      return any;
    }

    private static int type(ByteBuffer sector, int slot) {
      return Byte.toUnsignedInt(sector.get(SLOTS + slot * SLOT + 4));
    }

    private static long start(ByteBuffer sector, int slot) {
      return Integer.toUnsignedLong(sector.getInt(SLOTS + slot * SLOT + 8)) * SECTOR;
    }

    private static long length(ByteBuffer sector, int slot) {
      return Integer.toUnsignedLong(sector.getInt(SLOTS + slot * SLOT + 12)) * SECTOR;
    }

    private static boolean extended(int type) {
      return type == 0x05 || type == 0x0f || type == 0x85;
    }

    private void mbr(ByteBuffer sector) throws IOException {
      for (int slot = 0; slot < 4; slot++) {
        int type = type(sector, slot);
        if (extended(type)) {
          logical(start(sector, slot));
        } else if (type != 0) {
          found.add(new Partition(hex(type), start(sector, slot), length(sector, slot)));
        }
      }
    }

    /** The chain of an extended partition: each link has one partition, and where the next is. */
    private void logical(long extended) throws IOException {
      long at = extended;
      for (int link = 0; link < LINKS; link++) {
        if (at > disk.size() - SECTOR) {
          broken.add("a logical partition is described beyond the end of the disk");
          return;
        }
        ByteBuffer sector = bytes(at, SECTOR);
        if (sector.getShort(SECTOR - 2) != (short) 0xaa55) {
          broken.add("the chain of logical partitions ends in something else");
          return;
        }
        if (type(sector, 0) != 0) {
          found.add(new Partition(hex(type(sector, 0)), at + start(sector, 0), length(sector, 0)));
        }
        if (!extended(type(sector, 1)) || start(sector, 1) == 0) {
          return;
        }
        at = extended + start(sector, 1);
      }
      broken.add("the chain of logical partitions has no end");
    }

    private void gpt() throws IOException {
      for (int sector : new int[] {SECTOR, 4096}) {
        if (disk.size() < 3L * sector) {
          continue;
        }
        long last = disk.size() / sector - 1;
        Optional<List<Partition>> primary = gpt(sector, 1);
        Optional<List<Partition>> backup = gpt(sector, last);
        if (primary.isEmpty() && backup.isEmpty()) {
          continue;
        }
        if (primary.isEmpty()) {
          odd.add("the GUID partition table is broken; its copy at the end is whole");
        } else if (backup.isEmpty()) {
          odd.add("no copy of the GUID partition table at the end of the disk");
        } else if (!primary.equals(backup)) {
          odd.add("the GUID partition table and its copy differ");
        }
        found.addAll(primary.or(() -> backup).get());
        return;
      }
      broken.add("neither the GUID partition table nor its copy is whole");
    }

    /** The table that a header describes; empty unless both are whole. */
    private Optional<List<Partition>> gpt(int sector, long lba) throws IOException {
      ByteBuffer header = bytes(lba * sector, sector);
      int size = header.getInt(12);
      long entries = header.getLong(72);
      long count = Integer.toUnsignedLong(header.getInt(80));
      long entry = Integer.toUnsignedLong(header.getInt(84));
      if (header.getLong(0) != SIGNATURE
          || size < 92
          || size > sector
          || header.getLong(24) != lba
          || entry < 128
          || entry > 4096
          || entry % 8 != 0
          || count * entry > MOST
          || entries < 1
          || entries > (disk.size() - count * entry) / sector) {
        return Optional.empty();
      }
      int checksum = header.getInt(16);
      header.putInt(16, 0);
      ByteBuffer table = bytes(entries * sector, (int) (count * entry));
      if (crc(header.slice(0, size)) != checksum || crc(table.duplicate()) != header.getInt(88)) {
        return Optional.empty();
      }
      List<Partition> partitions = new ArrayList<>();
      for (int at = 0; at < count * entry; at += (int) entry) {
        if (table.getLong(at) == 0 && table.getLong(at + 8) == 0) {
          continue;
        }
        long from = table.getLong(at + 32);
        long to = table.getLong(at + 40);
        long sectors = disk.size() / sector;
        if (from < 0 || to < from || to >= sectors) {
          broken.add("a partition reaches beyond the end of the disk");
        } else {
          partitions.add(
              new Partition(
                  Guid.get(table, at).toString(), from * sector, (to - from + 1) * sector));
        }
      }
      return Optional.of(partitions);
    }

    private static int crc(ByteBuffer bytes) {
      CRC32 crc = new CRC32();
      crc.update(bytes);
      return (int) crc.getValue();
    }

    private void whole() {
      found.sort(Comparator.comparingLong(Partition::offset));
      long reached = 0;
      for (Partition part : found) {
        if (part.length() == 0 || part.end() > disk.size()) {
          broken.add("a partition reaches beyond the end of the disk");
        }
        if (part.offset() < reached) {
          odd.add("two partitions overlap");
        }
        reached = Math.max(reached, part.end());
      }
    }
  }
}
