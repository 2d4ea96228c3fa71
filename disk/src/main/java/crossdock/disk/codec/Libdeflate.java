package crossdock.disk.codec;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.util.Optional;

/** DEFLATE by the library libdeflate (Debian: libdeflate0), where it is installed. */
public final class Libdeflate implements Compressor {
  private record Functions(
      MethodHandle alloc, MethodHandle raw, MethodHandle zlib, MethodHandle free) {
    static Functions of(SymbolLookup library) {
      return new Functions(
          Libraries.function(library, "libdeflate_alloc_compressor", ADDRESS, JAVA_INT),
          compress(library, "libdeflate_deflate_compress"),
          compress(library, "libdeflate_zlib_compress"),
          Libraries.procedure(library, "libdeflate_free_compressor", ADDRESS));
    }

    private static MethodHandle compress(SymbolLookup library, String name) {
      return Libraries.function(
          library, name, JAVA_LONG, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG);
    }
  }

  private static final Optional<Functions> FUNCTIONS =
      Libraries.named("libdeflate.so.0").map(Functions::of);

  private final Functions functions;
  private final MethodHandle compress;
  private MemorySegment compressor;

  /**
   * @param level from 1, the fastest, to 12
   * @throws IllegalStateException where the library is not installed
   */
  public Libdeflate(JdkDeflate.Wrapper wrapper, int level) {
    if (level < 1 || level > 12) {
      throw new IllegalArgumentException("level " + level + " is not from 1 to 12");
    }
    functions = FUNCTIONS.orElseThrow(() -> new IllegalStateException("no libdeflate here"));
    compress =
        switch (wrapper) {
          case RAW -> functions.raw();
          case ZLIB -> functions.zlib();
        };
    try {
      compressor = (MemorySegment) functions.alloc().invokeExact(level);
    } catch (Throwable e) {
      throw Libraries.thrown(e);
    }
    if (compressor.equals(MemorySegment.NULL)) {
      throw new OutOfMemoryError("for a compressor of libdeflate");
    }
  }

  /** Whether the library is installed. */
  public static boolean isHere() {
    return FUNCTIONS.isPresent();
  }

  @Override
  public int compress(ByteBuffer in, ByteBuffer out) {
    long length;
    try {
      length =
          (long)
              compress.invokeExact(
                  compressor,
                  MemorySegment.ofBuffer(in),
                  (long) in.remaining(),
                  MemorySegment.ofBuffer(out),
                  (long) out.remaining());
    } catch (Throwable e) {
      throw Libraries.thrown(e);
    }
    if (length == 0) {
      return -1;
    }
    in.position(in.limit());
    out.position(out.position() + (int) length);
    return (int) length;
  }

  @Override
  public void close() {
    MemorySegment freed = compressor;
    compressor = MemorySegment.NULL;
    try {
      functions.free().invokeExact(freed);
    } catch (Throwable e) {
      throw Libraries.thrown(e);
    }
  }
}
