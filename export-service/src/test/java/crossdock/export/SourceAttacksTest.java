package crossdock.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.chassis.Trust;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.SignedChain;
import crossdock.contracts.Bundle;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.CoreService;
import crossdock.contracts.Fact;
import crossdock.contracts.Fact.Mode;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.Party;
import crossdock.contracts.Policy;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Report;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import crossdock.site.DockMessage;
import crossdock.site.testing.Fate;
import crossdock.site.testing.TestSite;
import crossdock.site.testing.World;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What others try on a site that has a machine, and what it answers. */
@Timeout(120)
class SourceAttacksTest {
  private final Fate fate = Fate.kind();
  private TestSite site;
  private Map<String, Sha256> before;

  @BeforeEach
  void start(@TempDir Path directory) throws IOException {
    site = new TestSite(Role.SOURCE, directory, fate);
    before = site.files();
  }

  @AfterEach
  void close() {
    site.close();
  }

  private void asked(Mode mode, boolean erase) {
    site.chain.says(Parties.GATEWAY, World.requested(mode, erase));
  }

  private void granted(boolean mayErase) {
    site.grant(World.owner(Parties.NORTH), Parties.SOUTH.id(), mayErase);
  }

  private Fact.Failed failed() throws InterruptedException {
    site.tell();
    site.await(() -> site.facts().contains("Failed"));
    return (Fact.Failed) site.reports().getLast().fact();
  }

  private void assertFailed(Step step, Reason reason) throws InterruptedException {
    Fact.Failed failed = failed();
    assertThat(failed.step()).isEqualTo(step);
    assertThat(failed.reason()).isEqualTo(reason);
    assertUntouched();
  }

  private void assertUntouched() {
    assertThat(fate.calls()).as("calls that change something").isEmpty();
    assertThat(site.files()).isEqualTo(before);
  }

  private void assertRefused(List<byte[]> chain, String why) {
    String seen = site.value("SELECT count(*) FROM chain");
    String jobs = site.value("SELECT count(*) FROM job");
    assertThatThrownBy(() -> site.tell(chain))
        .isInstanceOf(Refused.class)
        .hasMessageContaining(why);
    assertThat(site.value("SELECT count(*) FROM chain")).isEqualTo(seen);
    assertThat(site.value("SELECT count(*) FROM job")).isEqualTo(jobs);
  }

  // The core, with all its keys.

  @Test
  void allTheCoresKeysTogetherExportNothingWithoutTheCustomersYesHere() throws Exception {
    asked(Mode.COLD, true);
    site.untilDue(Step.CLEAR);
    assertFailed(Step.CLEAR, Reason.NOT_GRANTED_AT_SOURCE);

    // Then it says itself what the sites will not say, in every name that it has.
    Migration migration = site.chain.migration();
    for (Step step : List.of(Step.CLEAR, Step.RESERVE, Step.STOP, Step.OPEN, Step.UNDO_TARGET)) {
      Fact fact =
          step == Step.OPEN ? new Fact.Stopped(Instant.now()) : site.world.says(step, migration);
      for (CoreService service : CoreService.values()) {
        site.chain.says(new Party.Core(service), fact);
      }
      site.tell();
    }
    site.chain.says(Parties.GATEWAY, new Fact.Retried(Step.CLEAR));
    site.tell();
    site.await(() -> site.facts().stream().filter("Failed"::equals).count() == 2);
    assertUntouched();
  }

  @Test
  void aKeyThatTheCoreMadeInTheSourcesNameIsRefused() throws Exception {
    asked(Mode.COLD, true);
    site.untilDue(Step.CLEAR);
    failed();
    Fact cleared = site.world.says(Step.CLEAR, site.chain.migration());
    SignedChain forged =
        site.chain
            .copy()
            .add(
                site.parties.forged(Parties.GATEWAY, Parties.NORTH),
                new Report(World.ID, Parties.NORTH, 1, Instant.now(), cleared));
    assertRefused(forged.bytes(), "CA did not make");
    SignedChain borrowed =
        site.chain
            .copy()
            .add(
                site.parties.key(Parties.GATEWAY),
                new Report(World.ID, Parties.NORTH, 1, Instant.now(), cleared));
    assertRefused(borrowed.bytes(), "not signed by its author");
    assertUntouched();
  }

  @Test
  void theCoreCannotEraseWhatItsOwnerSaidMayOnlyMove() throws Exception {
    granted(false);
    asked(Mode.COLD, true);
    Map<String, Sha256> content = site.content();
    site.until(Migration::ended, () -> {});
    assertThat(site.chain.migration().need(Fact.Retired.class).erased()).isFalse();
    assertThat(site.content()).isEqualTo(content);
  }

