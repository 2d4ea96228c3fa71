package crossdock.disk;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.Charset;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Asks Linux where a file has holes, which the JDK cannot, through a descriptor of its own. Any
 * thread may ask. What the file system does not tell is data.
 */
final class Holes implements Closeable {
  private static final int O_CLOEXEC = 0x80000;
  private static final int SEEK_END = 2;
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;

  private static final @Nullable Calls CALLS = Calls.find();

  private record Calls(MethodHandle open, MethodHandle lseek, MethodHandle close) {
    static @Nullable Calls find() {
      // Where native access was not granted, trying would print a warning, or fail.
      if (!System.getProperty("os.name").equals("Linux")
          || ValueLayout.ADDRESS.byteSize() != Long.BYTES
          || !Holes.class.getModule().isNativeAccessEnabled()) {
        return null;
      }
      ValueLayout.OfInt number = ValueLayout.JAVA_INT;
      ValueLayout.OfLong offset = ValueLayout.JAVA_LONG;
      try {
        return new Calls(
            call("open", FunctionDescriptor.of(number, ValueLayout.ADDRESS, number)),
            call("lseek", FunctionDescriptor.of(offset, number, offset, number)),
            call("close", FunctionDescriptor.of(number, number)));
      } catch (RuntimeException e) {
        return null; // no linker for this platform, or no such function
      }
    }

    @SuppressWarnings("restricted")
    private static MethodHandle call(String name, FunctionDescriptor types) {
      Linker linker = Linker.nativeLinker();
      Linker.Option[] options =
          name.equals("open")
              ? new Linker.Option[] {Linker.Option.firstVariadicArg(2)}
              : new Linker.Option[0];
      return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), types, options);
    }
  }

  private final Calls calls;
  private int descriptor;

  private Holes(Calls calls, int descriptor) {
    this.calls = calls;
    this.descriptor = descriptor;
  }

  /** Those of a file, or null where nobody can tell. The caller keeps the file at its path. */
  static @Nullable Holes of(Path file) {
    Calls calls = CALLS;
    if (calls == null) {
      return null;
    }
    try (Arena arena = Arena.ofConfined()) {
      Charset names = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
      int descriptor =
          (int) calls.open().invokeExact(arena.allocateFrom(file.toString(), names), O_CLOEXEC);
      return descriptor < 0 ? null : new Holes(calls, descriptor);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** The run that begins at an offset in a file of that size; see {@link DiskSource}. */
  Extent extentAt(long offset, long atMost, long size) throws IOException {
    long data = seek(offset, SEEK_DATA);
    if (data < 0 && seek(offset, SEEK_HOLE) == offset && seek(0, SEEK_END) >= size) {
      data = size; // a hole up to the end, and the file is not shorter than it was
    }
    if (data > offset) {
      return new Extent(offset, Math.min(atMost, data - offset), Extent.Kind.ZERO);
    }
    long hole = seek(offset, SEEK_HOLE);
    long length = hole > offset ? Math.min(atMost, hole - offset) : atMost;
    return new Extent(offset, length, Extent.Kind.DATA);
  }

  // Locked, as a descriptor that was closed may be another file's by now.
  private synchronized long seek(long offset, int whence) throws IOException {
    if (descriptor < 0) {
      throw new ClosedChannelException();
    }
    try {
      return (long) calls.lseek().invokeExact(descriptor, offset, whence);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public synchronized void close() {
    if (descriptor >= 0) {
      try {
        int _ = (int) calls.close().invokeExact(descriptor);
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
      descriptor = -1;
    }
  }
}
