package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonValue;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Whom the members trust: each provider's own CA with the sites it may name and where they answer,
 * and the core's CA with its services. The members sign it; it has a version and an end.
 * Thread-safe.
 *
 * @param version only ever grows
 * @param expiresAt past it nothing verifies by this bundle
 * @param revoked what is not believed any more, though nothing is wrong with it but who has its key
 */
public record TrustBundle(
    @JsonProperty("version") long version,
    @JsonProperty("issuedAt") Instant issuedAt,
    @JsonProperty("expiresAt") Instant expiresAt,
    @JsonProperty("members") List<Member> members,
    @JsonProperty("core") Core core,
    @JsonProperty("revoked") List<Revocation> revoked) {
  /** The payload type of the envelopes that members sign. */
  public static final String PAYLOAD_TYPE = "application/vnd.crossdock.trust-bundle.v1+json";

  private static final String CODE_SIGNING = "1.3.6.1.5.5.7.3.3";

  /**
   * @param provider as in its sites' names
   * @param ca the CA that the provider made and keeps, PEM
   * @param realm whose tokens prove an account at the provider; nobody's where absent
   * @param policy digest of the {@link Policy} by which its sites certify now
   * @param suspendedAt since when it begins nothing, if it is suspended: it finishes or undoes what
   *     runs, and nobody takes a machine in on its word
   * @param leavingAt since when it takes no new work because it is about to leave, if it is: what
   *     runs goes on
   * @param leftAt when it left, if it has: what it signed until then stays verifiable
   */
  public record Member(
      @JsonProperty("provider") String provider,
      @JsonProperty("ca") String ca,
      @JsonProperty("sites") List<Site> sites,
      @JsonProperty("realm") Optional<Realm> realm,
      @JsonProperty("policy") Sha256 policy,
      @JsonProperty("suspendedAt") Optional<Instant> suspendedAt,
      @JsonProperty("leavingAt") Optional<Instant> leavingAt,
      @JsonProperty("leftAt") Optional<Instant> leftAt) {
    public Member {
      sites = List.copyOf(sites);
      for (Site site : sites) {
        if (!site.urn().id().provider().equals(provider)) {
          throw new Refused(provider + " cannot name the site " + site.urn());
        }
      }
    }

    /** One that takes part by the standard policy, and whose customers nobody can tell. */
    public Member(String provider, String ca, List<Site> sites) {
      this(provider, ca, sites, Optional.empty(), Policy.STANDARD.digest());
    }

    /** One that takes part. */
    public Member(
        String provider, String ca, List<Site> sites, Optional<Realm> realm, Sha256 policy) {
      this(
          provider, ca, sites, realm, policy, Optional.empty(), Optional.empty(), Optional.empty());
    }

    /** The same member, suspended at this time. */
    public Member suspended(Instant at) {
      return new Member(provider, ca, sites, realm, policy, Optional.of(at), leavingAt, leftAt);
    }

    /** The same member, about to leave since this time. */
    public Member leaving(Instant at) {
      return new Member(provider, ca, sites, realm, policy, suspendedAt, Optional.of(at), leftAt);
    }

    /** The same member, who leaves at this time. */
    public Member left(Instant at) {
      return new Member(
          provider, ca, sites, realm, policy, suspendedAt, leavingAt, Optional.of(at));
    }
  }

  /**
   * A provider's own identity provider, OpenID Connect.
   *
   * @param issuer the {@code iss} of its tokens
   * @param jwks where its keys are, JWK Set
   * @param audience what a token that proves an account must be for
   */
  public record Realm(
      @JsonProperty("issuer") String issuer,
      @JsonProperty("jwks") URI jwks,
      @JsonProperty("audience") String audience) {
    public Realm {
      if (issuer.isBlank() || audience.isBlank() || !jwks.isAbsolute()) {
        throw new Refused("a realm has an issuer, an audience and an address of its keys");
      }
    }
  }

  /** What kind of site it is. */
  public enum SiteClass {
    /** A provider's own. */
    PROVIDER,
    /** On a customer's premises, or run by a customer at a cloud that takes no part. */
    CUSTOMER;

    @JsonValue
    String wire() {
      return name().toLowerCase(Locale.ROOT);
    }

    @JsonCreator
    static SiteClass parse(String wire) {
      for (SiteClass kind : values()) {
        if (kind.wire().equals(wire)) {
          return kind;
        }
      }
      throw new Refused("no class of sites " + wire);
    }
  }

  /**
   * @param export where its export-service answers
   * @param imports where its import-service answers
   * @param dock where its conversion-service serves and pulls disks; nobody dials anything else
   */
  public record Site(
      @JsonProperty("urn") Party.Site urn,
      @JsonProperty("class") SiteClass siteClass,
      @JsonProperty("export") URI export,
      @JsonProperty("import") URI imports,
      @JsonProperty("dock") URI dock) {}

  /**
   * @param ca the core's CA, PEM
   */
  public record Core(
      @JsonProperty("ca") String ca, @JsonProperty("services") List<Party.Core> services) {
    public Core {
      services = List.copyOf(services);
    }
  }

  /**
   * @param certificate SHA-256 of an X.509 certificate (DER), or the digest of a certified image's
   *     certificate ({@link Bundle#digest})
   * @param from what was signed with it before stays; as a TLS peer it is refused at once
   */
  public record Revocation(
      @JsonProperty("certificate") Sha256 certificate, @JsonProperty("from") Instant from) {}

  public TrustBundle {
    members = List.copyOf(members);
    revoked = List.copyOf(revoked);
    if (version < 1 || !issuedAt.isBefore(expiresAt)) {
      throw new Refused("a trust bundle has a version from 1 and ends after it begins");
    }
    if (members.stream().map(Member::provider).distinct().count() != members.size()) {
      throw new Refused("one provider stands twice in the trust bundle");
    }
    // Or one provider could speak for the other's customers.
    List<String> issuers =
        members.stream().flatMap(member -> member.realm().stream()).map(Realm::issuer).toList();
    if (issuers.stream().distinct().count() != issuers.size()) {
      throw new Refused("two providers have one issuer of tokens");
    }
  }

  /** One that takes nothing back. */
  public TrustBundle(
      long version, Instant issuedAt, Instant expiresAt, List<Member> members, Core core) {
    this(version, issuedAt, expiresAt, members, core, List.of());
  }

  /**
   * Accepts a bundle that a majority of the pinned members signed.
   *
   * @param signed the same payload, once for every member who signed
   * @param pinned the CA certificates that this party was set up with
   * @param known the highest version accepted before, 0 if none: an older one is refused
   * @throws Refused if too few signed it, if it is older than {@code known} or has expired
   */
  public static TrustBundle accept(
      List<Envelope> signed, Collection<X509Certificate> pinned, long known, Instant now) {
    if (signed.isEmpty() || pinned.isEmpty()) {
      throw new Refused("a trust bundle needs signatures and pinned members");
    }
    byte[] payload = signed.getFirst().bytes();
    Set<X509Certificate> voters = new HashSet<>();
    for (Envelope envelope : signed) {
      if (!envelope.payloadType().equals(PAYLOAD_TYPE)
          || !Arrays.equals(payload, envelope.bytes())) {
        throw new Refused("the members signed different trust bundles");
      }
      for (X509Certificate member : pinned) {
        if (envelope.verifies(member.getPublicKey())) {
          voters.add(member);
        }
      }
    }
    if (2 * voters.size() <= pinned.size()) {
      throw new Refused(
          voters.size() + " of " + pinned.size() + " members signed the trust bundle: no majority");
    }
    TrustBundle bundle = signed.getFirst().read(PAYLOAD_TYPE, TrustBundle.class);
    if (bundle.version < known) {
      throw new Refused("trust bundle " + bundle.version + " is older than " + known);
    }
    if (!now.isBefore(bundle.expiresAt)) {
      throw new Refused("the trust bundle expired at " + bundle.expiresAt);
    }
    return bundle;
  }

  /**
   * Accepts the bundle in a file, a JSON array of its envelopes, as {@link #accept(List,
   * Collection, long, Instant)} does.
   *
   * @param members a directory with a PEM file for each pinned member
   */
  public static TrustBundle accept(Path file, Path members, Instant now) throws IOException {
    List<Envelope> signed = List.of(Json.read(Files.readAllBytes(file), Envelope[].class));
    return accept(signed, pinned(members), 0, now);
  }

  /**
   * The members that a party was set up to believe.
   *
   * @param members a directory with a PEM file for each
   * @throws Refused if one of them holds no certificate
   */
  public static List<X509Certificate> pinned(Path members) throws IOException {
    List<X509Certificate> pinned = new ArrayList<>();
    try (Stream<Path> files = Files.list(members)) {
      for (Path file : files.filter(file -> file.toString().endsWith(".pem")).sorted().toList()) {
        pinned.add(SigningKey.certificate(Files.readAllBytes(file)));
      }
    }
    return pinned;
  }

  /** Who takes part: the others have left. */
  public List<Member> present() {
    return members.stream().filter(member -> member.leftAt().isEmpty()).toList();
  }

  /** The entry of a site that takes part. */
  public Optional<Site> site(SiteId id) {
    return present().stream()
        .flatMap(member -> member.sites().stream())
        .filter(site -> site.urn().id().equals(id))
        .findFirst();
  }

  /** By which policy a site that takes part certifies now. */
  public Optional<Sha256> policy(SiteId id) {
    return present(id).map(Member::policy);
  }

  /** Whether a site's provider may begin nothing now. */
  public boolean suspended(SiteId id) {
    return present(id).flatMap(Member::suspendedAt).isPresent();
  }

  /** Whether a site's provider is about to leave, and takes no new work. */
  public boolean leaving(SiteId id) {
    return present(id).flatMap(Member::leavingAt).isPresent();
  }

  private Optional<Member> present(SiteId id) {
    return present().stream().filter(member -> member.provider().equals(id.provider())).findFirst();
  }

  /**
   * Who signed an envelope that carries its certificate.
   *
   * @throws Refused if the signature or the certificate's path does not verify, or its SAN is no
   *     listed party
   */
  public Party signer(Envelope envelope) {
    X509Certificate leaf = leaf(envelope);
    return signer(envelope, leaf, beginning(leaf));
  }

  /**
   * Like {@link #signer(Envelope)}, of what was signed by {@code at}: not after the leaf's end, nor
   * after its member left, nor since it is revoked.
   */
  public Party signer(Envelope envelope, Instant at) {
    X509Certificate leaf = leaf(envelope);
    unexpired(leaf, at);
    return signer(envelope, leaf, at);
  }

  /** Who signed a bundle; as {@link #signer(Envelope)}. */
  public Party signer(Bundle bundle) {
    X509Certificate leaf = leaf(bundle);
    return signer(bundle.dsseEnvelope(), leaf, beginning(leaf));
  }

  /** Like {@link #signer(Bundle)}, at a time; as {@link #signer(Envelope, Instant)}. */
  Party signer(Bundle bundle, Instant at) {
    X509Certificate leaf = leaf(bundle);
    unexpired(leaf, at);
    return signer(bundle.dsseEnvelope(), leaf, at);
  }

  private static Instant beginning(X509Certificate leaf) {
    return leaf.getNotBefore().toInstant().plusSeconds(1);
  }

  private static X509Certificate leaf(Envelope envelope) {
    return SigningKey.certificate(
        envelope
            .signatures()
            .getFirst()
            .certificate()
            .orElseThrow(() -> new Refused("an envelope without certificate")));
  }

  private static X509Certificate leaf(Bundle bundle) {
    return SigningKey.certificate(
        Envelope.decode(bundle.verificationMaterial().certificate().rawBytes()));
  }

  private void unexpired(X509Certificate leaf, Instant at) {
    Instant end = leaf.getNotAfter().toInstant();
    if (at.isAfter(end)) {
      throw new Refused("signed at " + at + " with a certificate that ended at " + end);
    }
    unrevoked(digest(leaf), at);
  }

  /**
   * Checks that something was not taken back by then.
   *
   * @throws Refused if it was
   */
  public void unrevoked(Sha256 certificate, Instant at) {
    for (Revocation revocation : revoked) {
      if (revocation.certificate().equals(certificate) && !at.isBefore(revocation.from())) {
        throw new Refused("revoked since " + revocation.from());
      }
    }
  }

  private static Sha256 digest(X509Certificate certificate) {
    try {
      return Sha256.of(certificate.getEncoded());
    } catch (GeneralSecurityException e) {
      throw new Refused("a certificate without an encoding", e);
    }
  }

  private Party signer(Envelope envelope, X509Certificate leaf, Instant at) {
    Party party = Party.parse(san(leaf));
    if (!usages(leaf).contains(CODE_SIGNING)) {
      throw new Refused("a certificate that is not for signing");
    }
    path(leaf, ca(party, at), beginning(leaf));
    if (!envelope.verifies(leaf.getPublicKey())) {
      throw new Refused("the signature of " + party + " does not verify");
    }
    return party;
  }

  /**
   * Who a TLS peer is, by the certificate that it showed: a party's URN, or that of a site's dock.
   * A CA is believed about its own names only, whatever TLS thought of the path.
   *
   * @throws Refused if the certificate is for signing, has ended, or is not from the CA of whom it
   *     names, or that one has left, or it is revoked
   */
  public String peer(X509Certificate leaf, Instant now) {
    String urn = san(leaf);
    Party party =
        Party.parse(
            urn.endsWith(":dock") ? urn.substring(0, urn.length() - ":dock".length()) : urn);
    if (usages(leaf).contains(CODE_SIGNING)) {
      throw new Refused("a signing certificate is not for TLS");
    }
    path(leaf, ca(party, now), now);
    unrevoked(digest(leaf), now);
    return urn;
  }

  /** Every CA there is, to build TLS paths with; whom each may name is checked above TLS. */
  public List<X509Certificate> authorities() {
    return Stream.concat(Stream.of(core.ca()), present().stream().map(Member::ca))
        .map(TrustBundle::certificate)
        .toList();
  }

  private X509Certificate ca(Party party, Instant at) {
    String pem =
        switch (party) {
          case Party.Core service when core.services().contains(service) -> core.ca();
          case Party.Core service -> throw new Refused(service + " is not in the trust bundle");
          case Party.Site site -> member(site, at).ca();
        };
    return certificate(pem);
  }

  private Member member(Party.Site site, Instant at) {
    Member found =
        members.stream()
            .filter(member -> member.sites().stream().anyMatch(listed -> listed.urn().equals(site)))
            .findFirst()
            .orElseThrow(() -> new Refused(site + " is not in the trust bundle"));
    if (found.leftAt().filter(at::isAfter).isPresent()) {
      throw new Refused(site + " left at " + found.leftAt().get());
    }
    return found;
  }

  private static X509Certificate certificate(String pem) {
    return SigningKey.certificate(pem.getBytes(StandardCharsets.US_ASCII));
  }

  private static List<String> usages(X509Certificate leaf) {
    try {
      List<String> usages = leaf.getExtendedKeyUsage();
      return usages == null ? List.of() : usages;
    } catch (GeneralSecurityException e) {
      throw new Refused("a certificate with unreadable usages", e);
    }
  }

  /**
   * A signature's path is judged at the leaf's beginning: what was signed stays verifiable after
   * the leaf's end.
   */
  private static void path(X509Certificate leaf, X509Certificate ca, Instant at) {
    try {
      PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(ca, null)));
      parameters.setRevocationEnabled(false);
      parameters.setDate(Date.from(at));
      CertPath path = CertificateFactory.getInstance("X.509").generateCertPath(List.of(leaf));
      CertPathValidator.getInstance("PKIX").validate(path, parameters);
    } catch (GeneralSecurityException e) {
      throw new Refused("a certificate that its party's CA did not make: " + e.getMessage(), e);
    }
  }

  /**
   * The one URI in a certificate's SAN.
   *
   * @throws Refused if there is none or more than one
   */
  public static String san(X509Certificate certificate) {
    try {
      Collection<List<?>> names = certificate.getSubjectAlternativeNames();
      List<String> uris =
          names == null
              ? List.of()
              : names.stream()
                  .filter(name -> Integer.valueOf(6).equals(name.get(0)))
                  .map(name -> (String) name.get(1))
                  .toList();
      if (uris.size() != 1) {
        throw new Refused("a certificate names exactly one party in its SAN");
      }
      return uris.getFirst();
    } catch (GeneralSecurityException e) {
      throw new Refused("a certificate with an unreadable SAN", e);
    }
  }
}
