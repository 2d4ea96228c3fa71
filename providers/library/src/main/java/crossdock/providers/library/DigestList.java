package crossdock.providers.library;

import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A package's {@code .mf}: the SHA-256 of each file, as ovftool and virt-v2v read and write it. */
record DigestList(Map<String, Sha256> digests) {
  static final int LONGEST = 256 << 10;
  private static final Pattern LINE =
      Pattern.compile("SHA256\\(([^()]{1,255})\\) ?= ?([0-9a-fA-F]{64})");

  static DigestList parse(byte[] text) {
    Map<String, Sha256> digests = new LinkedHashMap<>();
    for (String line : new String(text, StandardCharsets.UTF_8).lines().toList()) {
      Matcher matcher = LINE.matcher(line);
      if (!matcher.matches()) {
        throw new Refused("a manifest has lines of the form SHA256(file)= hex only");
      }
      Sha256 digest = new Sha256(matcher.group(2).toLowerCase(Locale.ROOT));
      if (digests.put(matcher.group(1), digest) != null) {
        throw new Refused("a manifest names a file twice");
      }
    }
    return new DigestList(digests);
  }

  byte[] bytes() {
    StringBuilder text = new StringBuilder();
    digests.forEach((name, hash) -> text.append("SHA256(%s)= %s\n".formatted(name, hash.hex())));
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Whether the file has the digest that stands here; one that does not stand here has not. */
  boolean confirms(String file, Sha256 found) {
    return found.equals(digests.get(file));
  }
}
