package crossdock.disk.cli;

import crossdock.disk.Disks;
import crossdock.disk.ImageInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "info", description = "Says what an image is, and what is unusual about it.")
final class Inspect implements Callable<Integer> {
  @Parameters(paramLabel = "FILE")
  Path file = Path.of("");

  @Option(names = "--from", paramLabel = "FORMAT")
  @Nullable String from;

  @Option(names = "--json", description = "Print one JSON object.")
  boolean json;

  @Override
  public Integer call() throws IOException {
    Image image = new Image(file, from);
    ImageInfo info = Disks.info(file, image.declared(), image.rawContent());
    new Answer()
        .say("format", info.format().wire())
        .say("variant", info.variant())
        .say("virtualBytes", info.virtualBytes())
        .say("allocatedBytes", info.allocatedBytes())
        .say("fileBytes", info.fileBytes())
        .say("clusterBytes", info.clusterBytes())
        .say("compression", info.compression())
        .say("unusual", info.unusual())
        .print(json);
    return 0;
  }
}
