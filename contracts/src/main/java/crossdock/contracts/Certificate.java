package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The certified secure image's certificate: the exporting provider's statement that these disks and
 * this machine passed its checks. On the wire an in-toto Statement v1 with the SLSA Verification
 * Summary v1 as predicate (slsa.dev/spec, VSA), in a {@link Bundle}. It names the migration, the
 * one site that it is for, and an end, so that it cannot be used elsewhere.
 *
 * @param issuer the exporting site
 * @param audience the importing site; nobody else may accept it
 * @param verifiedAt when the verdict was made
 * @param notAfter past it the certificate must be issued again
 * @param plan digest of the plan it belongs to
 * @param round from 1
 * @param instant what all disks are of
 * @param machine digest of the machine's canonical description
 * @param disks in order
 * @param policy by which the issuer made its verdict
 * @param checks what was checked, and how it went
 */
public record Certificate(
    MigrationId migration,
    SiteId issuer,
    SiteId audience,
    Instant verifiedAt,
    Instant notAfter,
    Sha256 plan,
    int round,
    Instant instant,
    Sha256 machine,
    List<Disk> disks,
    Policy policy,
    List<Check> checks) {
  /** The SLSA predicate type; it never carries a minor version. */
  public static final String PREDICATE = "https://slsa.dev/verification_summary/v1";

  /** The level that a passed certificate claims. */
  public static final String LEVEL = "CROSSDOCK_CERTIFIED_SECURE_IMAGE_V1";

  /** How long a certificate is good for, at most. */
  public static final Duration LIFE = Duration.ofDays(7);

  /** Whoever takes the time twice is a moment later. */
  private static final Duration SLACK = Duration.ofMinutes(1);

  /** How far the issuer's clock may be ahead. */
  private static final Duration SKEW = Duration.ofHours(1);

  private static final String STATEMENT = "https://in-toto.io/Statement/v1";
  private static final String MACHINE = "machine";

  /**
   * @param root of the manifest: RFC 6962 SHA-256 tree over zero-padded chunks of 1 MiB
   * @param length exact guest-visible bytes
   */
  public record Disk(String name, Sha256 root, long length) {
    public Disk {
      Machine.plain(name);
      if (length < 1) {
        throw new Refused("a certified disk has a length");
      }
    }
  }

  public Certificate {
    disks = List.copyOf(disks);
    checks = Check.distinct(checks);
    if (disks.isEmpty() || round < 1 || !verifiedAt.isBefore(notAfter)) {
      throw new Refused("a certificate has disks, a round, and ends after it begins");
    }
    if (disks.stream().map(Disk::name).distinct().count() != disks.size()) {
      throw new Refused("a disk stands twice in the certificate");
    }
  }

  /** Whether the issuer's own policy makes a good verdict of its checks. */
  public boolean passed() {
    return policy.objection(checks).isEmpty();
  }

  /** Of all of them together. */
  public static long bytes(List<Disk> disks) {
    return disks.stream().mapToLong(Disk::length).sum();
  }

  /** Whether its disks are all of the machine's, in order and with their lengths. */
  public boolean covers(Machine of) {
    return disks.stream()
        .map(disk -> Map.entry(disk.name(), disk.length()))
        .toList()
        .equals(
            of.disks().stream().map(disk -> Map.entry(disk.name(), disk.virtualBytes())).toList());
  }

  /** Signs it as the issuing site. */
  public Bundle sign(SigningKey key) {
    return key.bundle(Json.bytes(statement()));
  }

  /**
   * Reads a certificate and checks everything that can be checked without its disks.
   *
   * @param issuer the site that must have signed it
   * @param audience the site that reads it
   * @param machine in the plan, all of whose disks it must have, and no other
   * @throws Refused with the first thing that is wrong
   */
  public static Certificate verify(
      Bundle bundle,
      TrustBundle trust,
      MigrationId migration,
      SiteId issuer,
      SiteId audience,
      Sha256 plan,
      Machine machine,
      Instant now) {
    Certificate certificate = verify(bundle, trust);
    require(certificate.issuer.equals(issuer), "it is of another source");
    require(certificate.audience.equals(audience), "it is for " + certificate.audience);
    require(certificate.migration.equals(migration), "it belongs to another migration");
    require(certificate.plan.equals(plan), "it belongs to another plan");
    require(certificate.machine.equals(machine.digest()), "it is of another machine");
    require(certificate.covers(machine), "its disks are not the machine's");
    require(
        !certificate.verifiedAt.isAfter(now.plus(SKEW)),
        "it was made at " + certificate.verifiedAt + ", which is yet to come");
    require(
        !certificate.notAfter.isAfter(certificate.verifiedAt.plus(LIFE).plus(SLACK)),
        "it is good for longer than " + LIFE.toDays() + " days");
    require(now.isBefore(certificate.notAfter), "it expired at " + certificate.notAfter);
    trust.unrevoked(bundle.digest(), now);
    return certificate;
  }

  /**
   * Reads a certificate and checks what it says of itself: the site that it names has signed it,
   * and the policy that it carries makes a good verdict of the checks in it. Not what it is for,
   * nor whether it has expired, nor whether that policy is the issuer's still.
   *
   * @throws Refused with the first thing that is wrong
   */
  public static Certificate verify(Bundle bundle, TrustBundle trust) {
    Certificate certificate = read(bundle);
    Party signer = trust.signer(bundle, certificate.verifiedAt);
    require(
        signer.equals(new Party.Site(certificate.issuer)),
        "signed by " + signer + ", not by the source that it names as issuer");
    certificate
        .policy
        .objection(certificate.checks)
        .ifPresent(objection -> require(false, objection));
    return certificate;
  }

  /**
   * Reads a certificate without believing it.
   *
   * @throws Refused if it is not one
   */
  public static Certificate read(Bundle bundle) {
    Statement statement = bundle.dsseEnvelope().read(Bundle.IN_TOTO, Statement.class);
    require(
        Stream.concat(statement.subject.stream(), statement.predicate.checks.stream())
            .allMatch(Objects::nonNull),
        "something is missing in a list");
    require(statement.type.equals(STATEMENT), "no in-toto Statement v1");
    require(statement.predicateType.equals(PREDICATE), "no verification summary");
    Summary summary = statement.predicate;
    require(summary.verificationResult.equals("PASSED"), "the verification did not pass");
    require(summary.verifiedLevels.contains(LEVEL), "it claims another level");
    require(
        summary.policy.digest.equals(Map.of("sha256", summary.rules.digest())),
        "the policy that it carries is not the one that it names");
    Sha256 machine = Sha256.NONE;
    List<Disk> disks = new ArrayList<>();
    for (Subject subject : statement.subject) {
      Sha256 digest = Optional.ofNullable(subject.digest.get("sha256")).orElse(Sha256.NONE);
      require(!digest.equals(Sha256.NONE), "a subject without SHA-256");
      if (subject.annotations.isPresent()) {
        disks.add(new Disk(subject.name, digest, subject.annotations.get().length));
      } else {
        require(subject.name.equals(MACHINE) && machine.equals(Sha256.NONE), "an unknown subject");
        machine = digest;
      }
    }
    require(!machine.equals(Sha256.NONE), "no machine is certified");
    require(summary.verifier.id instanceof Party.Site, "its verifier is no site");
    return new Certificate(
        summary.migration,
        ((Party.Site) summary.verifier.id).id(),
        summary.audience,
        summary.timeVerified,
        summary.notAfter,
        summary.plan,
        summary.round,
        summary.instant,
        machine,
        disks,
        summary.rules,
        summary.checks);
  }

  private Statement statement() {
    List<Subject> subjects = new ArrayList<>();
    for (Disk disk : disks) {
      subjects.add(
          new Subject(
              disk.name,
              Map.of("sha256", disk.root),
              Optional.of(new Annotations(disk.length, 1 << 20, "rfc6962-sha256"))));
    }
    subjects.add(new Subject(MACHINE, Map.of("sha256", machine), Optional.empty()));
    return new Statement(
        STATEMENT,
        subjects,
        PREDICATE,
        new Summary(
            new Verifier(new Party.Site(issuer)),
            verifiedAt,
            "urn:crossdock:migration:" + migration,
            new Descriptor(
                "urn:crossdock:policy:" + policy.name(), Map.of("sha256", policy.digest())),
            passed() ? "PASSED" : "FAILED",
            List.of(LEVEL),
            migration,
            audience,
            notAfter,
            plan,
            round,
            instant,
            policy,
            checks));
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new Refused("certificate refused: " + otherwise);
    }
  }

  private record Statement(
      @JsonProperty("_type") String type,
      @JsonProperty("subject") List<Subject> subject,
      @JsonProperty("predicateType") String predicateType,
      @JsonProperty("predicate") Summary predicate) {}

  private record Subject(
      @JsonProperty("name") String name,
      @JsonProperty("digest") Map<String, Sha256> digest,
      @JsonProperty("annotations") Optional<Annotations> annotations) {}

  private record Annotations(
      @JsonProperty("urn:crossdock:length") long length,
      @JsonProperty("urn:crossdock:chunk") int chunk,
      @JsonProperty("urn:crossdock:algorithm") String algorithm) {}

  private record Verifier(@JsonProperty("id") Party id) {}

  private record Descriptor(
      @JsonProperty("uri") String uri, @JsonProperty("digest") Map<String, Sha256> digest) {}

  private record Summary(
      @JsonProperty("verifier") Verifier verifier,
      @JsonProperty("timeVerified") Instant timeVerified,
      @JsonProperty("resourceUri") String resourceUri,
      @JsonProperty("policy") Descriptor policy,
      @JsonProperty("verificationResult") String verificationResult,
      @JsonProperty("verifiedLevels") List<String> verifiedLevels,
      @JsonProperty("urn:crossdock:ext:migration") MigrationId migration,
      @JsonProperty("urn:crossdock:ext:audience") SiteId audience,
      @JsonProperty("urn:crossdock:ext:not-after") Instant notAfter,
      @JsonProperty("urn:crossdock:ext:plan") Sha256 plan,
      @JsonProperty("urn:crossdock:ext:round") int round,
      @JsonProperty("urn:crossdock:ext:instant") Instant instant,
      @JsonProperty("urn:crossdock:ext:policy") Policy rules,
      @JsonProperty("urn:crossdock:ext:checks") List<Check> checks) {}
}
