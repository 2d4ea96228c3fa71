package crossdock.providers.openstack;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A service answers that it will not do it for us as things are. */
final class Denied extends IOException {
  private static final long serialVersionUID = 1L;

  Denied(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /** What an answer of that status is thrown as; a token that has ended denies nothing. */
  static IOException by(int status, String message, @Nullable Throwable cause) {
    return status >= 400 && status < 500 && status != 401 && status != 429
        ? new Denied(message, cause)
        : new IOException(message, cause);
  }
}
