package crossdock.disk;

import java.nio.ByteBuffer;
import java.util.UUID;

/** A UUID as Microsoft and VirtualBox write it: its first three parts little-endian. */
final class Guid {
  private Guid() {}

  /** From a little-endian buffer. */
  static UUID get(ByteBuffer bytes, int at) {
    long high =
        ((long) bytes.getInt(at) << 32)
            | (bytes.getShort(at + 4) & 0xffffL) << 16
            | (bytes.getShort(at + 6) & 0xffffL);
    return new UUID(high, Long.reverseBytes(bytes.getLong(at + 8)));
  }

  /** Into a little-endian buffer. */
  static void put(ByteBuffer bytes, int at, UUID id) {
    long high = id.getMostSignificantBits();
    bytes.putInt(at, (int) (high >>> 32)).putShort(at + 4, (short) (high >>> 16));
    bytes.putShort(at + 6, (short) high);
    bytes.putLong(at + 8, Long.reverseBytes(id.getLeastSignificantBits()));
  }
}
