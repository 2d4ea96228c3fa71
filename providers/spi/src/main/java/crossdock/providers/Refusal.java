package crossdock.providers;

import crossdock.contracts.Reason;

/**
 * The cloud says no, and will say it again. Anything else that goes wrong is an {@link
 * java.io.IOException}.
 */
public final class Refusal extends Exception {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  /**
   * @param detail one sentence, nothing secret
   */
  public Refusal(Reason reason, String detail) {
    super(detail);
    this.reason = reason;
  }

  /** The stable code. */
  public Reason reason() {
    return reason;
  }
}
