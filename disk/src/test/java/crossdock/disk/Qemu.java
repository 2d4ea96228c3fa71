package crossdock.disk;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** QEMU's own tools, for a second opinion. */
final class Qemu {
  private Qemu() {}

  /** Skips, and says so, where they are not installed. */
  @SuppressWarnings("SystemOut")
  static void judges(String what) {
    boolean here =
        Files.isExecutable(Path.of("/usr/bin/qemu-img"))
            && Files.isExecutable(Path.of("/usr/bin/qemu-nbd"));
    if (!here) {
      System.out.println("NOT CHECKED: " + what + ", for lack of qemu-img and qemu-nbd");
    }
    assumeTrue(here, "qemu-img and qemu-nbd are not installed");
  }

  /** QEMU's name for a format. */
  static String driver(DiskFormat format) {
    return format == DiskFormat.VHD ? "vpc" : format.wire();
  }

  /** Has qemu-io read and write what is served at a socket. */
  static void io(Path socket, String... commands) throws Exception {
    List<Object> command = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
    for (String one : commands) {
      command.add("-c");
      command.add(one);
    }
    command.add("nbd+unix:///?socket=" + socket);
    String said = run(command.toArray());
    assertThat(said).as(said).doesNotContain("failed", "error");
  }

  /** Runs a program that has to succeed, and returns what it says. */
  static String run(Object... command) throws Exception {
    Process process =
        new ProcessBuilder(Arrays.stream(command).map(Object::toString).toList())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output;
  }
}
