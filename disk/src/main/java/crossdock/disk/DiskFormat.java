package crossdock.disk;

/** The containers a disk may come in. Always declared by somebody, never guessed from content. */
public enum DiskFormat {
  RAW("raw"),
  QCOW2("qcow2"),
  VMDK("vmdk"),
  VHD("vhd"),
  VHDX("vhdx"),
  VDI("vdi");

  private final String wire;

  DiskFormat(String wire) {
    this.wire = wire;
  }

  /** The name in events, tickets and requests. */
  public String wire() {
    return wire;
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