  @Test
  void theCoreCannotEraseBeforeTheTargetItselfHasTheMachine() throws Exception {
    granted(true);
    asked(Mode.COLD, true);
    Map<String, Sha256> content = site.content();
    site.untilDue(Step.IMPORT);
    List<String> calls = fate.calls();
    Migration migration = site.chain.migration();
    Fact imported = site.world.says(Step.IMPORT, migration);
    for (CoreService service : CoreService.values()) {
      Party core = new Party.Core(service);
      site.chain
          .says(core, imported)
          .says(core, new Fact.Booted("vm-9", ""))
          .says(core, new Fact.Accepted(Fact.Acceptance.MANUAL))
          .says(core, new Fact.Retired(true));
    }
    site.tell();
    assertThat(site.chain.migration().state()).isInstanceOf(Migration.State.Certified.class);
    assertThat(site.value("SELECT count(*) FROM job WHERE kind = 'retire'")).isEqualTo("0");
    SignedChain forged =
        site.chain
            .copy()
            .add(
                site.parties.forged(Parties.GATEWAY, Parties.SOUTH),
                new Report(World.ID, Parties.SOUTH, 1, Instant.now(), imported));
    assertRefused(forged.bytes(), "CA did not make");
    assertThat(fate.calls()).isEqualTo(calls);
    assertThat(site.content()).isEqualTo(content);
  }

  @Test
  void theCoreCannotStartTheSourceAgainWhileTheTargetMayRunIt() throws Exception {
    granted(false);
    asked(Mode.COLD, false);
    site.untilDue(Step.BOOT);
    site.chain.says(Parties.GATEWAY, new Fact.Undoing(Reason.CANCELLED));
    for (CoreService service : CoreService.values()) {
      site.chain.says(new Party.Core(service), new Fact.Undone(Role.TARGET, Fact.Basis.REMOVED));
    }
    site.chain.says(Parties.GATEWAY, new Fact.Stuck(Set.of(Role.TARGET)));
    site.tell();
    assertThat(site.value("SELECT count(*) FROM job WHERE kind = 'undo-source'")).isEqualTo("0");
    assertThat(fate.calls()).doesNotContain("restore");
  }

  // Somebody else's machine.

  @Test
  void aCustomerWhoNamesAnothersMachineIsToldThatThereIsNone() throws Exception {
    Subject mallory = new Subject(World.issuer(Parties.NORTH), "mallory");
    site.grant(mallory, Parties.SOUTH.id(), true);
    asked(Mode.COLD, true);
    site.chain.says(Parties.IDENTITY, new Fact.Authorized(mallory, World.owner(Parties.SOUTH)));
    assertFailed(Step.INSPECT, Reason.NO_SUCH_MACHINE);
  }

  @Test
  void whoOwnsItAtAnotherIssuerIsNobodyHere() throws Exception {
    granted(true);
    asked(Mode.COLD, true);
    site.chain.says(
        Parties.IDENTITY,
        new Fact.Authorized(
            new Subject(World.issuer(Parties.SOUTH), World.OWNER), World.owner(Parties.SOUTH)));
    assertFailed(Step.INSPECT, Reason.NO_SUCH_MACHINE);
  }

  @Test
  void aYesForAnotherTargetIsNone() throws Exception {
    site.grant(World.owner(Parties.NORTH), Parties.WEST.id(), true);
    asked(Mode.COLD, true);
    site.untilDue(Step.CLEAR);
    assertFailed(Step.CLEAR, Reason.NOT_GRANTED_AT_SOURCE);
  }

  @Test
  void theCoreCannotLeadAGrantedMachineToSomebodyElsesAccount() throws Exception {
    granted(true);
    asked(Mode.COLD, true);
    site.chain.says(
        Parties.IDENTITY,
        new Fact.Authorized(
            World.owner(Parties.NORTH), new Subject(World.issuer(Parties.SOUTH), "mallory")));
    site.untilDue(Step.CLEAR);
    assertFailed(Step.CLEAR, Reason.NOT_GRANTED_AT_SOURCE);
  }

  @Test
  void aYesThatIsTakenBackBeforeTheStopStopsNothing() throws Exception {
    granted(true);
    asked(Mode.COLD, true);
    site.until(migration -> migration.latest(Fact.Cleared.class).isPresent(), () -> {});
    site.change("UPDATE yes SET revoked_at = now()");
    site.untilDue(Step.STOP);
    assertFailed(Step.STOP, Reason.NOT_GRANTED_AT_SOURCE);
  }

