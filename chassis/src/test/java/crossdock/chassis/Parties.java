package crossdock.chassis;

import crossdock.contracts.CoreService;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Report;
import crossdock.contracts.Sha256;
import crossdock.contracts.SigningKey;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subject;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
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
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
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
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** The sites north and south and the core, each with a CA of its own, and what they say. */
final class Parties {
  static final SiteId NORTH = SiteId.parse("north:oslo");
  static final SiteId SOUTH = SiteId.parse("south:roma");
  static final Party.Core GATEWAY = new Party.Core(CoreService.GATEWAY);
  static final Party.Core IDENTITY = new Party.Core(CoreService.IDENTITY);
  static final Party.Site SOURCE = new Party.Site(NORTH);
  static final Party.Site TARGET = new Party.Site(SOUTH);
  static final MigrationId ID = MigrationId.of(new Subject("https://idp", "alice"), "1");
  static final MigrationId OTHER = MigrationId.of(new Subject("https://idp", "alice"), "2");
  static final Instant FROM = Instant.parse("2026-01-01T00:00:00Z");
  static final Instant UNTIL = Instant.parse("2126-01-01T00:00:00Z");

  static final Fact AUTHORIZED =
      new Fact.Authorized(
          new Subject("https://north", "a-lice"), new Subject("https://south", "al-ice"));
  static final Fact INSPECTED =
      new Fact.Inspected(
          new Machine(
              "vm-1",
              "Web shop",
              "x86_64",
              2,
              2L << 30,
              Machine.Firmware.BIOS,
              "linux",
              List.of(new Machine.Disk("disk-0", "qcow2", 8L << 30)),
              List.of(new Machine.Nic("nic-0", "front", "52:54:00:12:34:56")),
              List.of("web")));

  /** A key and the certificate that an authority made for it. */
  record Leaf(PrivateKey key, X509Certificate certificate, X509Certificate issuer) {
    SigningKey signing() {
      return SigningKey.of(key, certificate);
    }

