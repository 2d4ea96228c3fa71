package crossdock.chassis;

import static crossdock.chassis.Parties.SOURCE;
import static crossdock.chassis.Parties.TARGET;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Clock;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A CA is believed about its own names only, whichever end shows the certificate. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
class MutualTlsTest {
  private static final String NORTH_DOCK = SOURCE.dockUrn();
  private static final String SOUTH_DOCK = TARGET.dockUrn();

  private final Parties parties = new Parties();

  private final Path directory;
  private final EmbeddedServer north;

  MutualTlsTest(@TempDir Path directory) throws IOException, GeneralSecurityException {
    this.directory = directory;
    this.north = TestService.start(parties, directory);
  }

  @AfterAll
  void close() {
    north.close();
  }

  private MutualTls with(Parties.Leaf leaf) throws IOException, GeneralSecurityException {
    Path keys = Files.createTempFile(directory, "keys", ".p12");
    leaf.write(keys, TestService.PASSWORD);
    Trust trust =
        new Trust(
            directory.resolve("trust.json"),
            directory.resolve("members"),
            directory.resolve("client"),
            Clock.systemUTC());
    return new MutualTls(keys, TestService.PASSWORD, trust, Clock.systemUTC());
  }

  private HttpResponse<String> ask(Parties.Leaf client, String path)
      throws IOException, GeneralSecurityException, InterruptedException {
    return get(with(client).client(SOURCE.urn()), north.getURI().resolve(path));
  }

  private static HttpResponse<String> get(HttpClient client, URI uri)
      throws IOException, InterruptedException {
    try (client) {
      return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
    }
  }

