package crossdock.chassis.testing;

import crossdock.contracts.Check;
import crossdock.contracts.CoreService;
import crossdock.contracts.Json;
import crossdock.contracts.Party;
import crossdock.contracts.Policy;
import crossdock.contracts.Sha256;
import crossdock.contracts.SigningKey;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** Three sites and the core, each with a CA and signing keys of its own. Immutable. */
public final class Parties {
  public static final Party.Site NORTH = new Party.Site(SiteId.parse("north:oslo"));
  public static final Party.Site SOUTH = new Party.Site(SiteId.parse("south:roma"));
  public static final Party.Site WEST = new Party.Site(SiteId.parse("west:porto"));
  public static final Party.Core GATEWAY = new Party.Core(CoreService.GATEWAY);
  public static final Party.Core IDENTITY = new Party.Core(CoreService.IDENTITY);
  public static final Party.Core CATALOG = new Party.Core(CoreService.CATALOG);
  public static final Party.Core BILLING = new Party.Core(CoreService.BILLING);

  /** Of every key store. */
  public static final String PASSWORD = "changeit";

  private static final List<String> MEMBERS = List.of("north", "south", "west");
  private static final KeyPurposeId SIGNING = KeyPurposeId.id_kp_codeSigning;
  private static final Instant FROM = Instant.parse("2026-01-01T00:00:00Z");
  private static final Instant UNTIL = FROM.plus(Duration.ofDays(36_500));

  private record Leaf(PrivateKey secret, X509Certificate certificate, SigningKey key) {}

  private record Authority(KeyPair keys, X509Certificate certificate) {}

  private final Map<String, Authority> authorities = new HashMap<>();
  private final Map<Party, Leaf> leaves = new HashMap<>();
  private final Map<String, X509Certificate> tls = new HashMap<>();
  private final TrustBundle trust;

  /** The world as above, with new keys. */
  public Parties() {
    this(URI.create("https://127.0.0.1:1"), Map.of());
  }

  /**
   * The same.
   *
   * @param sites where all services of all sites answer
   * @param realms whose tokens prove an account, by provider
   */
  public Parties(URI sites, Map<String, TrustBundle.Realm> realms) {
    for (String name : List.of("north", "south", "west", "core")) {
      authorities.put(name, authority(name + " CA"));
    }
    for (Party.Site site : List.of(NORTH, SOUTH, WEST)) {
      leaves.put(site, leaf(authority(site), site.urn(), SIGNING));
    }
    for (CoreService service : CoreService.values()) {
      Party party = new Party.Core(service);
      leaves.put(party, leaf(authority(party), party.urn(), SIGNING));
    }
    trust =
        new TrustBundle(
            1,
            FROM,
            UNTIL,
            Stream.of(NORTH, SOUTH, WEST).map(site -> member(site, sites, realms)).toList(),
            new TrustBundle.Core(
                pem("CERTIFICATE", encoded(need("core").certificate())),
                Arrays.stream(CoreService.values()).map(Party.Core::new).toList()));
  }

  /** What all members signed. */
  public TrustBundle trust() {
    return trust;
  }

  /** Findings with which the standard policy is content. */
  public static List<Check> checks() {
    return Policy.STANDARD.certificate().stream()
        .map(rule -> new Check(rule.check(), rule.version(), Check.Outcome.PASSED, "all"))
        .toList();
  }

  /** How an honest importer took it in. */
  public static List<Check> taken() {
    Stream<Check> steps =
        Stream.of("certificate", "transfer", "read-back")
            .map(step -> new Check(step, 1, Check.Outcome.PASSED, "all"));
    return Stream.concat(steps, checks().stream()).toList();
  }

  /** What a party signs with. */
  public SigningKey key(Party party) {
    return Objects.requireNonNull(leaves.get(party)).key();
  }

  /** What a dishonest party makes for itself: a key that names {@code as}, from its own CA. */
  public SigningKey forged(Party by, Party as) {
    return leaf(authority(by), as.urn(), SIGNING).key();
  }

  /** The members' next bundle: what {@code urn} was last given for TLS is taken back. */
  public byte[] revoking(String urn) {
    X509Certificate shown = Objects.requireNonNull(tls.get(urn));
    return revoking(Sha256.of(encoded(shown)));
  }

  /** The members' next bundle: a certificate is taken back from the beginning. */
  public byte[] revoking(Sha256 certificate) {
    return signed(
        new TrustBundle(
            trust.version() + 1,
            FROM,
            UNTIL,
            trust.members(),
            trust.core(),
            List.of(new TrustBundle.Revocation(certificate, FROM))));
  }

  /** The members' next bundle: a provider begins nothing any more. */
  public byte[] suspending(String provider) {
    return changing(1, provider, member -> member.suspended(FROM));
  }

  /**
   * A later bundle: a provider certifies by another policy.
   *
   * @param later by how many versions
   */
  public byte[] listing(int later, String provider, Policy policy) {
    return changing(
        later,
        provider,
        member ->
            new TrustBundle.Member(
                provider, member.ca(), member.sites(), member.realm(), policy.digest()));
  }

  /**
   * A later bundle: a member's entry is another one.
   *
   * @param later by how many versions
   */
  public byte[] changing(int later, String provider, UnaryOperator<TrustBundle.Member> change) {
    return signed(
        new TrustBundle(
            trust.version() + later,
            FROM,
            UNTIL,
            trust.members().stream()
                .map(one -> one.provider().equals(provider) ? change.apply(one) : one)
                .toList(),
            trust.core()));
  }

  private byte[] signed(TrustBundle bundle) {
    return Json.bytes(
        MEMBERS.stream()
            .map(this::need)
            .map(member -> SigningKey.of(member.keys().getPrivate(), member.certificate()))
            .map(key -> key.sign(TrustBundle.PAYLOAD_TYPE, Json.bytes(bundle)))
            .toList());
  }

