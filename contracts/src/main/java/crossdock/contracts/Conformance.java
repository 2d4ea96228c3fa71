package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a site found when it held its own listing against its cloud and its two subnets, signed with
 * its own key: it answers for it. Whether others find the same shows in what they do with it.
 *
 * @param listing digest (RFC 8785, SHA-256) of the {@link Listing} that was held against it; of
 *     another one it says nothing
 * @param at when it was found, by the site's clock; counts for {@link #LIFE}
 * @param checks one for each {@link Line}, by its {@link Line#wire} name; others may stand beside
 */
public record Conformance(
    @JsonProperty("site") SiteId site,
    @JsonProperty("listing") Sha256 listing,
    @JsonProperty("at") Instant at,
    @JsonProperty("checks") List<Check> checks) {
  /** The payload type of its DSSE envelope. */
  public static final String PAYLOAD_TYPE = "application/vnd.crossdock.conformance.v1+json";

  /** Its CloudEvents type. */
  public static final String TYPE = "crossdock.conformance.v1";

  /** How long one counts. */
  public static final Duration LIFE = Duration.ofDays(30);

  /** An envelope's bytes, at most. */
  public static final int LONGEST = 128 << 10;

  /** How far the site's clock may be ahead. */
  private static final Duration SKEW = Duration.ofHours(1);

  /** What there is to find out: every line of a listing, and what a site promises beside it. */
  public enum Line {
    /** Nothing at the site shows in which country it is. */
    COUNTRY(false),
    /** Nor whose law holds there. */
    JURISDICTIONS(false),
    /** A disk of each was written, registered and read back. */
    FORMATS(true),
    /** A machine of each is taken. */
    SIZES(true),
    /** A machine is taken in each, with an address of each of its subnets. */
    NETWORKS(true),
    SECURITY_GROUPS(true),
    ARCHITECTURES(true),
    /** A guest was started by each, where machines run. */
    FIRMWARES(true),
    /** A machine with all that it can say is taken. */
    FILTERING(true),
    /** What the site shows of a machine that was made there; many show on none. */
    TRAITS(false),
    /** A machine at each of them is taken; some change all the time. */
    LIMITS(false),
    ZONES(true),
    STORAGE(true),
    /** What stands for what is the provider's to say. */
    COUNTERPARTS(false),
    /** A guest said on its console that it runs, and nothing of it was left. */
    LANDING(false),
    /** VMExportSubnet is there by that name, with the promised address, and leads nowhere else. */
    EXPORT_SUBNET(false),
    /** The same of VMImportSubnet. */
    IMPORT_SUBNET(false);

    private final boolean needed;

    Line(boolean needed) {
      this.needed = needed;
    }

    /** The name of its check. */
    public String wire() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private Optional<String> objection(List<Check> checks) {
      Optional<Check> found = checks.stream().filter(one -> one.name().equals(wire())).findFirst();
      if (found.isEmpty()) {
        return Optional.of(wire() + " was not looked at");
      }
      Check check = found.get();
      boolean shown =
          switch (check.outcome()) {
            case PASSED, WARNED -> true;
            case SKIPPED -> !needed;
            case FAILED, ERROR -> false;
          };
      return shown ? Optional.empty() : Optional.of(wire() + ": " + check.detail());
    }
  }

  public Conformance {
    checks = Check.distinct(checks);
    if (at.isBefore(Instant.EPOCH)) {
      throw new Refused("nothing was examined at " + at);
    }
  }

  /**
   * Why the site is not what it lists, or has not shown it; empty if it has.
   *
   * @param listed what the site lists at {@code now}
   */
  public Optional<String> objection(Listing listed, Instant now) {
    if (!site.equals(listed.site()) || !listing.equals(Json.digest(listed))) {
      return Optional.of("another listing was examined");
    }
    if (isAhead(now) || !now.isBefore(at.plus(LIFE))) {
      return Optional.of("the examination is of " + at);
    }
    for (Line line : Line.values()) {
      Optional<String> objection = line.objection(checks);
      if (objection.isPresent()) {
        return objection;
      }
    }
    return checks.stream()
        .filter(Check::failed)
        .findFirst()
        .map(check -> check.name() + ": " + check.detail());
  }

  /** Whether its site's clock was ahead, by more than an hour. */
  public boolean isAhead(Instant now) {
    return at.isAfter(now.plus(SKEW));
  }

  /** What the site publishes. */
  public byte[] sign(SigningKey key) {
    return Json.bytes(key.sign(PAYLOAD_TYPE, Json.bytes(this)));
  }

  /**
   * What a site published.
   *
   * @throws Refused unless the site that it is of takes part and signed it, with a key that it has
   *     now
   */
  public static Conformance signed(byte[] signed, TrustBundle trust, Instant now) {
    if (signed.length > LONGEST) {
      throw new Refused("a conformance report has at most " + LONGEST + " bytes");
    }
    Envelope envelope = Json.read(signed, Envelope.class);
    Conformance report = envelope.read(PAYLOAD_TYPE, Conformance.class);
    Party signer = trust.signer(envelope, now);
    if (!signer.equals(new Party.Site(report.site)) || trust.site(report.site).isEmpty()) {
      throw new Refused("a report on " + report.site + " that " + signer + " signed");
    }
    return report;
  }
}