  // The chain, and who carries it.

  @Test
  void aForkThatOnlyThisSiteIsShownIsRefusedCountedAndChangesNothing() throws Exception {
    granted(true);
    asked(Mode.COLD, true);
    site.untilDue(Step.CERTIFY);
    SignedChain fork = new SignedChain(site.parties, World.ID);
    fork.says(Parties.GATEWAY, World.requested(Mode.COPY, true));
    assertRefused(fork.bytes(), "a fork");
    SignedChain late = site.chain.copy();
    site.chain.says(Parties.GATEWAY, new Fact.Undoing(Reason.CANCELLED));
    site.tell();
    late.says(Parties.GATEWAY, new Fact.Undoing(Reason.OVERDUE));
    assertRefused(late.bytes(), "a fork");
    assertThat(site.bean(MeterRegistry.class).counter("crossdock.chain.forks").count())
        .isEqualTo(2);
    site.until(Migration::ended, () -> {});
    assertThat(site.files()).isEqualTo(before);
  }

  @Test
  void whatTheOperatorOfKafkaEditsDropsSwapsOrCutsIsRefused() throws Exception {
    granted(true);
    asked(Mode.COLD, true);
    site.untilDue(Step.CERTIFY);
    site.await(() -> !site.orders().isEmpty());
    List<String> calls = fate.calls();
    SignedChain longer = site.chain.copy();
    longer.says(Parties.GATEWAY, new Fact.Undoing(Reason.CANCELLED));
    List<byte[]> chain = longer.bytes();
    for (int i = 0; i < chain.size(); i++) {
      List<byte[]> dropped = new ArrayList<>(chain);
      dropped.remove(i);
      if (i < chain.size() - 1) {
        assertRefused(dropped, "");
      }
      List<byte[]> edited = new ArrayList<>(chain);
      byte[] other = chain.get(i).clone();
      other[other.length / 2] ^= 1;
      edited.set(i, other);
      assertRefused(edited, "");
      List<byte[]> cut = new ArrayList<>(chain);
      cut.set(i, Arrays.copyOf(chain.get(i), chain.get(i).length / 2));
      assertRefused(cut, "");
      List<byte[]> twice = new ArrayList<>(chain);
      twice.add(i, chain.get(i));
      assertRefused(twice, "");
    }
    assertThat(fate.calls()).isEqualTo(calls);
  }

  @Test
  void whatIsReplayedInAnyOrderIsDoneOnce() throws Exception {
    granted(true);
    asked(Mode.COLD, true);
    site.echo();
    site.until(Migration::ended, () -> {});
    assertThat(fate.calls()).containsExactly("stop", "open", "close", "retire");
    assertThat(site.facts())
        .containsExactly(
            "Inspected", "Cleared", "Stopped", "Opened", "Certified", "Used", "Retired");
    assertThat(site.orders()).hasSize(2);
    assertThat(site.files()).isEmpty();
  }

  @Test
  void aFactOfALaterVersionHasNoEffect() throws Exception {
    granted(true);
    asked(Mode.COLD, true);
    site.untilDue(Step.OPEN);
    String later =
        Json.text(
                new Report(
                    World.ID,
                    Parties.GATEWAY,
                    1,
                    Instant.now(),
                    new Fact.Undoing(Reason.CANCELLED)))
            .replace("undoing.v1", "undoing.v2");
    site.chain.add(
        site.parties
            .key(Parties.GATEWAY)
            .sign(Report.PAYLOAD_TYPE, later.getBytes(StandardCharsets.UTF_8)));
    site.until(Migration::ended, () -> {});
    assertThat(site.chain.migration().state()).isInstanceOf(Migration.State.Retired.class);
  }

  @Test
  void anAssignmentThatIsNoneIsRefused() {
    for (String text :
        List.of(
            "",
            "null",
            "{}",
            "[]",
            "{\"migration\":\"m-1\",\"chain\":[\"AA==\"]}",
            "{\"migration\":\"" + World.ID + "\",\"chain\":[]}",
            "{\"migration\":\"" + World.ID + "\",\"chain\":[\"" + "A".repeat(300 << 10) + "\"]}",
            "{\"migration\":\"" + World.ID + "\",\"chain\":[\"e30=\"]",
            "\u0000")) {
      assertThatThrownBy(() -> site.deliver(text.getBytes(StandardCharsets.UTF_8)))
          .as(text.substring(0, Math.min(60, text.length())))
          .isInstanceOf(Refused.class);
    }
    assertThat(site.value("SELECT count(*) FROM chain")).isEqualTo("0");
  }

