package crossdock.chassis;

import crossdock.contracts.Fact;
import java.util.List;

/** How one turn at a job ended. */
public sealed interface Outcome {
  /**
   * The step is done.
   *
   * @param facts what is reported, the step's own fact first
   */
  record Done(List<Fact> facts) implements Outcome {
    public Done {
      facts = List.copyOf(facts);
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
    return new Done(List.of(facts));
  }
}
