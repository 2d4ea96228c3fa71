package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;

/** What came of holding two disks against each other. */
public sealed interface DiskComparison {
  /**
   * A guest sees the same.
   *
   * @param longerBy how many bytes one of them is longer, all of them zero
   */
  record Same(long longerBy) implements DiskComparison {}

  /** They differ, first in the byte at that offset. */
  record Differs(long offset) implements DiskComparison {}

  /** Compares every byte; what both know to be zero is not read. */
  static DiskComparison of(DiskSource one, DiskSource other) throws IOException {
    if (one.size() < other.size()) {
      return of(other, one);
    }
    DiskSource longer = one;
    DiskSource shorter = other;
    ByteBuffer a = ByteBuffer.allocateDirect(Manifest.CHUNK);
    ByteBuffer b = ByteBuffer.allocateDirect(Manifest.CHUNK);
    for (long at = 0; at < longer.size(); ) {
      Extent here = longer.extentAt(at, longer.size() - at);
      boolean beyond = at >= shorter.size();
      long most = beyond ? here.length() : Math.min(here.length(), shorter.size() - at);
      Extent there = beyond ? new Extent(at, most, Extent.Kind.ZERO) : shorter.extentAt(at, most);
      if (here.kind() == Extent.Kind.ZERO && there.kind() == Extent.Kind.ZERO) {
        at = there.end();
        continue;
      }
      int part = (int) Math.min(Manifest.CHUNK, there.length());
      bytes(longer, at, here.kind(), part, a);
      bytes(shorter, at, there.kind(), part, b);
      int difference = a.mismatch(b);
      if (difference >= 0) {
        return new Differs(at + difference);
      }
      at += part;
    }
    return new Same(longer.size() - shorter.size());
  }

  private static void bytes(DiskSource disk, long at, Extent.Kind kind, int length, ByteBuffer into)
      throws IOException {
    into.clear().limit(length);
    if (kind == Extent.Kind.ZERO) {
      into.put(Zeros.of(length));
    } else {
      disk.read(at, into);
    }
    into.flip();
  }
}
