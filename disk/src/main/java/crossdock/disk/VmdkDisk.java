package crossdock.disk;

import static crossdock.disk.ImageBytes.bad;
import static crossdock.disk.ImageBytes.range;
import static crossdock.disk.VmdkHeader.SECTOR;
import static crossdock.disk.VmdkHeader.TABLE;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import crossdock.disk.BadImageException.Reason;
import crossdock.disk.codec.Inflate;
import crossdock.disk.codec.JdkDeflate;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.zip.DataFormatException;

/**
 * A disk in one sparse extent: monolithicSparse and streamOptimized VMDKs, or a piece of a split
 * one (VMware, Virtual Disk Format 5.0, "Hosted Sparse Extents" and "Stream-Optimized Compressed
 * Sparse Extents"). Its size is what the descriptor says: the header's may be rounded up to a
 * grain. Tables are read when needed and checked entry by entry; at most 16 MiB of them and of
 * inflated grains are kept.
 */
final class VmdkDisk implements ImageDisk {
  private static final Set<String> TYPES = Set.of("monolithicSparse", "streamOptimized");
  // What QEMU reads as the descriptor, whatever length the header gives.
  private static final int LEAST_DESCRIPTOR = 20 * SECTOR;
  private static final int MOST_DESCRIPTOR_SECTORS = 128;
  // 128 TiB in grains of 64 KiB: 16 MiB of directory.
  private static final int MOST_TABLES = 1 << 22;
  private static final int TABLE_BYTES = 4 * TABLE;
  private static final int TABLES_KEPT = 4096;
  private static final int INFLATED_KEPT = 8 << 20;
  private static final int ZEROED = 1;
  private static final int MARKER = 12;
  private static final long HOLE = -1;

  private final ImageBytes image;
  private final VmdkHeader header;
  private final long size;
  private final int grainBytes;
  private final int[] directory;
  private final Recent<int[]> tables = new Recent<>(TABLES_KEPT);
  private final Recent<ByteBuffer> inflated;

  private VmdkDisk(ImageBytes image, VmdkHeader header, long size) throws IOException {
    this.image = image;
    this.header = header;
    this.size = size;
    this.grainBytes = header.grainBytes();
    this.inflated = new Recent<>(INFLATED_KEPT / grainBytes);
    this.directory = directory();
  }

  /**
   * A disk that is all in one file.
   *
   * @param most bytes that it may have for its guest
   * @throws BadImageException if it is refused; then and otherwise a failure leaves the image open
   */
  static VmdkDisk open(ImageBytes image, long most) throws IOException {
    VmdkHeader header = VmdkHeader.read(image);
    long sectors = sectors(image, header);
    return new VmdkDisk(image, header, ImageBytes.virtualSize(12, sectors * SECTOR, most));
  }

  /** As {@link VmdkParts#open}. */
  static DiskSource openDescriptor(Path descriptor, long most) throws IOException {
    return VmdkParts.open(descriptor, most);
  }

  /** One of several files: its descriptor, if it has one, means nothing. */
  static VmdkDisk part(ImageBytes image, long sectors) throws IOException {
    VmdkHeader header = VmdkHeader.read(image);
    fits(header, sectors);
    if (header.has(VmdkHeader.COMPRESSED)) {
      throw bad(Reason.UNSUPPORTED, 8, "a compressed part", "one that is not");
    }
    return new VmdkDisk(image, header, sectors * SECTOR);
  }

  /** VirtualBox rounds the header's capacity up to a grain, others make them equal. */
  private static long fits(VmdkHeader header, long sectors) throws BadImageException {
    range(12, "capacity", header.capacity(), sectors, sectors + header.grain() - 1);
    return range(12, "extent sectors", sectors, 1, header.capacity());
  }

