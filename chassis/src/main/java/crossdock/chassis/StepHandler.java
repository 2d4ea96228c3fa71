package crossdock.chassis;

/**
 * Does one step of the flow. Called again after a crash: whatever it makes, it first looks for
 * under the job's tag.
 */
@FunctionalInterface
public interface StepHandler {
  /**
   * @return how it ended
   * @throws StepFailed if the step cannot be done
   * @throws Exception on anything that may pass: the step is tried again, a few times
   */
  Outcome perform(Work work) throws Exception;
}
