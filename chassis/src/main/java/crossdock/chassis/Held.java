package crossdock.chassis;

/** Whether a worker's lease still stands. */
@FunctionalInterface
public interface Held {
  /** False once another worker may have taken over. */
  boolean now();

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
