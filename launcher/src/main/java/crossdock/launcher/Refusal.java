package crossdock.launcher;

/** One sentence for the person at the terminal, and the exit status that goes with it. */
final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** What the caller can mend: a port in use, no memory. */
  static final int CANNOT_START = 2;

  /** What went wrong on the way. */
  static final int FAILED = 1;

  final int status;

  Refusal(int status, String sentence) {
    super(sentence, null, false, false);
    this.status = status;
  }
}
