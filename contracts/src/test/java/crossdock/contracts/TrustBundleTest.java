package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.junit.jupiter.api.Test;

class TrustBundleTest {
  private static final Parties PARTIES = new Parties();
  private static final byte[] PAYLOAD = "hello".getBytes(StandardCharsets.UTF_8);
  private static final Instant NOW = Parties.FROM.plus(Duration.ofDays(30));

  /** The members' own CAs sign bundles; here with keys whose certificates are the pinned ones. */
  private static SigningKey member(Parties.Authority authority) {
    return SigningKey.of(authority.keys().getPrivate(), authority.certificate());
  }

  private static final List<X509Certificate> PINNED =
      List.of(PARTIES.north.certificate(), PARTIES.south.certificate(), PARTIES.core.certificate());

  private static Envelope signed(Parties.Authority by, TrustBundle bundle) {
    return member(by).sign(TrustBundle.PAYLOAD_TYPE, Json.bytes(bundle));
  }

  private static void assertRefused(SigningKey key, String because) {
    assertThatThrownBy(() -> PARTIES.trust.signer(key.sign("t", PAYLOAD)))
        .isInstanceOf(Refused.class)
        .hasMessageContaining(because);
  }

  @Test
  void aListedPartyIsKnownByTheUriInItsCertificate() {
    assertThat(PARTIES.trust.signer(PARTIES.source.sign("t", PAYLOAD))).isEqualTo(Sample.SOURCE);
    assertThat(PARTIES.trust.signer(PARTIES.target.bundle(PAYLOAD))).isEqualTo(Sample.TARGET);
    assertThat(PARTIES.trust.signer(PARTIES.gateway.sign("t", PAYLOAD))).isEqualTo(Sample.GATEWAY);
  }

  @Test
  void aProviderCannotNameTheSiteOfAnother() {
    assertRefused(
        Parties.signing(PARTIES.south, Sample.SOURCE.urn()), "its party's CA did not make");
  }

  @Test
  void aProviderCannotNameTheCoreNorTheCoreAProvider() {
    assertRefused(
        Parties.signing(PARTIES.south, Sample.GATEWAY.urn()), "its party's CA did not make");
    assertRefused(
        Parties.signing(PARTIES.core, Sample.SOURCE.urn()), "its party's CA did not make");
  }

  @Test
  void aCaThatNobodyListedIsNotBelieved() {
    assertRefused(
        Parties.signing(Parties.authority("north CA"), Sample.SOURCE.urn()),
        "its party's CA did not make");
  }

  @Test
  void onlyListedSitesAndServicesAreParties() {
    assertRefused(
        Parties.signing(PARTIES.north, "urn:crossdock:site:north:bergen"),
        "not in the trust bundle");
    assertRefused(
        Parties.signing(PARTIES.core, "urn:crossdock:core:billing"), "not in the trust bundle");
    assertRefused(
        Parties.signing(PARTIES.north, "urn:crossdock:site:north:oslo:dock"), "a site is");
    assertRefused(Parties.signing(PARTIES.north, "https://example.com"), "no party");
  }

  @Test
  void aCertificateThatIsNotForSigningSignsNothing() {
    assertRefused(
        Parties.leaf(
            PARTIES.north,
            Parties.FROM,
            Parties.UNTIL,
            KeyPurposeId.id_kp_serverAuth,
            Sample.SOURCE.urn()),
        "not for signing");
  }

  @Test
  void aCertificateNamesExactlyOneParty() {
    KeyPurposeId usage = KeyPurposeId.id_kp_codeSigning;
    assertRefused(
        Parties.leaf(
            PARTIES.north,
            Parties.FROM,
            Parties.UNTIL,
            usage,
            Sample.SOURCE.urn(),
            "urn:crossdock:site:north:bergen"),
        "exactly one party");
    assertRefused(
        Parties.leaf(PARTIES.north, Parties.FROM, Parties.UNTIL, usage), "exactly one party");
  }

  @Test
  void anEnvelopeWithoutCertificateNamesNobody() {
    Envelope bare = PARTIES.source.bundle(PAYLOAD).dsseEnvelope();
    assertThatThrownBy(() -> PARTIES.trust.signer(bare))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("without certificate");
  }

  @Test
  void whatWasSignedInTimeVerifiesLaterAndWhatWasSignedLateNever() {
    Envelope envelope = PARTIES.source.sign("t", PAYLOAD);
    assertThat(PARTIES.trust.signer(envelope, Parties.UNTIL)).isEqualTo(Sample.SOURCE);
    assertThatThrownBy(() -> PARTIES.trust.signer(envelope, Parties.UNTIL.plusSeconds(1)))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("ended at");
  }

