package crossdock.contracts;

import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
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

/** The sites north and south and the core, each with a CA and signing keys of its own. */
final class Parties {
  /** What a CA is: keys and a certificate that it made for itself. */
  record Authority(KeyPair keys, X509Certificate certificate) {
    String pem() {
      try {
        return "-----BEGIN CERTIFICATE-----\n"
            + Base64.getMimeEncoder().encodeToString(certificate.getEncoded())
            + "\n-----END CERTIFICATE-----\n";
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  static final Instant FROM = Instant.parse("2026-01-01T00:00:00Z");
  static final Instant UNTIL = FROM.plus(Duration.ofDays(365));

  final Authority north = authority("north CA");
  final Authority south = authority("south CA");
  final Authority core = authority("core CA");
  final SigningKey source = signing(north, Sample.SOURCE.urn());
  final SigningKey target = signing(south, Sample.TARGET.urn());
  final SigningKey gateway = signing(core, Sample.GATEWAY.urn());
  final SigningKey identity = signing(core, Sample.IDENTITY.urn());
  final TrustBundle trust = trust(1, UNTIL);

  TrustBundle trust(long version, Instant expiresAt) {
    return new TrustBundle(
        version,
        FROM,
        expiresAt,
        List.of(
            new TrustBundle.Member("north", north.pem(), List.of(site("north:oslo", "127.0.1"))),
            new TrustBundle.Member("south", south.pem(), List.of(site("south:roma", "127.0.2")))),
        new TrustBundle.Core(
            core.pem(),
            List.of(new Party.Core(CoreService.GATEWAY), new Party.Core(CoreService.IDENTITY))));
  }

  private static TrustBundle.Site site(String id, String net) {
    return new TrustBundle.Site(
        new Party.Site(SiteId.parse(id)),
        TrustBundle.SiteClass.PROVIDER,
        URI.create("https://" + net + ".1:8443"),
        URI.create("https://" + net + ".2:8443"),
        URI.create("https://" + net + ".3:8443"));
  }

  /** A signing key with what it should have: EKU codeSigning and one URI. */
  static SigningKey signing(Authority authority, String uri) {
    return leaf(authority, FROM, UNTIL, KeyPurposeId.id_kp_codeSigning, uri);
  }

  static SigningKey leaf(
      Authority authority, Instant from, Instant until, KeyPurposeId usage, String... uris) {
    KeyPair keys = keys();
    List<GeneralName> names = new ArrayList<>();
    for (String uri : uris) {
      names.add(new GeneralName(GeneralName.uniformResourceIdentifier, uri));
    }
    try {
      X509v3CertificateBuilder builder =
          builder(authority.certificate().getSubjectX500Principal().getName(), from, until, keys)
              .addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(usage))
              .addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
      if (!names.isEmpty()) {
        builder.addExtension(
            Extension.subjectAlternativeName,
            false,
            new GeneralNames(names.toArray(GeneralName[]::new)));
      }
      return SigningKey.of(keys.getPrivate(), sign(builder, authority.keys()));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  static Authority authority(String name) {
    KeyPair keys = keys();
    try {
      return new Authority(
          keys,
          sign(
              builder("CN=" + name, FROM, UNTIL.plus(Duration.ofDays(3650)), keys)
                  .addExtension(Extension.basicConstraints, true, new BasicConstraints(0)),
              keys));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static X509v3CertificateBuilder builder(
      String issuer, Instant from, Instant until, KeyPair keys) {
    return new JcaX509v3CertificateBuilder(
        new X500Name(issuer),
        BigInteger.valueOf(System.nanoTime()),
        Date.from(from),
        Date.from(until),
        // a CA names itself; what a leaf is called there is in its SAN
        new X500Name(issuer.endsWith("CA") && until.isAfter(UNTIL) ? issuer : "CN=leaf"),
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
}
