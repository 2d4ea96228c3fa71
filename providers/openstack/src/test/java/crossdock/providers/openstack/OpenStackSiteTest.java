package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Check;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.Cloud;
import crossdock.providers.disks.TicketDisks;
import crossdock.providers.examination.SiteExamination;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a real OpenStack is found to have, and not to have. */
@Timeout(900)
final class OpenStackSiteTest {
  private final Path directory;
  private final OpenStackFixture fixture;

  OpenStackSiteTest(@TempDir Path directory) throws IOException {
    this.directory = directory;
    this.fixture = new OpenStackFixture(Lab.here(), directory);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    fixture.close();
  }

  @Test
  void eachLineOfItsListingThatIsFalseIsFoundAndNoOther() throws IOException {
    Map<String, String> before = fixture.inventory();
    Listing listing =
        Json.read(
            """
            {"site": "north:oslo", "country": "NO", "formats": ["qcow2"],
             "sizes": [{"name": "m1.tiny", "cpus": 1, "memoryBytes": 268435456},
                       {"name": "vast", "cpus": 512, "memoryBytes": 1099511627776}],
             "networks": [{"name": "lan", "subnets": ["10.9.0.0/24"], "publicNetworks": ["%1$s"]},
                          {"name": "back", "subnets": ["10.10.0.0/16", "fd00:10::/64", "192.0.2.0/24"],
                           "publicNetworks": ["%1$s"]}],
             "traits": {"address.floating": ["yes"]},
             "securityGroups": ["default", "nobody"], "architectures": ["x86_64"], "firmwares": ["BIOS"],
             "filtering": {"directions": ["INGRESS", "EGRESS"], "ipv6": true, "rules": 10},
             "zones": ["nova", "elsewhere"], "storage": [{"name": "bulk", "encrypted": false}]}
            """
                .formatted(fixture.outside()),
            Listing.class);
    List<Check> checks;
    try (Cloud cloud = fixture.cloud();
        TicketDisks disks =
            new TicketDisks(fixture.root(), 1L << 40, RawContent.ANYTHING, Clock.systemUTC())) {
      checks =
          new SiteExamination(cloud, disks, fixture.owner(), directory.resolve("journal"))
              .examine(listing);
    }
    assertThat(checks)
        .as("%s", checks)
        .filteredOn(Check::failed)
        .extracting(Check::name)
        .containsExactlyInAnyOrder("sizes", "networks", "security-groups", "zones");
    assertThat(checks.toString())
        .contains(
            "back 192.0.2.0/24",
            "back from outside",
            "address.floating is yes",
            "nobody",
            "elsewhere",
            "CROSSDOCK-GUEST landed by BIOS");
    assertThat(fixture.inventory()).isEqualTo(before);
  }
}
