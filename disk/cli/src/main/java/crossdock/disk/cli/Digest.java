package crossdock.disk.cli;

import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Manifest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "digest", description = "Hashes what a guest would see: the same in every format.")
final class Digest implements Callable<Integer> {
  @Parameters(paramLabel = "FILE")
  Path file = Path.of("");

  @Option(names = "--from", paramLabel = "FORMAT", description = "raw, qcow2, vmdk, vhd, vhdx, vdi")
  @Nullable String from;

  @Option(names = "--json", description = "Print one JSON object.")
  boolean json;

  @Override
  public Integer call() throws IOException {
    try (DiskSource disk = new Image(file, from).open()) {
      Manifest manifest = DiskHasher.hash(disk);
      new Answer()
          .say("root", manifest.root())
          .say("chunkBytes", Manifest.CHUNK)
          .say("virtualBytes", manifest.length())
          .print(json);
      return 0;
    }
  }
}
