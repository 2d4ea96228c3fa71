package crossdock.disk;

/** The containers a disk may come in. Always declared by somebody, never guessed from content. */
public enum DiskFormat {
  RAW("raw", "raw"),
  QCOW2("qcow2", "qcow2"),
  VMDK("vmdk", "vmdk"),
  VHD("vhd", "vpc"),
  VHDX("vhdx", "vhdx"),
  VDI("vdi", "vdi");

  private final String wire;
  private final String driver;

  DiskFormat(String wire, String driver) {
    this.wire = wire;
    this.driver = driver;
  }

  /** The name in events, tickets and requests. */
  public String wire() {
    return wire;
  }

  /** QEMU's name for it. */
  public String driver() {
    return driver;
  }

  /** The format of that wire name, or an {@link IllegalArgumentException}. */
  public static DiskFormat fromWire(String wire) {
    for (DiskFormat format : values()) {
      if (format.wire.equals(wire)) {
        return format;
      }
    }
    throw new IllegalArgumentException("unknown disk format");
  }
}