  @Test
  void whatWasSignedBeforeAKeyWasTakenBackStaysAndNothingAfterCounts() throws Exception {
    X509Certificate dock = tls(PARTIES.north, KeyPurposeId.id_kp_clientAuth, Sample.SOURCE.urn());
    Envelope envelope = PARTIES.source.sign("t", PAYLOAD);
    byte[] leaf = envelope.signatures().getFirst().certificate().orElseThrow();
    Instant from = Parties.FROM.plusSeconds(100);
    TrustBundle now =
        new TrustBundle(
            2,
            Parties.FROM,
            Parties.UNTIL,
            PARTIES.trust.members(),
            PARTIES.trust.core(),
            List.of(
                new TrustBundle.Revocation(Sha256.of(leaf), from),
                new TrustBundle.Revocation(Sha256.of(dock.getEncoded()), from)));
    assertThat(now.signer(envelope, from.minusSeconds(1))).isEqualTo(Sample.SOURCE);
    assertThat(now.peer(dock, from.minusSeconds(1))).isEqualTo(Sample.SOURCE.urn());
    for (Instant at : List.of(from, from.plusSeconds(1), Parties.UNTIL)) {
      assertThatThrownBy(() -> now.signer(envelope, at))
          .isInstanceOf(Refused.class)
          .hasMessageContaining("revoked since");
      assertThatThrownBy(() -> now.peer(dock, at))
          .isInstanceOf(Refused.class)
          .hasMessageContaining("revoked since");
    }
    assertThat(now.signer(PARTIES.target.sign("t", PAYLOAD), Parties.UNTIL))
        .isEqualTo(Sample.TARGET);
  }

  @Test
  void whatAMemberSignedBeforeItLeftStaysAndNothingAfterCounts() {
    Instant left = Parties.FROM.plusSeconds(100);
    TrustBundle now =
        new TrustBundle(
            2,
            Parties.FROM,
            Parties.UNTIL,
            List.of(PARTIES.trust.members().getFirst().left(left), PARTIES.trust.members().get(1)),
            PARTIES.trust.core());
    Envelope envelope = PARTIES.source.sign("t", PAYLOAD);
    assertThat(now.signer(envelope)).isEqualTo(Sample.SOURCE);
    assertThat(now.signer(envelope, left)).isEqualTo(Sample.SOURCE);
    assertThatThrownBy(() -> now.signer(envelope, left.plusSeconds(1)))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("left at");
    Envelope after =
        Parties.leaf(
                PARTIES.north,
                left.plusSeconds(1),
                Parties.UNTIL,
                KeyPurposeId.id_kp_codeSigning,
                Sample.SOURCE.urn())
            .sign("t", PAYLOAD);
    assertThatThrownBy(() -> now.signer(after))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("left at");
    X509Certificate dock = tls(PARTIES.north, KeyPurposeId.id_kp_clientAuth, Sample.SOURCE.urn());
    assertThat(now.peer(dock, left)).isEqualTo(Sample.SOURCE.urn());
    assertThatThrownBy(() -> now.peer(dock, left.plusSeconds(1))).isInstanceOf(Refused.class);
    assertThat(now.site(SiteId.parse("north:oslo"))).isEmpty();
    assertThat(now.site(SiteId.parse("south:roma"))).isPresent();
    assertThat(now.authorities()).hasSize(2);
    assertThat(Json.read(Json.bytes(now), TrustBundle.class)).isEqualTo(now);
  }

  private static X509Certificate tls(Parties.Authority authority, KeyPurposeId usage, String uri) {
    Envelope envelope =
        Parties.leaf(authority, Parties.FROM, Parties.UNTIL, usage, uri).sign("t", PAYLOAD);
    return SigningKey.certificate(envelope.signatures().getFirst().certificate().orElseThrow());
  }

