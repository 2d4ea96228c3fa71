package crossdock.site.testing;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Says when a process dies: at one of its calls to the cloud, before it is made or before its
 * answer is noted. It dies once only, whoever goes on after it. Thread-safe.
 */
public final class Fate {
  /** On which side of a call. */
  public enum Moment {
    BEFORE,
    AFTER
  }

  private final int call;
  private final Moment moment;
  private final AtomicBoolean struck = new AtomicBoolean();
  private final List<String> calls = new CopyOnWriteArrayList<>();

  /**
   * @param call counted from 0, over all processes
   */
  public Fate(int call, Moment moment) {
    this.call = call;
    this.moment = moment;
  }

  /** Never dies. */
  public static Fate kind() {
    return new Fate(-1, Moment.BEFORE);
  }

  /** The names of the calls begun, those of every process. */
  public List<String> calls() {
    return List.copyOf(calls);
  }

  /** Whether it has come. */
  public boolean hasStruck() {
    return struck.get();
  }

  boolean strikesBefore(String name) {
    calls.add(name);
    return moment == Moment.BEFORE && strikes();
  }

  boolean strikesAfter() {
    return moment == Moment.AFTER && strikes();
  }

  private boolean strikes() {
    return calls.size() == call + 1 && struck.compareAndSet(false, true);
  }

  /** The end of a process, where it stood. */
  static final class Death extends Error {
    private static final long serialVersionUID = 1L;

    Death() {
      super("killed");
    }
  }
}
