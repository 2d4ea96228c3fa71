package crossdock.disk;

import crossdock.disk.FormatSafety.RawContent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** Opens disks in images, each format by its own reader, and makes new ones. */
public final class Disks {
  private Disks() {}

  /** Whether QEMU's tools are here: nothing needs them but those who want a second opinion. */
  public static boolean canConvert() {
    return QemuNbd.available();
  }

  /** As the other, refusing raw disks that look like something else. */
  public static DiskSource openSource(Path file, DiskFormat format, long maxVirtualBytes)
      throws IOException {
    return openSource(file, format, maxVirtualBytes, RawContent.NOT_AN_IMAGE);
  }

  /**
   * Opens an image. The file must not change while open.
   *
   * @throws BadImageException if the image is refused
   */
  public static DiskSource openSource(
      Path file, DiskFormat format, long maxVirtualBytes, RawContent rawContent)
      throws IOException {
    return open(file, format, maxVirtualBytes, rawContent);
  }

  /** An image that lies elsewhere; closing the disk closes it. Raw ones have no known holes. */
  public static DiskSource openSource(ImageBytes image, DiskFormat format, long maxVirtualBytes)
      throws IOException {
    FormatSafety.check(image, format, maxVirtualBytes, RawContent.NOT_AN_IMAGE);
    return open(image, format, maxVirtualBytes);
  }

  private static ImageDisk open(
      Path file, DiskFormat format, long maxVirtualBytes, RawContent rawContent)
      throws IOException {
    FormatSafety.check(file, format, maxVirtualBytes, rawContent);
    if (format == DiskFormat.RAW) {
      return RawDisk.open(file);
    }
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    try {
      return open(ImageBytes.of(channel), format, maxVirtualBytes);
    } catch (Throwable e) {
      channel.close();
      throw e;
    }
  }

  private static ImageDisk open(ImageBytes image, DiskFormat format, long most) throws IOException {
    return switch (format) {
      case RAW -> new PlainImage(image);
      case QCOW2 -> Qcow2Disk.open(image, most);
      case VMDK -> VmdkDisk.open(image, most);
      case VHD -> VhdDisk.open(image, most);
      case VHDX -> VhdxDisk.open(image, most);
      case VDI -> VdiDisk.open(image, most);
    };
  }

  /**
   * The one format whose mark a file carries. Only for somebody who sees the answer: never to open
   * what a stranger has sent.
   *
   * @throws BadImageException if it carries none, or several
   */
  public static DiskFormat guess(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return Magic.only(ImageBytes.of(channel));
    }
  }

  /** What an image is. Reads its header and all its tables. */
  public static ImageInfo info(Path file, DiskFormat format, RawContent rawContent)
      throws IOException {
    try (ImageDisk disk = open(file, format, Long.MAX_VALUE, rawContent)) {
      long allocated = 0;
      for (Extent extent : disk.extents(0, disk.size())) {
        allocated += extent.kind() == Extent.Kind.DATA ? extent.length() : 0;
      }
      ImageDisk.About about = disk.about();
      return new ImageInfo(
          format,
          about.variant(),
          disk.size(),
          allocated,
          Files.size(file),
          about.clusterBytes(),
          about.compression(),
          about.unusual());
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /**
   * Visits every table of an image.
   *
   * @return what is odd about it and does no harm to a reader
   * @throws BadImageException at the first thing that does
   */
  public static List<Finding> check(Path file, DiskFormat format, RawContent rawContent)
      throws IOException {
    try (ImageDisk disk = open(file, format, Long.MAX_VALUE, rawContent)) {
      switch (disk) {
        case MappedDisk mapped -> mapped.walk();
        case DiskSource other -> other.extents(0, other.size()).forEach(extent -> {});
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    if (format != DiskFormat.QCOW2) {
      return List.of();
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return Qcow2Check.check(ImageBytes.of(channel), Long.MAX_VALUE);
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
   * @throws IOException also if the format has no room for such a disk
   */
  public static DiskSink createSink(Path file, DiskFormat format, long size) throws IOException {
    if (size <= 0) {
      throw new IllegalArgumentException("disk of " + size + " bytes");
    }
    return format == DiskFormat.RAW ? RawSink.open(file, size) : ImageSink.open(file, format, size);
  }
}
