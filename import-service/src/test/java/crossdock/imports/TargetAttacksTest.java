package crossdock.imports;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.SignedChain;
import crossdock.contracts.Certificate;
import crossdock.contracts.CoreService;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Policy;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Report;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import crossdock.providers.Cloud;
import crossdock.site.DockMessage;
import crossdock.site.testing.Fate;
import crossdock.site.testing.TestSite;
import crossdock.site.testing.World;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What others try on a site that is to take a machine in, and what it answers. */
@Timeout(120)
class TargetAttacksTest {
  private final Fate fate = Fate.kind();
  private TestSite site;

  @BeforeEach
  void start(@TempDir Path directory) throws IOException {
    site = new TestSite(Role.TARGET, directory, fate);
    site.chain.says(Parties.GATEWAY, World.requested(Fact.Mode.COLD, false));
  }

  @AfterEach
  void close() {
    site.close();
  }

  private void granted() {
    site.grant(World.owner(Parties.SOUTH), Parties.NORTH.id(), false);
  }

  private void assertFailed(Step step, Reason reason) throws InterruptedException {
    site.tell();
    site.await(() -> site.facts().contains("Failed"));
    Fact.Failed failed = (Fact.Failed) site.reports().getLast().fact();
    assertThat(failed.step()).isEqualTo(step);
    assertThat(failed.reason()).isEqualTo(reason);
  }

  @Test
  void allTheCoresKeysTogetherPutNothingHereWithoutTheCustomersYesHere() throws Exception {
    site.untilDue(Step.RESERVE);
    assertFailed(Step.RESERVE, Reason.NOT_GRANTED_AT_TARGET);
    Migration migration = site.chain.migration();
    for (CoreService service : CoreService.values()) {
      site.chain.says(new Party.Core(service), new Fact.Reserved(migration.plan().digest()));
    }
    site.tell();
    assertThat(site.value("SELECT count(*) FROM job WHERE kind <> 'reserve'")).isEqualTo("0");
    assertThat(fate.calls()).isEmpty();
    assertThat(site.files()).isEmpty();
  }

  @Test
  void allTheCoresKeysTogetherStartNothingThatThisSiteHasNotRegistered() throws Exception {
    granted();
    site.untilDue(Step.STOP);
    Migration migration = site.chain.migration();
    Fact imported =
        new Fact.Imported(
            "vm-9",
            1,
            Sha256.NONE,
            Fact.Proof.SENT,
            site.parties.key(Parties.GATEWAY).bundle(new byte[0]));
    for (CoreService service : CoreService.values()) {
      site.chain
          .says(new Party.Core(service), site.world.says(Step.STOP, migration))
          .says(new Party.Core(service), imported)
          .says(new Party.Core(service), new Fact.Accepted(Fact.Acceptance.MANUAL));
    }
    site.tell();
    assertThat(site.value("SELECT count(*) FROM job WHERE kind <> 'reserve'")).isEqualTo("0");
    SignedChain forged =
        site.chain
            .copy()
            .add(
                site.parties.forged(Parties.GATEWAY, Parties.SOUTH),
                new Report(World.ID, Parties.SOUTH, 1, Instant.now(), imported));
    assertThatThrownBy(() -> site.tell(forged.bytes()))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("CA did not make");
    assertThat(fate.calls()).containsExactly("reserve");
  }

  @Test
  void aCustomerWhoSaidNothingHereGetsNoMachineWhoeverElseDid() throws Exception {
    granted();
    site.chain.says(
        Parties.IDENTITY,
        new Fact.Authorized(
            World.owner(Parties.NORTH), new Subject(World.issuer(Parties.SOUTH), "mallory")));
    site.untilDue(Step.RESERVE);
    assertFailed(Step.RESERVE, Reason.NOT_GRANTED_AT_TARGET);
    assertThat(site.files()).isEmpty();
  }

