package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;

/**
 * Writes the image that a {@link Layout} describes: any parts of it at once where the output can be
 * sought in, front to back where it cannot. Zeros stay holes in a file.
 */
final class ImageWriter {
  // What file systems give out at once, and qemu-img's own measure for a hole.
  private static final int BLOCK = 4096;

  private ImageWriter() {}

  /** A {@link DiskPass.Chunks} that writes the disk's bytes into the file at their places. */
  static DiskPass.Chunks into(FileChannel file, Layout layout) {
    return new DiskPass.Chunks() {
      @Override
      public void read(long offset, ByteBuffer data) throws IOException {
        place(layout, offset, data, (at, part) -> writeSparse(file, at, part));
      }
    };
  }

  /** Writes all of the file but the disk's bytes. The file must be new. */
  static void frame(FileChannel file, Layout layout) throws IOException {
    copy(file, layout, 0, layout.slotsOffset());
    Layout.Slots slots = layout.slots();
    if (slots.before().hasRemaining()) {
      long count = Math.ceilDiv(slots.length(), slots.stride());
      for (long slot = 0; slot < Math.min(count, slots.allocation().slots()); slot++) {
        if (slots.allocation().unit(slot) >= 0) {
          write(file, layout.slotsOffset() + slot * slots.stride(), slots.before().duplicate());
        }
      }
    }
    copy(file, layout, layout.slotsEnd(), layout.size());
    if (file.size() < layout.size()) {
      // A hole at the end.
      write(file, layout.size() - 1, ByteBuffer.allocate(1));
    }
  }

  private static void copy(FileChannel file, Layout layout, long from, long to) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(Manifest.CHUNK);
    for (long at = from; at < to; ) {
      Extent extent = layout.extentAt(at, to - at);
      if (extent.kind() == Extent.Kind.DATA) {
        buffer.clear().limit((int) Math.min(Manifest.CHUNK, extent.length()));
        layout.read(at, buffer);
        writeSparse(file, at, buffer.flip());
        at += buffer.limit();
      } else {
        at = extent.end();
      }
    }
  }

  /** A {@link DiskPass.Chunks} that writes everything up to the end of the disk's bytes. */
  static final class Front implements DiskPass.Chunks {
    private final WritableByteChannel out;
    private final Layout layout;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(Manifest.CHUNK);
    private long written;

    Front(WritableByteChannel out, Layout layout) {
      this.out = out;
      this.layout = layout;
    }

    @Override
    public void next(long offset, ByteBuffer data) throws IOException {
      place(
          layout,
          offset,
          data,
          (at, part) -> {
            upTo(at);
            written += part.remaining();
            all(part);
          });
    }

    /** Everything that is left. */
    void finish() throws IOException {
      upTo(layout.size());
    }

    private void upTo(long end) throws IOException {
      while (written < end) {
        buffer.clear().limit((int) Math.min(Manifest.CHUNK, end - written));
        layout.read(written, buffer);
        written += buffer.flip().remaining();
        all(buffer);
      }
    }

    private void all(ByteBuffer bytes) throws IOException {
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
    }
  }

  private interface Placing {
    void place(long offset, ByteBuffer data) throws IOException;
  }

  /** Says where in the file a part of the disk belongs, in as few parts as possible. */
  private static void place(Layout layout, long offset, ByteBuffer data, Placing placing)
      throws IOException {
    Layout.Slots slots = layout.slots();
    int unitBytes = slots.allocation().unitBytes();
    int from = 0;
    long place = -1;
    int end = data.remaining();
    for (int at = 0; at < end; ) {
      long unit = (offset + at) / unitBytes;
      long inUnit = (offset + at) % unitBytes;
      int part = (int) Math.min(end - at, unitBytes - inUnit);
      long slot = slots.allocation().slot(unit);
      long here = -1;
      if (slot >= 0) {
        here = layout.slotsOffset() + slot * slots.stride() + slots.before().remaining() + inUnit;
      }
      if (here < 0 || place < 0 || here != place + at - from) {
        if (place >= 0) {
          placing.place(place, data.slice(data.position() + from, at - from));
        }
        place = here;
        from = at;
      }
      at += part;
    }
    if (place >= 0) {
      placing.place(place, data.slice(data.position() + from, end - from));
    }
  }

  private static void writeSparse(FileChannel file, long offset, ByteBuffer data)
      throws IOException {
    int end = data.limit();
    int from = data.position();
    for (int at = data.position(); at < end; ) {
      int next = Math.min(end, at + BLOCK);
      if (Zeros.isZero(data.slice(at, next - at))) {
        write(file, offset + from - data.position(), data.slice(from, at - from));
        from = next;
      }
      at = next;
    }
    write(file, offset + from - data.position(), data.slice(from, end - from));
  }

  private static void write(FileChannel file, long offset, ByteBuffer data) throws IOException {
    long at = offset;
    while (data.hasRemaining()) {
      at += file.write(data, at);
    }
  }
}
