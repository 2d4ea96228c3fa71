package crossdock.contracts;

import inet.ipaddr.IPAddress;
import inet.ipaddr.IPAddressSeqRangeList;
import inet.ipaddr.ipv4.IPv4AddressSeqRangeList;
import inet.ipaddr.ipv6.IPv6AddressSeqRangeList;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Who is on the other side: addresses of both families, and members of groups. Immutable. */
record Peers(IPv4AddressSeqRangeList v4, IPv6AddressSeqRangeList v6, Set<String> groups) {
  static final Peers NOBODY =
      new Peers(new IPv4AddressSeqRangeList(), new IPv6AddressSeqRangeList(), Set.of());

  Peers {
    groups = Set.copyOf(groups);
  }

  static Peers of(Collection<Subnet> addresses, Collection<String> groups) {
    IPv4AddressSeqRangeList v4 = new IPv4AddressSeqRangeList();
    IPv6AddressSeqRangeList v6 = new IPv6AddressSeqRangeList();
    for (Subnet subnet : addresses) {
      if (subnet.block().isIPv4()) {
        v4.add(subnet.block().toIPv4());
      } else {
        v6.add(subnet.block().toIPv6());
      }
    }
    return new Peers(v4, v6, Set.copyOf(groups));
  }

  Peers plus(Peers other) {
    Set<String> all = new HashSet<>(groups);
    all.addAll(other.groups);
    return new Peers(v4.joinIntoList(other.v4), v6.joinIntoList(other.v6), all);
  }

  Peers minus(Peers other) {
    Set<String> left = new HashSet<>(groups);
    left.removeAll(other.groups);
    return new Peers(v4.removeIntoList(other.v4), v6.removeIntoList(other.v6), left);
  }

  boolean isNobody() {
    return v4.isEmpty() && v6.isEmpty() && groups.isEmpty();
  }

  boolean contains(IPAddress address) {
    return address.isIPv4() ? v4.contains(address) : v6.contains(address);
  }

  /** The fewest blocks that are exactly these addresses, in their order, IPv4 first. */
  List<Subnet> addresses() {
    List<Subnet> blocks = new ArrayList<>();
    for (IPAddressSeqRangeList list : List.of(v4, v6)) {
      if (!list.isEmpty()) {
        for (IPAddress block : list.spanWithPrefixBlocks()) {
          blocks.add(new Subnet(block));
        }
      }
    }
    return blocks;
  }
}
