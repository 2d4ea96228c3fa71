package crossdock.chassis;

import crossdock.contracts.Reason;

/**
 * A step cannot be done, and trying it again here would not help. Becomes the fact {@code failed}.
 */
public final class StepFailed extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  /**
   * @param detail one sentence, nothing secret
   */
  public StepFailed(Reason reason, String detail) {
    super(detail);
    this.reason = reason;
  }

  /** The stable code. */
  public Reason reason() {
    return reason;
  }
}
