package crossdock.gateway.partner;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;

/**
 * An Ed25519 key pair as Standard Webhooks has it.
 *
 * @param secret PKCS #8
 * @param shown {@code whpk_} and the 32 bytes of the public key in base64
 */
record WebhookKey(byte[] secret, String shown) {
  private static final String ALGORITHM = "Ed25519";
  private static final int PUBLIC_BYTES = 32;

  static WebhookKey generate() {
    try {
      KeyPair pair = KeyPairGenerator.getInstance(ALGORITHM).generateKeyPair();
      // RFC 8410: the key itself is what a SubjectPublicKeyInfo ends with.
      byte[] info = pair.getPublic().getEncoded();
      byte[] key = Arrays.copyOfRange(info, info.length - PUBLIC_BYTES, info.length);
      return new WebhookKey(
          pair.getPrivate().getEncoded(), "whpk_" + Base64.getEncoder().encodeToString(key));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("no Ed25519", e);
    }
  }

  /**
   * The signature of one attempt.
   *
   * @param timestamp of the attempt, in seconds
   */
  String sign(String id, long timestamp, byte[] body) {
    ByteArrayOutputStream signed = new ByteArrayOutputStream();
    signed.writeBytes((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
    signed.writeBytes(body);
    try {
      PrivateKey key =
          KeyFactory.getInstance(ALGORITHM).generatePrivate(new PKCS8EncodedKeySpec(secret));
      Signature signature = Signature.getInstance(ALGORITHM);
      signature.initSign(key);
      signature.update(signed.toByteArray());
      return "v1a," + Base64.getEncoder().encodeToString(signature.sign());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("cannot sign", e);
    }
  }
}
