package crossdock.disk.codec;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** Shared libraries of the host, where they are installed. */
@SuppressWarnings("restricted") // Allowed by --enable-native-access.
final class Libraries {
  private Libraries() {}

  /** A library by the name its package installs it under; empty where it is not. */
  static Optional<SymbolLookup> named(String name) {
    try {
      return Optional.of(SymbolLookup.libraryLookup(name, Arena.global()));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  static MethodHandle function(
      SymbolLookup library, String name, MemoryLayout result, MemoryLayout... arguments) {
    return Linker.nativeLinker()
        .downcallHandle(library.findOrThrow(name), FunctionDescriptor.of(result, arguments));
  }

  /** One that is short, and may be given what lies on the heap: nothing is collected meanwhile. */
  static MethodHandle onHeap(
      SymbolLookup library, String name, MemoryLayout result, MemoryLayout... arguments) {
    return Linker.nativeLinker()
        .downcallHandle(
            library.findOrThrow(name),
            FunctionDescriptor.of(result, arguments),
            Linker.Option.critical(true));
  }

  static MethodHandle procedure(SymbolLookup library, String name, MemoryLayout... arguments) {
    return Linker.nativeLinker()
        .downcallHandle(library.findOrThrow(name), FunctionDescriptor.ofVoid(arguments));
  }

  /** What a call of a C function cannot do. */
  static AssertionError thrown(Throwable e) {
    return new AssertionError("a C function has thrown", e);
  }
}
