package crossdock.contracts;

import java.security.GeneralSecurityException;

/**
 * A party's private key, wherever it is kept: a file, a token, a key service. It need not leave
 * there. Thread-safe.
 */
@FunctionalInterface
public interface CertificateSigner {
  /**
   * Signs {@code message}: ECDSA over P-256 with SHA-256.
   *
   * @return the signature in DER (RFC 3279, section 2.2.3)
   */
  byte[] sign(byte[] message) throws GeneralSecurityException;
}
