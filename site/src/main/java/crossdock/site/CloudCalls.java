package crossdock.site;

import crossdock.chassis.Held;
import crossdock.chassis.Intents;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Work;
import crossdock.contracts.Role;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import jakarta.inject.Singleton;

/**
 * Calls to the cloud: the intent is committed first, and a refusal ends the step with its reason.
 */
@Singleton
public final class CloudCalls {
  private final Intents intents;

  CloudCalls(Intents intents) {
    this.intents = intents;
  }

  /**
   * Makes a call that changes something.
   *
   * @param name unique within the tag
   */
  public <T> T make(Work work, Role side, String name, Call<T> call) throws Exception {
    Tag tag = tag(work, side);
    Held held = work.held();
    try {
      return intents.call(held, tag.name(), tag.fence(), name, () -> call.make(tag));
    } catch (Refusal refusal) {
      throw new StepFailed(refusal.reason(), String.valueOf(refusal.getMessage()));
    }
  }

  /** Like {@link #make}, for a call without an answer. */
  public void run(Work work, Role side, String name, Change change) throws Exception {
    boolean _ =
        make(
            work,
            side,
            name,
            tag -> {
              change.make(tag);
              return true;
            });
  }

  /**
   * Whether a call other than {@code name} was ever begun for this side, and may have been made.
   */
  public boolean begunBesides(Work work, Role side, String name) {
    return intents.besides(tag(work, side).name(), name);
  }

  private static Tag tag(Work work, Role side) {
    return new Tag(work.migration().id(), side, work.fence());
  }

  /**
   * A call under a tag.
   *
   * @param <T> what it answers
   */
  @FunctionalInterface
  public interface Call<T> {
    /** Makes it. */
    T make(Tag tag) throws Exception;
  }

  /** A call under a tag, without an answer. */
  @FunctionalInterface
  public interface Change {
    /** Makes it. */
    void make(Tag tag) throws Exception;
  }
}
