package crossdock.imports;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.testing.Parties;
import crossdock.contracts.Fact;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.contracts.Step;
import crossdock.providers.Cloud;
import crossdock.site.testing.Deaths;
import crossdock.site.testing.Fate;
import crossdock.site.testing.TestSite;
import crossdock.site.testing.World;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whoever is killed between a call to the cloud and its commit leaves one machine of an accepted
 * migration and nothing of an undone one, and reports each step once.
 */
@Timeout(120)
class TargetDeathsTest {
  @TempDir Path directory;

  private static void asked(TestSite site) {
    site.grant(World.owner(Parties.SOUTH), Parties.NORTH.id(), false);
    site.chain.says(Parties.GATEWAY, World.requested(Fact.Mode.COLD, false));
  }

  private static List<Machine> machines(TestSite site) {
    try {
      return site.bean(Cloud.class).machines(World.OWNER);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @TestFactory
  Stream<DynamicTest> whatIsAcceptedIsOneMachineAndItsOwnersAlone() throws Exception {
    return Deaths.everywhere(
        Role.TARGET,
        directory,
        site -> {
          asked(site);
          site.until(Migration::ended, () -> assertThat(machines(site)).hasSizeLessThan(2));
          assertThat(machines(site)).hasSize(1);
          assertThat(machines(site).getFirst().id())
              .isEqualTo(site.chain.migration().need(Fact.Imported.class).machine());
          assertThat(site.files().keySet())
              .as("nothing half done lies about")
              .allMatch(name -> name.startsWith("machines/"));
          assertThat(site.facts()).containsExactly("Reserved", "Imported", "Used", "Booted");
        });
  }

  @TestFactory
  Stream<DynamicTest> whatIsCancelledBeforeItCameLeavesNothing() throws Exception {
    return cancelledWhen(Step.STOP, "Reserved", "Undone");
  }

  @TestFactory
  Stream<DynamicTest> whatIsCancelledAfterItCameLeavesNothing() throws Exception {
    return cancelledWhen(Step.BOOT, "Reserved", "Imported", "Used", "Undone");
  }

  @TestFactory
  Stream<DynamicTest> whatIsCancelledAfterItRanLeavesNothing() throws Exception {
    return cancelledWhen(Step.ACCEPT, "Reserved", "Imported", "Used", "Booted", "Undone");
  }

  @Test
  void whatIsCancelledBeforeAnythingWasReservedNeverStarted() throws Exception {
    try (TestSite site = new TestSite(Role.TARGET, directory, Fate.kind())) {
      asked(site);
      site.approach(
          migration -> migration.due().stream().anyMatch(one -> one.step() == Step.RESERVE),
          () -> {});
      site.chain.says(Parties.GATEWAY, new Fact.Undoing(Reason.CANCELLED));
      site.until(Migration::ended, () -> {});
      assertThat(site.reports().getLast().fact())
          .isEqualTo(new Fact.Undone(Role.TARGET, Fact.Basis.NEVER_STARTED));
    }
  }

  private Stream<DynamicTest> cancelledWhen(Step due, String... facts) throws Exception {
    return Deaths.everywhere(
        Role.TARGET,
        directory,
        site -> {
          asked(site);
          site.approach(
              migration -> migration.due().stream().anyMatch(one -> one.step() == due), () -> {});
          site.chain.says(Parties.GATEWAY, new Fact.Undoing(Reason.CANCELLED));
          site.until(Migration::ended, () -> {});
          assertThat(site.files()).isEmpty();
          assertThat(site.facts()).containsExactly(facts);
          assertThat(site.reports().getLast().fact())
              .isEqualTo(new Fact.Undone(Role.TARGET, Fact.Basis.REMOVED));
        });
  }
}
