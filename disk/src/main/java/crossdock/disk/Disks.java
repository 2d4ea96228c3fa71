package crossdock.disk;

import crossdock.disk.FormatSafety.RawContent;
import java.io.IOException;
import java.nio.file.Path;

/** Opens disks: raw ones by itself, all others through qemu-nbd, behind the same waist. */
public final class Disks {
  private Disks() {}

  /** Whether formats other than raw can be read and written on this host. */
  public static boolean canConvert() {
    return QemuNbd.available();
  }

  /** As the other, refusing raw disks that look like something else. */
  public static DiskSource openSource(Path file, DiskFormat format, long maxVirtualBytes)
      throws IOException {
    return openSource(file, format, maxVirtualBytes, RawContent.NOT_AN_IMAGE);
  }

  /**
   * Opens an image after {@link FormatSafety} has passed it. The file must not change while open.
   *
   * @throws BadImageException if the image is refused
   * @throws FormatUnavailable if this host lacks the program for it
   */
  public static DiskSource openSource(
      Path file, DiskFormat format, long maxVirtualBytes, RawContent rawContent)
      throws IOException {
    Path absolute = file.toAbsolutePath();
    long size = FormatSafety.check(absolute, format, maxVirtualBytes, rawContent);
    if (format == DiskFormat.RAW) {
      return RawDisk.open(absolute);
    }
    QemuNbd server = QemuNbd.serve(absolute, format, true);
    try {
      return NbdDisk.source(server, size);
    } catch (Throwable e) {
      server.close();
      throw e;
    }
  }

  /**
   * Opens an export that somebody serves on a unix socket, such as a running QEMU's snapshot. The
   * server is trusted with the content, not with lengths.
   */
  public static DiskSource openNbd(Path socket, String export) throws IOException {
    return NbdDisk.source(socket, export);
  }

  /**
   * Creates a disk of that many bytes, or goes on with the unfinished one that an earlier call for
   * the same file left (see {@link DiskSink#startsZeroed}). Nothing is at that path before finish,
   * and an existing file is never replaced: {@link java.nio.file.FileAlreadyExistsException}.
   *
   * @throws FormatUnavailable if this host lacks the program for it
   */
  public static DiskSink createSink(Path file, DiskFormat format, long size) throws IOException {
    if (size <= 0) {
      throw new IllegalArgumentException("disk of " + size + " bytes");
    }
    return format == DiskFormat.RAW ? RawSink.open(file, size) : QemuSink.open(file, format, size);
  }
}
