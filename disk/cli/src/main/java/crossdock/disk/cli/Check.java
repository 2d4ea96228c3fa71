package crossdock.disk.cli;

import crossdock.disk.Disks;
import crossdock.disk.Finding;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "check",
    description =
        "Visits every table of an image; exit status 1 if something is odd, 3 if it is broken.")
final class Check implements Callable<Integer> {
  @Parameters(paramLabel = "FILE")
  Path file = Path.of("");

  @Option(names = "--from", paramLabel = "FORMAT")
  @Nullable String from;

  @Option(names = "--json", description = "Print one JSON object.")
  boolean json;

  @Override
  public Integer call() throws IOException {
    Image image = new Image(file, from);
    List<Finding> findings = Disks.check(file, image.declared(), image.rawContent());
    new Answer()
        .say("format", image.declared().wire())
        .say("findings", findings.stream().map(Check::sentence).toList())
        .print(json);
    return findings.isEmpty() ? 0 : Application.NO;
  }

  private static String sentence(Finding finding) {
    return "at byte " + finding.offset() + ": " + finding.sentence();
  }
}
