package crossdock.disk;

/**
 * What is wrong with an image's structure.
 *
 * @param offset where in the file, in bytes
 * @param sentence what is wrong there
 */
public record Finding(Kind kind, long offset, String sentence) {
  /** How bad it is. */
  public enum Kind {
    /** The image may read wrongly, or be damaged by the next write. */
    BROKEN,
    /** Room in the file that nothing uses; harmless. */
    LEAK
  }
}
