package crossdock.disk.ova;

import static crossdock.disk.ImageBytes.bad;
import static java.nio.charset.StandardCharsets.UTF_8;

import crossdock.disk.BadImageException;
import crossdock.disk.BadImageException.Reason;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A package's {@code .mf}: the digest of each file, by its name. */
public record OvfManifest(Map<String, Digest> digests) {
  /** Bytes of the longest one that is read. */
  public static final int LONGEST = 256 << 10;

  private static final Pattern LINE =
      Pattern.compile("(SHA1|SHA256|SHA512) ?\\(([^()]{1,255})\\) ?= ?([0-9a-fA-F]{40,128})");

  public OvfManifest {
    digests = Map.copyOf(digests);
  }

  /**
   * What a file was digested to.
   *
   * @param algorithm SHA1, SHA256 or SHA512
   */
  public record Digest(String algorithm, String hex) {
    public static final String SHA256 = "SHA256";
    static final List<String> ALGORITHMS = List.of(SHA256, "SHA1", "SHA512");

    public Digest {
      if (!hex.matches("([0-9a-f]{2})+")
          || hex.length() != 2 * digester(algorithm).getDigestLength()) {
        throw new IllegalArgumentException("not a digest of " + algorithm);
      }
    }

    static Digest of(String algorithm, byte[] bytes) {
      return new Digest(algorithm, HexFormat.of().formatHex(digester(algorithm).digest(bytes)));
    }

    static MessageDigest digester(String algorithm) {
      try {
        return MessageDigest.getInstance(algorithm.replace("SHA", "SHA-"));
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalArgumentException("no digest " + algorithm, e);
      }
    }
  }

  /**
   * Reads one.
   *
   * @throws BadImageException for a line of another form, or a file twice
   */
  public static OvfManifest parse(byte[] text) throws BadImageException {
    Map<String, Digest> digests = new LinkedHashMap<>();
    for (String line : new String(text, UTF_8).lines().toList()) {
      Matcher matcher = LINE.matcher(line.strip());
      try {
        boolean good =
            line.isBlank()
                || (matcher.matches()
                    && digests.put(
                            matcher.group(2),
                            new Digest(matcher.group(1), matcher.group(3).toLowerCase(Locale.ROOT)))
                        == null);
        if (!good) {
          throw bad(Reason.BAD_FIELD, 0, "a line of a manifest", "SHA256(file)= hex, once");
        }
      } catch (IllegalArgumentException e) {
        throw bad(Reason.BAD_FIELD, 0, "a digest of a wrong length", "as the algorithm's");
      }
    }
    return new OvfManifest(digests);
  }

  /** The text, by name of the files. */
  public byte[] bytes() {
    StringBuilder text = new StringBuilder();
    digests.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(
            file ->
                text.append(
                    "%s(%s)= %s\n"
                        .formatted(
                            file.getValue().algorithm(), file.getKey(), file.getValue().hex())));
    return text.toString().getBytes(UTF_8);
  }

  /** The digest of a file, if there is one. */
  public Optional<Digest> of(String file) {
    return Optional.ofNullable(digests.get(file));
  }
}
