package crossdock.disk;

/** A run of guest-visible bytes that is all data or all zero. Offset and length are in bytes. */
public record Extent(long offset, long length, Kind kind) {
  /** What a run holds. {@link #DATA} may turn out to be zero when read; {@link #ZERO} may not. */
  public enum Kind {
    DATA,
    ZERO
  }

  public Extent {
    if (offset < 0 || length <= 0 || offset > Long.MAX_VALUE - length) {
      throw new IllegalArgumentException("extent of " + length + " bytes at " + offset);
    }
  }

  /** The first byte after this run. */
  public long end() {
    return offset + length;
  }
}
