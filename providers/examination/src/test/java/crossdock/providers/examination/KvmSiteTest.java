package crossdock.providers.examination;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.disks.TicketDisks;
import crossdock.providers.kvm.Kvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real landing hypervisor, with guests that start. */
@Timeout(400)
final class KvmSiteTest {
  @TempDir private Path directory;

  @BeforeEach
  @SuppressWarnings("SystemOut")
  void qemuIsHere() {
    boolean here = Files.isExecutable(Path.of("/usr/bin/qemu-system-x86_64")) && Kvm.hasUefi();
    if (!here) {
      System.out.println("NOT CHECKED: the examination of a KVM site, for lack of QEMU and OVMF");
    }
    assumeTrue(here, "qemu-system-x86 and ovmf are not installed");
  }

  private Map<String, Check> examine(Listing listing) throws IOException {
    Path root = Files.createDirectory(directory.resolve("site"));
    Kvm.Limits limits = new Kvm.Limits(3, 1L << 40);
    TicketDisks disks = new TicketDisks(root, 1L << 40, RawContent.ANYTHING, Clock.systemUTC());
    try (Kvm kvm = new Kvm(root, "tcg", List.of("qcow2", "vmdk"), limits);
        disks) {
      List<Check> checks =
          new SiteExamination(kvm, disks, "examiner", directory.resolve("journal"))
              .examine(listing);
      assertThat(kvm.machines("examiner")).isEmpty();
      return checks.stream().collect(Collectors.toMap(Check::name, check -> check));
    }
  }

  @Test
  void guestsAreStartedByBothFirmwaresAndTheListingIsTrue() throws IOException {
    Map<String, Check> checks =
        examine(
            Json.read(
                """
                {"site": "south:roma", "country": "IT", "formats": ["qcow2", "vmdk"],
                 "sizes": [{"name": "s", "cpus": 1, "memoryBytes": 268435456},
                           {"name": "m", "cpus": 2, "memoryBytes": 1073741824}],
                 "networks": [{"name": "lan", "subnets": ["10.1.0.0/24"]}],
                 "securityGroups": ["web"], "architectures": ["x86_64"], "firmwares": ["BIOS", "UEFI"],
                 "filtering": {"directions": ["INGRESS", "EGRESS"], "ipv6": true, "rules": 80},
                 "traits": {"disk.bus": ["virtio"], "machine.type": ["pc", "q35"]}, "limits": {"disks": 16}}
                """,
                Listing.class));
    assertThat(checks.values())
        .filteredOn(check -> check.outcome() != Outcome.PASSED)
        .extracting(Check::name)
        .containsExactlyInAnyOrder("country", "jurisdictions", "counterparts");
    assertThat(checks.toString()).contains("BIOS, UEFI", "m with a guest", "machine.type is q35");
  }

  @Test
  void whatTheHypervisorHasNotIsFound() throws IOException {
    Map<String, Check> checks =
        examine(
            Json.read(
                """
                {"site": "south:roma", "country": "IT", "formats": ["vhdx", "qcow2"],
                 "sizes": [{"name": "s", "cpus": 1, "memoryBytes": 268435456},
                           {"name": "vast", "cpus": 1, "memoryBytes": 70368744177664}],
                 "networks": [{"name": "lan", "subnets": []}],
                 "securityGroups": [], "architectures": ["aarch64", "x86_64"], "firmwares": ["BIOS"],
                 "traits": {"disk.bus": ["sata"], "nic.model": ["virtio-net"]},
                 "zones": ["a"], "storage": [{"name": "ssd", "encrypted": true}]}
                """,
                Listing.class));
    assertThat(checks.values())
        .filteredOn(Check::failed)
        .extracting(Check::name)
        .containsExactlyInAnyOrder(
            "formats", "sizes", "architectures", "traits", "zones", "storage");
    assertThat(checks.toString()).contains("FAILED 1: disk.bus is virtio; PASSED 1: nic.model");
  }
}
