package crossdock.providers.openstack;

import java.io.IOException;

/** A service answers that it will not do it for us as things are. */
final class Denied extends IOException {
  private static final long serialVersionUID = 1L;

  Denied(String message) {
    super(message);
  }

  Denied(String message, Throwable cause) {
    super(message, cause);
  }

  /** What an answer of that status is thrown as. */
  static IOException by(int status, String message) {
    return status >= 400 && status < 500 && status != 429
        ? new Denied(message)
        : new IOException(message);
  }
}
