package crossdock.disk;

import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The marks by which tools that guess would know a format. Used to refuse an image that is not, or
 * not only, what it was declared to be; never to choose how to read it.
 */
enum Magic {
  QCOW2(DiskFormat.QCOW2, 0, "QFI\u00fb"),
  VMDK_SPARSE(DiskFormat.VMDK, 0, "KDMV"),
  VMDK_ESX(null, 0, "COWD"),
  VMDK_SESPARSE(null, 0, "\u00be\u00ba\u00fe\u00ca\0\0\0\0"),
  VMDK_DESCRIPTOR(null, 0, "# Disk Descript"),
  VHD(DiskFormat.VHD, 0, "conectix"),
  VHDX(DiskFormat.VHDX, 0, "vhdxfile"),
  VDI(DiskFormat.VDI, 64, "\u007f\u0010\u00da\u00be"),
  QED(null, 0, "QED\0"),
  QCOW1_LIKE(null, 0, "QFI"),
  PARALLELS(null, 0, "WithoutFreeSpace"),
  PARALLELS_EXT(null, 0, "WithouFreSpacExt"),
  LUKS(null, 0, "LUKS\u00ba\u00be"),
  BOCHS(null, 0, "Bochs Virtual HD Image"),
  CLOOP(null, 0, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop"),
  COW(null, 0, "OOOM");

  /** Offset in the file from its end, of the only mark that a fixed VHD has. */
  static final int VHD_FOOTER = 512;

  private final @Nullable DiskFormat format;
  private final long offset;
  private final String bytes;

  Magic(@Nullable DiskFormat format, long offset, String bytes) {
    this.format = format;
    this.offset = offset;
    this.bytes = bytes;
  }

  long offset() {
    return offset;
  }

  /** Every mark in the file of another format than this one. */
  static List<Magic> foreign(ImageBytes image, DiskFormat declared) throws IOException {
    List<Magic> found = new ArrayList<>();
    for (Magic magic : values()) {
      boolean shared = declared == DiskFormat.QCOW2 && magic == QCOW1_LIKE;
      if (magic.format != declared && !shared && image.has(magic.offset, magic.bytes)) {
        found.add(magic);
      }
    }
    // Anybody's last cluster may end like a fixed VHD; only in a raw disk is that the file's end.
    if (declared == DiskFormat.RAW && image.has(image.size() - VHD_FOOTER, VHD.bytes)) {
      found.add(VHD);
    }
    return found;
  }

  /** The one format whose mark the file carries. */
  static DiskFormat only(ImageBytes image) throws IOException {
    EnumSet<DiskFormat> found = EnumSet.noneOf(DiskFormat.class);
    for (Magic magic : values()) {
      if (magic.format != null && image.has(magic.offset, magic.bytes)) {
        found.add(magic.format);
      }
    }
    if (found.isEmpty() && endsInVhdFooter(image)) {
      found.add(DiskFormat.VHD);
    }
    if (found.size() != 1) {
      throw new BadImageException(
          BadImageException.Reason.WRONG_FORMAT, 0, "the marks of " + found, "one format's");
    }
    return found.iterator().next();
  }

  /** Whether the file carries this mark. */
  boolean in(ImageBytes image) throws IOException {
    return image.has(offset, bytes);
  }

  /** Whether the file ends in a VHD footer. */
  static boolean endsInVhdFooter(ImageBytes image) throws IOException {
    return image.has(image.size() - VHD_FOOTER, VHD.bytes);
  }
}
