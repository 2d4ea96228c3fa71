package crossdock.disk.cli;

import crossdock.disk.DiskFormat;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.disk.FormatSafety.RawContent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * An image that somebody names on the command line.
 *
 * @param format as it was declared; by its mark if empty, and raw only when declared
 */
record Image(Path file, Optional<String> format) {
  /** More than any format holds. */
  private static final long MOST = 1L << 53;

  DiskFormat declared() throws IOException {
    return format.isEmpty()
        ? Disks.guess(file)
        : DiskFormat.fromWire(format.get().toLowerCase(Locale.ROOT));
  }

  /** What was declared by hand was meant. */
  RawContent rawContent() {
    return format.isEmpty() ? RawContent.NOT_AN_IMAGE : RawContent.ANYTHING;
  }

  DiskSource open() throws IOException {
    return Disks.openSource(file, declared(), MOST, rawContent());
  }
}