  @Test
  void aTlsPeerIsTheSiteOrItsDockThatItsOwnCaNamed() {
    KeyPurposeId usage = KeyPurposeId.id_kp_clientAuth;
    String dock = new Party.Site(Sample.NORTH).dockUrn();
    assertThat(PARTIES.trust.peer(tls(PARTIES.north, usage, Sample.SOURCE.urn()), NOW))
        .isEqualTo(Sample.SOURCE.urn());
    X509Certificate leaf = tls(PARTIES.north, usage, dock);
    assertThat(PARTIES.trust.peer(leaf, NOW)).isEqualTo(dock);
    for (X509Certificate other :
        List.of(
            tls(PARTIES.south, usage, dock),
            tls(PARTIES.core, usage, Sample.SOURCE.urn()),
            tls(PARTIES.north, usage, "urn:crossdock:site:north:bergen"),
            tls(PARTIES.north, KeyPurposeId.id_kp_codeSigning, Sample.SOURCE.urn()))) {
      assertThatThrownBy(() -> PARTIES.trust.peer(other, NOW)).isInstanceOf(Refused.class);
    }
    assertThatThrownBy(() -> PARTIES.trust.peer(leaf, Parties.UNTIL.plusSeconds(1)))
        .isInstanceOf(Refused.class);
  }

  @Test
  void aMajorityOfThePinnedMembersIsEnough() {
    TrustBundle bundle = PARTIES.trust(3, Parties.UNTIL);
    List<Envelope> two = List.of(signed(PARTIES.north, bundle), signed(PARTIES.south, bundle));
    assertThat(TrustBundle.accept(two, PINNED, 2, NOW)).isEqualTo(bundle);
    assertThat(TrustBundle.accept(two, PINNED, 3, NOW)).isEqualTo(bundle);
  }

  @Test
  void aMinorityIsNotEnoughHoweverOftenItSigns() {
    TrustBundle bundle = PARTIES.trust(3, Parties.UNTIL);
    List<Envelope> one = List.of(signed(PARTIES.north, bundle), signed(PARTIES.north, bundle));
    assertThatThrownBy(() -> TrustBundle.accept(one, PINNED, 0, NOW))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("1 of 3 members");
    assertThatThrownBy(
            () ->
                TrustBundle.accept(
                    List.of(
                        signed(PARTIES.north, bundle),
                        signed(Parties.authority("south CA"), bundle)),
                    PINNED,
                    0,
                    NOW))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> TrustBundle.accept(List.of(), PINNED, 0, NOW))
        .isInstanceOf(Refused.class);
  }

  @Test
  void membersWhoSignDifferentBundlesDoNotAddUp() {
    assertThatThrownBy(
            () ->
                TrustBundle.accept(
                    List.of(
                        signed(PARTIES.north, PARTIES.trust(3, Parties.UNTIL)),
                        signed(PARTIES.south, PARTIES.trust(4, Parties.UNTIL))),
                    PINNED,
                    0,
                    NOW))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("different");
  }

  @Test
  void aSignatureOverSomethingElseIsNoVote() {
    TrustBundle bundle = PARTIES.trust(3, Parties.UNTIL);
    assertThatThrownBy(
            () ->
                TrustBundle.accept(
                    List.of(
                        signed(PARTIES.north, bundle),
                        member(PARTIES.south).sign("text/plain", Json.bytes(bundle))),
                    PINNED,
                    0,
                    NOW))
        .isInstanceOf(Refused.class);
  }

  @Test
  void anOlderBundleIsRefused() {
    TrustBundle bundle = PARTIES.trust(3, Parties.UNTIL);
    List<Envelope> two = List.of(signed(PARTIES.north, bundle), signed(PARTIES.south, bundle));
    assertThatThrownBy(() -> TrustBundle.accept(two, PINNED, 4, NOW))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("older");
  }

  @Test
  void anExpiredBundleIsRefused() {
    TrustBundle bundle = PARTIES.trust(3, NOW);
    List<Envelope> two = List.of(signed(PARTIES.north, bundle), signed(PARTIES.south, bundle));
    assertThatThrownBy(() -> TrustBundle.accept(two, PINNED, 0, NOW))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("expired");
  }

  @Test
  void aMemberCannotListTheSiteOfAnother() {
    TrustBundle.Site roma = PARTIES.trust.site(Sample.SOUTH).orElseThrow();
    assertThatThrownBy(() -> new TrustBundle.Member("north", "", List.of(roma)))
        .isInstanceOf(Refused.class);
  }

  @Test
  void aClassOfSitesThatNobodyKnowsIsRefused() {
    String text =
        Json.text(PARTIES.trust).replaceFirst("\"provider\",\"export\"", "\"other\",\"export\"");
    assertThat(text).contains("\"other\"");
    assertThatThrownBy(() -> Json.read(text, TrustBundle.class)).isInstanceOf(Refused.class);
  }
}
