package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.LongUnaryOperator;

/** A table of numbers in an image: read in pages, written in any part. Any thread may read. */
final class BlockTable {
  private static final int PAGE = 64 << 10;

  private final PageCache pages;
  private final long offset;
  private final long length;

  /** The caller has checked that the table is inside the file. */
  BlockTable(ImageBytes image, long offset, long length, ByteOrder order) {
    this.pages = new PageCache(image, PAGE, order);
    this.offset = offset;
    this.length = length;
  }

  /** The entry with that index in a table of 32 bit numbers. */
  int intAt(long index) throws IOException {
    return page(index * Integer.BYTES).getInt((int) (index * Integer.BYTES % PAGE));
  }

  /** The entry with that index in a table of 64 bit numbers. */
  long longAt(long index) throws IOException {
    return page(index * Long.BYTES).getLong((int) (index * Long.BYTES % PAGE));
  }

  private ByteBuffer page(long at) throws IOException {
    long from = at - at % PAGE;
    return pages.page(offset + from, (int) Math.min(PAGE, length - from));
  }

  /** A region that is a table of 32 bit numbers. */
  static Layout.Made ofInts(long entries, ByteOrder order, LongUnaryOperator entry) {
    return made(entries, Integer.BYTES, order, (one, index) -> one.putInt((int) index), entry);
  }

  /** A region that is a table of 64 bit numbers. */
  static Layout.Made ofLongs(long entries, ByteOrder order, LongUnaryOperator entry) {
    return made(entries, Long.BYTES, order, ByteBuffer::putLong, entry);
  }

  @FunctionalInterface
  private interface Put {
    ByteBuffer put(ByteBuffer into, long value);
  }

  private static Layout.Made made(
      long entries, int width, ByteOrder order, Put put, LongUnaryOperator entry) {
    return new Layout.Made(
        entries * width,
        (offset, into) -> {
          long index = offset / width;
          int skip = (int) (offset % width);
          if (skip > 0) {
            part(into, put, one(width, order), entry.applyAsLong(index++), skip);
          }
          // Those that are there as a whole, of which a large disk has millions.
          ByteOrder before = into.order();
          into.order(order);
          while (into.remaining() >= width) {
            put.put(into, entry.applyAsLong(index++));
          }
          into.order(before);
          if (into.hasRemaining()) {
            part(into, put, one(width, order), entry.applyAsLong(index), 0);
          }
        });
  }

  private static ByteBuffer one(int width, ByteOrder order) {
    return ByteBuffer.allocate(width).order(order);
  }

  private static void part(ByteBuffer into, Put put, ByteBuffer one, long value, int skip) {
    int end = Math.min(one.capacity(), skip + into.remaining());
    into.put(put.put(one, value).position(skip).limit(end));
  }
}
