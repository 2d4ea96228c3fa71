package crossdock.disk.cli;

import crossdock.disk.DiskComparison;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.Disks;
import crossdock.disk.Finding;
import crossdock.disk.ImageInfo;
import crossdock.disk.Manifest;
import java.io.IOException;
import java.util.List;

/** The commands that write nothing. */
final class Looking {
  static final String INFO = "info FILE [--from FORMAT] [--json]";
  static final String DIGEST = "digest FILE [--from FORMAT] [--json]";
  static final String COMPARE = "compare A B [--from-a FORMAT] [--from-b FORMAT] [--json]";
  static final String CHECK = "check FILE [--from FORMAT] [--json]";

  private Looking() {}

  static int info(Arguments arguments) throws IOException {
    Image image = arguments.image(0, "from");
    ImageInfo info = Disks.info(image.file(), image.declared(), image.rawContent());
    new Answer()
        .say("format", info.format().wire())
        .say("variant", info.variant())
        .say("virtualBytes", info.virtualBytes())
        .say("allocatedBytes", info.allocatedBytes())
        .say("fileBytes", info.fileBytes())
        .say("clusterBytes", info.clusterBytes())
        .say("compression", info.compression())
        .say("unusual", info.unusual())
        .print(arguments.has("json"));
    return 0;
  }

  static int digest(Arguments arguments) throws IOException {
    try (DiskSource disk = arguments.image(0, "from").open()) {
      Manifest manifest = DiskHasher.hash(disk);
      new Answer()
          .say("root", manifest.root())
          .say("chunkBytes", Manifest.CHUNK)
          .say("virtualBytes", manifest.length())
          .print(arguments.has("json"));
      return 0;
    }
  }

  static int compare(Arguments arguments) throws IOException {
    try (DiskSource a = arguments.image(0, "from-a").open();
        DiskSource b = arguments.image(1, "from-b").open()) {
      Answer answer = new Answer();
      int status =
          switch (DiskComparison.of(a, b)) {
            case DiskComparison.Same same -> {
              answer.say("same", true).say("longerBy", same.longerBy());
              yield 0;
            }
            case DiskComparison.Differs differs -> {
              answer.say("same", false).say("firstDifference", differs.offset());
              yield Application.NO;
            }
          };
      answer.print(arguments.has("json"));
      return status;
    }
  }

  static int check(Arguments arguments) throws IOException {
    Image image = arguments.image(0, "from");
    List<Finding> findings = Disks.check(image.file(), image.declared(), image.rawContent());
    new Answer()
        .say("format", image.declared().wire())
        .say("findings", findings.stream().map(Looking::sentence).toList())
        .print(arguments.has("json"));
    return findings.isEmpty() ? 0 : Application.NO;
  }

  private static String sentence(Finding finding) {
    return "at byte " + finding.offset() + ": " + finding.sentence();
  }
}
