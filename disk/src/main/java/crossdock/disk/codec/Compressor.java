package crossdock.disk.codec;

import java.nio.ByteBuffer;

/**
 * Compresses blocks, each for itself. The same block has the same result, whatever came before. Not
 * thread-safe: each thread has its own.
 */
public interface Compressor extends AutoCloseable {
  /**
   * Compresses what remains of {@code in} into what remains of {@code out}; both are direct buffers
   * and both are moved past what was used. Where it does not fit, they stay where they were, and
   * what is in {@code out} is unknown.
   *
   * @return the compressed length in bytes, or -1 if it does not fit
   */
  int compress(ByteBuffer in, ByteBuffer out);

  @Override
  void close();
}
