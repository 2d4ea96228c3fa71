package crossdock.conversion;

import java.nio.ByteBuffer;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;

/**
 * Direct buffers that are used again: what is read from and written to sockets and files without a
 * copy, and is slow to make. They begin at a page, so that a disk may be written past the page
 * cache. Thread-safe.
 */
final class Buffers {
  private static final int PAGE = 4096;

  private final Queue<ByteBuffer> free;
  private final int size;

  /**
   * @param most how many are kept while nobody uses them
   * @param size of each in bytes
   */
  Buffers(int most, int size) {
    this.free = new ArrayBlockingQueue<>(most);
    this.size = size;
  }

  /** One with room for so many bytes, which are whatever they were. */
  ByteBuffer take(int length) {
    ByteBuffer kept = free.poll();
    ByteBuffer buffer =
        kept == null ? ByteBuffer.allocateDirect(size + PAGE).alignedSlice(PAGE) : kept;
    return buffer.clear().limit(length);
  }

  /** That nobody uses any more, whoever took it. */
  void give(ByteBuffer buffer) {
    boolean _ = free.offer(buffer);
  }
}
