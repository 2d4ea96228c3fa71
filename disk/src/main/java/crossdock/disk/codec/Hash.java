package crossdock.disk.codec;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Optional;

/**
 * SHA-256 (FIPS 180-4) by OpenSSL (Debian: libssl3) where it is installed, by the JDK elsewhere.
 * The JDK's is as fast only once the last compiler has been at it, which services do without.
 */
public final class Hash {
  private record Functions(MethodHandle init, MethodHandle update, MethodHandle end) {
    static Functions of(SymbolLookup library) {
      return new Functions(
          Libraries.function(library, "SHA256_Init", JAVA_INT, ADDRESS),
          Libraries.onHeap(library, "SHA256_Update", JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG),
          Libraries.function(library, "SHA256_Final", JAVA_INT, ADDRESS, ADDRESS));
    }
  }

  private static final Optional<Functions> FUNCTIONS =
      Libraries.named("libcrypto.so.3")
          .filter(library -> library.find("SHA256_Init").isPresent())
          .map(Functions::of);

  /** A SHA256_CTX has 112 bytes in OpenSSL 3. */
  private static final long CONTEXT_BYTES = 256;

  private static final int BYTES = 32;

  private Hash() {}

  /** Whether OpenSSL does it. */
  public static boolean isNative() {
    return FUNCTIONS.isPresent();
  }

  /** The hash of what remains of these, one after the other. Leaves them as they were. */
  public static byte[] sha256(ByteBuffer... parts) {
    return FUNCTIONS.isPresent() ? openssl(FUNCTIONS.get(), parts) : jdk(parts);
  }

  static byte[] jdk(ByteBuffer... parts) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      for (ByteBuffer part : parts) {
        sha.update(part.duplicate());
      }
      return sha.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  private static byte[] openssl(Functions functions, ByteBuffer... parts) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment context = arena.allocate(CONTEXT_BYTES, 16);
      MemorySegment hash = arena.allocate(BYTES);
      int good = (int) functions.init().invokeExact(context);
      for (ByteBuffer part : parts) {
        good &=
            (int)
                functions
                    .update()
                    .invokeExact(context, MemorySegment.ofBuffer(part), (long) part.remaining());
      }
      good &= (int) functions.end().invokeExact(hash, context);
      if (good != 1) {
        throw new AssertionError("OpenSSL's SHA-256 has no reason to fail");
      }
      return hash.toArray(JAVA_BYTE);
    } catch (Throwable e) {
      throw Libraries.thrown(e);
    }
  }
}
