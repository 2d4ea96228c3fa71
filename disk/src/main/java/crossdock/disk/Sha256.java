package crossdock.disk;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** A SHA-256 digest, as 64 lower-case hexadecimal digits. */
public record Sha256(String hex) {
  public Sha256 {
    if (hex.length() != 64 || !hex.chars().allMatch(Sha256::isDigit)) {
      throw new IllegalArgumentException("not a SHA-256 in lower-case hexadecimal");
    }
  }

  /** The digest whose 32 bytes are given. */
  public static Sha256 of(byte[] digest) {
    return new Sha256(HexFormat.of().formatHex(digest));
  }

  /** The 32 bytes, a new array each time. */
  public byte[] bytes() {
    return HexFormat.of().parseHex(hex);
  }

  static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  private static boolean isDigit(int c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  }

  @Override
  public String toString() {
    return hex;
  }
}
