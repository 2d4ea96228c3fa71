package crossdock.launcher;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Clock;
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
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * A certificate authority and the directory its key never leaves. All keys are P-256. An authority
 * lives two years, a leaf 90 days; leaves are made anew at each start, the authority is kept.
 */
final class Authority {
  private static final Duration AUTHORITY = Duration.ofDays(730);
  private static final Duration LEAF = Duration.ofDays(90);
  private static final SecureRandom RANDOM = new SecureRandom();

  /** What a leaf may be used for, and nothing else. */
  enum Use {
    CLIENT,
    PEER,
    SIGNING;

    private ExtendedKeyUsage purposes() {
      return new ExtendedKeyUsage(
          switch (this) {
            case CLIENT -> new KeyPurposeId[] {KeyPurposeId.id_kp_clientAuth};
            case PEER ->
                new KeyPurposeId[] {KeyPurposeId.id_kp_clientAuth, KeyPurposeId.id_kp_serverAuth};
            case SIGNING -> new KeyPurposeId[] {KeyPurposeId.id_kp_codeSigning};
          });
    }
  }

  /** A private key and the certificates from its own to the authority's. */
  record Leaf(PrivateKey key, List<X509Certificate> chain) {
    String keyPem() {
      return pem("PRIVATE KEY", key.getEncoded());
    }

    String chainPem() {
      return Authority.pem(chain);
    }

    byte[] pkcs12(String password) {
      try {
        KeyStore store = emptyStore();
        store.setKeyEntry("key", key, password.toCharArray(), chain.toArray(Certificate[]::new));
        return bytes(store, password);
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private final PrivateKey key;
  private final X509Certificate certificate;
  private final Clock clock;

  private Authority(PrivateKey key, X509Certificate certificate, Clock clock) {
    this.key = key;
    this.certificate = certificate;
    this.clock = clock;
  }

  /** Opens the authority kept in this directory, or makes it. */
  static Authority open(Path directory, String name, Clock clock) {
    Path keyFile = directory.resolve("ca.key.pem");
    Path certificateFile = directory.resolve("ca.pem");
    try {
      if (!Files.exists(certificateFile)) {
        KeyPair pair = newKey();
        X509Certificate made = selfSigned(pair, name, clock.instant());
        State.write(keyFile, pem("PRIVATE KEY", pair.getPrivate().getEncoded()));
        State.write(certificateFile, pem(made));
      }
      X509Certificate certificate = certificate(Files.readString(certificateFile));
      certificate.checkValidity(Date.from(clock.instant().plus(LEAF)));
      return new Authority(privateKey(Files.readString(keyFile)), certificate, clock);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException e) {
      throw new Refusal(
          Refusal.FAILED,
          "The certificate authority in "
              + directory
              + " is expired or damaged: "
              + e.getMessage());
    }
  }

  X509Certificate certificate() {
    return certificate;
  }

  PrivateKey key() {
    return key;
  }

  String certificatePem() {
    return pem(certificate);
  }

  /** Issues a leaf whose common name and URI name the same party, and these addresses or names. */
  Leaf issue(Party party, Use use, String... addresses) {
    KeyPair pair = newKey();
    return new Leaf(pair.getPrivate(), certify(pair.getPublic(), party, use, addresses));
  }

  /** The same for somebody who made the key, and keeps it. */
  List<X509Certificate> certify(PublicKey key, Party party, Use use, String... addresses) {
    Instant now = clock.instant();
    List<GeneralName> names = new ArrayList<>();
    names.add(new GeneralName(GeneralName.uniformResourceIdentifier, party.urn()));
    for (String address : addresses) {
      int kind = address.matches("[0-9.]+") ? GeneralName.iPAddress : GeneralName.dNSName;
      names.add(new GeneralName(kind, address));
    }
    try {
      var utils = new JcaX509ExtensionUtils();
      var builder = builder(key, "CN=" + party.principal(), now, LEAF);
      builder
          .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
          .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
          .addExtension(Extension.extendedKeyUsage, true, use.purposes())
          .addExtension(
              Extension.subjectAlternativeName,
              false,
              new GeneralNames(names.toArray(GeneralName[]::new)))
          .addExtension(
              Extension.authorityKeyIdentifier,
              false,
              utils.createAuthorityKeyIdentifier(certificate));
      return List.of(sign(builder, this.key), certificate);
    } catch (GeneralSecurityException | IOException | OperatorCreationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static X509Certificate selfSigned(KeyPair pair, String name, Instant now)
      throws GeneralSecurityException {
    try {
      X500Name subject = new X500Name("CN=" + name);
      var builder =
          new JcaX509v3CertificateBuilder(
              subject, serial(), before(now), after(now, AUTHORITY), subject, pair.getPublic());
      builder
          .addExtension(Extension.basicConstraints, true, new BasicConstraints(0))
          // It signs the members' bundle too, not only certificates.
          .addExtension(
              Extension.keyUsage,
              true,
              new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign | KeyUsage.digitalSignature))
          .addExtension(
              Extension.subjectKeyIdentifier,
              false,
              new JcaX509ExtensionUtils().createSubjectKeyIdentifier(pair.getPublic()));
      return sign(builder, pair.getPrivate());
    } catch (IOException | OperatorCreationException e) {
      throw new IllegalStateException(e);
    }
  }

  private JcaX509v3CertificateBuilder builder(
      PublicKey subject, String name, Instant now, Duration life) {
    return new JcaX509v3CertificateBuilder(
        certificate, serial(), before(now), after(now, life), new X500Name(name), subject);
  }

  private static X509Certificate sign(JcaX509v3CertificateBuilder builder, PrivateKey key)
      throws OperatorCreationException, CertificateException {
    return new JcaX509CertificateConverter()
        .getCertificate(builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(key)));
  }

  static KeyPair newKey() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"), RANDOM);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static BigInteger serial() {
    return new BigInteger(126, RANDOM).setBit(126);
  }

  // A peer's clock may be a little behind.
  private static Date before(Instant now) {
    return Date.from(now.minusSeconds(60));
  }

  private static Date after(Instant now, Duration life) {
    return Date.from(now.plus(life));
  }

  static X509Certificate certificate(String pem) throws CertificateException {
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(
                new java.io.ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
  }

  static PrivateKey privateKey(String pem) throws GeneralSecurityException {
    String body = pem.replaceAll("-----[A-Z ]+-----", "");
    return KeyFactory.getInstance("EC")
        .generatePrivate(new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(body)));
  }

  static String pem(List<X509Certificate> chain) {
    StringBuilder all = new StringBuilder();
    chain.forEach(c -> all.append(pem(c)));
    return all.toString();
  }

  static String pem(X509Certificate certificate) {
    try {
      return pem("CERTIFICATE", certificate.getEncoded());
    } catch (CertificateException e) {
      throw new IllegalStateException(e);
    }
  }

  static String pem(String label, byte[] der) {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    return "-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----\n";
  }

  private static KeyStore emptyStore() throws GeneralSecurityException {
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      return store;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] bytes(KeyStore store, String password) throws GeneralSecurityException {
    try {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      store.store(out, password.toCharArray());
      return out.toByteArray();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
