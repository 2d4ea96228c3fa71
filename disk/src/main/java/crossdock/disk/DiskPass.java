package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * One pass over a disk, each chunk of it read once, by several threads. Chunks of zeros that the
 * disk knows of are not read, and a long run of them takes no longer than a short one. Memory is a
 * chunk for each one in flight.
 */
final class DiskPass {
  /** What becomes of the chunks. The data is at most a chunk, in a direct buffer. */
  interface Chunks {
    /** From any thread, several at once, in any order. */
    default void read(long offset, ByteBuffer data) throws IOException {}

    /** From the calling thread, in the order of the disk; chunks of known zeros are left out. */
    default void next(long offset, ByteBuffer data) throws IOException {}
  }

  /** For who wants the manifest alone. */
  static final Chunks NOTHING = new Chunks() {};

  private record Piece(long offset, ByteBuffer data) {}

  private DiskPass() {}

  /** Goes over all of a disk. */
  static void over(DiskSource disk, Chunks chunks) throws IOException {
    over(disk, disk.size(), chunks);
  }

  /** Goes over the first bytes of a disk. */
  static void over(DiskSource disk, long length, Chunks chunks) throws IOException {
    Queue<ByteBuffer> buffers = new ConcurrentLinkedQueue<>();
    try (InOrder<Piece> pieces =
        new InOrder<>("disk-pass", piece -> give(chunks, piece, buffers))) {
      each(
          disk,
          length,
          (offset, part) ->
              pieces.submit(
                  () -> {
                    ByteBuffer data = read(disk, offset, part, buffers);
                    chunks.read(offset, data.duplicate());
                    return new Piece(offset, data);
                  }));
      pieces.finish();
    }
  }

  private static void give(Chunks chunks, Piece piece, Queue<ByteBuffer> buffers)
      throws IOException {
    chunks.next(piece.offset(), piece.data().duplicate());
    buffers.add(piece.data());
  }

  private static ByteBuffer read(
      DiskSource disk, long offset, int length, Queue<ByteBuffer> buffers) throws IOException {
    ByteBuffer pooled = buffers.poll();
    ByteBuffer buffer = pooled == null ? ByteBuffer.allocateDirect(Manifest.CHUNK) : pooled;
    buffer.clear().limit(length);
    disk.read(offset, buffer);
    return buffer.flip();
  }

  private interface Submission {
    void chunk(long offset, int length) throws IOException;
  }

  /** Every chunk that is not all zeros by the disk's extents. */
  private static void each(DiskSource disk, long length, Submission submission) throws IOException {
    for (long at = 0; at < length; ) {
      Extent extent = disk.extentAt(at, length - at);
      if (extent.kind() == Extent.Kind.ZERO) {
        at = extent.end();
        continue;
      }
      // At the chunk in which the data begins, and on to the one in which it ends.
      long end = extent.end();
      for (at -= at % Manifest.CHUNK; at < end; at += Manifest.CHUNK) {
        submission.chunk(at, (int) Math.min(Manifest.CHUNK, length - at));
      }
    }
  }
}