    void write(Path file, String password) {
      try {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry(
            "key", key, password.toCharArray(), new Certificate[] {certificate, issuer});
        try (OutputStream out = Files.newOutputStream(file)) {
          store.store(out, password.toCharArray());
        }
      } catch (GeneralSecurityException | IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** What a CA is: keys and a certificate that it made for itself. */
  record Authority(KeyPair keys, X509Certificate certificate) {
    static Authority of(String name) {
      KeyPair keys = newKeys();
      X500Name self = new X500Name("CN=" + name);
      return new Authority(
          keys, certify(self, self, keys, keys.getPrivate(), true, List.of(), List.of()));
    }

    /** A leaf for these purposes, naming {@code urn} and the loopback addresses. */
    Leaf leaf(String urn, KeyPurposeId... purposes) {
      KeyPair own = newKeys();
      return new Leaf(
          own.getPrivate(),
          certify(
              new X500Name(certificate.getSubjectX500Principal().getName()),
              new X500Name("CN=leaf"),
              own,
              keys.getPrivate(),
              false,
              List.of(
                  new GeneralName(GeneralName.uniformResourceIdentifier, urn),
                  new GeneralName(GeneralName.iPAddress, "127.0.0.1")),
              List.of(purposes)),
          certificate);
    }

    /** What it signs the members' bundle with. */
    SigningKey member() {
      return SigningKey.of(keys.getPrivate(), certificate);
    }

    Leaf signing(String urn) {
      return leaf(urn, KeyPurposeId.id_kp_codeSigning);
    }

    Leaf tls(String urn) {
      return leaf(urn, KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth);
    }

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

  final Authority north = Authority.of("north CA");
  final Authority south = Authority.of("south CA");
  final Authority core = Authority.of("core CA");
  final SigningKey source = north.signing(SOURCE.urn()).signing();
  final SigningKey target = south.signing(TARGET.urn()).signing();
  final SigningKey gateway = core.signing(GATEWAY.urn()).signing();
  final SigningKey identity = core.signing(IDENTITY.urn()).signing();
  final TrustBundle trust =
      new TrustBundle(
          1,
          FROM,
          UNTIL,
          List.of(
              new TrustBundle.Member("north", north.pem(), List.of(site(SOURCE))),
              new TrustBundle.Member("south", south.pem(), List.of(site(TARGET)))),
          new TrustBundle.Core(core.pem(), List.of(GATEWAY, IDENTITY)));

  static Fact requested(String machine) {
    return new Fact.Requested(
        new Subject("https://idp", "alice"),
        NORTH,
        machine,
        SOUTH,
        Fact.Mode.COLD,
        Fact.Acceptance.AUTOMATIC,
        new Money(new BigDecimal("12.50"), "EUR"),
        false);
  }

  /** Writes one migration's events as the gateway does. */
  static final class Log {
    private final MigrationId id;
    private final List<byte[]> events = new ArrayList<>();

    Log(MigrationId id) {
      this.id = id;
    }

    Log add(SigningKey key, Party by, int attempt, Fact fact) {
      Report report = new Report(id, by, attempt, FROM, fact);
      Sha256 previous = events.isEmpty() ? Sha256.NONE : Sha256.of(events.getLast());
      events.add(
          Json.bytes(
              new Event(
                  id,
                  events.size() + 1L,
                  previous,
                  FROM.plusSeconds(events.size()),
                  key.sign(Report.PAYLOAD_TYPE, Json.bytes(report)))));
      return this;
    }

    List<byte[]> all() {
      return List.copyOf(events);
    }

    List<byte[]> first(int count) {
      return List.copyOf(events.subList(0, count));
    }

    byte[] last() {
      return events.getLast();
    }
  }

  /** Requested and authorized: the source is due to inspect. */
  Log log(MigrationId id) {
    return new Log(id)
        .add(gateway, GATEWAY, 1, requested("vm-1"))
        .add(identity, IDENTITY, 1, AUTHORIZED);
  }

  /** A PKCS12 file that trusts all three authorities. */
  void writeTrust(Path file, String password) throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setCertificateEntry("north", north.certificate());
    store.setCertificateEntry("south", south.certificate());
    store.setCertificateEntry("core", core.certificate());
    try (OutputStream out = Files.newOutputStream(file)) {
      store.store(out, password.toCharArray());
    }
  }

  /** Writes {@code trust.json} and {@code members/}: what a service is set up with. */
  void writeBundle(Path directory) throws IOException {
    Path members = Files.createDirectory(directory.resolve("members"));
    Files.writeString(members.resolve("north.pem"), north.pem());
    Files.writeString(members.resolve("south.pem"), south.pem());
    Files.write(directory.resolve("trust.json"), signed(trust));
  }

  /** The same members, later. */
  TrustBundle version(long version) {
    return new TrustBundle(version, FROM, UNTIL, trust.members(), trust.core());
  }

  /** Later, when one of them has left. */
  TrustBundle without(String provider, long version) {
    List<TrustBundle.Member> members =
        trust.members().stream()
            .map(m -> m.provider().equals(provider) ? m.left(FROM.plusSeconds(60)) : m)
            .toList();
    return new TrustBundle(version, FROM, UNTIL, members, trust.core());
  }

  /** What both members signed. */
  byte[] signed(TrustBundle listed) {
    byte[] bundle = Json.bytes(listed);
    return Json.bytes(
        List.of(
            north.member().sign(TrustBundle.PAYLOAD_TYPE, bundle),
            south.member().sign(TrustBundle.PAYLOAD_TYPE, bundle)));
  }

  /** What a service believes that was set up so. */
  Trust trusting() {
    try {
      Path directory = Files.createTempDirectory("trust");
      writeBundle(directory);
      return new Trust(
          directory.resolve("trust.json"),
          directory.resolve("members"),
          directory.resolve("work"),
          Clock.fixed(FROM, ZoneOffset.UTC));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static TrustBundle.Site site(Party.Site site) {
    URI address = URI.create("https://127.0.0.1:8443");
    return new TrustBundle.Site(site, TrustBundle.SiteClass.PROVIDER, address, address, address);
  }

  private static X509Certificate certify(
      X500Name issuer,
      X500Name subject,
      KeyPair keys,
      PrivateKey signer,
      boolean authority,
      List<GeneralName> names,
      List<KeyPurposeId> purposes) {
    try {
      JcaX509v3CertificateBuilder builder =
          new JcaX509v3CertificateBuilder(
              issuer,
              BigInteger.valueOf(System.nanoTime()),
              Date.from(FROM),
              Date.from(UNTIL),
              subject,
              keys.getPublic());
      builder.addExtension(
          Extension.basicConstraints,
          true,
          authority ? new BasicConstraints(0) : new BasicConstraints(false));
      if (!names.isEmpty()) {
        builder.addExtension(
            Extension.subjectAlternativeName,
            false,
            new GeneralNames(names.toArray(GeneralName[]::new)));
        builder.addExtension(
            Extension.extendedKeyUsage,
            true,
            new ExtendedKeyUsage(purposes.toArray(KeyPurposeId[]::new)));
      }
      return new JcaX509CertificateConverter()
          .getCertificate(
              builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(signer)));
    } catch (OperatorCreationException | GeneralSecurityException | IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static KeyPair newKeys() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
