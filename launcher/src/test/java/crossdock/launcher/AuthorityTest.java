package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.launcher.Authority.Leaf;
import crossdock.launcher.Authority.Use;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AuthorityTest {
  private static final Party SITE = new Party("site.north.oslo", "urn:crossdock:site:north:oslo");
  private static final String CLIENT = "1.3.6.1.5.5.7.3.2";
  private static final String SERVER = "1.3.6.1.5.5.7.3.1";
  private static final String CODE_SIGNING = "1.3.6.1.5.5.7.3.3";

  @TempDir Path directory;

  private Authority authority() {
    return Authority.open(directory, "crossdock test", Clock.systemUTC());
  }

  @Test
  void aLeafNamesTheSamePartyToThoseWhoSeeTheNameAndThoseWhoSeeTheUri() throws Exception {
    X509Certificate leaf = authority().issue(SITE, Use.CLIENT).chain().getFirst();
    assertThat(leaf.getSubjectX500Principal().getName()).isEqualTo("CN=site.north.oslo");
    assertThat(names(leaf)).containsExactly("6 urn:crossdock:site:north:oslo");
  }

  @Test
  void aLeafMayBeUsedForWhatItWasMadeAndNothingElse() throws Exception {
    Authority authority = authority();
    assertThat(purposes(authority, Use.CLIENT)).containsExactly(CLIENT);
    assertThat(purposes(authority, Use.PEER)).containsExactlyInAnyOrder(CLIENT, SERVER);
    assertThat(purposes(authority, Use.SIGNING)).containsExactly(CODE_SIGNING);
    X509Certificate leaf = authority.issue(SITE, Use.SIGNING).chain().getFirst();
    assertThat(leaf.getBasicConstraints()).isEqualTo(-1);
    assertThat(leaf.getCriticalExtensionOIDs()).contains("2.5.29.15", "2.5.29.19", "2.5.29.37");
  }

  @Test
  void aPeerIsReachedAtItsAddressesOnly() throws Exception {
    X509Certificate leaf =
        authority().issue(SITE, Use.PEER, "127.1.1.1", "127.1.1.2").chain().getFirst();
    assertThat(names(leaf))
        .containsExactly("6 urn:crossdock:site:north:oslo", "7 127.1.1.1", "7 127.1.1.2");
  }

  @Test
  void everyKeyIsP256AndEveryLeafIsSignedByItsAuthorityForNinetyDays() throws Exception {
    Authority authority = authority();
    X509Certificate leaf = authority.issue(SITE, Use.CLIENT).chain().getFirst();
    leaf.verify(authority.certificate().getPublicKey());
    for (X509Certificate each : List.of(leaf, authority.certificate())) {
      assertThat(((ECPublicKey) each.getPublicKey()).getParams().getOrder().bitLength())
          .isEqualTo(256);
    }
    assertThat(life(leaf)).isBetween(Duration.ofDays(90), Duration.ofDays(91));
    assertThat(life(authority.certificate())).isBetween(Duration.ofDays(730), Duration.ofDays(731));
    assertThat(authority.certificate().getBasicConstraints()).isZero();
  }

  @Test
  void anAuthorityIsKeptAndOpenedAgainAndItsKeyIsItsOwnersAlone() throws Exception {
    X509Certificate first = authority().certificate();
    assertThat(authority().certificate()).isEqualTo(first);
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(directory.resolve("ca.key.pem"))))
        .isEqualTo("rw-------");
  }

  @Test
  void aStoreHoldsTheKeyWithItsChainAndOpensWithItsPasswordOnly() throws Exception {
    Leaf leaf = authority().issue(SITE, Use.PEER, "127.1.1.1");
    KeyStore store = KeyStore.getInstance("PKCS12");
    byte[] bytes = leaf.pkcs12("secret");
    store.load(new ByteArrayInputStream(bytes), "secret".toCharArray());
    assertThat(store.getKey("key", "secret".toCharArray())).isEqualTo(leaf.key());
    assertThat(store.getCertificateChain("key")).hasSize(2);
    KeyStore other = KeyStore.getInstance("PKCS12");
    assertThatThrownBy(() -> other.load(new ByteArrayInputStream(bytes), "guess".toCharArray()))
        .isInstanceOf(java.io.IOException.class);
  }

  @Test
  void eachProviderHasAnAuthorityOfItsOwnAndKafkaTrustsTheCoresAlone() throws Exception {
    State state = new State(directory);
    Pki pki = Pki.open(state, Clock.systemUTC());
    assertThat(pki.members().keySet()).containsExactly("north", "south");
    Path run = state.run("north-export");
    pki.kafka(run, SITE, Use.CLIENT);
    X509Certificate trusted =
        Authority.certificate(Files.readString(run.resolve("kafka-trust.pem")));
    assertThat(trusted).isEqualTo(pki.core().certificate());
    assertThat(Files.readString(run.resolve("kafka.pem")))
        .startsWith("-----BEGIN PRIVATE KEY-----")
        .contains("-----BEGIN CERTIFICATE-----");
    try (Stream<Path> files = Files.list(run)) {
      assertThat(files.toList())
          .allSatisfy(
              f ->
                  assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(f)))
                      .isEqualTo("rw-------"));
    }
  }

  private static List<String> purposes(Authority authority, Use use) throws Exception {
    return authority.issue(SITE, use).chain().getFirst().getExtendedKeyUsage();
  }

  private static List<String> names(X509Certificate leaf) throws Exception {
    List<String> names = new ArrayList<>();
    for (List<?> name : leaf.getSubjectAlternativeNames()) {
      names.add(name.get(0) + " " + name.get(1));
    }
    return names;
  }

  private static Duration life(X509Certificate certificate) {
    return Duration.between(
        certificate.getNotBefore().toInstant(), certificate.getNotAfter().toInstant());
  }
}
