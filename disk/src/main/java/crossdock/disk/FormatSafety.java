package crossdock.disk;

import crossdock.disk.BadImageException.Reason;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * The gate that every image passes before any other tool opens it: it is what was declared and
 * nothing else, refers to no other file, and its sizes are within bounds. The caller keeps the file
 * from being changed between the check and its use.
 */
public final class FormatSafety {
  /** What a raw disk may begin with. */
  public enum RawContent {
    /** Nothing that some tool would take for another format. */
    NOT_AN_IMAGE,
    /** Anything: the caller knows that nobody will ever guess this file's format. */
    ANYTHING
  }

  private FormatSafety() {}

  /** As the other, refusing raw disks that look like something else. */
  public static long check(Path file, DiskFormat declared, long maxVirtualBytes)
      throws IOException {
    return check(file, declared, maxVirtualBytes, RawContent.NOT_AN_IMAGE);
  }

  /**
   * Returns the virtual size in bytes.
   *
   * @throws BadImageException if the image is refused
   */
  public static long check(
      Path file, DiskFormat declared, long maxVirtualBytes, RawContent rawContent)
      throws IOException {
    // Not opened first: that would block on a pipe.
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      throw new BadImageException(Reason.NOT_A_FILE, 0, "something else", "a regular file");
    }
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      return check(ImageBytes.of(channel), declared, maxVirtualBytes, rawContent);
    }
  }

  static long check(ImageBytes image, DiskFormat declared, long most, RawContent rawContent)
      throws IOException {
    List<Magic> foreign = Magic.foreign(image, declared);
    if (!foreign.isEmpty() && (declared != DiskFormat.RAW || rawContent != RawContent.ANYTHING)) {
      throw new BadImageException(
          Reason.WRONG_FORMAT, foreign.getFirst().offset(), "" + foreign, declared.wire());
    }
    boolean marked =
        switch (declared) {
          case RAW -> true;
          case QCOW2 -> Magic.QCOW2.in(image);
          case VMDK -> Magic.VMDK_SPARSE.in(image);
          case VHD -> Magic.endsInVhdFooter(image);
          case VHDX -> Magic.VHDX.in(image);
          case VDI -> Magic.VDI.in(image);
        };
    if (!marked) {
      throw new BadImageException(Reason.WRONG_FORMAT, 0, "no such mark", declared.wire());
    }
    return switch (declared) {
      case RAW -> ImageBytes.virtualSize(0, image.size(), most);
      case QCOW2 -> Qcow2Disk.open(image, most).size();
      case VMDK -> VmdkDisk.open(image, most).size();
      case VHD -> VhdDisk.open(image, most).size();
      case VHDX -> VhdxDisk.open(image, most).size();
      case VDI -> VdiDisk.open(image, most).size();
    };
  }
}
