package crossdock.chassis;

import crossdock.contracts.Refused;
import crossdock.contracts.TrustBundle;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Both ends by certificate: clients that show this service's own, and who the peer of a request is.
 * Thread-safe.
 */
@Singleton
@Requires(property = "crossdock.tls.keystore")
public final class MutualTls {
  private final SSLContext context;

  MutualTls(
      @Value("${crossdock.tls.keystore}") Path keystore,
      @Value("${crossdock.tls.truststore}") Path truststore,
      @Value("${crossdock.tls.password}") String password)
      throws IOException, GeneralSecurityException {
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(load(keystore, password), password.toCharArray());
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(load(truststore, password));
    context = SSLContext.getInstance("TLSv1.3");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
  }

  /** A client that shows this service's certificate and follows no redirect. */
  public HttpClient client() {
    return HttpClient.newBuilder()
        .sslContext(context)
        .version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(Duration.ofSeconds(10))
        .followRedirects(HttpClient.Redirect.NEVER)
        .build();
  }

  /**
   * The URN in the SAN of a request's certificate, whose path TLS has checked.
   *
   * @return empty if the request came without a certificate or with one that names nobody
   */
  public static Optional<String> peer(HttpRequest<?> request) {
    Optional<Certificate> certificate = request.getCertificate();
    try {
      return certificate
          .filter(X509Certificate.class::isInstance)
          .map(X509Certificate.class::cast)
          .map(TrustBundle::san);
    } catch (Refused e) {
      return Optional.empty();
    }
  }

  private static KeyStore load(Path file, String password)
      throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      store.load(in, password.toCharArray());
    }
    return store;
  }
}
