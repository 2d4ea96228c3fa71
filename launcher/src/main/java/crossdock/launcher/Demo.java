package crossdock.launcher;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./crossdock demo}: two customers, two machines, both ways. */
@Command(name = "demo", description = "Starts everything and moves two real machines.")
final class Demo implements Callable<Integer> {
  @Option(names = "--json", description = "Print one JSON object and nothing else.")
  boolean json;

  @Option(names = "--keep", description = "Leave everything running at the end.")
  boolean keep;

  @Override
  public Integer call() {
    throw new Refusal(Refusal.CANNOT_START, "There is no demo yet: use ./crossdock up.");
  }
}
