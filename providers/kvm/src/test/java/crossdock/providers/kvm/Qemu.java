package crossdock.providers.kvm;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

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
}
