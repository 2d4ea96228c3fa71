package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * A DSSE 1.0.2 envelope (secure-systems-lab/dsse, protocol.md): bytes and what signs them, with
 * nothing re-serialised in between. Holding one says nothing about its signatures: {@link
 * TrustBundle#signer} does.
 *
 * @param payload base64, standard or URL-safe
 * @param payloadType what the bytes are; signed with them
 * @param signatures exactly one: countersignatures are envelopes of their own
 */
public record Envelope(
    @JsonProperty("payload") String payload,
    @JsonProperty("payloadType") String payloadType,
    @JsonProperty("signatures") List<Signature> signatures) {

  /**
   * @param sig base64 of the ECDSA signature in DER over {@link Envelope#pae}
   * @param cert base64 of the signer's X.509 certificate in DER; absent where it travels beside the
   *     envelope. Never trusted before its path is checked
   */
  public record Signature(
      @JsonProperty("sig") String sig,
      @JsonProperty("keyid") Optional<String> keyid,
      @JsonProperty("cert") Optional<String> cert) {
    public Signature {
      decode(sig);
      cert.ifPresent(Envelope::decode);
    }

    byte[] bytes() {
      return decode(sig);
    }

    Optional<byte[]> certificate() {
      return cert.map(Envelope::decode);
    }
  }

  public Envelope {
    decode(payload);
    signatures = List.copyOf(signatures);
    if (signatures.size() != 1) {
      throw new Refused("an envelope has exactly one signature");
    }
  }

  /** The signed bytes. */
  public byte[] bytes() {
    return decode(payload);
  }

  /**
   * Parses the payload.
   *
   * @throws Refused if it is of another type or not well-formed
   */
  public <T> T read(String type, Class<T> as) {
    if (!payloadType.equals(type)) {
      throw new Refused("an envelope of " + payloadType + " where " + type + " was due");
    }
    return Json.read(bytes(), as);
  }

  /**
   * Whether its signature is one by this key, ECDSA with SHA-256. Whose key that is, it asks not.
   */
  public boolean verifies(PublicKey key) {
    try {
      java.security.Signature signature = java.security.Signature.getInstance("SHA256withECDSA");
      signature.initVerify(key);
      signature.update(pae(payloadType, bytes()));
      return signature.verify(signatures.getFirst().bytes());
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** The pre-authentication encoding: what is signed. */
  public static byte[] pae(String payloadType, byte[] payload) {
    byte[] type = payloadType.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(("DSSEv1 " + type.length + " ").getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(type);
    out.writeBytes((" " + payload.length + " ").getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(payload);
    return out.toByteArray();
  }

  static byte[] decode(String base64) {
    try {
      return base64.indexOf('-') >= 0 || base64.indexOf('_') >= 0
          ? Base64.getUrlDecoder().decode(base64)
          : Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException e) {
      throw new Refused("not base64", e);
    }
  }
}