  /** What is wrong with a certificate that the source reports. */
  enum Flaw {
    SIGNED_BY_ANOTHER_SITE,
    SIGNED_BY_THE_CORE,
    FOR_ANOTHER_SITE,
    OF_ANOTHER_MIGRATION,
    OF_ANOTHER_PLAN,
    OF_ANOTHER_MACHINE,
    FROM_THE_FUTURE,
    GOOD_FOR_EVER,
    WITHOUT_A_DISK,
    OF_A_SHORTER_DISK,
    WITHOUT_A_REQUIRED_CHECK
  }

  @ParameterizedTest
  @EnumSource
  void aCertificateWithAFlawIsRefusedBeforeAByteIsFetched(Flaw flaw) throws Exception {
    granted();
    site.untilDue(Step.CERTIFY);
    Migration now = site.chain.migration();
    Instant at =
        flaw == Flaw.FROM_THE_FUTURE ? Instant.now().plus(2, ChronoUnit.HOURS) : Instant.now();
    Certificate certificate =
        new Certificate(
            flaw == Flaw.OF_ANOTHER_MIGRATION ? MigrationId.of(World.CALLER, "two") : World.ID,
            Parties.NORTH.id(),
            flaw == Flaw.FOR_ANOTHER_SITE ? Parties.WEST.id() : Parties.SOUTH.id(),
            at.minusSeconds(100),
            switch (flaw) {
              case GOOD_FOR_EVER -> at.plus(Certificate.LIFE);
              default -> at.plusSeconds(3600);
            },
            flaw == Flaw.OF_ANOTHER_PLAN ? Sha256.NONE : now.plan().digest(),
            1,
            at,
            flaw == Flaw.OF_ANOTHER_MACHINE ? Sha256.NONE : now.machine().digest(),
            disks(flaw, now.machine()),
            Policy.STANDARD,
            Parties.checks().stream().skip(flaw == Flaw.WITHOUT_A_REQUIRED_CHECK ? 1 : 0).toList());
    Party signer =
        switch (flaw) {
          case SIGNED_BY_ANOTHER_SITE -> Parties.WEST;
          case SIGNED_BY_THE_CORE -> Parties.GATEWAY;
          case FOR_ANOTHER_SITE,
              OF_ANOTHER_MIGRATION,
              OF_ANOTHER_PLAN,
              OF_ANOTHER_MACHINE,
              FROM_THE_FUTURE,
              GOOD_FOR_EVER,
              WITHOUT_A_DISK,
              OF_A_SHORTER_DISK,
              WITHOUT_A_REQUIRED_CHECK ->
              Parties.NORTH;
        };
    site.chain.says(
        Parties.NORTH, new Fact.Certified(1, true, certificate.sign(site.parties.key(signer))));
    assertFailed(Step.IMPORT, Reason.CERTIFICATE_REFUSED);
    assertThat(fate.calls()).containsExactly("reserve");
    assertThat(site.orders()).hasOnlyElementsOfType(DockMessage.Probe.class);
  }

  private static List<Certificate.Disk> disks(Flaw flaw, Machine machine) {
    List<Certificate.Disk> disks = World.disks(machine);
    Certificate.Disk last = disks.getLast();
    return switch (flaw) {
      case WITHOUT_A_DISK -> disks.subList(0, disks.size() - 1);
      case OF_A_SHORTER_DISK ->
          Stream.concat(
                  disks.stream().limit(disks.size() - 1L),
                  Stream.of(new Certificate.Disk(last.name(), last.root(), last.length() - 1)))
              .toList();
      default -> disks;
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"fetch", "read-back"})
  void disksThatAreNotTheCertifiedOnesAreNeitherCountersignedNorStarted(String lie)
      throws Exception {
    granted();
    site.answers =
        order ->
            Optional.of(order.kind().equals(lie) ? other(site.result(order)) : site.result(order));
    site.untilDue(Step.IMPORT);
    assertFailed(Step.IMPORT, Reason.DIGEST_MISMATCH);
    assertThat(fate.calls()).doesNotContain("boot");
    if (lie.equals("fetch")) {
      assertThat(fate.calls()).doesNotContain("register");
    }
    site.chain.says(Parties.GATEWAY, new Fact.Undoing(Reason.DIGEST_MISMATCH));
    site.until(Migration::ended, () -> {});
    assertThat(site.files()).isEmpty();
    assertThat(site.facts()).doesNotContain("Imported");
  }

