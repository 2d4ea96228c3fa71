package crossdock.providers.kvm;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Whether this host can run guests. */
final class Qemu {
  private Qemu() {}

  @SuppressWarnings("SystemOut")
  static void assumeHere() {
    boolean here =
        Files.isExecutable(Path.of("/usr/bin/qemu-system-x86_64"))
            && Files.isExecutable(Path.of("/usr/bin/qemu-img"));
    if (!here) {
      System.out.println(
          "NOT CHECKED: the adapter for KVM, for lack of qemu-system-x86 and qemu-utils");
    }
    assumeTrue(here, "qemu-system-x86 and qemu-utils are not installed");
  }

  @SuppressWarnings("SystemOut")
  static void assumeNetworks() throws IOException {
    assumeHere();
    Optional<String> lacking = Namespace.lacking();
    if (lacking.isPresent()) {
      System.out.println("NOT CHECKED: networks and firewalls of KVM sites: " + lacking.get());
    }
    assumeTrue(lacking.isEmpty(), lacking.orElse(""));
  }

  /**
   * A guest's root disk in qcow2, as {@code lab/guest/build} makes it; where it cannot, the test is
   * not run.
   *
   * @param more of its options
   */
  @SuppressWarnings("SystemOut")
  static Path guest(Path directory, String name, String... more)
      throws IOException, InterruptedException {
    Path file = directory.resolve(name + ".qcow2");
    Path log = directory.resolve(name + ".log");
    List<String> command =
        new ArrayList<>(List.of("../../lab/guest/build", "--out", file + "", "--name", name));
    command.addAll(List.of(more));
    Process build =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    boolean built = build.waitFor() == 0;
    String said = Files.readString(log);
    if (!built) {
      System.out.println("NOT CHECKED: guests of KVM sites, for none can be built: " + said);
    }
    assumeTrue(built, said);
    return file;
  }
}
