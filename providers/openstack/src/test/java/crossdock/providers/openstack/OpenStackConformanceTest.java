package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Role;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Tag;
import crossdock.providers.conformance.CloudConformance;
import crossdock.providers.conformance.Fixture;
import crossdock.providers.conformance.Passage;
import crossdock.providers.disks.TicketDisks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against a real OpenStack. */
@Timeout(600)
final class OpenStackConformanceTest implements CloudConformance {
  private final OpenStackFixture fixture;

  OpenStackConformanceTest(@TempDir Path directory) throws IOException {
    fixture = new OpenStackFixture(Lab.here(), directory);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    fixture.close();
  }

  @Override
  public Fixture fixture() {
    return fixture;
  }

  @Test
  void whatTheCustomerSaysOfAServerStays() throws Exception {
    Map<String, String> before = fixture.inventory();
    Tag tag = new Tag(new MigrationId("m-" + "0".repeat(24)), Role.SOURCE, 1);
    try (Cloud cloud = fixture.cloud()) {
      cloud.stop(fixture.machine(), tag);
      assertThat(fixture.inventory().get("server " + fixture.machine()))
          .contains("the customer's own");
      cloud.restore(fixture.machine(), tag);
    }
    assertThat(fixture.inventory()).isEqualTo(before);
  }

  @Test
  void aServerThatSaysItIsAnotherMachineIsNotBelieved() throws Exception {
    Passage into = Passage.into(fixture, 1);
    try (Cloud cloud = fixture.cloud()) {
      into.reserve(cloud);
      into.write(cloud.prepare(into.tag()));
      String id = cloud.register(into.tag());
      cloud.boot(into.tag());
      cloud.release(into.tag());
      assertThat(cloud.machine(fixture.owner(), id)).isPresent();
      try (OpenStackFixture other =
          new OpenStackFixture(
              Lab.here(), Files.createDirectory(fixture.root().resolve("other")))) {
        other.say("crossdock-machine", id);
        assertThat(cloud.machines(other.owner()))
            .extracting(Machine::id)
            .containsExactly(other.machine());
        assertThat(cloud.machine(other.owner(), id)).isEmpty();
        Tag tag = new Tag(new MigrationId("m-" + "0".repeat(24)), Role.SOURCE, 1);
        cloud.stop(id, tag);
        assertThat(other.runs(other.machine())).isTrue();
        assertThat(fixture.runs(id)).isFalse();
      }
    }
  }

  @Test
  void aTicketOpensItsOwnImageAndNothingElse() throws Exception {
    Tag tag = new Tag(new MigrationId("m-" + "0".repeat(24)), Role.SOURCE, 1);
    try (Cloud cloud = fixture.cloud()) {
      cloud.stop(fixture.machine(), tag);
      List<DiskTicket> tickets = cloud.open(fixture.machine(), tag);
      DiskTicket.Glance first = (DiskTicket.Glance) tickets.get(0);
      DiskTicket.Glance second = (DiskTicket.Glance) tickets.get(1);
      DiskTicket.Glance crossed =
          new DiskTicket.Glance(
              first.disk(), second.image(), first.access(), first.format(), first.virtualBytes());
      try (TicketDisks disks =
          new TicketDisks(
              fixture.root(),
              fixture.root().resolve("spool"),
              1L << 40,
              RawContent.ANYTHING,
              Clock.systemUTC())) {
        disks.source(first).close();
        assertThatThrownBy(() -> disks.source(crossed))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("401");
      }
      assertThat(fixture.statusFor(first.access(), "/servers")).isEqualTo(401);
      cloud.close(tag);
      assertThat(fixture.statusFor(first.access(), "/servers")).isEqualTo(0);
      cloud.restore(fixture.machine(), tag);
    }
  }
}
