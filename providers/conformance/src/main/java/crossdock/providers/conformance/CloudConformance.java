package crossdock.providers.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.providers.Cloud;
import crossdock.providers.Cloud.Capability;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What {@link Cloud} promises, as tests. An adapter's test class implements this; passing it is how
 * a provider joins. A new instance stands for a process that was killed and started again.
 */
public interface CloudConformance {
  /** The site of the test that is running: the same one within a test, a fresh one for each. */
  Fixture fixture() throws IOException;

  // Whose machines.

  @Test
  default void aMachineOfSomebodyElseDoesNotExist() throws Exception {
    Fixture site = fixture();
    try (Cloud cloud = site.cloud()) {
      assertThat(cloud.machines(site.owner())).extracting(Machine::id).contains(site.machine());
      assertThat(cloud.machine(site.owner(), site.machine())).isPresent();
      assertThat(cloud.machines("somebody-else")).isEmpty();
      assertThat(cloud.machine("somebody-else", site.machine())).isEmpty();
    }
  }

  @Test
  default void whatIsNoMachineIsNotFound() throws Exception {
    Fixture site = fixture();
    try (Cloud cloud = site.cloud()) {
      for (String id :
          List.of("no-such-machine", "", ".", "..", "../" + site.machine(), "/etc", "a\0b")) {
        assertThat(cloud.machine(site.owner(), id)).as(id).isEmpty();
        Tag tag = Passage.away(site, 1).tag();
        assertRefused(Reason.NO_SUCH_MACHINE, () -> cloud.stop(id, tag));
        assertRefused(Reason.NO_SUCH_MACHINE, () -> cloud.open(id, tag));
      }
    }
  }

  // As source.

