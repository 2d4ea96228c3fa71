package crossdock.imports;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.Trust;
import crossdock.chassis.testing.Parties;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Countersignature;
import crossdock.contracts.Fact;
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
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a target demands of a certificate, and of what it has taken in. */
@Timeout(120)
class IntakeTest {
  private static final Policy STRICT = scanned("strict");

  @TempDir private Path directory;
  private final Fate fate = Fate.kind();

  /** A policy that wants every machine scanned, there and here. */
  private static Policy scanned(String name) {
    Policy.Rule safe = new Policy.Rule("format-safe", 1, Set.of(Outcome.PASSED));
    Policy.Rule complete = new Policy.Rule("complete", 1, Set.of(Outcome.PASSED));
    Policy.Rule clean = new Policy.Rule("malware", 1, Set.of(Outcome.PASSED));
    return new Policy(name, List.of(safe, complete, clean), List.of(safe, clean));
  }

  private TestSite site(Policy policy) throws Exception {
    TestSite site = new TestSite(Role.TARGET, directory, fate, policy);
    site.chain.says(Parties.GATEWAY, World.requested(Fact.Mode.COLD, false));
    site.grant(World.owner(Parties.SOUTH), Parties.NORTH.id(), false);
    site.untilDue(Step.CERTIFY);
    return site;
  }

  private static void certifies(TestSite site, Policy by, List<Check> checks, Instant until) {
    Migration now = site.chain.migration();
    Certificate certificate =
        new Certificate(
            World.ID,
            Parties.NORTH.id(),
            Parties.SOUTH.id(),
            until.minusSeconds(3600),
            until,
            now.plan().digest(),
            1,
            until,
            now.machine().digest(),
            World.disks(now.machine()),
            by,
            checks);
    site.chain.says(
        Parties.NORTH,
        new Fact.Certified(1, true, certificate.sign(site.parties.key(Parties.NORTH))));
    site.tell();
  }

  private static List<Check> found(String name, Outcome outcome) {
    return Parties.checks().stream()
        .map(check -> check.name().equals(name) ? new Check(name, 1, outcome, "so") : check)
        .toList();
  }

