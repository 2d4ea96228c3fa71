package crossdock.export;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.testing.Parties;
import crossdock.contracts.Fact;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Policy;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.contracts.Step;
import crossdock.site.DockMessage;
import crossdock.site.testing.Fate;
import crossdock.site.testing.TestSite;
import crossdock.site.testing.World;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the dock finds in a guest, before anything is planned for it. */
@Timeout(60)
class GuestsTest {
  @TempDir private Path directory;
  private TestSite site;

  @BeforeEach
  void open() throws Exception {
    site =
        new TestSite(
            Role.SOURCE,
            directory,
            Fate.kind(),
            Policy.STANDARD,
            Map.of("crossdock.export.looks-into-guests", "true"));
  }

  @AfterEach
  void close() {
    site.close();
  }

  private void granted() {
    site.grant(World.owner(Parties.NORTH), Parties.SOUTH.id(), true);
  }

  private Machine inspected() throws InterruptedException {
    site.chain.says(Parties.GATEWAY, World.requested(Fact.Mode.COLD, true));
    return site.until(migration -> migration.latest(Fact.Inspected.class).isPresent(), () -> {})
        .machine();
  }

  private List<String> kinds() {
    return site.orders().stream().map(DockMessage.Order::kind).toList();
  }

  @Test
  void whatIsFoundIsOfTheMachineThatIsPlannedForAndTheMachineStaysAsItWas() throws Exception {
    var before = site.files();
    granted();
    Machine machine = inspected();
    assertThat(machine.traits()).containsEntry("guest.fstab-by", "device");
    assertThat(machine.with(World.MACHINE.traits())).isEqualTo(World.MACHINE);
    assertThat(kinds()).containsExactly("look");
    assertThat(site.files()).isEqualTo(before);
    assertThat(site.value("SELECT count(*) FROM ticket")).isEqualTo("0");
  }

  @Test
  void nothingIsOpenedWithoutTheCustomersYes() throws Exception {
    assertThat(inspected()).isEqualTo(World.MACHINE);
    assertThat(kinds()).isEmpty();
  }

  @Test
  void aDockThatFindsNothingOrFailsHindersNothing() throws Exception {
    granted();
    site.answers =
        order -> {
          DockMessage.Result honest = site.result(order);
          return Optional.of(
              order instanceof DockMessage.Look
                  ? DockMessage.Result.failed(order, Reason.UNSAFE_IMAGE, "broken")
                  : honest);
        };
    assertThat(inspected()).isEqualTo(World.MACHINE);
  }

  @Test
  void whatEndsWhileTheDockLooksIsClosedAgain() throws Exception {
    var before = site.files();
    granted();
    site.answers = _ -> Optional.empty();
    site.chain.says(Parties.GATEWAY, World.requested(Fact.Mode.COLD, true));
    site.untilDue(Step.INSPECT);
    site.await(() -> kinds().equals(List.of("look")));
    assertThat(site.value("SELECT count(*) FROM ticket")).isEqualTo("1");
    site.chain.says(Parties.GATEWAY, new Fact.Undoing(Reason.CANCELLED));
    assertThat(site.chain.migration().ended()).isTrue();
    site.tell();
    assertThat(site.value("SELECT count(*) FROM ticket")).isEqualTo("0");
    assertThat(site.files()).isEqualTo(before);
  }

  @Test
  void theMachineIsTheSameUntilItIsGone() throws Exception {
    granted();
    Machine machine = inspected();
    Migration ended = site.until(Migration::ended, () -> {});
    assertThat(ended.state()).isInstanceOf(Migration.State.Retired.class);
    assertThat(ended.plan().machine()).isEqualTo(machine.digest());
    assertThat(site.value("SELECT count(*) FROM guest")).isEqualTo("0");
    assertThat(kinds()).startsWith("look", "serve");
  }
}
