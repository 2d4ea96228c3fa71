package crossdock.disk.cli;

import crossdock.disk.BadImageException.Reason;
import crossdock.disk.DiskFormat;
import crossdock.disk.Disks;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.disk.HttpImage;
import crossdock.disk.ImageBytes;
import crossdock.disk.ImageDisk;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * An image that somebody names on the command line: a file, the descriptor of a VMDK in several, or
 * where a web server has it.
 *
 * @param declared its format; by its mark if empty, and raw only when declared
 */
record Image(String name, Optional<String> declared) {
  /** More than any format holds. */
  static final long MOST = 1L << 53;

  /**
   * An open image. Closing it closes the disk.
   *
   * @param fileBytes unless it is in several files
   */
  record Opened(DiskFormat format, OptionalLong fileBytes, ImageDisk disk) implements Closeable {
    @Override
    public void close() throws IOException {
      disk.close();
    }
  }

  Opened open() throws IOException {
    // What was declared by hand was meant.
    RawContent content = declared.isEmpty() ? RawContent.NOT_AN_IMAGE : RawContent.ANYTHING;
    if (name.startsWith("https://") || name.startsWith("http://")) {
      ImageBytes bytes = HttpImage.open(URI.create(name), Web.CLIENT);
      DiskFormat format = format(bytes);
      return new Opened(
          format, OptionalLong.of(bytes.size()), Disks.openSource(bytes, format, MOST, content));
    }
    Path file = Path.of(name).toRealPath();
    DiskFormat format;
    long size;
    try (ImageBytes bytes = file(file)) {
      boolean descriptor = Disks.isDescriptor(bytes);
      format = descriptor && declared.isEmpty() ? DiskFormat.VMDK : format(bytes);
      if (descriptor && format == DiskFormat.VMDK) {
        return new Opened(format, OptionalLong.empty(), Disks.openDescribed(file, MOST));
      }
      size = bytes.size();
    }
    return new Opened(format, OptionalLong.of(size), Disks.openSource(file, format, MOST, content));
  }

  /** The bytes of a regular file. */
  static ImageBytes file(Path file) throws IOException {
    // Not opened first: that would block on a pipe.
    if (!Files.isRegularFile(file)) {
      throw ImageBytes.bad(Reason.NOT_A_FILE, 0, "something else", "a regular file");
    }
    return ImageBytes.of(FileChannel.open(file, StandardOpenOption.READ));
  }

  private DiskFormat format(ImageBytes bytes) throws IOException {
    return declared.isEmpty()
        ? Disks.guess(bytes)
        : DiskFormat.fromWire(declared.get().toLowerCase(Locale.ROOT));
  }

  private static final class Web {
    /** Never closed: it is the process's, and lives as long. */
    static final HttpClient CLIENT =
        HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();
  }
}