  @Test
  default void stoppingAgainChangesNothing() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.away(site, 1);
    try (Cloud cloud = site.cloud()) {
      cloud.stop(site.machine(), passage.tag());
      assertThat(site.runs(site.machine())).isFalse();
      cloud.stop(site.machine(), passage.tag());
    }
    try (Cloud cloud = site.cloud()) {
      cloud.stop(site.machine(), passage.tag());
      assertThat(site.runs(site.machine())).isFalse();
    }
  }

  @Test
  default void aMachineLockedForOneMigrationIsRefusedToAnother() throws Exception {
    Fixture site = fixture();
    Passage first = Passage.away(site, 1);
    Passage second = Passage.away(site, 2);
    try (Cloud cloud = site.cloud()) {
      cloud.stop(site.machine(), first.tag());
    }
    try (Cloud cloud = site.cloud()) {
      assertRefused(() -> cloud.stop(site.machine(), second.tag()));
      assertRefused(() -> cloud.open(site.machine(), second.tag()));
      assertRefused(() -> cloud.retire(site.machine(), second.tag(), true));
      cloud.restore(site.machine(), second.tag());
      assertRefused(() -> cloud.stop(site.machine(), second.tag()));
      assertThat(site.runs(site.machine())).isFalse();
      assertThat(cloud.open(site.machine(), first.tag())).isNotEmpty();
    }
  }

  @Test
  default void openGivesEveryDiskInOrder() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.away(site, 1);
    List<DiskTicket> opened;
    try (Cloud cloud = site.cloud()) {
      cloud.stop(site.machine(), passage.tag());
      opened = cloud.open(site.machine(), passage.tag());
      assertHoldsTheMachine(site, cloud, passage, opened);
    }
    try (Cloud cloud = site.cloud()) {
      assertThat(cloud.open(site.machine(), passage.tag())).isEqualTo(opened);
      cloud.close(passage.tag());
      cloud.close(passage.tag());
    }
  }

  @Test
  default void aRunningMachineIsOpenedWhileItRuns() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.away(site, 1);
    try (Cloud cloud = site.cloud()) {
      assumeTrue(cloud.capabilities().contains(Capability.SNAPSHOT), "makes no snapshots");
      assertThat(site.runs(site.machine())).isTrue();
      assertHoldsTheMachine(site, cloud, passage, cloud.open(site.machine(), passage.tag()));
    }
    try (Cloud cloud = site.cloud()) {
      assertHoldsTheMachine(site, cloud, passage, cloud.open(site.machine(), passage.tag()));
      cloud.close(passage.tag());
      cloud.close(passage.tag());
      assertThat(site.runs(site.machine())).isTrue();
      cloud.stop(site.machine(), Passage.away(site, 2).tag());
    }
  }

  @Test
  default void restoreLeavesTheMachineAsItWas() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.away(site, 1);
    boolean ran = site.runs(site.machine());
    try (Cloud cloud = site.cloud()) {
      cloud.stop(site.machine(), passage.tag());
      cloud.open(site.machine(), passage.tag());
    }
    try (Cloud cloud = site.cloud()) {
      cloud.restore(site.machine(), passage.tag());
      assertThat(site.runs(site.machine())).isEqualTo(ran);
      cloud.restore(site.machine(), passage.tag());
      assertThat(site.runs(site.machine())).isEqualTo(ran);
      cloud.stop(site.machine(), Passage.away(site, 2).tag());
    }
  }

  @Test
  default void restoringAnUntouchedMachineDoesNothing() throws Exception {
    Fixture site = fixture();
    boolean ran = site.runs(site.machine());
    Map<String, String> before = site.inventory();
    try (Cloud cloud = site.cloud()) {
      cloud.restore(site.machine(), Passage.away(site, 1).tag());
    }
    assertThat(site.inventory()).isEqualTo(before);
    assertThat(site.runs(site.machine())).isEqualTo(ran);
  }

  @Test
  default void aRetiredMachineNeverRunsAgain() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.away(site, 1);
    try (Cloud cloud = site.cloud()) {
      cloud.stop(site.machine(), passage.tag());
      cloud.retire(site.machine(), passage.tag(), false);
    }
    try (Cloud cloud = site.cloud()) {
      cloud.retire(site.machine(), passage.tag(), false);
      assertThat(cloud.machine(site.owner(), site.machine())).isPresent();
      // What was accepted is not undone: two copies would run.
      assertRefused(() -> cloud.restore(site.machine(), passage.tag()));
      assertRefused(() -> cloud.stop(site.machine(), Passage.away(site, 2).tag()));
      assertThat(site.runs(site.machine())).isFalse();
    }
  }

  @Test
  default void anErasedMachineIsGone() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.away(site, 1);
    try (Cloud cloud = site.cloud()) {
      cloud.stop(site.machine(), passage.tag());
      cloud.retire(site.machine(), passage.tag(), true);
    }
    try (Cloud cloud = site.cloud()) {
      cloud.retire(site.machine(), passage.tag(), true);
      assertThat(cloud.machine(site.owner(), site.machine())).isEmpty();
      assertThat(cloud.machines(site.owner())).isEmpty();
    }
    assertThat(site.inventory().keySet()).noneMatch(path -> path.contains(site.machine()));
  }

  // As target.

  @Test
  default void reservingTwiceHoldsRoomOnce() throws Exception {
    Fixture site = fixture();
    for (int i = 0; i <= site.room(); i++) {
      try (Cloud cloud = site.cloud()) {
        cloud.reserve(site.planned(1), site.owner(), Passage.into(site, 1).tag(i));
      }
    }
    try (Cloud cloud = site.cloud()) {
      for (int other = 2; other <= site.room(); other++) {
        Passage.into(site, other).reserve(cloud);
      }
    }
  }

  @Test
  default void aFullSiteRefuses() throws Exception {
    Fixture site = fixture();
    try (Cloud cloud = site.cloud()) {
      Passage.into(site, 1).arrive(cloud);
      for (int other = 2; other <= site.room(); other++) {
        Passage.into(site, other).reserve(cloud);
      }
    }
    try (Cloud cloud = site.cloud()) {
      Passage late = Passage.into(site, 1000);
      assertRefused(Reason.QUOTA, () -> late.reserve(cloud));
      assertThat(cloud.remove(late.tag())).isFalse();
      assertThat(cloud.remove(Passage.into(site, 1).tag(1000))).isTrue();
      late.reserve(cloud);
    }
  }

  @Test
  default void aPlaceThatTheSiteDoesNotHaveRefusesTheMachineBeforeAnythingIsHeld()
      throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    Machine planned = site.planned(1);
    Machine elsewhere = planned.with(new TreeMap<>(Map.of("zone", "no-such-zone")));
    try (Cloud cloud = site.cloud()) {
      for (Machine nowhere : List.of(stored(planned, "no-such-class"), elsewhere)) {
        assertRefused(Reason.UNMAPPABLE, () -> cloud.reserve(nowhere, site.owner(), passage.tag()));
      }
      assertThat(cloud.remove(passage.tag())).isFalse();
    }
  }

  private static Machine stored(Machine machine, String storage) {
    return new Machine(
        machine.id(),
        machine.name(),
        machine.architecture(),
        machine.cpus(),
        machine.memoryBytes(),
        machine.firmware(),
        machine.guestOs(),
        machine.disks().stream()
            .map(
                disk ->
                    new Machine.Disk(
                        disk.name(), disk.format(), disk.virtualBytes(), Optional.of(storage)))
            .toList(),
        machine.nics(),
        machine.securityGroups(),
        machine.traits());
  }

  @Test
  default void nothingIsPreparedWithoutAReservation() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    try (Cloud cloud = site.cloud()) {
      assertRefused(() -> cloud.prepare(passage.tag()));
      assertRefused(() -> cloud.register(passage.tag()));
      assertRefused(() -> cloud.readBack(passage.tag()));
      assertRefused(() -> cloud.boot(passage.tag()));
    }
  }

  @Test
  default void preparingTwiceGivesTheSamePlaces() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    List<DiskTicket> places;
    try (Cloud cloud = site.cloud()) {
      passage.reserve(cloud);
      places = cloud.prepare(passage.tag());
      assertThat(places)
          .extracting(DiskTicket::disk)
          .isEqualTo(site.planned(1).disks().stream().map(Machine.Disk::name).toList());
    }
    try (Cloud cloud = site.cloud()) {
      assertThat(cloud.prepare(passage.tag())).isEqualTo(places);
    }
  }

  @Test
  default void whatIsHalfWrittenGoesOnAfterACrash() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    try (Cloud cloud = site.cloud()) {
      passage.reach(Point.HALF_WRITTEN, cloud);
    }
    try (Cloud cloud = site.cloud()) {
      assertThatThrownBy(() -> cloud.register(passage.tag()))
          .isInstanceOfAny(Refusal.class, IOException.class);
      passage.arrive(cloud);
      assertHoldsTheImages(site, cloud, passage);
    }
  }

  @Test
  default void nothingIsVisibleBeforeItIsRegistered() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    try (Cloud cloud = site.cloud()) {
      List<Machine> before = cloud.machines(site.owner());
      passage.reach(Point.WRITTEN, cloud);
      assertThat(cloud.machines(site.owner())).isEqualTo(before);
      String id = cloud.register(passage.tag());
      Machine machine = cloud.machine(site.owner(), id).orElseThrow();
      assertThat(cloud.machines(site.owner())).hasSize(before.size() + 1).contains(machine);
      assertThat(machine.id()).isEqualTo(id);
      assertThat(machine.disks()).isEqualTo(site.planned(1).disks());
      assertThat(machine.cpus()).isEqualTo(site.planned(1).cpus());
      assertThat(machine.memoryBytes()).isEqualTo(site.planned(1).memoryBytes());
      assertThat(cloud.machine("somebody-else", id)).isEmpty();
      assertThat(site.runs(id)).isFalse();
    }
  }

  @Test
  default void whatLiesAtHandIsOfTheOwnersMachinesAlone() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    try (Cloud cloud = site.cloud()) {
      String id = passage.arrive(cloud);
      List<DiskTicket> atHand = cloud.atHand(site.owner());
      assertThat(cloud.atHand("somebody-else")).isEmpty();
      assertThat(atHand).allMatch(ticket -> ticket instanceof DiskTicket.Image);
      if (!atHand.isEmpty()) {
        assertThat(atHand).containsAll(cloud.readBack(passage.tag()));
      }
      assertThat(cloud.remove(passage.tag())).isTrue();
      assertThat(cloud.atHand(site.owner()))
          .noneMatch(ticket -> ((DiskTicket.Image) ticket).path().contains(id));
    }
  }

  @Test
  default void registeringTwiceMakesOneMachine() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    String id;
    int machines;
    try (Cloud cloud = site.cloud()) {
      machines = cloud.machines(site.owner()).size();
      id = passage.arrive(cloud);
      assertThat(cloud.register(passage.tag())).isEqualTo(id);
    }
    try (Cloud cloud = site.cloud()) {
      assertThat(cloud.register(passage.tag())).isEqualTo(id);
      passage.reserve(cloud);
      assertThat(cloud.register(passage.tag())).isEqualTo(id);
      assertThat(cloud.machines(site.owner())).hasSize(machines + 1);
    }
  }

  @Test
  default void twoMigrationsOfOnePlanMakeTwoMachines() throws Exception {
    Fixture site = fixture();
    assumeTrue(site.room() > 1, "room for one only");
    try (Cloud cloud = site.cloud()) {
      String first = Passage.into(site, 1).arrive(cloud);
      assertThat(Passage.into(site, 2).arrive(cloud)).isNotEqualTo(first);
    }
  }

  @Test
  default void whatIsReadBackIsWhatWasWritten() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    try (Cloud cloud = site.cloud()) {
      passage.arrive(cloud);
      assertHoldsTheImages(site, cloud, passage);
    }
    try (Cloud cloud = site.cloud()) {
      assertHoldsTheImages(site, cloud, passage);
    }
  }

  @Test
  default void bootingTwiceMakesOneRunningMachine() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    try (Cloud cloud = site.cloud()) {
      String id = passage.arrive(cloud);
      boolean runs = cloud.capabilities().contains(Capability.RUNS);
      assertSignOfLife(runs, cloud.boot(passage.tag()));
      assertThat(site.runs(id)).isEqualTo(runs);
      try (Cloud again = site.cloud()) {
        assertSignOfLife(runs, again.boot(passage.tag()));
        assertThat(site.runs(id)).isEqualTo(runs);
        assertThat(again.console(site.owner(), id).isBlank()).isEqualTo(!runs);
        assertThat(again.remove(passage.tag())).isTrue();
        assertThat(site.runs(id)).isFalse();
      }
    }
  }

  @Test
  default void whatWasBootedIsWhatWasPlanned() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    Machine planned = passage.planned();
    assertThat(planned.nics()).hasSizeGreaterThan(1);
    try (Cloud cloud = site.cloud()) {
      String id = passage.arrive(cloud);
      assertThat(cloud.machine(site.owner(), id).orElseThrow().lacks(planned)).isEmpty();
      cloud.boot(passage.tag());
    }
    try (Cloud cloud = site.cloud()) {
      Machine here =
          cloud.machines(site.owner()).stream()
              .filter(
                  one ->
                      one.nics().stream()
                          .anyMatch(nic -> planned.nics().getFirst().mac().equals(nic.mac())))
              .findFirst()
              .orElseThrow();
      assertThat(here.lacks(planned)).isEmpty();
      assertThat(cloud.machine(site.owner(), here.id())).contains(here);
    }
  }

  @ParameterizedTest
  @EnumSource
  default void removeRemovesWhatWasMadeAndNothingElse(Point point) throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    boolean ran = site.runs(site.machine());
    List<Machine> machines;
    try (Cloud cloud = site.cloud()) {
      machines = cloud.machines(site.owner());
      Map<String, String> before = site.inventory();
      passage.reach(point, cloud);
      try (Cloud again = site.cloud()) {
        assertThat(again.remove(passage.tag())).isEqualTo(point != Point.UNTOUCHED);
        assertThat(again.remove(passage.tag())).isFalse();
        assertThat(site.inventory()).isEqualTo(before);
        assertThat(again.machines(site.owner())).isEqualTo(machines);
      }
    }
    assertThat(site.runs(site.machine())).isEqualTo(ran);
  }

  /** Five times, or as {@code -Dcrossdock.repetitions=50} says. */
  @Test
  @Timeout(value = 1, unit = TimeUnit.HOURS)
  default void madeAndUndoneAgainAndAgainLeavesNothing() throws Exception {
    Fixture site = fixture();
    Map<String, String> before = site.inventory();
    for (int i = 1; i <= Integer.getInteger("crossdock.repetitions", 5); i++) {
      Passage into = Passage.into(site, i);
      Passage away = Passage.away(site, 1000 + i);
      try (Cloud cloud = site.cloud()) {
        cloud.stop(site.machine(), away.tag());
        cloud.open(site.machine(), away.tag());
        into.arrive(cloud);
        assertThat(cloud.remove(into.tag())).isTrue();
        cloud.close(away.tag());
        cloud.restore(site.machine(), away.tag());
      }
    }
    assertThat(site.inventory()).isEqualTo(before);
  }

  @Test
  default void aReleasedMachineIsItsOwnersAlone() throws Exception {
    Fixture site = fixture();
    Passage passage = Passage.into(site, 1);
    try (Cloud cloud = site.cloud()) {
      String id = passage.arrive(cloud);
      cloud.boot(passage.tag());
      cloud.release(passage.tag());
      try (Cloud again = site.cloud()) {
        again.release(passage.tag());
        assertThat(again.remove(passage.tag())).isFalse();
        assertThat(again.machine(site.owner(), id)).isPresent();
        assertThat(site.runs(id)).isEqualTo(again.capabilities().contains(Capability.RUNS));
        // And can be moved on.
        again.stop(id, Passage.away(site, 2).tag());
        again.retire(id, Passage.away(site, 2).tag(2), true);
      }
    }
  }

  // Under repetition.

  @Test
  default void aCallWhoseAnswerWasLostIsFoundAgain() throws Exception {
    Fixture site = fixture();
    Passage away = Passage.away(site, 1);
    Passage into = Passage.into(site, 2);
    int machines;
    try (Cloud cloud = site.cloud()) {
      machines = cloud.machines(site.owner()).size();
    }
    twice(site, cloud -> cloud.stop(site.machine(), away.tag()));
    twice(site, cloud -> assertThat(cloud.open(site.machine(), away.tag())).isNotEmpty());
    twice(site, into::reserve);
    twice(site, cloud -> assertThat(cloud.prepare(into.tag())).isNotEmpty());
    try (Cloud cloud = site.cloud()) {
      into.write(cloud.prepare(into.tag()));
    }
    twice(site, cloud -> cloud.register(into.tag()));
    twice(site, cloud -> assertThat(cloud.readBack(into.tag())).isNotEmpty());
    twice(site, cloud -> cloud.boot(into.tag()));
    twice(site, cloud -> cloud.close(away.tag()));
    twice(site, cloud -> cloud.retire(site.machine(), away.tag(), true));
    twice(site, cloud -> cloud.release(into.tag()));
    try (Cloud cloud = site.cloud()) {
      assertThat(cloud.machines(site.owner())).hasSize(machines);
    }
  }

  @Test
  default void whoHasASmallerFenceIsRefused() throws Exception {
    Fixture site = fixture();
    Passage away = Passage.away(site, 1);
    Passage into = Passage.into(site, 1);
    try (Cloud cloud = site.cloud()) {
      cloud.stop(site.machine(), away.tag(5));
      cloud.reserve(into.planned(), site.owner(), into.tag(7));
    }
    try (Cloud cloud = site.cloud()) {
      assertLate(() -> cloud.restore(site.machine(), away.tag(4)));
      assertLate(() -> cloud.open(site.machine(), away.tag(4)));
      assertLate(() -> cloud.retire(site.machine(), away.tag(4), true));
      assertLate(() -> cloud.prepare(into.tag(6)));
      assertLate(() -> cloud.register(into.tag(6)));
      assertLate(() -> cloud.remove(into.tag(6)));
      assertThat(cloud.open(site.machine(), away.tag(5))).isNotEmpty();
      assertThat(cloud.remove(into.tag(8))).isTrue();
    }
    // Undone is undone: who was overtaken makes nothing new.
    try (Cloud cloud = site.cloud()) {
      assertLate(() -> cloud.reserve(into.planned(), site.owner(), into.tag(7)));
    }
  }

  // What the above says.

  private static void assertHoldsTheMachine(
      Fixture site, Cloud cloud, Passage passage, List<DiskTicket> tickets) throws IOException {
    Machine machine = cloud.machine(site.owner(), site.machine()).orElseThrow();
    assertThat(tickets)
        .extracting(DiskTicket::disk)
        .isEqualTo(machine.disks().stream().map(Machine.Disk::name).toList());
    for (int i = 0; i < tickets.size(); i++) {
      assertThat(passage.size(tickets.get(i))).isEqualTo(machine.disks().get(i).virtualBytes());
      passage.assertHolds(tickets.get(i), site.content(tickets.get(i).disk()));
    }
  }

  private static void assertHoldsTheImages(Fixture site, Cloud cloud, Passage passage)
      throws IOException, Refusal {
    List<DiskTicket> tickets = cloud.readBack(passage.tag());
    assertThat(tickets)
        .extracting(DiskTicket::disk)
        .isEqualTo(site.planned(1).disks().stream().map(Machine.Disk::name).toList());
    for (DiskTicket ticket : tickets) {
      passage.assertHolds(ticket, site.image(ticket.disk()));
    }
  }

  private static void assertSignOfLife(boolean runs, String sign) {
    assertThat(sign.isBlank()).isEqualTo(!runs);
    assertThat(sign).hasSizeLessThanOrEqualTo(512);
  }

  /** What may be said twice, by a process that died before it heard the answer. */
  interface Call {
    void on(Cloud cloud) throws IOException, Refusal;
  }

  private static void twice(Fixture site, Call call) throws IOException, Refusal {
    for (int i = 0; i < 2; i++) {
      try (Cloud cloud = site.cloud()) {
        call.on(cloud);
      }
    }
  }

  /** What is to be said no to. */
  interface Attempt {
    void run() throws IOException, Refusal;
  }

  private static void assertRefused(Attempt attempt) {
    assertThatThrownBy(attempt::run).isInstanceOf(Refusal.class);
  }

  private static void assertRefused(Reason reason, Attempt attempt) {
    assertThatThrownBy(attempt::run)
        .isInstanceOfSatisfying(
            Refusal.class, refusal -> assertThat(refusal.reason()).isEqualTo(reason));
  }

  /** Not a verdict: whoever overtook the caller gives that. */
  private static void assertLate(Attempt attempt) {
    assertThatThrownBy(attempt::run).isInstanceOf(IOException.class);
  }
}
