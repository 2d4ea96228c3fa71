package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.conformance.Passage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Images and snapshots that no server is made of, of a real OpenStack; see {@link Lab#here}. */
@Timeout(600)
final class ImagesTest {
  private final OpenStackFixture fixture;

  ImagesTest(@TempDir Path directory) throws IOException {
    fixture = new OpenStackFixture(Lab.here(), directory);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    fixture.close();
  }

  @Test
  void anImageMovesAndStaysAsItWasUntilItIsErased() throws Exception {
    String id = "image-" + fixture.customerMakesImage("golden", fixture.content("data"));
    Map<String, String> before = fixture.inventory();
    Passage kept = Passage.away(fixture, 1);
    Passage erased = Passage.away(fixture, 2);
    try (Cloud cloud = fixture.cloud()) {
      Machine machine = cloud.machine(fixture.owner(), id).orElseThrow();
      assertThat(cloud.machines(fixture.owner())).contains(machine).hasSize(2);
      assertThat(machine.name()).isEqualTo("golden");
      assertThat(machine.traits()).containsEntry("machine.of", "an image");
      assertThat(cloud.machine("somebody else", id)).isEmpty();
      for (Passage passage : List.of(kept, erased)) {
        cloud.stop(id, passage.tag());
        reads(cloud.open(id, passage.tag()), passage, List.of("data"));
      }
      cloud.close(kept.tag());
      cloud.restore(id, kept.tag());
      Passage looked = Passage.away(fixture, 4);
      reads(cloud.open(id, looked.tag()), looked, List.of("data"));
      cloud.close(looked.tag());
      reads(cloud.open(id, erased.tag()), erased, List.of("data"));
      cloud.close(erased.tag());
      Map<String, String> closed = new TreeMap<>(fixture.inventory());
      closed.keySet().removeIf(what -> what.contains(erased.tag().name())); // until it has ended
      assertThat(closed).isEqualTo(before);
      cloud.retire(id, erased.tag(), true);
      cloud.retire(id, erased.tag(), true);
      assertThat(cloud.machine(fixture.owner(), id)).isEmpty();
      assertThatThrownBy(() -> cloud.stop(id, Passage.away(fixture, 3).tag()))
          .isInstanceOfSatisfying(
              Refusal.class,
              refusal -> assertThat(refusal.reason()).isEqualTo(Reason.NO_SUCH_MACHINE));
    }
  }

  @Test
  void aSnapshotOfAServerWithVolumesHasAllItsDisks() throws Exception {
    Passage into = Passage.into(fixture, 1);
    try (Cloud cloud = fixture.cloud()) {
      into.reserve(cloud);
      into.write(cloud.prepare(into.tag()));
      String server = cloud.register(into.tag());
      String _ = cloud.boot(into.tag());
      cloud.release(into.tag());
      Map<String, String> before = fixture.inventory();
      String id = "image-" + fixture.customerTakesSnapshotOf(server);
      Machine machine = cloud.machine(fixture.owner(), id).orElseThrow();
      assertThat(machine.disks()).extracting(Machine.Disk::name).containsExactly("root", "disk1");
      assertThat(machine.traits()).containsEntry("machine.of", "a snapshot");
      Passage away = Passage.away(fixture, 2);
      cloud.stop(id, away.tag());
      reads(cloud.open(id, away.tag()), away, List.of("root", "data"));
      reads(cloud.open(id, away.tag()), away, List.of("root", "data"));
      cloud.retire(id, away.tag(), true);
      assertThat(fixture.inventory()).isEqualTo(before);
    }
  }

  /** What each disk begins with, by its name in the fixture. */
  private void reads(List<DiskTicket> disks, Passage passage, List<String> contents)
      throws IOException {
    assertThat(disks).hasSameSizeAs(contents);
    for (int i = 0; i < disks.size(); i++) {
      passage.assertHolds(disks.get(i), fixture.image(contents.get(i)));
    }
  }

  @Test
  void whatIsNoImageOfTheProjectIsNotFound() throws Exception {
    try (Cloud cloud = fixture.cloud()) {
      for (String id : List.of("image-", "image-..", "image-" + fixture.machine())) {
        assertThat(cloud.machine(fixture.owner(), id)).as(id).isEqualTo(Optional.empty());
      }
    }
  }
}
