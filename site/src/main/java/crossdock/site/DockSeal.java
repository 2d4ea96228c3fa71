package crossdock.site;

import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Proves that a message of the dock's topic is from one of the site's own services: whoever runs
 * the broker, or took a key to it, can write there too. HMAC-SHA-256 (RFC 2104) under a secret that
 * the site's three services are set up with and that speaks for nobody elsewhere. A message that
 * comes again has the effect of the first one, so repeats need no proof against. Thread-safe.
 */
@Singleton
public final class DockSeal {
  private static final String ALGORITHM = "HmacSHA256";

  /**
   * @param message a {@link DockMessage}, as it was sealed
   * @param mac base64
   */
  record Sealed(String message, String mac) {}

  private final SecretKeySpec key;

  DockSeal(@Value("${crossdock.dock.secret}") String secret) {
    if (secret.length() < 32) {
      throw new IllegalArgumentException("the dock's secret has at least 32 characters");
    }
    this.key = new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), ALGORITHM);
  }

  /** What goes over the topic. */
  public byte[] seal(DockMessage message) {
    String text = Json.text(message);
    return Json.bytes(new Sealed(text, Base64.getEncoder().encodeToString(mac(text))));
  }

  /**
   * What came over the topic.
   *
   * @throws Refused if it is not well-formed, or nobody of this site sealed it
   */
  public DockMessage open(byte[] record) {
    Sealed sealed = Json.read(record, Sealed.class);
    if (!MessageDigest.isEqual(mac(sealed.message()), decoded(sealed.mac()))) {
      throw new Refused("a message of the dock's topic that this site's services did not send");
    }
    return Json.read(sealed.message(), DockMessage.class);
  }

  private static byte[] decoded(String mac) {
    try {
      return Base64.getDecoder().decode(mac);
    } catch (IllegalArgumentException e) {
      throw new Refused("not base64", e);
    }
  }

  private byte[] mac(String text) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(key);
      return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("no " + ALGORITHM, e);
    }
  }
}
