package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
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
class OpenStackConformanceTest implements CloudConformance {
  private final OpenStackFixture fixture;

  OpenStackConformanceTest(@TempDir Path directory) throws IOException {
    fixture = new OpenStackFixture(Lab.here(), directory, storage());
  }

  /** Of the roots of machines that come in. */
  String storage() {
    return "bulk";
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
  void whatTheCustomerHasLockedIsReleasedAndRemovedAllTheSame() throws Exception {
    Map<String, String> before = fixture.inventory();
    Passage undone = Passage.into(fixture, 1);
    Passage accepted = Passage.into(fixture, 2);
    try (Cloud cloud = fixture.cloud()) {
      String id = booted(cloud, undone);
      fixture.customerDoes("lock", id);
      assertThat(cloud.remove(undone.tag())).isTrue();
      assertThat(fixture.inventory()).isEqualTo(before);
      id = booted(cloud, accepted);
      fixture.customerDoes("lock", id);
      cloud.release(accepted.tag());
      cloud.stop(id, Passage.away(fixture, 3).tag());
      assertThat(fixture.runs(id)).isFalse();
    }
  }

  private static String booted(Cloud cloud, Passage passage) throws Exception {
    passage.reserve(cloud);
    passage.write(cloud.prepare(passage.tag()));
    String id = cloud.register(passage.tag());
    assertThat(cloud.boot(passage.tag())).contains("CROSSDOCK-GUEST");
    return id;
  }

  @Test
  void aSourceThatItsCustomerHasDeletedIsRestoredToNothing() throws Exception {
    Passage away = Passage.away(fixture, 1);
    try (Cloud cloud = fixture.cloud()) {
      cloud.stop(fixture.machine(), away.tag());
      assertThat(cloud.open(fixture.machine(), away.tag())).hasSize(2);
      fixture.customerDoes("unlock", fixture.machine());
      fixture.customerDoes("delete", fixture.machine());
      cloud.restore(fixture.machine(), away.tag());
      cloud.restore(fixture.machine(), away.tag());
      assertThat(fixture.inventory().keySet())
          .noneMatch(what -> what.startsWith("image ") || what.startsWith("credential "));
    }
  }

  @Test
  void aMachineIsTheSameHoweverOftenItIsAskedFor() throws Exception {
    try (Cloud cloud = fixture.cloud()) {
      Machine first = cloud.machine(fixture.owner(), fixture.machine()).orElseThrow();
      assertThat(first.nics()).extracting(Machine.Nic::network).containsExactly("lan", "back");
      assertThat(first.nics().getLast().addresses()).hasSize(2);
      for (int again = 0; again < 10; again++) {
        assertThat(cloud.machine(fixture.owner(), fixture.machine())).contains(first);
      }
    }
  }

  @Test
  void anAddressThatIsTakenIsSaidBeforeAnythingIsStoppedForIt() throws Exception {
    fixture.customerTakesAddressOf(1);
    Map<String, String> before = fixture.inventory();
    Passage into = Passage.into(fixture, 1);
    try (Cloud cloud = fixture.cloud()) {
      assertThatThrownBy(() -> into.reserve(cloud))
          .isInstanceOfSatisfying(
              Refusal.class, refusal -> assertThat(refusal.reason()).isEqualTo(Reason.UNMAPPABLE))
          .hasMessageContaining(OpenStackFixture.address(1));
      assertThat(fixture.inventory()).isEqualTo(before);
      assertThat(cloud.remove(into.tag())).isFalse();
    }
  }

  @Test
  void aMachineThatMovedOnLeavesItsAddressesBehindForWhoComesBackWithThem() throws Exception {
    Map<String, String> before = fixture.inventory();
    Passage into = Passage.into(fixture, 1);
    Passage away = Passage.away(fixture, 2);
    try (Cloud cloud = fixture.cloud()) {
      into.reserve(cloud);
      into.write(cloud.prepare(into.tag()));
      String id = cloud.register(into.tag());
      cloud.boot(into.tag());
      cloud.release(into.tag());
      cloud.stop(id, away.tag());
      assertThat(cloud.open(id, away.tag())).hasSize(2);
      cloud.retire(id, away.tag(), true);
      assertThat(fixture.inventory()).isEqualTo(before);
      cloud.reserve(into.planned(), fixture.owner(), Passage.into(fixture, 3).tag());
    }
  }

  @Test
  void anImageThatTheCustomerMadeBeforeIsNotTakenForOurs() throws Exception {
    Passage into = Passage.into(fixture, 1);
    byte[] forged = new byte[1 << 20];
    forged[0] = 1;
    String prefix = "crossdock-" + into.tag().name() + "-";
    fixture.customerMakesImage(prefix + "root", forged);
    try (Cloud cloud = fixture.cloud()) {
      into.reserve(cloud);
      into.write(cloud.prepare(into.tag()));
      String _ = cloud.register(into.tag());
      fixture.customerMakesImage(prefix + "back-root", forged);
      for (DiskTicket disk : cloud.readBack(into.tag())) {
        into.assertHolds(disk, fixture.image(disk.disk()));
      }
      assertThat(cloud.remove(into.tag())).isTrue();
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
          new TicketDisks(fixture.root(), 1L << 40, RawContent.ANYTHING, Clock.systemUTC())) {
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
