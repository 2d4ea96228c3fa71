package crossdock.providers.kvm;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
}
