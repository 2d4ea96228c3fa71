package crossdock.disk;

import java.io.IOException;
import java.util.UUID;

/** The formats that keep a disk in blocks, and how tests write and read them. */
enum BlockFormat {
  VHD(DiskFormat.VHD),
  VHD_FIXED(DiskFormat.VHD),
  VHDX(DiskFormat.VHDX),
  VDI(DiskFormat.VDI),
  VDI_STATIC(DiskFormat.VDI);

  static final UUID ID = UUID.fromString("01234567-89ab-4cde-8f01-23456789abcd");

  final DiskFormat format;

  BlockFormat(DiskFormat format) {
    this.format = format;
  }

  Layout lay(DiskSource disk) throws IOException {
    return switch (this) {
      case VHD -> VhdLayout.of(disk, ID);
      case VHD_FIXED -> VhdLayout.fixed(disk, ID);
      case VHDX -> VhdxLayout.of(disk, ID);
      case VDI -> VdiLayout.of(disk, ID);
      case VDI_STATIC -> VdiLayout.fixed(disk, ID);
    };
  }

  /** Every unit at its own place, and holes between them. */
  Layout layInPlace(DiskSource disk) throws IOException {
    int unit =
        switch (format) {
          case VHD -> VhdLayout.UNIT;
          case VHDX -> VhdxLayout.unit(disk.size());
          case VDI -> VdiLayout.UNIT;
          case RAW, QCOW2, VMDK -> throw new IllegalStateException();
        };
    Allocation packed = Allocation.packed(disk, unit);
    long[] stored = new long[(int) ((packed.units() + 63) / 64)];
    for (int at = 0; at < packed.units(); at++) {
      if (packed.slot(at) >= 0) {
        stored[at / 64] |= 1L << at;
      }
    }
    Allocation inPlace = Allocation.inPlace(disk.size(), unit, stored);
    return switch (this) {
      case VHD -> VhdLayout.of(disk, inPlace, ID);
      case VHDX -> VhdxLayout.of(disk, inPlace, ID);
      case VDI -> VdiLayout.of(disk, inPlace, ID);
      case VHD_FIXED, VDI_STATIC -> lay(disk);
    };
  }

  MappedDisk open(ImageBytes image, long most) throws IOException {
    return switch (format) {
      case VHD -> VhdDisk.open(image, most);
      case VHDX -> VhdxDisk.open(image, most);
      case VDI -> VdiDisk.open(image, most);
      case RAW, QCOW2, VMDK -> throw new IllegalStateException();
    };
  }

  /** What a layout says, as if it were a file. */
  static ImageBytes image(Layout layout) {
    return new ImageBytes(
        layout.size(),
        (into, offset) -> {
          int length = into.remaining();
          layout.read(offset, into);
          return length;
        },
        layout);
  }
}