  /** A server that shows {@code leaf}, and asks nobody who they are. */
  private HttpsServer serving(Parties.Leaf leaf, String... protocols)
      throws IOException, GeneralSecurityException {
    Path file = Files.createTempFile(directory, "server", ".p12");
    leaf.write(file, TestService.PASSWORD);
    SSLContext context = SSLContext.getInstance("TLS");
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store(file), TestService.PASSWORD.toCharArray());
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store(directory.resolve("trust.p12")));
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    HttpsServer server =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(
        new HttpsConfigurator(context) {
          @Override
          public void configure(HttpsParameters parameters) {
            if (protocols.length > 0) {
              SSLParameters only = context.getDefaultSSLParameters();
              only.setProtocols(protocols);
              parameters.setSSLParameters(only);
            }
          }
        });
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    server.start();
    return server;
  }

  private static KeyStore store(Path file) throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      store.load(in, TestService.PASSWORD.toCharArray());
    }
    return store;
  }

  private int dial(String expected, Parties.Leaf shown, String... protocols)
      throws IOException, GeneralSecurityException, InterruptedException {
    HttpsServer server = serving(shown, protocols);
    try {
      URI uri = URI.create("https://127.0.0.1:" + server.getAddress().getPort() + "/");
      return get(with(parties.south.tls(SOUTH_DOCK)).client(expected), uri).statusCode();
    } finally {
      server.stop(0);
    }
  }

  @Test
  void bothEndsKnowEachOther() throws Exception {
    assertThat(ask(parties.south.tls(TARGET.urn()), "/test/peer").body()).isEqualTo(TARGET.urn());
    assertThat(ask(parties.south.tls(SOUTH_DOCK), "/test/peer").body()).isEqualTo(SOUTH_DOCK);
    assertThat(ask(parties.core.tls(Parties.GATEWAY.urn()), "/test/peer").body())
        .isEqualTo(Parties.GATEWAY.urn());
    assertThat(ask(parties.south.tls(TARGET.urn()), "/test/for-south").body()).isEqualTo("welcome");
  }

  @Test
  void anotherPeerThanAllowedIsForbidden() throws Exception {
    for (Parties.Leaf other :
        List.of(
            parties.north.tls(SOURCE.urn()),
            parties.south.tls(SOUTH_DOCK),
            parties.core.tls(Parties.GATEWAY.urn()))) {
      HttpResponse<String> answer = ask(other, "/test/for-south");
      assertThat(answer.statusCode()).isEqualTo(403);
      assertThat(answer.body()).contains("urn:crossdock:problem:forbidden");
    }
  }

  @Test
  void aClientIsNobodyWhoseAuthorityIsNotThatOfWhomItNames() throws Exception {
    for (Parties.Leaf forged :
        List.of(
            parties.south.tls(NORTH_DOCK),
            parties.south.tls(SOURCE.urn()),
            parties.south.tls(Parties.GATEWAY.urn()),
            parties.north.tls(TARGET.urn()),
            parties.core.tls(TARGET.urn()))) {
      assertThat(ask(forged, "/test/peer").body()).isEqualTo("nobody");
      assertThat(ask(forged, "/test/for-south").statusCode()).isEqualTo(403);
    }
  }

  @Test
  void aClientIsNobodyThatNamesNoPartyOrOneThatIsNotInTheBundle() throws Exception {
    for (String urn :
        List.of(
            "urn:crossdock:site:south:milano",
            "urn:crossdock:core:billing",
            "urn:crossdock:site:south:roma:dock:dock",
            "urn:example:south")) {
      assertThat(ask(parties.south.tls(urn), "/test/peer").body()).as(urn).isEqualTo("nobody");
    }
  }

  @Test
  void aSigningLeafIsRefusedForTls() throws Exception {
    assertThatThrownBy(() -> ask(parties.south.signing(TARGET.urn()), "/test/peer"))
        .isInstanceOf(IOException.class);
    Parties.Leaf both =
        parties.south.leaf(
            TARGET.urn(), KeyPurposeId.id_kp_clientAuth, KeyPurposeId.id_kp_codeSigning);
    assertThat(ask(both, "/test/peer").body()).isEqualTo("nobody");
    assertThatThrownBy(() -> dial(NORTH_DOCK, parties.north.signing(NORTH_DOCK)))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(
            () ->
                dial(
                    NORTH_DOCK,
                    parties.north.leaf(
                        NORTH_DOCK, KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_codeSigning)))
        .isInstanceOf(IOException.class)
        .hasStackTraceContaining("a signing certificate is not for TLS");
  }

  @Test
  void withoutACertificateNobodyIsServed() throws Exception {
    SSLContext context = SSLContext.getInstance("TLS");
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store(directory.resolve("trust.p12")));
    context.init(null, trust.getTrustManagers(), null);
    HttpClient anonymous = HttpClient.newBuilder().sslContext(context).build();
    assertThatThrownBy(() -> get(anonymous, north.getURI().resolve("/test/peer")))
        .isInstanceOf(IOException.class);
  }

  @Test
  void theNamedServerIsSpokenTo() throws Exception {
    assertThat(dial(NORTH_DOCK, parties.north.tls(NORTH_DOCK))).isEqualTo(204);
  }

  @Test
  void aServerIsRefusedWhoseAuthorityIsNotThatOfWhomItNames() {
    assertThatThrownBy(() -> dial(NORTH_DOCK, parties.south.tls(NORTH_DOCK)))
        .isInstanceOf(IOException.class)
        .hasStackTraceContaining("a certificate that its party's CA did not make");
    assertThatThrownBy(() -> dial(NORTH_DOCK, parties.core.tls(NORTH_DOCK)))
        .isInstanceOf(IOException.class)
        .hasStackTraceContaining("a certificate that its party's CA did not make");
  }

  @Test
  void anotherPeerThanDialledIsRefused() {
    assertThatThrownBy(() -> dial(NORTH_DOCK, parties.north.tls(SOURCE.urn())))
        .isInstanceOf(IOException.class)
        .hasStackTraceContaining(SOURCE.urn() + " answers where " + NORTH_DOCK + " should");
    assertThatThrownBy(() -> dial(NORTH_DOCK, parties.south.tls(SOUTH_DOCK)))
        .isInstanceOf(IOException.class)
        .hasStackTraceContaining("answers where");
  }

  @Test
  void anAuthorityThatNobodyListedIsRefused() {
    Parties.Authority stranger = Parties.Authority.of("north CA");
    assertThatThrownBy(() -> dial(NORTH_DOCK, stranger.tls(NORTH_DOCK)))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> ask(stranger.tls(TARGET.urn()), "/test/peer"))
        .isInstanceOf(IOException.class);
  }

  @Test
  void whoLeftIsNotLetInAnyMoreAndWhoCameBackIs(@TempDir Path elsewhere) throws Exception {
    Parties.Leaf dock = parties.south.tls(SOUTH_DOCK);
    try (EmbeddedServer server = TestService.start(parties, elsewhere)) {
      Trust trust = server.getApplicationContext().getBean(Trust.class);
      URI peer = server.getURI().resolve("/test/peer");
      assertThat(get(with(dock).client(SOURCE.urn()), peer).body()).isEqualTo(SOUTH_DOCK);
      trust.offer(parties.signed(parties.without("south", 2)));
      assertThatThrownBy(() -> get(with(dock).client(SOURCE.urn()), peer))
          .isInstanceOf(IOException.class);
      trust.offer(parties.signed(parties.version(3)));
      assertThat(get(with(dock).client(SOURCE.urn()), peer).body()).isEqualTo(SOUTH_DOCK);
    }
  }

  @Test
  void anOlderTlsIsNotSpoken() {
    assertThatThrownBy(() -> dial(NORTH_DOCK, parties.north.tls(NORTH_DOCK), "TLSv1.2"))
        .isInstanceOf(IOException.class)
        .hasStackTraceContaining("protocol_version");
  }
}
