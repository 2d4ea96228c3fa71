package crossdock.export;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.testing.Parties;
import crossdock.contracts.Fact;
import crossdock.contracts.Fact.Mode;
import crossdock.contracts.Migration;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.site.testing.Deaths;
import crossdock.site.testing.Fate;
import crossdock.site.testing.TestSite;
import crossdock.site.testing.World;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whoever is killed between a call to the cloud and its commit leaves nothing done twice, nothing
 * reported twice, and a source that nobody has touched before the target is accepted.
 */
@Timeout(120)
class SourceDeathsTest {
  @TempDir Path directory;

  private static void asked(TestSite site, Mode mode, boolean erase) {
    site.grant(World.owner(Parties.NORTH), Parties.SOUTH.id(), erase);
    site.chain.says(Parties.GATEWAY, World.requested(mode, erase));
  }

  /** To its end, with the source's bytes as they were until the acceptance. */
  private static void moved(TestSite site) throws InterruptedException {
    Map<String, Sha256> before = site.content();
    site.until(
        migration -> migration.latest(Fact.Accepted.class).isPresent(),
        () -> assertThat(site.content()).isEqualTo(before));
    site.until(Migration::ended, () -> {});
  }

  @TestFactory
  Stream<DynamicTest> aMachineThatIsErasedIsErasedOnce() throws Exception {
    return Deaths.everywhere(
        Role.SOURCE,
        directory,
        site -> {
          asked(site, Mode.COLD, true);
          moved(site);
          assertThat(site.files()).isEmpty();
          assertThat(site.facts())
              .containsExactly(
                  "Inspected", "Cleared", "Stopped", "Opened", "Certified", "Used", "Retired");
          assertThat(site.chain.migration().need(Fact.Retired.class).erased()).isTrue();
        });
  }

  @TestFactory
  Stream<DynamicTest> aMachineThatIsKeptIsLockedForGood() throws Exception {
    return Deaths.everywhere(
        Role.SOURCE,
        directory,
        site -> {
          asked(site, Mode.COLD, false);
          Map<String, Sha256> before = site.content();
          moved(site);
          assertThat(site.content()).isEqualTo(before);
          assertThat(site.facts())
              .containsExactly(
                  "Inspected", "Cleared", "Stopped", "Opened", "Certified", "Used", "Retired");
          assertThat(site.chain.migration().need(Fact.Retired.class).erased()).isFalse();
        });
  }

  @TestFactory
  Stream<DynamicTest> theSourceOfACopyIsNeverTouched() throws Exception {
    return Deaths.everywhere(
        Role.SOURCE,
        directory,
        site -> {
          asked(site, Mode.COPY, false);
          Map<String, Sha256> before = site.files();
          moved(site);
          assertThat(site.files()).isEqualTo(before);
          assertThat(site.facts())
              .containsExactly("Inspected", "Cleared", "Opened", "Certified", "Used", "Retired");
        });
  }

  @TestFactory
  Stream<DynamicTest> whatIsCancelledIsAsItWas() throws Exception {
    return Deaths.everywhere(
        Role.SOURCE,
        directory,
        site -> {
          asked(site, Mode.COLD, false);
          Map<String, Sha256> before = site.files();
          site.untilDue(Step.IMPORT);
          site.chain.says(Parties.GATEWAY, new Fact.Undoing(Reason.CANCELLED));
          site.until(Migration::ended, () -> {});
          assertThat(site.files()).isEqualTo(before);
          assertThat(site.facts())
              .containsExactly(
                  "Inspected", "Cleared", "Stopped", "Opened", "Certified", "Used", "Undone");
          assertThat(site.chain.migration().need(Fact.Undone.class).basis())
              .isEqualTo(Fact.Basis.RESTORED);
        });
  }

  @TestFactory
  Stream<DynamicTest> whatChangedAfterItWasStoppedIsLetGoAndPlannedAnew() throws Exception {
    return Deaths.everywhere(
        Role.SOURCE,
        directory,
        site -> {
          asked(site, Mode.COLD, false);
          site.approach(
              migration -> migration.state() instanceof Migration.State.Stopped, () -> {});
          site.describe(World.machine("vm-1", 4));
          moved(site);
          assertThat(site.facts())
              .containsExactly(
                  "Inspected",
                  "Cleared",
                  "Stopped",
                  "Drifted",
                  "Cleared",
                  "Stopped",
                  "Opened",
                  "Certified",
                  "Used",
                  "Retired");
        });
  }

  @Test
  void whatChangedWhileNobodyNotedThatItWasStoppedIsLetGo() throws Exception {
    Fate fate = new Fate(0, Fate.Moment.AFTER);
    try (TestSite site = new TestSite(Role.SOURCE, directory, fate)) {
      String lock = "machines/vm-1/crossdock.json";
      Sha256 unlocked = Objects.requireNonNull(site.files().get(lock));
      asked(site, Mode.COLD, false);
      site.untilDue(Step.STOP);
      site.await(fate::hasStruck);
      site.describe(World.machine("vm-1", 4));
      site.await(() -> site.facts().contains("Drifted"));
      assertThat(fate.calls()).containsExactly("stop", "restore");
      assertThat(site.files()).containsEntry(lock, unlocked);
    }
  }
}
