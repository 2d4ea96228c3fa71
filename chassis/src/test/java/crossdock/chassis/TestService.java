package crossdock.chassis;

import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/** A whole service as the launcher starts one: site north with its files, database and port. */
final class TestService {
  static final String PASSWORD = "changeit";
  static final String OPERATOR = "the operator's secret";

  private TestService() {}

  /** Over mutual TLS, as the site's own services are; no broker answers. */
  static EmbeddedServer start(Parties parties, Path directory)
      throws IOException, GeneralSecurityException {
    parties.north.tls(Parties.SOURCE.urn()).write(directory.resolve("key.p12"), PASSWORD);
    Map<String, Object> all = new HashMap<>(configuration(parties, directory));
    all.put("micronaut.server.ssl.enabled", true);
    all.put("micronaut.server.ssl.port", -1);
    all.put("micronaut.server.ssl.client-authentication", "need");
    all.put("micronaut.server.ssl.protocols", "TLSv1.3");
    all.put("micronaut.server.ssl.key-name", TlsStores.NAME);
    all.put("micronaut.server.ssl.trust-name", TlsStores.NAME);
    all.put("crossdock.tls.keystore", directory.resolve("key.p12").toString());
    all.put("crossdock.tls.password", PASSWORD);
    return ApplicationContext.run(EmbeddedServer.class, all);
  }

  /** In the clear, as services are that only the gateway's host reaches. */
  static EmbeddedServer plain(Parties parties, Path directory)
      throws IOException, GeneralSecurityException {
    return ApplicationContext.run(EmbeddedServer.class, configuration(parties, directory));
  }

  private static Map<String, Object> configuration(Parties parties, Path directory)
      throws IOException, GeneralSecurityException {
    parties.writeTrust(directory.resolve("trust.p12"), PASSWORD);
    parties.writeBundle(directory);
    Parties.Leaf signing = parties.north.signing(Parties.SOURCE.urn());
    Files.writeString(
        directory.resolve("signing.key.pem"),
        "-----BEGIN PRIVATE KEY-----\n"
            + Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                .encodeToString(signing.key().getEncoded())
            + "\n-----END PRIVATE KEY-----\n");
    Files.write(directory.resolve("signing.pem"), signing.certificate().getEncoded());
    Map<String, Object> all =
        new HashMap<>(new crossdock.chassis.testing.TestDatabase().configuration());
    all.put("flyway.datasources.default.locations", "classpath:db/chassis");
    all.put("micronaut.server.host", "127.0.0.1");
    all.put("micronaut.server.port", -1);
    all.put("kafka.bootstrap.servers", "127.0.0.1:1");
    all.put("crossdock.operator.secret", OPERATOR);
    all.put("crossdock.party", Parties.SOURCE.urn());
    all.put("crossdock.trust.bundle", directory.resolve("trust.json").toString());
    all.put("crossdock.trust.members", directory.resolve("members").toString());
    all.put("crossdock.work", directory.resolve("work").toString());
    all.put("crossdock.signing.key", directory.resolve("signing.key.pem").toString());
    all.put("crossdock.signing.certificate", directory.resolve("signing.pem").toString());
    return all;
  }

  /** What the tests ask. */
  @Controller("/test")
  @Requires(property = "crossdock.tls.keystore")
  static final class Peers {
    private final MutualTls tls;

    Peers(MutualTls tls) {
      this.tls = tls;
    }

    @Get("/peer")
    String peer(HttpRequest<?> request) {
      return tls.peer(request).orElse("nobody");
    }

    @Get("/for-south")
    String forSouth(HttpRequest<?> request) {
      tls.require(request, Parties.TARGET.urn());
      return "welcome";
    }
  }
}
