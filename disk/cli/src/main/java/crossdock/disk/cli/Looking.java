package crossdock.disk.cli;

import crossdock.disk.DiskComparison;
import crossdock.disk.DiskHasher;
import crossdock.disk.Finding;
import crossdock.disk.ImageDisk;
import crossdock.disk.Manifest;
import java.io.IOException;
import java.util.List;

/** The commands that write nothing. */
final class Looking {
  static final String INFO = "disk info FILE [--from FORMAT] [--json]";
  static final String DIGEST = "disk digest FILE [--from FORMAT] [--json]";
  static final String COMPARE = "disk compare A B [--from-a FORMAT] [--from-b FORMAT] [--json]";
  static final String CHECK = "disk check FILE [--from FORMAT] [--json]";

  private Looking() {}

  static int info(Arguments arguments) throws IOException {
    try (Image.Opened image = arguments.image(0, "from").open()) {
      ImageDisk disk = image.disk();
      ImageDisk.About about = disk.about();
      new Answer()
          .say("format", image.format().wire())
          .say("variant", about.variant())
          .say("virtualBytes", disk.size())
          .say("allocatedBytes", disk.allocatedBytes())
          .say("fileBytes", image.fileBytes().stream().boxed().findFirst())
          .say("clusterBytes", about.clusterBytes())
          .say("compression", about.compression())
          .say("unusual", about.unusual())
          .print(arguments.has("json"));
      return 0;
    }
  }

  static int digest(Arguments arguments) throws IOException {
    try (Image.Opened image = arguments.image(0, "from").open()) {
      Manifest manifest = DiskHasher.hash(image.disk());
      new Answer()
          .say("root", manifest.root())
          .say("chunkBytes", Manifest.CHUNK)
          .say("virtualBytes", manifest.length())
          .print(arguments.has("json"));
      return 0;
    }
  }

  static int compare(Arguments arguments) throws IOException {
    try (Image.Opened a = arguments.image(0, "from-a").open();
        Image.Opened b = arguments.image(1, "from-b").open()) {
      Answer answer = new Answer();
      int status =
          switch (DiskComparison.of(a.disk(), b.disk())) {
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
    try (Image.Opened image = arguments.image(0, "from").open()) {
      List<Finding> findings = image.disk().check();
      new Answer()
          .say("format", image.format().wire())
          .say("findings", findings.stream().map(Looking::sentence).toList())
          .print(arguments.has("json"));
      return findings.isEmpty() ? 0 : Application.NO;
    }
  }

  private static String sentence(Finding finding) {
    return "at byte " + finding.offset() + ": " + finding.sentence();
  }
}