  private static Fact.Failed failed(TestSite site) throws InterruptedException {
    site.await(() -> site.facts().contains("Failed"));
    return (Fact.Failed) site.reports().getLast().fact();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aCertificateThatHasLapsedIsAskedForAgainBeforeAByteIsFetchedAndRefusedInTheEnd(boolean ended)
      throws Exception {
    try (TestSite site = site(Policy.STANDARD)) {
      Instant until = Instant.now().plusSeconds(ended ? -1 : 1800);
      Policy by = ended ? Policy.STANDARD : scanned("older");
      for (int times = 1; times <= 8; times++) {
        int lapses = times;
        certifies(site, by, Parties.checks(), until);
        site.await(() -> site.facts().stream().filter("Lapsed"::equals).count() == lapses);
      }
      certifies(site, by, Parties.checks(), until);
      Fact.Failed failed = failed(site);
      assertThat(failed.step()).isEqualTo(Step.IMPORT);
      assertThat(failed.reason()).isEqualTo(Reason.CERTIFICATE_REFUSED);
      assertThat(fate.calls()).containsExactly("reserve");
      assertThat(site.orders()).hasOnlyElementsOfType(DockMessage.Probe.class);
    }
  }

  @Test
  void aCertificateThatWasIssuedAgainIsTaken() throws Exception {
    try (TestSite site = site(Policy.STANDARD)) {
      certifies(site, Policy.STANDARD, Parties.checks(), Instant.now().minusSeconds(1));
      site.await(() -> site.facts().contains("Lapsed"));
      site.until(Migration::ended, () -> {});
      assertThat(site.facts()).containsExactly("Reserved", "Lapsed", "Imported", "Used", "Booted");
      Fact.Imported imported = site.chain.migration().need(Fact.Imported.class);
      Countersignature countersigned =
          Countersignature.verify(
              imported.countersignature(), site.parties.trust(), Parties.SOUTH.id());
      assertThat(countersigned.policy()).isEqualTo(Policy.STANDARD);
      assertThat(countersigned.checks())
          .extracting(Check::name)
          .containsExactly(
              "certificate", "transfer", "read-back", "format-safe", "partition-table", "malware");
      assertThat(countersigned.checks()).noneMatch(Check::failed);
    }
  }

  @Test
  void whatTheExporterDidNotLookForIsRefusedByAStricterImporterBeforeAByteIsFetched()
      throws Exception {
    try (TestSite site = site(STRICT)) {
      Instant until = Instant.now().plusSeconds(3600);
      certifies(site, Policy.STANDARD, found("malware", Outcome.SKIPPED), until);
      Fact.Failed failed = failed(site);
      assertThat(failed.reason()).isEqualTo(Reason.CERTIFICATE_REFUSED);
      assertThat(failed.detail()).contains("policy here").contains("malware SKIPPED");
      assertThat(site.orders()).hasOnlyElementsOfType(DockMessage.Probe.class);
    }
  }

  @Test
  void whatOnlyTheImportersOwnDockFindsIsNeitherCountersignedNorStartedNorKept() throws Exception {
    try (TestSite site = site(STRICT)) {
      site.found = found("malware", Outcome.FAILED);
      certifies(site, Policy.STANDARD, Parties.checks(), Instant.now().plusSeconds(3600));
      Fact.Failed failed = failed(site);
      assertThat(failed.reason()).isEqualTo(Reason.UNSAFE_IMAGE);
      assertThat(failed.detail()).isEqualTo("malware FAILED: so");
      assertThat(fate.calls()).doesNotContain("boot");
      site.chain.says(Parties.GATEWAY, new Fact.Undoing(Reason.UNSAFE_IMAGE));
      site.until(Migration::ended, () -> {});
      assertThat(site.files()).isEmpty();
      assertThat(site.facts()).doesNotContain("Imported");
    }
  }

  @Test
  void aNewCertificateByAPolicyThatIsNotHeardOfYetWaitsForTheBundle() throws Exception {
    try (TestSite site = site(Policy.STANDARD)) {
      Policy newer = scanned("newer");
      certifies(site, newer, Parties.checks(), Instant.now().plusSeconds(3600));
      site.await(
          () -> site.value("SELECT unanswered > 1 FROM job WHERE kind = 'import'").equals("t"));
      assertThat(site.facts()).containsExactly("Reserved");
      site.bean(Trust.class).offer(site.parties.listing(1, "north", newer));
      site.until(Migration::ended, () -> {});
      assertThat(site.facts()).containsExactly("Reserved", "Imported", "Used", "Booted");
    }
  }

  @Test
  void aSuspendedProvidersCertificateIsRefusedAndNothingIsBegunWithIt() throws Exception {
    try (TestSite site = site(Policy.STANDARD)) {
      site.bean(Trust.class).offer(site.parties.suspending("north"));
      certifies(site, Policy.STANDARD, Parties.checks(), Instant.now().plusSeconds(3600));
      Fact.Failed failed = failed(site);
      assertThat(failed.reason()).isEqualTo(Reason.CERTIFICATE_REFUSED);
      assertThat(failed.detail()).contains("suspended");
      assertThat(site.orders()).hasOnlyElementsOfType(DockMessage.Probe.class);
    }
  }

  @Test
  void nothingIsReservedForASuspendedProvidersMachine() throws Exception {
    try (TestSite site = new TestSite(Role.TARGET, directory, fate)) {
      site.chain.says(Parties.GATEWAY, World.requested(Fact.Mode.COLD, false));
      site.grant(World.owner(Parties.SOUTH), Parties.NORTH.id(), false);
      site.bean(Trust.class).offer(site.parties.suspending("north"));
      site.untilDue(Step.RESERVE);
      Fact.Failed failed = failed(site);
      assertThat(failed.reason()).isEqualTo(Reason.REFUSED_BY_TARGET);
      assertThat(fate.calls()).isEmpty();
    }
  }
}
