package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.regex.Pattern;

/**
 * One provider in one region. Written {@code provider:region}; neither part can hold a dot or a
 * colon, so that names made of them (topics, principals, URNs) are never ambiguous.
 *
 * @param provider {@code [a-z0-9-]{1,32}}
 * @param region {@code [a-z0-9-]{1,32}}
 */
public record SiteId(String provider, String region) {
  private static final Pattern ID = Pattern.compile("[a-z0-9-]{1,32}");

  public SiteId {
    if (!ID.matcher(provider).matches() || !ID.matcher(region).matches()) {
      throw new Refused("a site is provider:region, each of [a-z0-9-]{1,32}");
    }
  }

  /** Reads {@code provider:region}. */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static SiteId parse(String text) {
    String[] parts = text.split(":", -1);
    if (parts.length != 2) {
      throw new Refused("a site is provider:region, each of [a-z0-9-]{1,32}");
    }
    return new SiteId(parts[0], parts[1]);
  }

  @Override
  @JsonValue
  public String toString() {
    return provider + ":" + region;
  }
}
