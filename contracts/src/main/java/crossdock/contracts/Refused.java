package crossdock.contracts;

/**
 * Input that is not what it must be: malformed, out of range or not allowed. The message names what
 * was found.
 */
public final class Refused extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message one sentence for the one who sent the input
   */
  public Refused(String message) {
    super(message);
  }

  /**
   * @param message one sentence for the one who sent the input
   * @param cause what was thrown while reading it
   */
  public Refused(String message, Throwable cause) {
    super(message, cause);
  }
}
