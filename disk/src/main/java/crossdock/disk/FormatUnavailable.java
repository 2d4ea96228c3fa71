package crossdock.disk;

import java.io.IOException;

/** This host lacks the program that reads and writes a format; the message names its package. */
public final class FormatUnavailable extends IOException {
  private static final long serialVersionUID = 1L;

  FormatUnavailable(DiskFormat format, String program) {
    super(
        "Disks in "
            + format.wire()
            + " need "
            + program
            + ", which is not installed: install the package qemu-utils.");
  }
}
