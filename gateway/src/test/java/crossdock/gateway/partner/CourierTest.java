package crossdock.gateway.partner;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.Test;

class CourierTest {
  private static final InetAddress HERE = InetAddress.ofLiteral("127.0.0.1");
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final Map<String, String> HEADERS =
      Map.of("webhook-id", "m-1", "webhook-timestamp", "1", "webhook-signature", "v1a,x");

  private record Secured(Receiver receiver, X509Certificate certificate) {}

  /** A receiver with a certificate for {@code name}. */
  private static Secured secured(String name) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    KeyPair pair = generator.generateKeyPair();
    X500Name subject = new X500Name("CN=somebody");
    X509Certificate certificate =
        new JcaX509CertificateConverter()
            .getCertificate(
                new JcaX509v3CertificateBuilder(
                        subject,
                        BigInteger.ONE,
                        Date.from(Instant.now().minusSeconds(60)),
                        Date.from(Instant.now().plusSeconds(3600)),
                        subject,
                        pair.getPublic())
                    .addExtension(
                        Extension.subjectAlternativeName,
                        false,
                        new GeneralNames(new GeneralName(GeneralName.dNSName, name)))
                    .build(
                        new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate())));
    char[] password = "password".toCharArray();
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("key", pair.getPrivate(), password, new Certificate[] {certificate});
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, password);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    HttpsServer server = HttpsServer.create();
    server.setHttpsConfigurator(new HttpsConfigurator(context));
    return new Secured(new Receiver(server), certificate);
  }

  private static int post(Courier courier, String url) throws Exception {
    return courier.post(URI.create(url), HERE, HEADERS, "{}".getBytes(StandardCharsets.UTF_8));
  }

  private static Courier trusting(X509Certificate certificate) throws Exception {
    return new Courier(SslContextBuilder.forClient().trustManager(certificate), Courier.PATIENCE);
  }

  @Test
  void itConnectsToTheAddressGivenAndAsksForTheNamedHostsCertificate() throws Exception {
    Secured secured = secured("hooks.example");
    try (Receiver receiver = secured.receiver();
        Courier courier = trusting(secured.certificate())) {
      // No name server knows this name: nobody was asked.
      assertThat(post(courier, "https://hooks.example:" + receiver.port() + "/a?b=c"))
          .isEqualTo(204);
      assertThat(receiver.next().id()).isEqualTo("m-1");
    }
  }

  @Test
  void aCertificateForAnotherHostOrOfNobodyTrustedIsRefused() throws Exception {
    Secured secured = secured("other.example");
    String url = "https://hooks.example:" + secured.receiver().port() + "/";
    try (Receiver receiver = secured.receiver();
        Courier trusting = trusting(secured.certificate());
        Courier ordinary = new Courier()) {
      assertThatThrownBy(() -> post(trusting, url))
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith("TLS: ")
          .hasMessageContaining("hooks.example");
      assertThatThrownBy(() -> post(ordinary, url.replace("hooks.example", "other.example")))
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith("TLS: ");
      assertThat(receiver.all()).isEmpty();
    }
  }

  @Test
  void whoNeverAnswersIsLeftAfterThePatience() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 1, HERE);
        Courier courier = new Courier(SslContextBuilder.forClient(), PATIENCE)) {
      String url = "//127.0.0.1:" + silent.getLocalPort() + "/";
      assertThatThrownBy(() -> post(courier, "http:" + url))
          .hasMessage("no answer within 1 seconds");
      assertThatThrownBy(() -> post(courier, "https:" + url))
          .hasMessage("no answer within 1 seconds");
    }
  }

  @Test
  void anAnswerThatNeverEndsIsNotReadToItsEnd() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, HERE);
        Courier courier = new Courier()) {
      Thread endless = Thread.ofVirtual().start(() -> pour(server));
      assertThat(post(courier, "http://127.0.0.1:" + server.getLocalPort() + "/")).isEqualTo(200);
      // The courier has gone: the next bytes find nobody.
      endless.join(Duration.ofSeconds(10));
      assertThat(endless.isAlive()).isFalse();
    }
  }

  private static void pour(ServerSocket server) {
    try (Socket socket = server.accept();
        OutputStream out = socket.getOutputStream()) {
      out.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      while (true) {
        out.write(new byte[1 << 16]);
      }
    } catch (IOException e) {
      // As it must be.
    }
  }

  @Test
  void whatIsNoHttpIsAFailureAndSoIsAClosedPort() throws Exception {
    int port;
    try (ServerSocket server = new ServerSocket(0, 1, HERE);
        Courier courier = new Courier()) {
      port = server.getLocalPort();
      Thread odd =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try (Socket socket = server.accept()) {
                      socket
                          .getOutputStream()
                          .write("220 mail ready\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                    } catch (IOException e) {
                      throw new IllegalStateException(e);
                    }
                  });
      assertThatThrownBy(() -> post(courier, "http://127.0.0.1:" + server.getLocalPort() + "/"))
          .isInstanceOf(IOException.class);
      odd.join();
    }
    try (Courier courier = new Courier()) {
      assertThatThrownBy(() -> post(courier, "http://127.0.0.1:" + port + "/"))
          .hasMessage("no connection");
    }
  }
}
