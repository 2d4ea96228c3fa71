package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.UUID;

/**
 * Writes a disk into an image in any order. Every unit of the disk has its own place in the file,
 * so that nothing must be remembered but what was written, and the file itself tells that: what is
 * a hole was not. The tables are made at the end. One process at a time: the file is locked.
 * Interrupting a writing thread closes the sink.
 */
final class ImageSink implements DiskSink {
  /** What an image must be to be gone on with. */
  private static final String SHAPE = "shape";

  /** Where the disk's bytes end, once the tables are being written behind them. */
  private static final String DATA_END = "data-end";

  private final Partial partial;
  private final DiskFormat format;
  private final UUID id;
  private final Partial.Opened file;
  private final boolean fresh;
  private final Written written;
  // If all of it were stored: where everything has its place.
  private final Layout full;

  private ImageSink(
      Partial partial, DiskFormat format, UUID id, Partial.Opened file, long size, boolean fresh)
      throws IOException {
    this.partial = partial;
    this.format = format;
    this.id = id;
    this.file = file;
    this.fresh = fresh;
    this.written = new Written(size);
    try {
      this.full = layout(Allocation.all(size, unit(format, size)));
    } catch (IllegalArgumentException e) {
      throw new IOException("no room in a " + format.wire() + ": " + e.getMessage(), e);
    }
  }

  static ImageSink open(Path target, DiskFormat format, long size) throws IOException {
    Partial partial = Partial.of(target);
    String shape = format.wire() + " " + size + "\n";
    boolean fresh =
        partial.createUnlessThere(
            path -> {
              Files.writeString(partial.beside(SHAPE), shape);
              Files.deleteIfExists(partial.beside(DATA_END));
              Files.createFile(path);
            });
    Partial.Opened file = partial.open();
    try {
      String found = Files.readString(partial.beside(SHAPE));
      if (!found.equals(shape)) {
        throw new IOException("the unfinished file is another: " + found.strip());
      }
      UUID id = UUID.nameUUIDFromBytes(target.toString().getBytes(StandardCharsets.UTF_8));
      ImageSink sink = new ImageSink(partial, format, id, file, size, fresh);
      sink.takeTablesBack();
      return sink;
    } catch (Throwable e) {
      file.close();
      throw e;
    }
  }

  private static int unit(DiskFormat format, long size) {
    return switch (format) {
      case RAW -> throw new IllegalArgumentException("a raw disk is no image");
      case QCOW2 -> Qcow2Layout.UNIT;
      case VMDK -> VmdkLayout.UNIT;
      case VHD -> VhdLayout.UNIT;
      case VHDX -> VhdxLayout.unit(size);
      case VDI -> VdiLayout.UNIT;
    };
  }

  private Layout layout(Allocation allocation) {
    return switch (format) {
      case RAW -> throw new IllegalArgumentException("a raw disk is no image");
      case QCOW2 -> Qcow2Layout.of(written, allocation);
      case VMDK -> VmdkLayout.of(written, allocation, id);
      case VHD -> VhdLayout.of(written, allocation, id);
      case VHDX -> VhdxLayout.of(written, allocation, id);
      case VDI -> VdiLayout.of(written, allocation, id);
    };
  }

  @Override
  public long size() {
    return written.size();
  }

  @Override
  public Resume resume() {
    return Resume.RANDOM;
  }

  @Override
  public boolean startsZeroed() {
    return fresh;
  }

  @Override
  public void write(long offset, ByteBuffer data) throws IOException {
    Objects.checkFromIndexSize(offset, data.remaining(), size());
    int end = data.limit();
    for (long at = offset; data.hasRemaining(); ) {
      data.limit((int) Math.min(end, data.position() + inOnePlace(at)));
      for (long place = place(at); data.hasRemaining(); ) {
        int length = file.writes().write(data, place);
        place += length;
        at += length;
      }
      data.limit(end);
    }
  }

