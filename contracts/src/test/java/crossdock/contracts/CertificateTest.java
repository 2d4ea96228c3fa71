package crossdock.contracts;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Check.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.junit.jupiter.api.Test;

class CertificateTest {
  private static final Parties PARTIES = new Parties();
  private static final Instant AT = Sample.START;
  private static final List<Check> PASSED =
      List.of(
          new Check("format-safe", 1, Outcome.PASSED, "qcow2 without backing file"),
          new Check("complete", 1, Outcome.PASSED, "8 GiB read"),
          new Check("partition-table", 1, Outcome.WARNED, "nothing that BIOS starts"),
          new Check("malware", 1, Outcome.SKIPPED, "no scanner is installed"));

  private static Certificate certificate(List<Check> checks) {
    return new Certificate(
        Sample.ID,
        Sample.NORTH,
        Sample.SOUTH,
        AT,
        AT.plus(Duration.ofDays(1)),
        Sample.PLAN.digest(),
        1,
        AT,
        Sample.MACHINE.digest(),
        List.of(new Certificate.Disk("disk-0", Sha256.of(new byte[] {1}), 8L << 30)),
        Policy.STANDARD,
        checks);
  }

  private static Certificate verify(Bundle bundle, SiteId audience, Instant now) {
    return Certificate.verify(
        bundle,
        PARTIES.trust,
        Sample.ID,
        Sample.NORTH,
        audience,
        Sample.PLAN.digest(),
        Sample.MACHINE,
        now);
  }

  private static Certificate verify(Bundle bundle, TrustBundle trust, Instant now) {
    return Certificate.verify(
        bundle,
        trust,
        Sample.ID,
        Sample.NORTH,
        Sample.SOUTH,
        Sample.PLAN.digest(),
        Sample.MACHINE,
        now);
  }

  private static void assertRefused(Bundle bundle, String because) {
    assertThatThrownBy(() -> verify(bundle, Sample.SOUTH, AT))
        .isInstanceOf(Refused.class)
        .hasMessageContaining(because);
  }

  /** Signs the statement with something in it changed. */
  private static Bundle forged(UnaryOperator<String> change) {
    String statement =
        new String(certificate(PASSED).sign(PARTIES.source).dsseEnvelope().bytes(), UTF_8);
    String changed = change.apply(statement);
    assertThat(changed).isNotEqualTo(statement);
    return PARTIES.source.bundle(changed.getBytes(UTF_8));
  }

  @Test
  void whatTheSourceSignedTheTargetReads() {
    Certificate certificate = certificate(PASSED);
    Bundle bundle = certificate.sign(PARTIES.source);
    Bundle read = Json.read(Json.bytes(bundle), Bundle.class);
    assertThat(verify(read, Sample.SOUTH, AT)).isEqualTo(certificate);
    assertThat(read.digest()).isEqualTo(bundle.digest());
  }

  @Test
  void theStatementIsAnInTotoStatementWithAVerificationSummary() {
    String statement =
        new String(certificate(PASSED).sign(PARTIES.source).dsseEnvelope().bytes(), UTF_8);
    assertThat(statement)
        .contains("\"_type\":\"https://in-toto.io/Statement/v1\"")
        .contains("\"predicateType\":\"https://slsa.dev/verification_summary/v1\"")
        .contains("\"verificationResult\":\"PASSED\"")
        .contains("\"urn:crossdock:ext:audience\":\"south:roma\"");
  }

  @Test
  void anotherSiteMayNotReadIt() {
    Bundle bundle = certificate(PASSED).sign(PARTIES.source);
    assertThatThrownBy(() -> verify(bundle, SiteId.parse("west:lyon"), AT))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("it is for south:roma");
  }

  @Test
  void itHoldsForOneMigrationOnePlanAndOneMachine() {
    Bundle bundle = certificate(PASSED).sign(PARTIES.source);
    MigrationId other = MigrationId.of(new Subject("https://idp", "bob"), "1");
    Sha256 plan = Sample.PLAN.digest();
    Machine machine = Sample.MACHINE;
    assertThatThrownBy(
            () ->
                Certificate.verify(
                    bundle, PARTIES.trust, other, Sample.NORTH, Sample.SOUTH, plan, machine, AT))
        .hasMessageContaining("another migration");
    assertThatThrownBy(
            () ->
                Certificate.verify(
                    bundle,
                    PARTIES.trust,
                    Sample.ID,
                    Sample.NORTH,
                    Sample.SOUTH,
                    machine.digest(),
                    machine,
                    AT))
        .hasMessageContaining("another plan");
    assertThatThrownBy(
            () ->
                Certificate.verify(
                    bundle,
                    PARTIES.trust,
                    Sample.ID,
                    Sample.NORTH,
                    Sample.SOUTH,
                    plan,
                    Sample.machine(4),
                    AT))
        .hasMessageContaining("another machine");
  }

