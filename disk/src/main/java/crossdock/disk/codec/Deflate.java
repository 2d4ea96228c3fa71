package crossdock.disk.codec;

import crossdock.disk.codec.JdkDeflate.Wrapper;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Random;

/**
 * One way of compressing with DEFLATE on this host.
 *
 * @param level as its library counts them; the same number of two libraries means different things
 * @param windowBits how far back a match may lie, as a power of two: 15, and less with ISA-L
 */
public record Deflate(Library library, Wrapper wrapper, int level, int windowBits) {
  /** What every inflater can look back. */
  public static final int WINDOW_BITS = 15;

  private static final int PROBE_BLOCK = 64 << 10;
  private static final int PROBES = 8;

  /** Who does it, the fastest first. */
  public enum Library {
    ISAL(3),
    LIBDEFLATE(2),
    JDK(2);

    private final int usual;

    Library(int usual) {
      this.usual = usual;
    }

    /**
     * The fastest level whose output is at most a tenth larger than that of zlib's level 6, with a
     * system's files; docs/performance.md has the figures.
     */
    public int usual() {
      return usual;
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public Deflate {
    if (windowBits != WINDOW_BITS && library != Library.ISAL) {
      throw new IllegalArgumentException("a window of " + windowBits + " bits by " + library);
    }
  }

  /** The fastest way here. */
  public static Deflate fastest(Wrapper wrapper) {
    Library library =
        Isal.isHere() ? Library.ISAL : Libdeflate.isHere() ? Library.LIBDEFLATE : Library.JDK;
    return new Deflate(library, wrapper, library.usual, WINDOW_BITS);
  }

  /** Where size matters: what zlib's level of that number, 1 to 9, comes to, as fast as it goes. */
  public static Deflate level(Wrapper wrapper, int level) {
    return new Deflate(
        Libdeflate.isHere() ? Library.LIBDEFLATE : Library.JDK, wrapper, level, WINDOW_BITS);
  }

  /** The same with matches no further back than that, if it can be promised. */
  public Deflate within(int bits) {
    return library == Library.ISAL ? new Deflate(library, wrapper, level, bits) : this;
  }

  /** A compressor for one thread. */
  public Compressor open() {
    return switch (library) {
      case ISAL -> new Isal(wrapper, level, windowBits);
      case LIBDEFLATE -> new Libdeflate(wrapper, level);
      case JDK -> new JdkDeflate(wrapper, level);
    };
  }

  /**
   * Tells apart ways that compress differently: the same on two hosts if some blocks of every kind
   * come out the same there. A library's version alone would not, for it goes by the processor.
   */
  public String identity() {
    MessageDigest sha;
    try {
      sha = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
    Random random = new Random(1);
    ByteBuffer in = ByteBuffer.allocateDirect(PROBE_BLOCK);
    ByteBuffer out = ByteBuffer.allocateDirect(2 * PROBE_BLOCK);
    try (Compressor compressor = open()) {
      for (int probe = 0; probe < PROBES; probe++) {
        in.clear();
        while (in.hasRemaining()) {
          boolean noise = random.nextInt(PROBES) < probe;
          in.put((byte) (noise ? random.nextInt() : in.position() >> 4));
        }
        compressor.compress(in.flip(), out.clear());
        sha.update(out.flip());
      }
    }
    return "deflate-" + HexFormat.of().formatHex(sha.digest(), 0, 16);
  }
}