  @Override
  public void zero(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size());
    Zeros.zero(written, offset, length, (at, part) -> write(at, Zeros.of(part)));
  }

  @Override
  public void flush() throws IOException {
    file.channel().force(false);
  }

  /** Where in the file a byte of the disk belongs. */
  private long place(long offset) {
    Layout.Slots slots = full.slots();
    int unit = slots.allocation().unitBytes();
    return full.slotsOffset()
        + offset / unit * slots.stride()
        + slots.before().capacity()
        + offset % unit;
  }

  /** How many bytes from there lie behind each other in the file, too. */
  private long inOnePlace(long offset) {
    Layout.Slots slots = full.slots();
    int unit = slots.allocation().unitBytes();
    return slots.before().hasRemaining() ? unit - offset % unit : Long.MAX_VALUE >> 1;
  }

  @Override
  public void finish() throws IOException {
    Layout layout = layout(stored());
    if (layout.slotsOffset() != full.slotsOffset()) {
      throw new IllegalStateException("the tables in front of " + format + " have grown");
    }
    file.channel().force(true);
    note(layout.slotsEnd());
    file.channel().truncate(layout.slotsEnd());
    ImageWriter.frame(file.channel(), layout);
    file.channel().force(true);
    // What we hand out passes our own gate.
    FormatSafety.check(partial.path(), format, Long.MAX_VALUE);
    // Under the lock: nobody else can have it open between commit and close.
    partial.commit();
    close();
  }

  /** The units in whose places the file has anything. */
  private Allocation stored() throws IOException {
    Layout.Slots slots = full.slots();
    int unit = slots.allocation().unitBytes();
    long units = slots.allocation().units();
    long[] stored = new long[Math.toIntExact(Math.ceilDiv(units, 64L))];
    long end = file.channel().size();
    try (RawDisk file = RawDisk.open(partial.path())) {
      for (long at = full.slotsOffset(); at < end; ) {
        Extent extent = file.extentAt(at, end - at);
        if (extent.kind() == Extent.Kind.DATA) {
          long first = (extent.offset() - full.slotsOffset()) / slots.stride();
          long last = (extent.end() - 1 - full.slotsOffset()) / slots.stride();
          for (long n = first; n <= Math.min(last, units - 1); n++) {
            stored[(int) (n / 64)] |= 1L << n;
          }
        }
        at = extent.end();
      }
    }
    return Allocation.inPlace(size(), unit, stored);
  }

  /** Durably says where the data ends, before anything is written behind it. */
  private void note(long dataEnd) throws IOException {
    Path fresh = partial.beside(DATA_END + ".new");
    try (FileChannel file =
        FileChannel.open(
            fresh,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      file.write(StandardCharsets.US_ASCII.encode(Long.toString(dataEnd)));
      file.force(true);
    }
    Files.move(fresh, partial.beside(DATA_END), StandardCopyOption.ATOMIC_MOVE);
  }

  /** An earlier finish was interrupted: what it wrote behind the data is not the disk's. */
  private void takeTablesBack() throws IOException {
    Path note = partial.beside(DATA_END);
    if (Files.exists(note)) {
      file.channel().truncate(Long.parseLong(Files.readString(note)));
      file.channel().force(true);
      Files.delete(note);
    }
  }

  @Override
  public void abandon() throws IOException {
    partial.discard();
    close();
  }

  @Override
  public void close() throws IOException {
    file.close();
  }

  /** The disk as far as it has been written. */
  private final class Written implements DiskSource {
    private final long size;

    Written(long size) {
      this.size = size;
    }

    @Override
    public long size() {
      return size;
    }

    @Override
    public Extent extentAt(long offset, long atMost) {
      long most = size - Objects.checkIndex(offset, size);
      return new Extent(offset, Math.min(atMost, most), Extent.Kind.DATA);
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
      Objects.checkFromIndexSize(offset, into.remaining(), size);
      int end = into.limit();
      for (long at = offset; into.hasRemaining(); ) {
        into.limit((int) Math.min(end, into.position() + inOnePlace(at)));
        int length = file.channel().read(into, place(at));
        if (length < 0) {
          // Nothing has been written so far behind.
          length = into.remaining();
          Zeros.fill(into, length);
        }
        at += length;
        into.limit(end);
      }
    }

    @Override
    public void close() {}
  }
}
