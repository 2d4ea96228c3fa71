package crossdock.disk.codec;

import java.nio.ByteBuffer;
import java.util.zip.Deflater;

/** DEFLATE (RFC 1951) by the JDK, anywhere and without anything installed. */
public final class JdkDeflate implements Compressor {
  /** What is around the compressed bytes. */
  public enum Wrapper {
    /** Nothing. */
    RAW,
    /** Header and checksum as in RFC 1950. */
    ZLIB
  }

  private final Deflater deflater;

  /**
   * @param level from 1, the fastest, to 9
   */
  public JdkDeflate(Wrapper wrapper, int level) {
    if (level < 1 || level > 9) {
      throw new IllegalArgumentException("level " + level + " is not from 1 to 9");
    }
    this.deflater = new Deflater(level, wrapper == Wrapper.RAW);
  }

  @Override
  public int compress(ByteBuffer in, ByteBuffer out) {
    int from = in.position();
    int to = out.position();
    deflater.reset();
    deflater.setInput(in);
    deflater.finish();
    int length = deflater.deflate(out);
    if (deflater.finished()) {
      return length;
    }
    in.position(from);
    out.position(to);
    return -1;
  }

  @Override
  public void close() {
    deflater.end();
  }
}
