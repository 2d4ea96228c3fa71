package crossdock.imports;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.SignedChain;
import crossdock.chassis.testing.TestChain;
import crossdock.contracts.Bundle;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Countersignature;
import crossdock.contracts.Due;
import crossdock.contracts.Evidence;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Policy;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.site.testing.World;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What the events of a migration prove, to somebody who reads them years later. */
class EvidenceTest {
  private final Parties parties = new Parties();
  private final World world = new World(parties);
  private final SignedChain chain = new SignedChain(parties, World.ID);

  /** Up to where the source is to certify. */
  EvidenceTest() {
    chain.says(Parties.GATEWAY, World.requested(Fact.Mode.COLD, false));
    while (due() != Step.CERTIFY) {
      Migration now = chain.migration();
      chain.says(now.party(due().role()), world.says(due(), now));
    }
  }

  private Step due() {
    return chain.migration().due().stream().map(Due::step).sorted().findFirst().orElseThrow();
  }

  private Bundle certified(Instant from, Duration life) {
    Migration now = chain.migration();
    Bundle bundle =
        new Certificate(
                World.ID,
                Parties.NORTH.id(),
                Parties.SOUTH.id(),
                from,
                from.plus(life),
                now.plan().digest(),
                1,
                from,
                now.machine().digest(),
                World.disks(now.machine()),
                Policy.STANDARD,
                Parties.checks())
            .sign(parties.key(Parties.NORTH));
    chain.says(Parties.NORTH, new Fact.Certified(1, true, bundle));
    return bundle;
  }

  private Countersignature countersignature(Bundle certificate) {
    return new Countersignature(
        World.ID,
        Parties.SOUTH,
        certificate.digest(),
        List.of(),
        World.disks(World.MACHINE).stream()
            .collect(Collectors.toMap(Certificate.Disk::name, Certificate.Disk::root)),
        "vm-9",
        Fact.Proof.READ_BACK,
        Policy.STANDARD,
        Parties.taken(),
        TestChain.START);
  }

  private static Countersignature with(Countersignature good, String name, Object value) {
    ObjectNode changed = Json.mapper().valueToTree(good);
    changed.set(name, Json.mapper().valueToTree(value));
    return Json.read(Json.bytes(changed), Countersignature.class);
  }

  private byte[] imported(Bundle certificate, Countersignature countersignature)
      throws IOException {
    SignedChain whole = chain.copy();
    whole.says(
        Parties.SOUTH,
        new Fact.Imported(
            "vm-9",
            1,
            certificate.digest(),
            Fact.Proof.READ_BACK,
            countersignature.sign(parties.key(Parties.SOUTH))));
    ByteArrayOutputStream array = new ByteArrayOutputStream();
    for (byte[] event : whole.bytes()) {
      array.write(array.size() == 0 ? '[' : ',');
      array.write(event);
    }
    array.write("]\n".getBytes(StandardCharsets.UTF_8));
    return array.toByteArray();
  }

  private void assertRefused(byte[] evidence, String because) {
    assertThatThrownBy(() -> Evidence.verify(evidence, parties.trust()))
        .isInstanceOf(Refused.class)
        .hasMessageContaining(because);
  }

  @Test
  void aCertificateThatHasLongEndedIsGoodForWhatWasTakenInBefore() throws IOException {
    Bundle certificate = certified(TestChain.START, Duration.ofMinutes(5));
    Evidence evidence =
        Evidence.verify(imported(certificate, countersignature(certificate)), parties.trust());
    assertThat(evidence.certificate().notAfter()).isBefore(Instant.now());
    assertThat(evidence.countersignature().machine()).isEqualTo("vm-9");
  }

  @Test
  void whatWasTakenInOnAnEndedCertificateIsNoEvidence() throws IOException {
    Bundle certificate = certified(TestChain.START.minusSeconds(100), Duration.ofSeconds(50));
    assertRefused(imported(certificate, countersignature(certificate)), "it expired at");
  }

  @Test
  void aCountersignatureOfSomethingElseIsNoEvidence() throws IOException {
    Bundle certificate = certified(TestChain.START, Duration.ofHours(1));
    Countersignature good = countersignature(certificate);
    Countersignature another = with(good, "certificate", Sha256.NONE);
    assertRefused(imported(certificate, another), "another certificate");
    Countersignature machine = with(good, "machine", "vm-8");
    assertRefused(imported(certificate, machine), "something else than it reported");
    Countersignature proof = with(good, "proof", Fact.Proof.SENT);
    assertRefused(imported(certificate, proof), "something else than it reported");
    Countersignature migration = with(good, "migration", MigrationId.of(World.CALLER, "two"));
    assertRefused(imported(certificate, migration), "something else than it reported");
    Countersignature roots = with(good, "roots", Map.of("root", Sha256.NONE, "data", Sha256.NONE));
    assertRefused(imported(certificate, roots), "registered another root");
    Countersignature.Change change =
        new Countersignature.Change("root", 0, Sha256.of(new byte[] {1}), Sha256.NONE);
    assertRefused(
        imported(certificate, with(roots, "layer", List.of(change))), "nothing was to be");
    List<Check> found = new ArrayList<>(Parties.taken());
    found.set(found.size() - 1, new Check("malware", 1, Check.Outcome.FAILED, "found"));
    Countersignature infected = with(good, "checks", found);
    assertRefused(imported(certificate, infected), "against its own policy");
    Countersignature unread = with(good, "checks", Parties.checks());
    assertRefused(imported(certificate, unread), "certificate has not passed");
    Policy.Rule later = new Policy.Rule("malware", 2, Set.of(Check.Outcome.PASSED));
    List<Policy.Rule> rules = new ArrayList<>(Policy.STANDARD.certificate().subList(0, 3));
    rules.add(later);
    Policy stricter = new Policy("stricter", rules, List.of());
    assertRefused(
        imported(certificate, with(good, "policy", stricter)), "against the target's own policy");
  }
}
