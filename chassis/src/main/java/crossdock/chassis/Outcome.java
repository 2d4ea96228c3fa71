package crossdock.chassis;

import crossdock.contracts.Fact;
import java.util.List;

/** How one turn at a job ended. */
public sealed interface Outcome {
  /**
   * It is done.
   *
   * @param facts what is reported, the step's own fact first
   * @param send messages that go out with it
   */
  record Done(List<Fact> facts, List<Message> send) implements Outcome {
    public Done {
      facts = List.copyOf(facts);
      send = List.copyOf(send);
    }
  }

  /**
   * Somebody else has to do something first; the job sleeps until {@link Jobs#wake}.
   *
   * @param send messages that go out with the falling asleep
   */
  record Waiting(List<Message> send) implements Outcome {
    public Waiting {
      send = List.copyOf(send);
    }
  }

  /** A message for the outbox. */
  record Message(String topic, String key, String type, byte[] payload) {}

  /** The step is done, and this is what it found. */
  static Outcome done(Fact... facts) {
    return new Done(List.of(facts), List.of());
  }

  /** The job is done, and its result goes out. */
  static Outcome sent(Message... messages) {
    return new Done(List.of(), List.of(messages));
  }

  /** The job sleeps until it is woken; this goes out. */
  static Outcome waiting(Message... messages) {
    return new Waiting(List.of(messages));
  }
}
