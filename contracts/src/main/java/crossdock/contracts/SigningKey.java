package crossdock.contracts;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * What a party signs with (ECDSA P-256 with SHA-256), and the certificate that its CA made for it.
 * Thread-safe.
 */
public final class SigningKey {
  private final CertificateSigner signer;
  private final String certificate;

  private SigningKey(CertificateSigner signer, X509Certificate certificate)
      throws GeneralSecurityException {
    this.signer = signer;
    this.certificate = Base64.getEncoder().encodeToString(certificate.getEncoded());
  }

  /** Wraps a key that this process holds, and its certificate. */
  public static SigningKey of(PrivateKey key, X509Certificate certificate) {
    return of(held(key), certificate);
  }

  /** Wraps whatever signs, and its certificate. */
  public static SigningKey of(CertificateSigner signer, X509Certificate certificate) {
    try {
      return new SigningKey(signer, certificate);
    } catch (GeneralSecurityException e) {
      throw new Refused("no usable signing certificate", e);
    }
  }

  /**
   * Reads both from PEM files.
   *
   * @param key PKCS #8
   * @param certificate the leaf first
   */
  public static SigningKey load(Path key, Path certificate) throws IOException {
    try {
      String pem = Files.readString(key, StandardCharsets.US_ASCII);
      byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
      PrivateKey secret =
          KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
      return of(secret, certificate(Files.readAllBytes(certificate)));
    } catch (GeneralSecurityException e) {
      throw new Refused("no usable signing key in " + key, e);
    }
  }

  /** Signs {@code payload}, with the certificate inside the envelope. */
  public Envelope sign(String payloadType, byte[] payload) {
    return envelope(payloadType, payload, Optional.of(certificate));
  }

  /** Signs an in-toto statement as a bundle. */
  public Bundle bundle(byte[] statement) {
    return new Bundle(
        Bundle.MEDIA_TYPE,
        new Bundle.Material(new Bundle.X509(certificate)),
        envelope(Bundle.IN_TOTO, statement, Optional.empty()));
  }

  private static CertificateSigner held(PrivateKey key) {
    return message -> {
      Signature signature = Signature.getInstance("SHA256withECDSA");
      signature.initSign(key);
      signature.update(message);
      return signature.sign();
    };
  }

  private Envelope envelope(String payloadType, byte[] payload, Optional<String> cert) {
    try {
      byte[] signature = signer.sign(Envelope.pae(payloadType, payload));
      Base64.Encoder base64 = Base64.getEncoder();
      return new Envelope(
          base64.encodeToString(payload),
          payloadType,
          List.of(
              new Envelope.Signature(base64.encodeToString(signature), Optional.empty(), cert)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("cannot sign", e);
    }
  }

  static X509Certificate certificate(byte[] pemOrDer) {
    try {
      return (X509Certificate)
          CertificateFactory.getInstance("X.509")
              .generateCertificate(new ByteArrayInputStream(pemOrDer));
    } catch (GeneralSecurityException e) {
      throw new Refused("no X.509 certificate", e);
    }
  }
}
