package crossdock.disk;

import crossdock.disk.FormatSafety.RawContent;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Opens disks in images, each format by its own reader, and makes new ones. */
public final class Disks {
  private Disks() {}

  /** As the other, refusing raw disks that look like something else. */
  public static ImageDisk openSource(Path file, DiskFormat format, long maxVirtualBytes)
      throws IOException {
    return openSource(file, format, maxVirtualBytes, RawContent.NOT_AN_IMAGE);
  }

  /**
   * Opens an image. The file must not change while open.
   *
   * @throws BadImageException if the image is refused
   */
  public static ImageDisk openSource(
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

  /** An image that lies elsewhere; closing the disk closes it. Raw ones have no known holes. */
  public static ImageDisk openSource(
      ImageBytes image, DiskFormat format, long maxVirtualBytes, RawContent rawContent)
      throws IOException {
    FormatSafety.check(image, format, maxVirtualBytes, rawContent);
    return open(image, format, maxVirtualBytes);
  }

  /**
   * Opens the disk of a VMDK in several files: a descriptor of type monolithicFlat,
   * twoGbMaxExtentFlat, twoGbMaxExtentSparse or vmfs and the regular files beside it that it names.
   * For somebody whose own files these are, not for what a stranger has sent.
   *
   * @throws BadImageException if it, or one of the files, is refused
   */
  public static ImageDisk openDescribed(Path descriptor, long maxVirtualBytes) throws IOException {
    return VmdkParts.open(descriptor, maxVirtualBytes);
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
  public static DiskFormat guess(ImageBytes image) throws IOException {
    return Magic.only(image);
  }

  /** Whether a file carries the mark of a VMDK's descriptor: see {@link #openDescribed}. */
  public static boolean isDescriptor(ImageBytes image) throws IOException {
    return Magic.VMDK_DESCRIPTOR.in(image);
  }

  /**
   * Opens an export that somebody serves on a unix socket, such as a running QEMU's snapshot. The
   * server is trusted with the content, not with lengths.
   */
  public static DiskSource openNbd(Path socket, String export) throws IOException {
    return NbdDisk.open(socket, export);
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
