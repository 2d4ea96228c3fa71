package crossdock.disk.cli;

import crossdock.disk.Container;
import crossdock.disk.Conversion;
import crossdock.disk.DiskSource;
import crossdock.disk.Manifest;
import crossdock.disk.codec.Deflate;
import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

/** Writes the same disk in another format. */
final class Convert {
  static final String CONVERT =
      "disk convert IN OUT --to FORMAT [--from FORMAT] [--level N] [--deflate LIBRARY] [--id UUID]"
          + " [--digest] [--json]";
  private static final int BAR = 40;

  private Convert() {}

  static int convert(Arguments arguments) throws IOException {
    boolean json = arguments.has("json");
    boolean digest = arguments.has("digest");
    Conversion conversion =
        new Conversion(
            Arguments.oneOf(Container.values(), arguments.value("to").orElse("")),
            arguments.number("level").map(OptionalInt::of).orElse(OptionalInt.empty()),
            arguments.value("deflate").map(name -> Arguments.oneOf(Deflate.Library.values(), name)),
            arguments.value("id").map(UUID::fromString).orElseGet(UUID::randomUUID),
            digest);
    try (Image.Opened opened = arguments.image(0, "from").open()) {
      DiskSource disk = opened.disk();
      if (arguments.word(1).equals("-")) {
        if (json) {
          throw new IllegalArgumentException("Standard output takes the image or --json.");
        }
        // Past what System.out does to bytes. Not closed: it is the process's, not ours.
        FileChannel standard = new FileOutputStream(FileDescriptor.out).getChannel();
        Conversion.Result result = conversion.toStream(disk, standard);
        result.manifest().map(Manifest::root).ifPresent(System.err::println);
        return 0;
      }
      Conversion.Result result = conversion.toFile(disk, arguments.file(1), progress(disk.size()));
      if (json || digest) {
        new Answer()
            .say("format", conversion.to())
            .say("bytes", result.bytes())
            .say("virtualBytes", disk.size())
            .say("root", result.manifest().map(Manifest::root))
            .print(json);
      }
      return 0;
    }
  }

  private static Conversion.Progress progress(long size) {
    if (!Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false)) {
      return at -> {};
    }
    AtomicInteger shown = new AtomicInteger(-1);
    return at -> {
      int tenths = (int) (BAR * (double) at / size);
      // Threads tell out of order.
      if (shown.getAndAccumulate(tenths, Math::max) < tenths) {
        System.err.printf(
            "\r[%s%s] %3d %%%s",
            "#".repeat(tenths),
            " ".repeat(BAR - tenths),
            (int) (100.0 * at / size),
            at == size ? "\n" : "");
      }
    };
  }
}
