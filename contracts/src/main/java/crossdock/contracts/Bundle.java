package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * A signed statement with the certificate of its signer, in the sigstore bundle v0.3 file format.
 *
 * @param dsseEnvelope the in-toto statement
 */
public record Bundle(
    @JsonProperty("mediaType") String mediaType,
    @JsonProperty("verificationMaterial") Material verificationMaterial,
    @JsonProperty("dsseEnvelope") Envelope dsseEnvelope) {
  /** Of the file format. */
  public static final String MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";

  /** The payload type of an in-toto statement. */
  public static final String IN_TOTO = "application/vnd.in-toto+json";

  /** What the signature is checked with, once its own path is. */
  public record Material(@JsonProperty("certificate") X509 certificate) {}

  /**
   * @param rawBytes base64 of the certificate in DER
   */
  public record X509(@JsonProperty("rawBytes") String rawBytes) {
    public X509 {
      Envelope.decode(rawBytes);
    }
  }

  public Bundle {
    if (!mediaType.equals(MEDIA_TYPE)) {
      throw new Refused("no sigstore bundle v0.3");
    }
  }

  /** Digest of the signed payload: names the statement. */
  public Sha256 digest() {
    return Sha256.of(dsseEnvelope.bytes());
  }
}