  @Test
  void aMachineThatIsNotAsPlannedWhenItRunsIsNotAcceptedAndDoesNotStay() throws Exception {
    granted();
    site.answers =
        order -> {
          if (order.kind().equals("read-back")) {
            losesAnAddress();
          }
          return Optional.of(site.result(order));
        };
    site.untilDue(Step.BOOT);
    assertFailed(Step.BOOT, Reason.REFUSED_BY_TARGET);
    site.chain.says(Parties.GATEWAY, new Fact.Undoing(Reason.REFUSED_BY_TARGET));
    site.until(Migration::ended, () -> {});
    assertThat(site.files()).isEmpty();
  }

  /** Of what is registered here, by its owner or by whoever can write there. */
  private void losesAnAddress() {
    try {
      Machine here = site.bean(Cloud.class).machines(World.OWNER).getFirst();
      Machine.Nic nic = here.nics().getFirst();
      assertThat(nic.addresses()).containsExactly("192.0.2.5");
      site.describe(
          new Machine(
              here.id(),
              here.name(),
              here.architecture(),
              here.cpus(),
              here.memoryBytes(),
              here.firmware(),
              here.guestOs(),
              here.disks(),
              List.of(new Machine.Nic(nic.name(), nic.network(), nic.mac())),
              here.securityGroups()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static DockMessage.Result other(DockMessage.Result honest) {
    return new DockMessage.Result(
        honest.migration(),
        honest.kind(),
        honest.step(),
        honest.attempt(),
        honest.disks().stream()
            .map(disk -> new Certificate.Disk(disk.name(), Sha256.NONE, disk.length()))
            .toList(),
        honest.checks(),
        honest.path(),
        honest.traits(),
        honest.adapted(),
        Optional.empty(),
        "");
  }

  @Test
  void whatIsReplayedInAnyOrderIsDoneOnce() throws Exception {
    granted();
    site.echo();
    site.until(Migration::ended, () -> {});
    assertThat(site.facts()).containsExactly("Reserved", "Imported", "Used", "Booted");
    assertThat(site.orders())
        .extracting(DockMessage.Order::kind)
        .containsExactly("probe", "fetch", "read-back");
    assertThat(fate.calls().stream().filter("boot"::equals)).hasSize(1);
  }

  @Test
  void aDockMessageThatIsNoneOrNotOfThisSiteIsRefusedAndWakesNobody() throws Exception {
    granted();
    site.answers =
        order ->
            order instanceof DockMessage.Probe ? Optional.of(site.result(order)) : Optional.empty();
    site.untilDue(Step.IMPORT);
    site.await(() -> site.orders().size() > 1);
    DockMessage.Result result = site.result(site.orders().getLast());
    String whole = new String(site.sealed(result), StandardCharsets.UTF_8);
    String half = whole.substring(0, whole.length() / 2);
    for (String text :
        List.of(
            "",
            "{}",
            half,
            "\u0000",
            whole + whole,
            // What the broker's operator could write: the message alone, and under another's seal.
            Json.text(result),
            Json.text(Map.of("message", Json.text(result), "mac", "")),
            Json.text(Map.of("message", Json.text(result), "mac", "not base64")),
            Json.text(Map.of("message", Json.text(result), "mac", "AAAA")),
            whole.replace("fetch", "serve"))) {
      assertThatThrownBy(() -> site.dock(text.getBytes(StandardCharsets.UTF_8), Step.IMPORT))
          .isInstanceOf(Refused.class);
    }
    assertThat(site.value("SELECT state FROM job WHERE kind = 'import'")).isEqualTo("WAITING");
  }
}