  private static long sectors(ImageBytes image, VmdkHeader header) throws IOException {
    long sector = range(28, "descriptor", header.descriptor(), 1, image.size() / SECTOR);
    long sectors =
        range(36, "descriptor sectors", header.descriptorSectors(), 1, MOST_DESCRIPTOR_SECTORS);
    long at = sector * SECTOR;
    image.inside(at, sectors * SECTOR);
    int length = (int) Math.min(Math.max(sectors * SECTOR, LEAST_DESCRIPTOR), image.size() - at);
    String all = ISO_8859_1.decode(image.read(at, length, ByteOrder.LITTLE_ENDIAN)).toString();
    VmdkDescriptor descriptor = VmdkDescriptor.parse(at, all, (int) sectors * SECTOR);
    for (VmdkDescriptor.Part part : descriptor.parts()) {
      if (!part.kind().equals(VmdkDescriptor.SPARSE) || part.from() != 0) {
        throw bad(Reason.FOREIGN_REFERENCE, at, "extent " + part.kind(), VmdkDescriptor.SPARSE);
      }
    }
    if (descriptor.parts().size() != 1) {
      throw bad(Reason.FOREIGN_REFERENCE, at, descriptor.parts().size() + " extents", "1");
    }
    if (!TYPES.contains(descriptor.createType())) {
      throw bad(Reason.UNSUPPORTED, at, descriptor.createType(), "" + TYPES);
    }
    return fits(header, descriptor.parts().getFirst().sectors());
  }

  private int[] directory() throws IOException {
    long at = range(56, "grain directory", header.directory(), 1, image.size() / SECTOR) * SECTOR;
    if (header.tables() > MOST_TABLES) {
      throw bad(Reason.TOO_LARGE, 12, header.tables() + " grain tables", "at most " + MOST_TABLES);
    }
    image.inside(at, header.tables() * 4);
    int[] entries = new int[(int) header.tables()];
    for (int from = 0; from < entries.length; ) {
      int part = Math.min(ImageBytes.MOST / 4, entries.length - from);
      image
          .read(at + from * 4L, part * 4, ByteOrder.LITTLE_ENDIAN)
          .asIntBuffer()
          .get(entries, from, part);
      from += part;
    }
    for (int i = 0; i < entries.length; i++) {
      if (entries[i] != 0) {
        placed(at + i * 4L, Integer.toUnsignedLong(entries[i]), TABLE_BYTES);
      }
    }
    return entries;
  }

  /** Where a table or grain is, in bytes; not outside of the file nor upon what describes it. */
  private long placed(long entry, long sector, int length) throws BadImageException {
    long at = sector * SECTOR;
    image.inside(at, length);
    boolean clear =
        clear(at, length, 0, 1)
            && clear(at, length, header.descriptor(), header.descriptorSectors())
            && clear(at, length, header.directory(), (header.tables() * 4 - 1) / SECTOR + 1);
    if (!clear) {
      throw bad(Reason.BAD_FIELD, entry, "sector " + sector, "one that is not taken");
    }
    return at;
  }

  private static boolean clear(long at, int length, long sector, long sectors) {
    return at + length <= sector * SECTOR || at >= (sector + sectors) * SECTOR;
  }

  /** Where a grain is in the file, or that it is a hole. */
  private long place(long grain) throws IOException {
    int index = (int) (grain / TABLE);
    if (directory[index] == 0) {
      return HOLE;
    }
    long at = Integer.toUnsignedLong(directory[index]) * SECTOR;
    int[] table = tables.get(index, _ -> table(at));
    int entry = (int) (grain % TABLE);
    long sector = Integer.toUnsignedLong(table[entry]);
    if (sector == 0 || (sector == ZEROED && header.has(VmdkHeader.ZEROED_GRAINS))) {
      return HOLE;
    }
    boolean compressed = header.has(VmdkHeader.COMPRESSED);
    return placed(at + entry * 4L, sector, compressed ? MARKER : used(grain));
  }

