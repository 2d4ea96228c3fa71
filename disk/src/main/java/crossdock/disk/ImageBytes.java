package crossdock.disk;

import crossdock.disk.BadImageException.Reason;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;

/**
 * The bytes of an image, wherever they lie: what a format's reader stands on. They are somebody
 * else's and may be malicious, so whatever is asked of them is held against their size first. Any
 * thread may read, also at once.
 */
public final class ImageBytes implements Closeable {
  /** More than any structure we look at in one piece. */
  static final int MOST = 1 << 20;

  /** Reads some bytes from an offset, as {@link FileChannel#read(ByteBuffer, long)} does. */
  @FunctionalInterface
  public interface Reader {
    int read(ByteBuffer into, long offset) throws IOException;
  }

  private final long size;
  private final Reader reader;
  private final Closeable closing;

  /**
   * @param size of the image, in bytes
   */
  public ImageBytes(long size, Reader reader, Closeable closing) {
    this.size = size;
    this.reader = reader;
    this.closing = closing;
  }

  /** A file; closing closes the channel. */
  public static ImageBytes of(FileChannel channel) throws IOException {
    return new ImageBytes(channel.size(), channel::read, channel);
  }

  /** An image in memory. */
  public static ImageBytes of(ByteBuffer bytes) {
    return new ImageBytes(
        bytes.capacity(),
        (into, offset) -> {
          int length = Math.min(into.remaining(), bytes.capacity() - (int) offset);
          into.put(bytes.slice((int) offset, length));
          return length;
        },
        () -> {});
  }

  /** How many there are. */
  public long size() {
    return size;
  }

  @Override
  public void close() throws IOException {
    closing.close();
  }

  /**
   * Fills what remains of the buffer.
   *
   * @throws BadImageException if the image ends before
   */
  public void read(long offset, ByteBuffer into) throws IOException {
    inside(offset, into.remaining());
    int from = into.position();
    while (into.hasRemaining()) {
      if (reader.read(into, offset + into.position() - from) <= 0) {
        throw bad(
            Reason.TRUNCATED,
            offset,
            into.position() - from + " bytes",
            into.limit() - from + " bytes");
      }
    }
  }

  /** Exactly that many bytes from there, at most 1 MiB, or a refusal. */
  public ByteBuffer read(long offset, int length, ByteOrder order) throws IOException {
    inside(offset, length);
    if (length > MOST) {
      throw bad(Reason.BAD_FIELD, offset, length + " bytes", "at most " + MOST);
    }
    ByteBuffer bytes = ByteBuffer.allocate(length).order(order);
    read(offset, bytes);
    return bytes.flip();
  }

  /** Refuses a range that is not wholly in the file. */
  public void inside(long offset, long length) throws BadImageException {
    if (offset < 0 || length < 0 || length > size || offset > size - length) {
      throw bad(
          Reason.TRUNCATED,
          offset,
          size + " bytes",
          "a file that holds " + length + " bytes there");
    }
  }

  /** True if the file has these bytes, given as Latin-1, at that offset. */
  public boolean has(long offset, String latin1) throws IOException {
    byte[] bytes = latin1.getBytes(StandardCharsets.ISO_8859_1);
    return offset >= 0
        && offset <= size - bytes.length
        && read(offset, bytes.length, ByteOrder.BIG_ENDIAN).equals(ByteBuffer.wrap(bytes));
  }

  /** A refusal. */
  public static BadImageException bad(Reason reason, long offset, String found, String allowed) {
    return new BadImageException(reason, offset, found, allowed);
  }

  /** Refuses a field outside its range; values are unsigned where they are 64 bits wide. */
  public static long range(long offset, String name, long value, long least, long most)
      throws BadImageException {
    if (value < least || value > most) {
      throw bad(
          Reason.BAD_FIELD,
          offset,
          name + " " + Long.toUnsignedString(value),
          least == most ? Long.toString(most) : least + " to " + most);
    }
    return value;
  }

  /** Refuses a virtual size that is nothing, or over the limit. */
  public static long virtualSize(long offset, long bytes, long most) throws BadImageException {
    if (bytes < 0 || bytes > most) {
      throw bad(
          Reason.TOO_LARGE, offset, Long.toUnsignedString(bytes) + " bytes", "at most " + most);
    }
    return range(offset, "virtual size", bytes, 1, most);
  }
}
