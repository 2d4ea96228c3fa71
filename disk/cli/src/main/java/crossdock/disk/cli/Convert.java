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
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "convert", description = "Writes the same disk in another format.")
final class Convert implements Callable<Integer> {
  private static final int BAR = 40;

  @Parameters(index = "0", paramLabel = "IN")
  Path in = Path.of("");

  @Parameters(index = "1", paramLabel = "OUT", description = "- for standard output")
  String out = "";

  @Option(
      names = "--to",
      required = true,
      paramLabel = "FORMAT",
      description = "raw qcow2 qcow2-zlib qcow2-zstd vmdk vmdk-stream vhd vhd-fixed vhdx vdi")
  String to = "";

  @Option(names = "--from", paramLabel = "FORMAT", description = "By the file's mark if not given.")
  @Nullable String from;

  @Option(names = "--level", paramLabel = "N", description = "Of compression, 1 to 9.")
  @Nullable Integer level;

  @Option(names = "--deflate", description = "Which library compresses: isal, libdeflate or jdk.")
  Deflate.@Nullable Library deflate;

  @Option(
      names = "--id",
      paramLabel = "UUID",
      description = "Of the new image; random if not given.")
  @Nullable UUID id;

  @Option(names = "--digest", description = "Hash the disk in the same pass.")
  boolean digest;

  @Option(names = "--json", description = "Print one JSON object.")
  boolean json;

  @Override
  public Integer call() throws IOException {
    Conversion conversion =
        new Conversion(
            container(),
            level == null ? OptionalInt.empty() : OptionalInt.of(level),
            Optional.ofNullable(deflate),
            id == null ? UUID.randomUUID() : id,
            digest);
    try (DiskSource disk = new Image(in, from).open()) {
      if (out.equals("-")) {
        if (json) {
          throw new IllegalArgumentException("Standard output takes the image or --json.");
        }
        // Past what System.out does to bytes. Not closed: it is the process's, not ours.
        FileChannel standard = new FileOutputStream(FileDescriptor.out).getChannel();
        Conversion.Result result = conversion.toStream(disk, standard);
        result.manifest().map(Manifest::root).ifPresent(System.err::println);
        return 0;
      }
      Conversion.Result result = conversion.toFile(disk, Path.of(out), progress(disk.size()));
      if (json || digest) {
        new Answer()
            .say("format", conversion.to().wire())
            .say("bytes", result.bytes())
            .say("virtualBytes", disk.size())
            .say("root", result.manifest().map(Manifest::root))
            .print(json);
      }
      return 0;
    }
  }

  private Container container() {
    return Arrays.stream(Container.values())
        .filter(c -> c.wire().equals(to.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "--to is one of "
                        + Arrays.stream(Container.values())
                            .map(Container::wire)
                            .collect(Collectors.joining(" "))));
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
