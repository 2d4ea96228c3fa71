package crossdock.gateway.partner;

import crossdock.contracts.Refused;
import java.math.BigInteger;
import java.net.InetAddress;

/**
 * A range of addresses of one family.
 *
 * @param prefix how many leading bits they have in common
 */
record Network(InetAddress first, int prefix) {
  Network {
    if (prefix < 0 || prefix > 8 * first.getAddress().length) {
      throw new Refused("/" + prefix + " is no prefix of " + first.getHostAddress());
    }
  }

  /**
   * Reads {@code 10.0.0.0/8} or {@code fd00::/8}; asks no name server.
   *
   * @throws Refused if it is something else
   */
  static Network parse(String text) {
    int slash = text.indexOf('/');
    String prefix = text.substring(slash + 1);
    if (slash < 0 || !prefix.matches("[0-9]{1,3}")) {
      throw new Refused("not an address and a prefix: " + text);
    }
    try {
      return new Network(InetAddress.ofLiteral(text.substring(0, slash)), Integer.parseInt(prefix));
    } catch (IllegalArgumentException e) {
      throw new Refused("not an address: " + text, e);
    }
  }

  boolean contains(InetAddress address) {
    return address.getAddress().length == first.getAddress().length
        && bits(address).equals(bits(first));
  }

  private BigInteger bits(InetAddress address) {
    byte[] bytes = address.getAddress();
    return new BigInteger(1, bytes).shiftRight(8 * bytes.length - prefix);
  }
}
