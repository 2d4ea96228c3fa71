package crossdock.chassis;

/** A worker's lease of a job. */
@FunctionalInterface
public interface Held {
  /** False once another worker may have taken over. */
  boolean now();

  /**
   * To be called when something has been reached that the next turn need not do again: what fails
   * from here on is tried as often as if it were new.
   */
  default void advanced() {}

  /**
   * To be called before every call that changes something outside.
   *
   * @throws IllegalStateException if the lease is lost: nothing may be changed any more
   */
  default void check() {
    if (!now() || Thread.currentThread().isInterrupted()) {
      throw new IllegalStateException("the lease is lost");
    }
  }
}