  @Test
  void itEnds() {
    Bundle bundle = certificate(PASSED).sign(PARTIES.source);
    assertThatThrownBy(() -> verify(bundle, Sample.SOUTH, AT.plus(Duration.ofDays(1))))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("it expired at");
  }

  @Test
  void oneThatWasTakenBackIsGoodForNothingNew() {
    Bundle bundle = certificate(PASSED).sign(PARTIES.source);
    TrustBundle later =
        new TrustBundle(
            2,
            Parties.FROM,
            Parties.UNTIL,
            PARTIES.trust.members(),
            PARTIES.trust.core(),
            List.of(new TrustBundle.Revocation(bundle.digest(), AT.plusSeconds(10))));
    assertThat(verify(bundle, later, AT.plusSeconds(9)).disks()).hasSize(1);
    assertThatThrownBy(() -> verify(bundle, later, AT.plusSeconds(10)))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("revoked since");
  }

  @Test
  void onlyTheSourceMaySignIt() {
    assertRefused(certificate(PASSED).sign(PARTIES.target), "not by the source");
    assertRefused(certificate(PASSED).sign(PARTIES.gateway), "not by the source");
    assertRefused(forged(text -> text.replace("site:north:oslo", "site:south:roma")), "issuer");
  }

  @Test
  void aSourceWhoseOwnCertificateHadEndedCertifiesNothing() {
    SigningKey ended =
        Parties.leaf(
            PARTIES.north,
            Parties.FROM,
            AT.minusSeconds(1),
            KeyPurposeId.id_kp_codeSigning,
            Sample.SOURCE.urn());
    assertRefused(certificate(PASSED).sign(ended), "ended at");
  }

  @Test
  void aFailedVerificationIsRefused() {
    Check failed = new Check("complete", 1, Outcome.FAILED, "a hole in the middle");
    assertRefused(
        certificate(List.of(PASSED.getFirst(), failed)).sign(PARTIES.source), "did not pass");
  }

  @Test
  void aFailedCheckCannotBeHiddenBehindAPassedResult() {
    assertRefused(
        forged(
            text ->
                text.replace(
                    "\"outcome\":\"SKIPPED\",\"detail\":\"no scanner is installed\"",
                    "\"outcome\":\"FAILED\",\"detail\":\"malware\"")),
        "malware FAILED");
    assertRefused(
        forged(text -> text.replaceFirst("\"outcome\":\"PASSED\"", "\"outcome\":\"SKIPPED\"")),
        "format-safe SKIPPED");
  }

  @Test
  void aCheckOrADiskDoesNotStandTwice() {
    assertThatThrownBy(
            () ->
                certificate(
                    List.of(
                        PASSED.get(0),
                        PASSED.get(1),
                        new Check("complete", 1, Outcome.SKIPPED, "half"))))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("twice");
  }

  @Test
  void aRequiredCheckIsNotLeftOut() {
    for (int missing = 0; missing < PASSED.size(); missing++) {
      List<Check> rest = new ArrayList<>(PASSED);
      rest.remove(missing);
      assertThat(certificate(rest).passed()).isFalse();
    }
    assertThat(certificate(PASSED).passed()).isTrue();
  }

  @Test
  void whatIsNotAVerificationSummaryOfOurPolicyIsRefused() {
    assertRefused(forged(text -> text.replace("Statement/v1", "Statement/v0.1")), "in-toto");
    assertRefused(forged(text -> text.replace("_summary/v1", "_summary/v2")), "summary");
    assertRefused(forged(text -> text.replace("IMAGE_V1", "IMAGE_V0")), "level");
    assertRefused(
        forged(text -> text.replace(Policy.STANDARD.digest().hex(), "1".repeat(64))), "policy");
    assertRefused(
        forged(text -> text.replace("\"check\":\"malware\"", "\"check\":\"nothing\"")), "policy");
    assertRefused(
        forged(text -> text.replace("\"name\":\"machine\"", "\"name\":\"other\"")), "subject");
  }

