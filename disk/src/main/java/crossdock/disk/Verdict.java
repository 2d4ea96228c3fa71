package crossdock.disk;

/** What came of holding a disk against a manifest. */
public sealed interface Verdict {
  /** The same bytes, and nothing but zeros in the {@code grownBy} bytes beyond. */
  record Same(long grownBy) implements Verdict {}

  /** The disk lacks {@code missing} bytes at its end: a disk may grow, never shrink. */
  record Shorter(long missing) implements Verdict {}

  /** Other bytes within the manifest's length. */
  record Different(Sha256 found) implements Verdict {}

  /** Something other than zero beyond the manifest's length, in the chunk at this offset. */
  record TailNotZero(long offset) implements Verdict {}

  /** Whether the disk holds what the manifest says. */
  default boolean matches() {
    return this instanceof Same;
  }
}
