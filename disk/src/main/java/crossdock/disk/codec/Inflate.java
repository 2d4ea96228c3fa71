package crossdock.disk.codec;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Decompresses what {@link Deflate} makes: by libdeflate (Debian: libdeflate0) where it is
 * installed, and by the JDK elsewhere, and whatever libdeflate does not take. Not thread-safe: each
 * thread has its own.
 */
public final class Inflate implements AutoCloseable {
  private record Functions(
      MethodHandle alloc, MethodHandle raw, MethodHandle zlib, MethodHandle free) {
    static Functions of(SymbolLookup library) {
      return new Functions(
          Libraries.function(library, "libdeflate_alloc_decompressor", ADDRESS),
          decompress(library, "libdeflate_deflate_decompress_ex"),
          decompress(library, "libdeflate_zlib_decompress_ex"),
          Libraries.procedure(library, "libdeflate_free_decompressor", ADDRESS));
    }

    private static MethodHandle decompress(SymbolLookup library, String name) {
      return Libraries.onHeap(
          library, name, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS,
          ADDRESS);
    }
  }

  private static final Optional<Functions> FUNCTIONS =
      Libraries.named("libdeflate.so.0").map(Functions::of);

  private final JdkDeflate.Wrapper wrapper;
  private final Optional<Functions> functions;
  private final long[] taken = new long[1];
  private final long[] made = new long[1];
  private MemorySegment decompressor = MemorySegment.NULL;
  private Optional<Inflater> jdk = Optional.empty();

  public Inflate(JdkDeflate.Wrapper wrapper) {
    this(wrapper, FUNCTIONS.isPresent());
  }

  /**
   * @param library false for the JDK alone
   */
  Inflate(JdkDeflate.Wrapper wrapper, boolean library) {
    this.wrapper = wrapper;
    this.functions = library ? FUNCTIONS : Optional.empty();
    if (functions.isPresent()) {
      try {
        decompressor = (MemorySegment) functions.get().alloc().invokeExact();
      } catch (Throwable e) {
        throw Libraries.thrown(e);
      }
      if (decompressor.equals(MemorySegment.NULL)) {
        throw new OutOfMemoryError("for a decompressor of libdeflate");
      }
    }
  }

  /**
   * Decompresses the stream that what remains of {@code in} begins with into what remains of {@code
   * out}, which is moved past what came; what follows the stream may be anything.
   *
   * @return whether the stream has its end, where the buffer has its own or before
   * @throws DataFormatException if it is no such stream; what is in {@code out} is unknown then
   */
  public boolean inflate(ByteBuffer in, ByteBuffer out) throws DataFormatException {
    if (functions.isPresent() && byLibrary(functions.get(), in, out)) {
      return true;
    }
    Inflater inflater = jdk.orElseGet(() -> new Inflater(wrapper == JdkDeflate.Wrapper.RAW));
    jdk = Optional.of(inflater);
    inflater.reset();
    inflater.setInput(in.duplicate());
    while (!inflater.finished() && out.hasRemaining()) {
      if (inflater.inflate(out) == 0 && !inflater.finished()) {
        return false;
      }
    }
    return inflater.finished() || (inflater.inflate(new byte[1]) == 0 && inflater.finished());
  }

  private boolean byLibrary(Functions functions, ByteBuffer in, ByteBuffer out) {
    MethodHandle decompress =
        switch (wrapper) {
          case RAW -> functions.raw();
          case ZLIB -> functions.zlib();
        };
    int result;
    try {
      result =
          (int)
              decompress.invokeExact(
                  decompressor,
                  MemorySegment.ofBuffer(in),
                  (long) in.remaining(),
                  MemorySegment.ofBuffer(out),
                  (long) out.remaining(),
                  MemorySegment.ofArray(taken),
                  MemorySegment.ofArray(made));
    } catch (Throwable e) {
      throw Libraries.thrown(e);
    }
    if (result == 0) {
      out.position(out.position() + Math.toIntExact(made[0]));
    }
    return result == 0;
  }

  @Override
  public void close() {
    jdk.ifPresent(Inflater::end);
    if (functions.isPresent() && !decompressor.equals(MemorySegment.NULL)) {
      MemorySegment freed = decompressor;
      decompressor = MemorySegment.NULL;
      try {
        functions.get().free().invokeExact(freed);
      } catch (Throwable e) {
        throw Libraries.thrown(e);
      }
    }
  }
}
