package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import inet.ipaddr.AddressStringParameters.RangeParameters;
import inet.ipaddr.IPAddress;
import inet.ipaddr.IPAddressString;
import inet.ipaddr.IPAddressStringParameters;

/**
 * A block of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3), such as {@code
 * 10.8.0.0/24} or {@code 2001:db8::/32}: the address has no bits beyond the prefix. Thread-safe.
 */
public record Subnet(IPAddress block) {
  /** Every IPv4 address. */
  public static final Subnet ALL_V4 = parse("0.0.0.0/0");

  /** Every IPv6 address. */
  public static final Subnet ALL_V6 = parse("::/0");

  private static IPAddressStringParameters strict() {
    return new IPAddressStringParameters.Builder()
        .allowEmpty(false)
        .allowAll(false)
        .allowMask(false)
        .allowPrefixOnly(false)
        .allowSingleSegment(false)
        .allowWildcardedSeparator(false)
        .setRangeOptions(RangeParameters.NO_RANGE)
        .getIPv4AddressParametersBuilder()
        .allow_inet_aton(false)
        .getParentBuilder()
        .getIPv6AddressParametersBuilder()
        .allowZone(false)
        .getParentBuilder()
        .toParams();
  }

  public Subnet {
    if (!block.isPrefixBlock()) {
      throw new Refused("no subnet with a prefix length: " + block);
    }
  }

  /**
   * @throws Refused if it is no such block; an address without a prefix length is none
   */
  @JsonCreator
  public static Subnet parse(String text) {
    IPAddress parsed = new IPAddressString(text, strict()).getAddress();
    if (parsed == null || !parsed.isPrefixBlock()) {
      throw new Refused("no subnet with a prefix length: " + text);
    }
    return new Subnet(parsed);
  }

  /**
   * A block, or the block of one that an address without a prefix length is; what is beyond the
   * prefix is left out.
   *
   * @throws Refused if it is neither
   */
  public static Subnet around(String text) {
    IPAddress parsed = new IPAddressString(text, strict()).getAddress();
    if (parsed == null) {
      throw new Refused("no IP address or subnet: " + text);
    }
    return new Subnet(
        parsed.isPrefixed() ? parsed.toPrefixBlock() : parsed.toPrefixBlock(parsed.getBitCount()));
  }

  /**
   * A single address.
   *
   * @throws Refused if {@code text} is none
   */
  public static IPAddress address(String text) {
    IPAddress parsed = new IPAddressString(text, strict()).getAddress();
    if (parsed == null || parsed.isPrefixed()) {
      throw new Refused("no IP address: " + text);
    }
    return parsed;
  }

  /** Whether {@code address} is in it; of the other family, none is. */
  public boolean contains(IPAddress address) {
    return block.contains(address);
  }

  @JsonValue
  @Override
  public String toString() {
    return block.toCanonicalString();
  }
}
