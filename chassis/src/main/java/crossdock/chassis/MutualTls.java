package crossdock.chassis;

import crossdock.contracts.Refused;
import crossdock.contracts.TrustBundle;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.http.HttpRequest;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Both ends by certificate: clients that show this service's own and talk to one named peer only,
 * and who the peer of a request is. A CA is believed about its own names only. Thread-safe.
 */
@Singleton
@Requires(property = "crossdock.tls.keystore")
public final class MutualTls {
  /** How long who a certificate is of is not asked again, if the bundle stays the same. */
  private static final Duration SEEN = Duration.ofSeconds(10);

  private static final int MOST_PEERS = 256;

  private record Seen(String urn, long version, Instant until) {}

  private record Authorities(long version, X509ExtendedTrustManager paths) {}

  private final KeyManager[] keys;
  private final Trust trust;
  private final Clock clock;
  private final Map<X509Certificate, Seen> peers = new ConcurrentHashMap<>();
  private volatile Authorities authorities;

  MutualTls(
      @Value("${crossdock.tls.keystore}") Path keystore,
      @Value("${crossdock.tls.password}") String password,
      Trust trust,
      Clock clock)
      throws IOException, GeneralSecurityException {
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(TlsStores.load(keystore, password), password.toCharArray());
    this.keys = factory.getKeyManagers();
    this.trust = trust;
    this.clock = clock;
    this.authorities = authorities(trust.now());
  }

  private static Authorities authorities(TrustBundle bundle) throws GeneralSecurityException {
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(TlsStores.trusted(bundle));
    return new Authorities(
        bundle.version(), (X509ExtendedTrustManager) factory.getTrustManagers()[0]);
  }

  private X509ExtendedTrustManager paths() {
    Authorities known = authorities;
    TrustBundle bundle = trust.now();
    if (known.version() != bundle.version()) {
      try {
        known = authorities(bundle);
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("a trust bundle whose CAs are none", e);
      }
      authorities = known;
    }
    return known.paths();
  }

  /**
   * A client that shows this service's certificate, follows no redirect, and speaks to nobody but
   * {@code urn}.
   *
   * @param urn of a party, or of a site's dock
   */
  public HttpClient client(String urn) {
    try {
      SSLContext context = SSLContext.getInstance("TLSv1.3");
      context.init(keys, new TrustManager[] {new OnlyPeer(urn)}, null);
      return HttpClient.newBuilder()
          .sslContext(context)
          .sslParameters(new SSLParameters(null, new String[] {"TLSv1.3"}))
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(10))
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("no TLS 1.3", e);
    }
  }

  /**
   * The same for Netty, whose TLS is native code where there is some for the platform.
   *
   * @param urn of a party, or of a site's dock
   */
  public SslContext context(String urn) {
    try {
      return SslContextBuilder.forClient()
          .sslProvider(OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK)
          .keyManager(keys[0])
          .trustManager(new OnlyPeer(urn))
          .protocols("TLSv1.3")
          .build();
    } catch (SSLException e) {
      throw new IllegalStateException("no TLS 1.3", e);
    }
  }

  /**
   * The URN of who sent a request, by its certificate.
   *
   * @return empty if it came without one, or with one that is not from the CA of whom it names
   */
  public Optional<String> peer(HttpRequest<?> request) {
    return request
        .getCertificate()
        .filter(X509Certificate.class::isInstance)
        .map(X509Certificate.class::cast)
        .flatMap(this::peer);
  }

  private Optional<String> peer(X509Certificate leaf) {
    TrustBundle bundle = trust.now();
    Instant now = clock.instant();
    Seen seen = peers.get(leaf);
    if (seen != null && seen.version() == bundle.version() && now.isBefore(seen.until())) {
      return Optional.of(seen.urn());
    }
    try {
      String urn = bundle.peer(leaf, now);
      if (peers.size() >= MOST_PEERS) {
        peers.clear();
      }
      peers.put(leaf, new Seen(urn, bundle.version(), now.plus(SEEN)));
      return Optional.of(urn);
    } catch (Refused e) {
      return Optional.empty();
    }
  }

  /**
   * Lets a request pass if {@code allowed} sent it.
   *
   * @throws Problem.Thrown FORBIDDEN otherwise
   */
  public void require(HttpRequest<?> request, String allowed) {
    if (!peer(request).filter(allowed::equals).isPresent()) {
      throw Problem.FORBIDDEN.because("this is for " + allowed);
    }
  }

  /** The ordinary checks of path and address, and then who it is. */
  private final class OnlyPeer extends X509ExtendedTrustManager {
    private final String urn;

    OnlyPeer(String urn) {
      this.urn = urn;
    }

    private void named(X509Certificate[] chain) throws CertificateException {
      try {
        String peer = trust.now().peer(chain[0], clock.instant());
        if (!peer.equals(urn)) {
          throw new CertificateException(peer + " answers where " + urn + " should");
        }
      } catch (Refused e) {
        throw new CertificateException(e);
      }
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
        throws CertificateException {
      paths().checkServerTrusted(chain, type, engine);
      named(chain);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
        throws CertificateException {
      paths().checkServerTrusted(chain, type, socket);
      named(chain);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type)
        throws CertificateException {
      throw new CertificateException("without a connection there is nothing to check");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
        throws CertificateException {
      throw new CertificateException("a client trusts no clients");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
        throws CertificateException {
      throw new CertificateException("a client trusts no clients");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type)
        throws CertificateException {
      throw new CertificateException("a client trusts no clients");
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return paths().getAcceptedIssuers();
    }
  }
}