  // The dock, which opens hostile images.

  @Test
  void aDockThatReadOtherDisksThanPlannedCertifiesNothing() throws Exception {
    granted(true);
    asked(Mode.COLD, true);
    site.answers =
        order -> {
          DockMessage.Result honest = site.result(order);
          return Optional.of(
              new DockMessage.Result(
                  honest.migration(),
                  honest.kind(),
                  honest.step(),
                  honest.attempt(),
                  honest.disks().subList(0, 1),
                  honest.checks(),
                  Optional.empty(),
                  honest.traits(),
                  honest.adapted(),
                  Optional.empty(),
                  ""));
        };
    site.untilDue(Step.CERTIFY);
    Fact.Failed failed = failed();
    assertThat(failed.step()).isEqualTo(Step.CERTIFY);
    assertThat(failed.reason()).isEqualTo(Reason.UNSAFE_IMAGE);
    assertThat(site.facts()).doesNotContain("Certified");
  }

  // Certificates.

  private Bundle lapsed() throws InterruptedException {
    asked(Mode.COLD, true);
    granted(true);
    site.untilDue(Step.IMPORT);
    Bundle first = site.chain.migration().need(Fact.Certified.class).certificate();
    site.chain.says(Parties.SOUTH, new Fact.Lapsed(first.digest()));
    return first;
  }

  @Test
  void aCertificateThatLapsedIsIssuedAgainOverTheSameRootsAndNothingIsReadAgain() throws Exception {
    Bundle first = lapsed();
    site.untilDue(Step.IMPORT);
    Certificate old = Certificate.read(first);
    Certificate fresh =
        Certificate.verify(
            site.chain.migration().need(Fact.Certified.class).certificate(), site.parties.trust());
    assertThat(fresh.verifiedAt()).isAfter(old.verifiedAt());
    assertThat(fresh.notAfter()).isAfter(old.notAfter());
    assertThat(fresh.disks()).isEqualTo(old.disks());
    assertThat(fresh.checks()).isEqualTo(old.checks());
    assertThat(site.orders()).extracting(DockMessage.Order::kind).containsExactly("serve");
  }

  @Test
  void aCertificateThatWasTakenBackIsNotIssuedAgain() throws Exception {
    Bundle first = lapsed();
    site.bean(Trust.class).offer(site.parties.revoking(first.digest()));
    Fact.Failed failed = failed();
    assertThat(failed.step()).isEqualTo(Step.CERTIFY);
    assertThat(failed.reason()).isEqualTo(Reason.CERTIFICATE_REFUSED);
    assertThat(failed.detail()).contains("revoked");
  }

  @Test
  void nothingIsSignedByAPolicyThatTheMembersDoNotList() throws Exception {
    Policy other =
        new Policy("other", Policy.STANDARD.certificate(), Policy.STANDARD.certificate());
    asked(Mode.COLD, true);
    granted(true);
    site.untilDue(Step.CERTIFY);
    site.bean(Trust.class).offer(site.parties.listing(1, "north", other));
    site.await(
        () -> {
          site.hear();
          String often = "SELECT unanswered > 1 FROM job WHERE kind = 'certify'";
          return site.value(often).equals("t");
        });
    assertThat(site.facts()).doesNotContain("Certified", "Failed");
    site.bean(Trust.class).offer(site.parties.listing(2, "north", Policy.STANDARD));
    site.await(() -> site.facts().contains("Certified"));
  }

  @Test
  void nothingIsReleasedToASuspendedProvider() throws Exception {
    asked(Mode.COLD, false);
    granted(false);
    site.bean(Trust.class).offer(site.parties.suspending("south"));
    site.untilDue(Step.CLEAR);
    assertFailed(Step.CLEAR, Reason.REFUSED_BY_SOURCE);
  }

  @Test
  void aMachineInWhichSomethingIsFoundIsNotCertified() throws Exception {
    site.found =
        Parties.checks().stream()
            .map(
                check ->
                    check.name().equals("malware")
                        ? new Check("malware", 1, Check.Outcome.FAILED, "Eicar in disk")
                        : check)
            .filter(check -> !check.name().equals("complete"))
            .toList();
    asked(Mode.COLD, true);
    granted(true);
    site.untilDue(Step.CERTIFY);
    Fact.Failed failed = failed();
    assertThat(failed.reason()).isEqualTo(Reason.UNSAFE_IMAGE);
    assertThat(failed.detail()).isEqualTo("malware FAILED: Eicar in disk");
    assertThat(site.facts()).doesNotContain("Certified");
  }
}