  /** Writes what a service of {@code party} is configured with, and says under which keys. */
  public Map<String, Object> configure(Party party, Path directory) throws IOException {
    Path members = Files.createDirectories(directory.resolve("members"));
    for (String name : MEMBERS) {
      Files.writeString(
          members.resolve(name + ".pem"), pem("CERTIFICATE", encoded(need(name).certificate())));
    }
    Path bundle = Files.write(directory.resolve("bundle.json"), signed(trust));
    Leaf leaf = Objects.requireNonNull(leaves.get(party));
    Path key =
        Files.writeString(
            directory.resolve("key.pem"), pem("PRIVATE KEY", leaf.secret().getEncoded()));
    Path certificate =
        Files.writeString(
            directory.resolve("certificate.pem"), pem("CERTIFICATE", encoded(leaf.certificate())));
    Path store = tls(party, party.urn(), directory.resolve("key.p12"));
    return Map.of(
        "crossdock.party", party.urn(),
        "crossdock.trust.bundle", bundle.toString(),
        "crossdock.trust.members", members.toString(),
        "crossdock.work", directory.resolve("work").toString(),
        "crossdock.signing.key", key.toString(),
        "crossdock.signing.certificate", certificate.toString(),
        "crossdock.tls.keystore", store.toString(),
        "crossdock.tls.password", PASSWORD);
  }

  /**
   * Writes what a peer of {@code party}'s CA shows as {@code urn}, and whom it trusts: everybody's
   * CA.
   */
  public Path tls(Party party, String urn, Path file) throws IOException {
    try (OutputStream out = Files.newOutputStream(file)) {
      store(party, urn).store(out, PASSWORD.toCharArray());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
    return file;
  }

  /** The same for a client. */
  public SSLContext context(Party party, String urn) {
    try {
      KeyStore store = store(party, urn);
      KeyManagerFactory keys =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(store, PASSWORD.toCharArray());
      TrustManagerFactory trusted =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trusted.init(store);
      SSLContext context = SSLContext.getInstance("TLSv1.3");
      context.init(keys.getKeyManagers(), trusted.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private KeyStore store(Party party, String urn) throws IOException, GeneralSecurityException {
    Authority authority = authority(party);
    Leaf leaf = leaf(authority, urn, KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth);
    tls.put(urn, leaf.certificate());
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry(
        "key",
        leaf.secret(),
        PASSWORD.toCharArray(),
        new Certificate[] {leaf.certificate(), authority.certificate()});
    for (Map.Entry<String, Authority> other : authorities.entrySet()) {
      store.setCertificateEntry(other.getKey(), other.getValue().certificate());
    }
    return store;
  }

  private TrustBundle.Member member(
      Party.Site site, URI all, Map<String, TrustBundle.Realm> realms) {
    String provider = site.id().provider();
    return new TrustBundle.Member(
        provider,
        pem("CERTIFICATE", encoded(need(provider).certificate())),
        List.of(new TrustBundle.Site(site, TrustBundle.SiteClass.PROVIDER, all, all, all)),
        Optional.ofNullable(realms.get(provider)),
        Policy.STANDARD.digest());
  }

  private Authority authority(Party party) {
    return switch (party) {
      case Party.Site site -> need(site.id().provider());
      case Party.Core _ -> need("core");
    };
  }

  private Authority need(String name) {
    return Objects.requireNonNull(authorities.get(name));
  }

  private static Authority authority(String name) {
    KeyPair keys = keys();
    try {
      return new Authority(
          keys,
          sign(
              builder(name, name, keys)
                  .addExtension(Extension.basicConstraints, true, new BasicConstraints(0)),
              keys));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Leaf leaf(Authority authority, String urn, KeyPurposeId... purposes) {
    KeyPair keys = keys();
    String issuer = authority.certificate().getSubjectX500Principal().getName().substring(3);
    try {
      X509Certificate certificate =
          sign(
              builder(issuer, "leaf", keys)
                  .addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purposes))
                  .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
                  .addExtension(
                      Extension.subjectAlternativeName,
                      false,
                      new GeneralNames(
                          new GeneralName[] {
                            new GeneralName(GeneralName.uniformResourceIdentifier, urn),
                            new GeneralName(GeneralName.iPAddress, "127.0.0.1"),
                            // RFC 5737: for peers in network namespaces of their own.
                            new GeneralName(GeneralName.iPAddress, "192.0.2.1")
                          })),
              authority.keys());
      return new Leaf(
          keys.getPrivate(), certificate, SigningKey.of(keys.getPrivate(), certificate));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static X509v3CertificateBuilder builder(String issuer, String subject, KeyPair keys) {
    return new JcaX509v3CertificateBuilder(
        new X500Name("CN=" + issuer),
        BigInteger.valueOf(System.nanoTime()),
        Date.from(FROM),
        Date.from(UNTIL),
        new X500Name("CN=" + subject),
        keys.getPublic());
  }

  private static X509Certificate sign(X509v3CertificateBuilder builder, KeyPair authority) {
    try {
      return new JcaX509CertificateConverter()
          .getCertificate(
              builder.build(
                  new JcaContentSignerBuilder("SHA256withECDSA").build(authority.getPrivate())));
    } catch (OperatorCreationException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static KeyPair keys() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] encoded(X509Certificate certificate) {
    try {
      return certificate.getEncoded();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String pem(String kind, byte[] der) {
    return "-----BEGIN %s-----%n%s%n-----END %s-----%n"
        .formatted(kind, Base64.getMimeEncoder().encodeToString(der), kind);
  }
}
