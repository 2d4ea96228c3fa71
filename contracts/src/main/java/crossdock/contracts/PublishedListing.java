package crossdock.contracts;

import java.net.URI;
import java.time.Duration;
import java.time.Instant;

/**
 * A site's listing as the site itself publishes it, signed with its own key: the highest version
 * counts, and that only until its end.
 *
 * @param version only ever grows
 * @param issuedAt the site's clock
 * @param expiresAt past it nothing is offered; from an hour to {@link #LIFE} after {@code issuedAt}
 * @param endpoint where disks are transferred: the site's dock, as in the trust bundle
 * @param software what the site says it runs, name and version
 */
public record PublishedListing(
    Listing listing,
    long version,
    Instant issuedAt,
    Instant expiresAt,
    URI endpoint,
    String software) {
  /** The payload type of its DSSE envelope. */
  public static final String PAYLOAD_TYPE = "application/vnd.crossdock.listing.v1+json";

  /** Its CloudEvents type. */
  public static final String TYPE = "crossdock.listing.v1";

  /** How long one is good for, at most. */
  public static final Duration LIFE = Duration.ofDays(7);

  /** How long one is good for, at least: who ends every minute would fill the catalog's history. */
  private static final Duration SHORTEST = Duration.ofHours(1);

  /** An envelope's bytes, at most. */
  public static final int LONGEST = 256 << 10;

  /** How far the site's clock may be ahead. */
  private static final Duration SKEW = Duration.ofHours(1);

  public PublishedListing {
    if (version < 1) {
      throw new Refused("a published listing has a version from 1");
    }
    Duration life = Duration.between(issuedAt, expiresAt);
    if (life.compareTo(SHORTEST) < 0 || life.compareTo(LIFE) > 0) {
      throw new Refused("a published listing lives from " + SHORTEST + " to " + LIFE);
    }
    if (software.isBlank() || software.length() > 128) {
      throw new Refused("software has a name of 1 to 128 characters");
    }
  }

  /**
   * Believes what a site published, at this time and as long as {@code trust} does not change.
   *
   * @param signed the envelope
   * @throws Refused unless the site that it lists signed it, takes part, has its dock there, and
   *     {@code now} is within its life
   */
  public static PublishedListing verify(byte[] signed, TrustBundle trust, Instant now) {
    PublishedListing published = signed(signed, trust, now);
    published.holds(trust, now);
    return published;
  }

  /**
   * What a site published, whether it holds now or not.
   *
   * @throws Refused unless the site that it lists takes part and signed it, with a key that it has
   *     now
   */
  public static PublishedListing signed(byte[] signed, TrustBundle trust, Instant now) {
    PublishedListing published = read(signed);
    SiteId site = published.listing.site();
    Party signer = trust.signer(Json.read(signed, Envelope.class), now);
    if (!signer.equals(new Party.Site(site))) {
      throw new Refused("a listing of " + site + " that " + signer + " signed");
    }
    URI _ = dock(site, trust);
    return published;
  }

  /**
   * What is in an envelope, whoever signed it.
   *
   * @throws Refused if it is no listing
   */
  public static PublishedListing read(byte[] signed) {
    if (signed.length > LONGEST) {
      throw new Refused("a published listing has at most " + LONGEST + " bytes");
    }
    return Json.read(signed, Envelope.class).read(PAYLOAD_TYPE, PublishedListing.class);
  }

  /**
   * Of one that its site signed.
   *
   * @throws Refused unless the site takes part, has its dock there, and {@code now} is within its
   *     life
   */
  public void holds(TrustBundle trust, Instant now) {
    SiteId site = listing.site();
    URI dock = dock(site, trust);
    if (!endpoint.equals(dock)) {
      throw new Refused(site + " lists " + endpoint + " where its dock is " + dock);
    }
    if (isAhead(now)) {
      throw new Refused("the listing of " + site + " is of " + issuedAt + ", the future");
    }
    if (!now.isBefore(expiresAt)) {
      throw new Refused("the listing of " + site + " expired at " + expiresAt);
    }
  }

  private static URI dock(SiteId site, TrustBundle trust) {
    return trust
        .site(site)
        .orElseThrow(() -> new Refused(site + " takes no part by the trust bundle"))
        .dock();
  }

  /** Whether its site's clock was ahead, by more than an hour. */
  public boolean isAhead(Instant now) {
    return issuedAt.isAfter(now.plus(SKEW));
  }

  /** What the site publishes. */
  public byte[] sign(SigningKey key) {
    return Json.bytes(key.sign(PAYLOAD_TYPE, Json.bytes(this)));
  }
}
