package crossdock.chassis;

import java.io.IOException;

/**
 * Another provider does not answer, or has stopped in the middle. It may be back soon: it is asked
 * again for more than six minutes before that counts as failed.
 */
public final class Unanswered extends IOException {
  private static final long serialVersionUID = 1L;

  public Unanswered(String message) {
    super(message);
  }

  public Unanswered(String message, Throwable cause) {
    super(message, cause);
  }
}
