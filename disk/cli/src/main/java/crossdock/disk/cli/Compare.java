package crossdock.disk.cli;

import crossdock.disk.DiskComparison;
import crossdock.disk.DiskSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "compare",
    description = "Exit status 0 if a guest sees the same in both, 1 and where not otherwise.")
final class Compare implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "A")
  Path one = Path.of("");

  @Parameters(index = "1", paramLabel = "B")
  Path other = Path.of("");

  @Option(names = "--from-a", paramLabel = "FORMAT")
  @Nullable String oneFormat;

  @Option(names = "--from-b", paramLabel = "FORMAT")
  @Nullable String otherFormat;

  @Option(names = "--json", description = "Print one JSON object.")
  boolean json;

  @Override
  public Integer call() throws IOException {
    try (DiskSource a = new Image(one, oneFormat).open();
        DiskSource b = new Image(other, otherFormat).open()) {
      return switch (DiskComparison.of(a, b)) {
        case DiskComparison.Same same -> {
          new Answer().say("same", true).say("longerBy", same.longerBy()).print(json);
          yield 0;
        }
        case DiskComparison.Differs differs -> {
          new Answer().say("same", false).say("firstDifference", differs.offset()).print(json);
          yield Application.NO;
        }
      };
    }
  }
}
