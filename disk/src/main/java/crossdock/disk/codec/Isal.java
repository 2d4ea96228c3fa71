package crossdock.disk.codec;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.util.Optional;

/** DEFLATE by Intel's ISA-L (Debian: libisal2), where it is installed. */
public final class Isal implements Compressor {
  private record Functions(MethodHandle init, MethodHandle deflate) {
    static Functions of(SymbolLookup library) {
      return new Functions(
          Libraries.procedure(library, "isal_deflate_stateless_init", ADDRESS),
          Libraries.function(library, "isal_deflate_stateless", JAVA_INT, ADDRESS));
    }
  }

  private static final Optional<Functions> FUNCTIONS =
      Libraries.named("libisal.so.2").map(Functions::of);

  // struct isal_zstream of igzip_lib.h, version 2; what follows is its own state.
  private static final MemoryLayout STREAM =
      MemoryLayout.structLayout(
          ADDRESS.withName("next_in"),
          JAVA_INT.withName("avail_in"),
          JAVA_INT.withName("total_in"),
          ADDRESS.withName("next_out"),
          JAVA_INT.withName("avail_out"),
          JAVA_INT.withName("total_out"),
          ADDRESS.withName("hufftables"),
          JAVA_INT.withName("level"),
          JAVA_INT.withName("level_buf_size"),
          ADDRESS.withName("level_buf"),
          JAVA_SHORT.withName("end_of_stream"),
          JAVA_SHORT.withName("flush"),
          JAVA_SHORT.withName("gzip_flag"),
          JAVA_SHORT.withName("hist_bits"));

  private static final long NEXT_IN = offset("next_in");
  private static final long AVAIL_IN = offset("avail_in");
  private static final long NEXT_OUT = offset("next_out");
  private static final long AVAIL_OUT = offset("avail_out");
  private static final long LEVEL = offset("level");
  private static final long LEVEL_BUF = offset("level_buf");
  private static final long LEVEL_BUF_SIZE = offset("level_buf_size");
  private static final long END_OF_STREAM = offset("end_of_stream");
  private static final long GZIP_FLAG = offset("gzip_flag");
  private static final long HIST_BITS = offset("hist_bits");

  /** Its own state has 82,320 bytes in 2.30; more does no harm. */
  private static final long STREAM_BYTES = 256 << 10;

  /** Of ISAL_DEF_LVLn_DEFAULT the largest is 348,160. */
  private static final int LEVEL_BYTES = 384 << 10;

  private static final short RAW = 0;
  private static final short ZLIB = 3;

  private final Functions functions;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment stream = arena.allocate(STREAM_BYTES, 64);
  private final MemorySegment levelBuffer = arena.allocate(LEVEL_BYTES, 64);
  private final int level;
  private final short wrapper;
  private final short windowBits;

  /**
   * @param level from 1, the fastest, to 3
   * @param windowBits how far back a match may lie, as a power of two: 9 to 15
   * @throws IllegalStateException where the library is not installed
   */
  public Isal(JdkDeflate.Wrapper wrapper, int level, int windowBits) {
    if (level < 1 || level > 3 || windowBits < 9 || windowBits > 15) {
      throw new IllegalArgumentException("level " + level + ", window bits " + windowBits);
    }
    this.functions = FUNCTIONS.orElseThrow(() -> new IllegalStateException("no ISA-L here"));
    this.level = level;
    this.windowBits = (short) windowBits;
    this.wrapper =
        switch (wrapper) {
          case RAW -> RAW;
          case ZLIB -> ZLIB;
        };
  }

  /** Whether the library is installed. */
  public static boolean isHere() {
    return FUNCTIONS.isPresent();
  }

  @Override
  public int compress(ByteBuffer in, ByteBuffer out) {
    int result;
    try {
      functions.init().invokeExact(stream);
      stream.set(ADDRESS, NEXT_IN, MemorySegment.ofBuffer(in));
      stream.set(JAVA_INT, AVAIL_IN, in.remaining());
      stream.set(ADDRESS, NEXT_OUT, MemorySegment.ofBuffer(out));
      stream.set(JAVA_INT, AVAIL_OUT, out.remaining());
      stream.set(JAVA_INT, LEVEL, level);
      stream.set(ADDRESS, LEVEL_BUF, levelBuffer);
      stream.set(JAVA_INT, LEVEL_BUF_SIZE, LEVEL_BYTES);
      stream.set(JAVA_SHORT, END_OF_STREAM, (short) 1);
      stream.set(JAVA_SHORT, GZIP_FLAG, wrapper);
      stream.set(JAVA_SHORT, HIST_BITS, windowBits);
      result = (int) functions.deflate().invokeExact(stream);
    } catch (Throwable e) {
      throw Libraries.thrown(e);
    }
    if (result != 0) {
      return -1; // STATELESS_OVERFLOW, for nothing else is asked of it
    }
    int length = out.remaining() - stream.get(JAVA_INT, AVAIL_OUT);
    in.position(in.limit());
    out.position(out.position() + length);
    return length;
  }

  private static long offset(String field) {
    return STREAM.byteOffset(MemoryLayout.PathElement.groupElement(field));
  }

  @Override
  public void close() {
    arena.close();
  }
}