  @Test
  void changedBytesDoNotVerify() {
    Bundle bundle = certificate(PASSED).sign(PARTIES.source);
    Bundle other =
        forged(
            text -> text.replace("\"urn:crossdock:ext:round\":1", "\"urn:crossdock:ext:round\":2"));
    Bundle mixed =
        new Bundle(
            Bundle.MEDIA_TYPE,
            bundle.verificationMaterial(),
            new Envelope(
                other.dsseEnvelope().payload(),
                Bundle.IN_TOTO,
                bundle.dsseEnvelope().signatures()));
    assertRefused(mixed, "does not verify");
  }

  @Test
  void aCountersignatureIsTheTargetsOwn() {
    List<Check> taken = new ArrayList<>(PASSED);
    for (String step : List.of("certificate", "transfer", "read-back")) {
      taken.add(new Check(step, 1, Outcome.PASSED, "all"));
    }
    Countersignature statement =
        new Countersignature(
            Sample.ID,
            new Party.Site(Sample.SOUTH),
            Sha256.of(new byte[] {2}),
            List.of(),
            Map.of("disk-0", Sha256.of(new byte[] {1})),
            "vm-9",
            Fact.Proof.READ_BACK,
            Policy.STANDARD,
            taken,
            AT);
    Bundle bundle = statement.sign(PARTIES.target);
    assertThat(Countersignature.verify(bundle, PARTIES.trust, Sample.SOUTH)).isEqualTo(statement);
    assertThatThrownBy(
            () ->
                Countersignature.verify(
                    statement.sign(PARTIES.source), PARTIES.trust, Sample.SOUTH))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> Countersignature.verify(bundle, PARTIES.trust, Sample.NORTH))
        .isInstanceOf(Refused.class);
  }

  private static Countersignature countersigned(
      List<Countersignature.Change> layer, Map<String, Sha256> roots, Check... adapted) {
    return new Countersignature(
        Sample.ID,
        new Party.Site(Sample.SOUTH),
        Sha256.NONE,
        layer,
        roots,
        "vm-9",
        Fact.Proof.READ_BACK,
        Policy.STANDARD,
        List.of(adapted),
        AT);
  }

  @Test
  void whatWasRegisteredIsWhatWasCertifiedOrWasAdaptedAsPlanned() {
    Sha256 before = Sha256.of(new byte[] {1});
    Sha256 after = Sha256.of(new byte[] {2});
    List<Certificate.Disk> certified = List.of(new Certificate.Disk("disk-0", before, 4096));
    Map<String, Sha256> same = Map.of("disk-0", before);
    Map<String, Sha256> other = Map.of("disk-0", after);
    List<Countersignature.Change> layer =
        List.of(new Countersignature.Change("disk-0", 0, before, after));
    Check fstab = new Check("adapted-fstab", 1, Outcome.PASSED, "by libguestfs");
    Plan plain = Sample.plan(Sample.machine(2));
    var tree = (com.fasterxml.jackson.databind.node.ObjectNode) Json.mapper().valueToTree(plain);
    tree.set(
        "adaptations",
        Json.mapper()
            .valueToTree(
                List.of(new Adaptation(Adaptation.Kind.FSTAB, List.of(), "file-systems-by-path"))));
    Plan adapts = Json.read(Json.bytes(tree), Plan.class);

    assertThat(countersigned(List.of(), same).other(certified, plain)).isEmpty();
    assertThat(countersigned(layer, other, fstab).other(certified, adapts)).isEmpty();

    assertThat(countersigned(List.of(), other).other(certified, plain)).isPresent();
    assertThat(countersigned(layer, other).other(certified, plain)).isPresent();
    assertThat(countersigned(layer, other, fstab).other(certified, plain)).isPresent();
    assertThat(countersigned(layer, other).other(certified, adapts)).isPresent();
    assertThat(countersigned(List.of(), other, fstab).other(certified, adapts)).isPresent();
    assertThat(countersigned(layer, same, fstab).other(certified, adapts)).isPresent();
    assertThat(countersigned(layer, Map.of(), fstab).other(certified, adapts)).isPresent();
    assertThatThrownBy(() -> new Countersignature.Change("disk-0", 0, before, before))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> countersigned(List.of(layer.getFirst(), layer.getFirst()), other))
        .isInstanceOf(Refused.class);
  }
}
