package crossdock.conversion;

import java.io.IOException;

/** A guest lacks what it would have to have to be adapted; another try finds the same. */
final class Unfit extends IOException {
  private static final long serialVersionUID = 1L;

  Unfit(String why) {
    super(why);
  }
}
