package crossdock.contracts;

import static java.util.stream.Collectors.toSet;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The importing provider's statement of what it registered: which certificate, which layer on top
 * of it, the proof it has, and how every step of taking it in went. An in-toto Statement v1 in a
 * {@link Bundle} of its own.
 *
 * @param site the importing site
 * @param certificate digest of the certificate's payload
 * @param layer the chunks that adaptation changed, at most {@link #MOST}; none without it
 * @param roots the manifest root of every disk as registered
 * @param machine the target's id of the machine
 * @param policy by which the importer took the certificate, and what its own dock found
 * @param checks how each step went: {@code certificate}, {@code transfer}, {@code read-back}; what
 *     was adapted, each way as {@code adapted-} with its name: by which tool, why, and in what
 *     files; and what the importer's own dock found in what it registered
 */
public record Countersignature(
    @JsonProperty("migration") MigrationId migration,
    @JsonProperty("site") Party.Site site,
    @JsonProperty("certificate") Sha256 certificate,
    @JsonProperty("layer") List<Change> layer,
    @JsonProperty("roots") Map<String, Sha256> roots,
    @JsonProperty("machine") String machine,
    @JsonProperty("proof") Fact.Proof proof,
    @JsonProperty("policy") Policy policy,
    @JsonProperty("checks") List<Check> checks,
    @JsonProperty("at") Instant at) {
  /** The step: the certificate verified. */
  public static final String CERTIFICATE = "certificate";

  /** The step: what came is what was certified. */
  public static final String TRANSFER = "transfer";

  /** The step: what was registered reads back as certified. */
  public static final String READ_BACK = "read-back";

  /** Before the name of a way in which the guest was adapted. */
  public static final String ADAPTED = "adapted-";

  /** Chunks that adaptation may change. */
  public static final int MOST = 256;

  private static final List<String> STEPS = List.of(CERTIFICATE, TRANSFER, READ_BACK);

  /** The predicate type. */
  public static final String PREDICATE = "urn:crossdock:predicate:countersignature:v1";

  /**
   * One chunk of a layer.
   *
   * @param disk its name
   * @param chunk its number, from 0
   * @param certified its leaf in the certified disk
   * @param registered its leaf in what was registered
   */
  public record Change(String disk, long chunk, Sha256 certified, Sha256 registered) {
    public Change {
      Machine.plain(disk);
      if (chunk < 0 || certified.equals(registered)) {
        throw new Refused("a layer changes chunks that there are");
      }
    }
  }

  public Countersignature {
    layer = List.copyOf(layer);
    long places =
        layer.stream().map(change -> change.disk() + "/" + change.chunk()).distinct().count();
    if (layer.size() > MOST || places != layer.size()) {
      throw new Refused("a layer changes at most " + MOST + " chunks, each once");
    }
    roots = Map.copyOf(roots);
    checks = Check.distinct(checks);
  }

  /** Signs it as the importing site. */
  public Bundle sign(SigningKey key) {
    List<Subject> subjects =
        roots.entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .map(disk -> new Subject(disk.getKey(), Map.of("sha256", disk.getValue())))
            .toList();
    return key.bundle(
        Json.bytes(new Statement("https://in-toto.io/Statement/v1", subjects, PREDICATE, this)));
  }

  /**
   * Reads one and checks who signed it.
   *
   * @throws Refused if it is not the site's own
   */
  public static Countersignature verify(Bundle bundle, TrustBundle trust, SiteId site) {
    Statement statement = bundle.dsseEnvelope().read(Bundle.IN_TOTO, Statement.class);
    Party signer = trust.signer(bundle, statement.predicate.at());
    if (!signer.equals(new Party.Site(site))
        || !statement.predicateType.equals(PREDICATE)
        || !statement.predicate.site().equals(signer)) {
      throw new Refused("no countersignature of " + site);
    }
    statement
        .predicate
        .objection()
        .ifPresent(
            objection -> {
              throw new Refused("countersigned against its own policy: " + objection);
            });
    return statement.predicate;
  }

  /** What of a disk was changed. */
  public List<Change> layer(String disk) {
    return layer.stream().filter(change -> change.disk().equals(disk)).toList();
  }

  /**
   * Why it is not what was certified and planned to be adapted.
   *
   * @param certified all disks of the certificate
   */
  public Optional<String> other(List<Certificate.Disk> certified, Plan plan) {
    List<String> planned =
        plan.adaptations().stream().map(one -> ADAPTED + one.kind().wire()).sorted().toList();
    List<String> adapted =
        checks.stream().map(Check::name).filter(name -> name.startsWith(ADAPTED)).sorted().toList();
    if (!planned.equals(adapted)) {
      return Optional.of("what was adapted in other ways than planned: " + adapted);
    }
    if (planned.isEmpty() && !layer.isEmpty()) {
      return Optional.of("changed chunks, and nothing was to be adapted");
    }
    if (!roots.keySet().equals(certified.stream().map(Certificate.Disk::name).collect(toSet()))) {
      return Optional.of("other disks than the certified ones");
    }
    return certified.stream()
        .filter(disk -> disk.root().equals(roots.get(disk.name())) != layer(disk.name()).isEmpty())
        .findFirst()
        .map(disk -> "another root of " + disk.name());
  }

  /** Why its own policy would not have countersigned, or which step it did not take. */
  public Optional<String> objection() {
    List<String> passed =
        checks.stream()
            .filter(check -> check.outcome() == Check.Outcome.PASSED)
            .map(Check::name)
            .toList();
    return STEPS.stream()
        .filter(step -> !passed.contains(step))
        .filter(step -> proof == Fact.Proof.READ_BACK || !step.equals(READ_BACK))
        .map(step -> step + " has not passed")
        .findFirst()
        .or(() -> policy.intakeObjection(checks));
  }

  private record Subject(
      @JsonProperty("name") String name, @JsonProperty("digest") Map<String, Sha256> digest) {}

  private record Statement(
      @JsonProperty("_type") String type,
      @JsonProperty("subject") List<Subject> subject,
      @JsonProperty("predicateType") String predicateType,
      @JsonProperty("predicate") Countersignature predicate) {}
}
