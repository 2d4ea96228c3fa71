package crossdock.chassis.testing;

import crossdock.contracts.CoreService;
import crossdock.contracts.Json;
import crossdock.contracts.Party;
import crossdock.contracts.SigningKey;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What a core service is started with, alone in a world where it is the only member: its own key
 * and certificate, a trust bundle, a database, and a broker that nobody runs.
 */
public final class TestParty {
  private static final String PASSWORD = "changeit";

  private TestParty() {}

  /**
   * Writes the party's files and names them.
   *
   * @param directory empty, the test's own
   */
  public static Map<String, Object> configuration(CoreService service, Path directory)
      throws IOException, GeneralSecurityException, InterruptedException {
    Party.Core party = new Party.Core(service);
    KeyStore store = selfSigned(party, directory.resolve("key.p12"));
    X509Certificate certificate = (X509Certificate) store.getCertificate("key");
    PrivateKey key = (PrivateKey) store.getKey("key", PASSWORD.toCharArray());
    String pem = pem("CERTIFICATE", certificate.getEncoded());
    Path members = Files.createDirectories(directory.resolve("members"));
    Files.writeString(members.resolve("one.pem"), pem);
    Files.writeString(directory.resolve("signing.pem"), pem);
    Files.writeString(directory.resolve("signing.key.pem"), pem("PRIVATE KEY", key.getEncoded()));
    Instant now = Instant.now();
    TrustBundle trust =
        new TrustBundle(
            1,
            now,
            now.plus(1, ChronoUnit.DAYS),
            List.of(),
            new TrustBundle.Core(pem, List.of(party)));
    Files.write(
        directory.resolve("trust.json"),
        Json.bytes(
            List.of(
                SigningKey.of(key, certificate)
                    .sign(TrustBundle.PAYLOAD_TYPE, Json.bytes(trust)))));
    Map<String, Object> configuration = new HashMap<>(new TestDatabase().configuration());
    configuration.put("micronaut.server.host", "127.0.0.1");
    configuration.put("micronaut.server.port", -1);
    configuration.put("kafka.bootstrap.servers", "127.0.0.1:9");
    configuration.put("kafka.reconnect.backoff.max.ms", 10_000);
    configuration.put("crossdock.party", party.urn());
    configuration.put("crossdock.trust.bundle", directory.resolve("trust.json").toString());
    configuration.put("crossdock.trust.members", members.toString());
    configuration.put("crossdock.work", directory.resolve("work").toString());
    configuration.put("crossdock.signing.key", directory.resolve("signing.key.pem").toString());
    configuration.put("crossdock.signing.certificate", directory.resolve("signing.pem").toString());
    return configuration;
  }

  private static KeyStore selfSigned(Party.Core party, Path file)
      throws IOException, GeneralSecurityException, InterruptedException {
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "key",
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-dname",
                "CN=" + party.principal(),
                "-ext",
                "SAN=uri:" + party.urn(),
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD,
                "-keystore",
                file.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (!keytool.waitFor(60, TimeUnit.SECONDS) || keytool.exitValue() != 0) {
      throw new IOException("keytool made no key");
    }
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      store.load(in, PASSWORD.toCharArray());
    }
    return store;
  }

  private static String pem(String what, byte[] der) {
    String text =
        Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der);
    return "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n";
  }
}
