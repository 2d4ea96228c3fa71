package crossdock.chassis;

import crossdock.contracts.TrustBundle;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.http.ssl.CertificateProvider;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;

/**
 * What the mutual listener shows and whom it lets speak: this service's own key, and the CAs of
 * whoever is a member now. Whom each CA may name is checked above TLS.
 */
@Singleton
@Named(TlsStores.NAME)
@Requires(property = "crossdock.tls.keystore")
public final class TlsStores implements CertificateProvider {
  /** For {@code key-name} and {@code trust-name} of a listener. */
  public static final String NAME = "crossdock";

  private final KeyStore own;
  private final Trust trust;

  TlsStores(
      @Value("${crossdock.tls.keystore}") Path keystore,
      @Value("${crossdock.tls.password}") String password,
      Trust trust)
      throws IOException, GeneralSecurityException {
    this.own = open(load(keystore, password), password);
    this.trust = trust;
  }

  @Override
  public String getName() {
    return NAME;
  }

  @Override
  public Publisher<KeyStore> getKeyStore() {
    return Flux.just(own).concatWith(Flux.never());
  }

  @Override
  public Publisher<KeyStore> getTrustStore() {
    return Flux.from(trust.changes()).map(TlsStores::trusted);
  }

  /** A store that trusts every CA there is and holds no key. */
  static KeyStore trusted(TrustBundle bundle) {
    try {
      KeyStore store = empty();
      int number = 0;
      // By number: a member chooses its CA's name, and must not replace another's with it.
      for (X509Certificate authority : bundle.authorities()) {
        store.setCertificateEntry("ca-" + number++, authority);
      }
      return store;
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException(e);
    }
  }

  static KeyStore load(Path file, String password) throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      store.load(in, password.toCharArray());
    }
    return store;
  }

  // In memory without a password: the listener is told none.
  private static KeyStore open(KeyStore closed, String password)
      throws IOException, GeneralSecurityException {
    KeyStore store = empty();
    for (String alias : java.util.Collections.list(closed.aliases())) {
      Key key = closed.getKey(alias, password.toCharArray());
      if (key != null) {
        Certificate[] chain = closed.getCertificateChain(alias);
        store.setKeyEntry(alias, key, null, chain);
      }
    }
    return store;
  }

  private static KeyStore empty() throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }
}
