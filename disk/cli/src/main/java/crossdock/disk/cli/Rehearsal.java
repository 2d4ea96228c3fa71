package crossdock.disk.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/**
 * A step of the build: does once what the command does, so that the JVM can keep what it learnt.
 */
final class Rehearsal {
  private static final int SIZE = 24 << 20;

  private Rehearsal() {}

  /** The argument is an empty directory. */
  public static void main(String[] args) throws IOException {
    Path directory = Path.of(args[0]);
    byte[] content = new byte[SIZE];
    Random random = new Random(1);
    for (int at = 0; at < SIZE; at++) {
      content[at] = (byte) (random.nextInt(4) == 0 ? random.nextInt() : at >> 8);
    }
    Path raw = Files.write(directory.resolve("raw"), content);
    for (String format :
        List.of("qcow2", "vmdk", "vmdk-stream", "vhd", "vhdx", "vdi", "qcow2-zlib", "raw")) {
      String image = directory.resolve(format).toString();
      good("convert", raw.toString(), image, "--from", "raw", "--to", format, "--json");
      if (!format.equals("raw")) {
        good("convert", image, image + ".raw", "--to", "raw", "--digest");
      }
    }
    good("digest", directory.resolve("qcow2").toString());
    good("info", directory.resolve("qcow2").toString());
  }

  private static void good(String... command) throws IOException {
    String[] words = Stream.concat(Stream.of("disk"), Stream.of(command)).toArray(String[]::new);
    int status = Application.run(words);
    if (status != 0) {
      throw new IOException(String.join(" ", command) + " ends with " + status);
    }
  }
}
