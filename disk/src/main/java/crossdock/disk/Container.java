package crossdock.disk;

/** Every way of writing a disk into a file: a format, and how it is used. */
public enum Container {
  RAW("raw", DiskFormat.RAW, true),
  QCOW2("qcow2", DiskFormat.QCOW2, true),
  QCOW2_ZLIB("qcow2-zlib", DiskFormat.QCOW2, false),
  QCOW2_ZSTD("qcow2-zstd", DiskFormat.QCOW2, false),
  /** Monolithic sparse. */
  VMDK("vmdk", DiskFormat.VMDK, true),
  /** Stream-optimized. */
  VMDK_STREAM("vmdk-stream", DiskFormat.VMDK, true),
  /** Dynamic. */
  VHD("vhd", DiskFormat.VHD, true),
  VHD_FIXED("vhd-fixed", DiskFormat.VHD, true),
  VHDX("vhdx", DiskFormat.VHDX, true),
  /** Dynamic. */
  VDI("vdi", DiskFormat.VDI, true);

  private final String wire;
  private final DiskFormat format;
  private final boolean streams;

  Container(String wire, DiskFormat format, boolean streams) {
    this.wire = wire;
    this.format = format;
    this.streams = streams;
  }

  /** The name on the command line. */
  public String wire() {
    return wire;
  }

  /** What a reader takes it for. */
  public DiskFormat format() {
    return format;
  }

  /** Whether it is written from front to back, so that it can go into a pipe. */
  public boolean streams() {
    return streams;
  }

  @Override
  public String toString() {
    return wire;
  }
}
