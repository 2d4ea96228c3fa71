package crossdock.identity;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Date;

/** An OpenID provider's realm: real keys behind real HTTP. */
final class TestRealm implements AutoCloseable {
  private final HttpServer server;
  private final RSAKey key;
  private final String path;

  TestRealm(String name) throws IOException, JOSEException {
    key = new RSAKeyGenerator(2048).keyID(name).generate();
    path = "/realms/" + name;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    byte[] keys = new JWKSet(key).toString().getBytes(StandardCharsets.UTF_8);
    server.createContext(
        path + "/certs",
        exchange -> {
          exchange.getResponseHeaders().set("Content-Type", "application/json");
          exchange.sendResponseHeaders(200, keys.length);
          exchange.getResponseBody().write(keys);
          exchange.close();
        });
    server.start();
  }

  String issuer() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + path;
  }

  URI jwks() {
    return URI.create(issuer() + "/certs");
  }

  String token(String sub, String audience) {
    return token(issuer(), sub, audience, Instant.now().plusSeconds(300));
  }

  String token(String issuer, String sub, String audience, Instant expires) {
    try {
      SignedJWT token =
          new SignedJWT(
              new JWSHeader.Builder(JWSAlgorithm.RS256).keyID(key.getKeyID()).build(),
              new JWTClaimsSet.Builder()
                  .issuer(issuer)
                  .subject(sub)
                  .audience(audience)
                  .issueTime(Date.from(expires.minusSeconds(600)))
                  .expirationTime(Date.from(expires))
                  .build());
      token.sign(new RSASSASigner(key));
      return token.serialize();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
