package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;

/** A disk whose bytes lie in runs of an image file; all that a format adds to it is where. */
interface MappedDisk extends ImageDisk {
  /**
   * A part of the disk, in one piece.
   *
   * @param at the offset in the file, or negative for zeros that are nowhere
   */
  record Run(long at, long length) {
    static Run zero(long length) {
      return new Run(-1, length);
    }

    boolean isZero() {
      return at < 0;
    }
  }

  /** The file. Closing the disk closes it. */
  ImageBytes image();

  /**
   * What begins at an offset in the disk, as far as it is one run and cheap to tell. Its place is
   * checked to be in the file.
   */
  Run runAt(long offset) throws IOException;

  /** Visits all of the tables, and refuses the first entry that is wrong. Reads no data. */
  void walk() throws IOException;

  @Override
  default List<Finding> check() throws IOException {
    walk();
    return List.of();
  }

  @Override
  default Extent extentAt(long offset, long atMost) throws IOException {
    long most = Math.min(atMost, size() - Objects.checkIndex(offset, size()));
    Run first = runAt(offset);
    long length = first.length();
    while (length < most) {
      Run next = runAt(offset + length);
      if (next.isZero() != first.isZero()) {
        break;
      }
      length += next.length();
    }
    Extent.Kind kind = first.isZero() ? Extent.Kind.ZERO : Extent.Kind.DATA;
    return new Extent(offset, Math.min(length, most), kind);
  }

  @Override
  default void read(long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, into.remaining(), size());
    int end = into.limit();
    for (long at = offset; into.hasRemaining(); ) {
      int part = part(at, into.remaining());
      Run run = runAt(at);
      into.limit(into.position() + part);
      if (!run.isZero()) {
        image().read(run.at(), into);
      }
      while (into.hasRemaining()) {
        into.put(Zeros.of(Math.min(into.remaining(), Manifest.CHUNK)));
      }
      into.limit(end);
      at += part;
    }
  }

  /** How much from there is one run or several that lie one behind the other in the file. */
  private int part(long offset, int most) throws IOException {
    Run first = runAt(offset);
    long length = first.length();
    while (length < most) {
      Run next = runAt(offset + length);
      if (first.isZero() ? !next.isZero() : next.at() != first.at() + length) {
        break;
      }
      length += next.length();
    }
    return (int) Math.min(length, most);
  }

  @Override
  default void close() throws IOException {
    image().close();
  }
}
