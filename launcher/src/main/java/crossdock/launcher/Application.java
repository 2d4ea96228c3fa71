package crossdock.launcher;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.io.StringReader;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCSException;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequest;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemReader;

/**
 * What a provider sends that wants to take part with one site: its entry of the trust bundle, its
 * prices, and the keys that it wants certified for the broker, whose private halves it keeps.
 * Signed with the key of the CA that it brings.
 *
 * @param prices as in billing's price book, all of them the site's own
 * @param requests PKCS 10 in PEM, for the {@code site} and its {@code dock}; only their keys count
 */
record Application(
    @JsonProperty("member") TrustBundle.Member member,
    @JsonProperty("prices") List<JsonNode> prices,
    @JsonProperty("requests") Map<String, String> requests) {
  static final String PAYLOAD_TYPE = "application/vnd.crossdock.membership-application.v1+json";
  static final String SITE = "site";
  static final String DOCK = "dock";

  private static final int LONGEST = 1 << 20;

  Application {
    prices = List.copyOf(prices);
    requests = Map.copyOf(requests);
    if (member.sites().size() != 1 || member.realm().isEmpty() || member.leftAt().isPresent()) {
      throw new Refused("an application is for one site, and says whose tokens its customers hold");
    }
    String urn = member.sites().getFirst().urn().urn();
    if (!prices.stream().allMatch(price -> price.path("party").asText().equals(urn))) {
      throw new Refused("an application says the prices of its own site and no other");
    }
    TrustBundle.Site site = member.sites().getFirst();
    for (URI endpoint : List.of(site.export(), site.imports(), site.dock())) {
      boolean plain =
          "https".equals(endpoint.getScheme())
              && endpoint.getHost() != null
              && endpoint.toString().equals("https://" + endpoint.getAuthority())
              && endpoint.getUserInfo() == null
              && endpoint.getPort() > 0;
      if (!plain) {
        throw new Refused("a service of a site answers at https://host:port: " + endpoint);
      }
    }
    if (!requests.keySet().equals(Set.of(SITE, DOCK))) {
      throw new Refused("an application has two keys to be certified: site and dock");
    }
  }

  /**
   * Reads what was sent.
   *
   * @throws Refused if it is not well-formed, its CA is none, or did not sign it
   */
  static Application read(byte[] sent, Instant now) {
    if (sent.length > LONGEST) {
      throw new Refused("an application has at most " + LONGEST + " bytes");
    }
    Envelope envelope = Json.read(sent, Envelope.class);
    Application application = envelope.read(PAYLOAD_TYPE, Application.class);
    X509Certificate authority = application.authority();
    if (!envelope.verifies(authority.getPublicKey())) {
      throw new Refused("the application is not signed by the CA that it brings");
    }
    try {
      authority.checkValidity(Date.from(now));
      authority.verify(authority.getPublicKey());
    } catch (GeneralSecurityException e) {
      throw new Refused("the application's CA does not hold: " + e.getMessage(), e);
    }
    if (authority.getBasicConstraints() < 0 || !strong(authority.getPublicKey())) {
      throw new Refused("the application's CA is no CA with a P-256 key");
    }
    application.requests().keySet().forEach(application::key);
    return application;
  }

  SiteId site() {
    return member.sites().getFirst().urn().id();
  }

  String issuer() {
    return member.realm().map(TrustBundle.Realm::issuer).orElseThrow();
  }

  X509Certificate authority() {
    try {
      return Authority.certificate(member.ca());
    } catch (CertificateException e) {
      throw new Refused("the application's CA is no certificate", e);
    }
  }

  /**
   * A key to be certified. What the request says of itself is not looked at.
   *
   * @throws Refused if it is none, or whoever asks does not have its private half
   */
  PublicKey key(String of) {
    try (PemReader pem = new PemReader(new StringReader(requests.getOrDefault(of, "")))) {
      PemObject object = pem.readPemObject();
      if (object == null || !object.getType().equals("CERTIFICATE REQUEST")) {
        throw new Refused("no certificate request for the " + of);
      }
      var request = new JcaPKCS10CertificationRequest(object.getContent());
      PublicKey key = request.getPublicKey();
      if (!strong(key)
          || !request.isSignatureValid(new JcaContentVerifierProviderBuilder().build(key))) {
        throw new Refused("the certificate request for the " + of + " does not hold");
      }
      return key;
    } catch (IOException
        | GeneralSecurityException
        | OperatorCreationException
        | PKCSException
        | IllegalArgumentException e) {
      throw new Refused("no certificate request for the " + of + ": " + e.getMessage(), e);
    }
  }

  private static boolean strong(PublicKey key) {
    return key instanceof ECPublicKey curve
        && curve.getParams().getCurve().getField().getFieldSize() == 256;
  }
}
