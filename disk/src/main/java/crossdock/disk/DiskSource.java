package crossdock.disk;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;

/**
 * The bytes of one disk as its guest sees them, whatever holds them. All offsets and lengths are
 * bytes. Every method may be called from any thread, also at once; {@link #close} makes calls in
 * progress fail. The content does not change while the source is open.
 */
public interface DiskSource extends Closeable {
  /** The exact virtual size; not rounded to sectors by us, though some formats round it. */
  long size();

  /**
   * The run that begins at {@code offset}, at least one byte and at most {@code atMost}; the next
   * run may be of the same kind. A source that does not know says DATA.
   *
   * @throws IndexOutOfBoundsException unless the offset is inside the disk and atMost is positive
   */
  Extent extentAt(long offset, long atMost) throws IOException;

  /**
   * Fills what remains of {@code into} with the bytes from {@code offset}, all of it or it throws.
   *
   * @throws IndexOutOfBoundsException if that reaches beyond the disk
   */
  void read(long offset, ByteBuffer into) throws IOException;

  /**
   * The runs that cover a range: in order, without gap or overlap, fetched while iterating, so
   * memory stays flat. Iteration throws {@link UncheckedIOException}.
   */
  default Iterable<Extent> extents(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, size());
    return () ->
        new Iterator<Extent>() {
          private long at = offset;

          @Override
          public boolean hasNext() {
            return at < offset + length;
          }

          @Override
          public Extent next() {
            if (!hasNext()) {
              throw new NoSuchElementException();
            }
            try {
              Extent next = extentAt(at, offset + length - at);
              at = next.end();
              return next;
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          }
        };
  }
}
