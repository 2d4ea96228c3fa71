package crossdock.chassis;

import crossdock.contracts.Migration;
import crossdock.contracts.Step;
import java.util.Optional;

/**
 * One turn at a job, under a lease.
 *
 * @param migration as far as its chain is known here
 * @param fence larger than in every turn before: what was written under a smaller one is stale
 * @param result what woke the job, if something did
 * @param held whether the lease still stands
 */
public record Work(
    Migration migration, Step step, int attempt, long fence, Optional<String> result, Held held) {
  /** Asks whether the lease still stands. */
  @FunctionalInterface
  public interface Held {
    /** False once another worker may have taken over. */
    boolean now();
  }

  /**
   * To be called before every call that changes something outside.
   *
   * @throws IllegalStateException if the lease is lost: nothing may be changed any more
   */
  public void check() {
    if (!held.now() || Thread.currentThread().isInterrupted()) {
      throw new IllegalStateException(
          "the lease of " + step.wire() + " of " + migration.id() + " is lost");
    }
  }
}
