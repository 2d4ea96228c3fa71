package crossdock.disk;

import java.io.IOException;

/** An image that is refused: why, where in the file, what was there and what would have been. */
public final class BadImageException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Stable codes, for reports and metrics. */
  public enum Reason {
    /** Not a regular file. A symbolic link is not one. */
    NOT_A_FILE,
    /** The content is not what was declared, or is also something else. */
    WRONG_FORMAT,
    /** The file ends before what it must hold. */
    TRUNCATED,
    /** A field has a value that it must not have. */
    BAD_FIELD,
    /** A checksum does not fit. */
    BAD_CHECKSUM,
    /** A version, feature or variant that is not supported. */
    UNSUPPORTED,
    /** It marks itself as corrupt or not closed cleanly. */
    NOT_CLEAN,
    /** It is encrypted. */
    ENCRYPTED,
    /** It refers to another file: a parent, a data file, a further extent. */
    FOREIGN_REFERENCE,
    /** The virtual disk is larger than the limit. */
    TOO_LARGE
  }

  private final Reason reason;
  private final long offset;
  private final String found;
  private final String allowed;

  BadImageException(Reason reason, long offset, String found, String allowed) {
    super(reason + " at byte " + offset + ": found " + found + ", allowed " + allowed);
    this.reason = reason;
    this.offset = offset;
    this.found = found;
    this.allowed = allowed;
  }

  public Reason reason() {
    return reason;
  }

  /** Byte offset in the file. */
  public long offset() {
    return offset;
  }

  public String found() {
    return found;
  }

  public String allowed() {
    return allowed;
  }
}