  private int[] table(long at) throws IOException {
    int[] table = new int[TABLE];
    image.read(at, TABLE_BYTES, ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(table);
    return table;
  }

  /** How much of a grain is inside the disk: writers may leave out the rest. */
  private int used(long grain) {
    return (int) Math.min(grainBytes, size - grain * grainBytes);
  }

  @Override
  public About about() {
    boolean compressed = header.has(VmdkHeader.COMPRESSED);
    return new About(
        compressed ? "streamOptimized" : "monolithicSparse",
        grainBytes,
        compressed ? "deflate" : "none",
        List.of());
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Extent extentAt(long offset, long atMost) throws IOException {
    Objects.checkIndex(offset, size);
    long end = offset + Math.min(atMost, size - offset);
    long grain = offset / grainBytes;
    boolean hole = place(grain) == HOLE;
    long next = grain + 1;
    // On to the end of the table, and over tables that are not there; another one is not read.
    while (next * grainBytes < end) {
      boolean absent = directory[(int) (next / TABLE)] == 0;
      if (absent ? !hole : next % TABLE == 0 || hole != (place(next) == HOLE)) {
        break;
      }
      next = absent ? (next / TABLE + 1) * TABLE : next + 1;
    }
    long length = Math.min(end, next * grainBytes) - offset;
    return new Extent(offset, length, hole ? Extent.Kind.ZERO : Extent.Kind.DATA);
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, into.remaining(), size);
    int end = into.limit();
    try (Inflating inflating = new Inflating()) {
      for (long at = offset; into.position() < end; ) {
        int left = end - into.position();
        long grain = at / grainBytes;
        int within = (int) (at % grainBytes);
        int part = Math.min(left, grainBytes - within);
        long place = place(grain);
        if (place != HOLE && !header.has(VmdkHeader.COMPRESSED)) {
          // Neighbours on the disk that are neighbours in the file are one read.
          for (long next = 1;
              part < left && place(grain + next) == place + next * grainBytes;
              next++) {
            part = (int) Math.min(left, part + (long) grainBytes);
          }
        }
        into.limit(into.position() + part);
        if (place == HOLE) {
          Zeros.fill(into, part);
        } else if (header.has(VmdkHeader.COMPRESSED)) {
          inflating.read(grain, place, within, (at + left - 1) / grainBytes, into);
        } else {
          image.read(place + within, into);
        }
        into.limit(end);
        at += part;
      }
    }
  }

  @Override
  public void close() throws IOException {
    image.close();
  }

  /** Inflates the grains of one read; fetches those that lie near each other at once. */
  private final class Inflating implements AutoCloseable {
    private final Inflate zlib = new Inflate(JdkDeflate.Wrapper.ZLIB);
    private ByteBuffer window = ByteBuffer.allocate(0);
    private long windowAt;

    void read(long grain, long place, int within, long last, ByteBuffer into) throws IOException {
      if (into.remaining() == grainBytes) {
        inflate(grain, place, last, into);
      } else {
        into.put(
            inflated.get(grain, _ -> whole(grain, place, last)).slice(within, into.remaining()));
      }
    }

    private ByteBuffer whole(long grain, long place, long last) throws IOException {
      ByteBuffer whole = ByteBuffer.allocate(grainBytes);
      inflate(grain, place, last, whole);
      return whole;
    }

    /** Fills what remains, a grain; one that the disk's end cuts may be short. */
    private void inflate(long grain, long place, long last, ByteBuffer into) throws IOException {
      ByteBuffer marker = stored(grain, place, MARKER, last);
      range(place, "LBA", marker.getLong(0), grain * header.grain(), grain * header.grain());
      // Deflate makes nothing twice as long.
      int length = (int) range(place + 8, "size", marker.getInt(8), 1, 2L * grainBytes);
      int from = into.position();
      boolean whole = inflate(stored(grain, place, MARKER + length, last).position(MARKER), into);
      if (!whole || into.position() - from < used(grain)) {
        throw bad(Reason.BAD_FIELD, place, "a grain that does not inflate", "one of " + grainBytes);
      }
      into.position(into.limit());
    }

    /** Whether the stream has an end, before or where the buffer has its own. */
    private boolean inflate(ByteBuffer stored, ByteBuffer into) {
      try {
        return zlib.inflate(stored, into);
      } catch (DataFormatException e) {
        return false;
      }
    }

    /** That many bytes of the file, from the window if they are in it. */
    private ByteBuffer stored(long grain, long place, int length, long last) throws IOException {
      if (place < windowAt || place + length > windowAt + window.capacity()) {
        image.inside(place, length);
        long end = place + MARKER + grainBytes;
        long previous = place;
        for (long next = grain + 1; next <= last; next++) {
          long here = place(next);
          if (here <= previous || here + MARKER + grainBytes > place + ImageBytes.MOST) {
            break;
          }
          previous = here;
          end = here + MARKER + grainBytes;
        }
        long least = Math.max(length, Math.min(end, image.size()) - place);
        window = ByteBuffer.allocate((int) least);
        image.read(place, window);
        windowAt = place;
      }
      return window.slice((int) (place - windowAt), length).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void close() {
      zlib.close();
    }
  }
}
