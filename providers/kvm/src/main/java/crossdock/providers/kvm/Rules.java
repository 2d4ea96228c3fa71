package crossdock.providers.kvm;

import crossdock.contracts.Firewall;
import crossdock.contracts.Machine;
import crossdock.contracts.Subnet;
import java.net.InetAddress;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What passes between the network cards of a site, in the words of nftables, as one transaction
 * that takes the place of what was said before. What is not said is dropped.
 *
 * <ul>
 *   <li>A card sends from its own MAC address and, if it has IP addresses, only from them and from
 *       the IPv6 link-local one of its MAC (RFC 4291, appendix A); if it has none, from any that no
 *       other card of its network has. It receives what is for its own MAC or for many.
 *   <li>ARP, IPv4 and IPv6 pass, untagged. ARP and the solicitations and advertisements of IPv6
 *       neighbours (RFC 4861) need no firewall's leave; a card advertises what it may send from,
 *       and asks whether nobody has it (RFC 5227, RFC 4862) of no other address.
 *   <li>A conversation begins if the sender's firewall and the receiver's both allow it, and is
 *       theirs: answers to it, and errors about it, pass between these two cards.
 *   <li>A card of which nobody says what passes is {@linkplain Firewall#CLOSED closed}, and nobody
 *       is in any group.
 * </ul>
 *
 * <p>The kernel knows conversations in its IP layer, to which br_netfilter shows what crosses a
 * bridge. So the bridge marks a packet with its two cards, the IP layer judges by that and changes
 * the mark, and the bridge passes on what has been judged: without br_netfilter that is nothing.
 */
final class Rules {
  /**
   * @param device its name
   * @param number its index: not given again while the kernel remembers conversations, which are
   *     known by it
   */
  record Port(String device, int number) {
    Port {
      if (number < 1 || number > MOST_PORTS) {
        throw new IllegalArgumentException("no number of a port: " + number);
      }
    }
  }

  /** A network card and what it is plugged into. */
  record Card(Port port, Machine.Nic nic) {
    private SortedSet<String> v4() {
      return literals(nic.addresses().stream().filter(address -> !isV6(address)));
    }

    private SortedSet<String> v6() {
      SortedSet<String> all = literals(nic.addresses().stream().filter(Rules::isV6));
      all.add(linkLocal(nic.mac()));
      return all;
    }
  }

  /** As a guest makes it of its MAC address (RFC 4291, appendix A), in Java's spelling. */
  static String linkLocal(String mac) {
    byte[] of = HexFormat.ofDelimiter(":").parseHex(mac);
    return "fe80:0:0:0:%x:%x:%x:%x"
        .formatted(
            (((of[0] ^ 2) & 0xff) << 8) | (of[1] & 0xff),
            ((of[2] & 0xff) << 8) | 0xff,
            0xfe00 | (of[3] & 0xff),
            ((of[4] & 0xff) << 8) | (of[5] & 0xff));
  }

  /** Two of them make a mark of 32 bits, and all ones is {@link #JUDGED}. */
  static final int MOST_PORTS = 0xfffe;

  private static final String JUDGED = "0xffffffff";

  private Rules() {}

  /**
   * What {@code nft -f} takes, from version 1.0.6.
   *
   * @param bridges of which each is a network: what has the same addresses in two is not the same
   * @param cards all that are plugged in
   */
  static String of(List<Port> bridges, List<Card> cards) {
    return bridge(cards) + inet(bridges, cards);
  }

  private static String bridge(List<Card> cards) {
    return """
      add table bridge crossdock
      delete table bridge crossdock
      table bridge crossdock {
        chain received {
          type filter hook prerouting priority -300; policy drop;
          %s
        }
        chain forwarded {
          type filter hook forward priority -200; policy drop;
          %s
        }
        chain judged {
          type filter hook forward priority 200; policy drop;
          ether type arp accept
          meta mark %s accept
        }
        chain to_host {
          type filter hook input priority -300; policy drop;
        }
        chain from_host {
          type filter hook output priority -300; policy drop;
        }
      %s}
      """
        .formatted(
            map("iifname vmap", cards, card -> card.port.device + " : goto from" + number(card)),
            map("oifname vmap", cards, card -> card.port.device + " : goto to" + number(card)),
            JUDGED,
            all(cards, card -> sender(card, cards) + receiver(card)));
  }

  private static String inet(List<Port> bridges, List<Card> cards) {
    // Fragments are put together at -400.
    return """
      add table inet crossdock
      delete table inet crossdock
      table inet crossdock {
        chain received {
          type filter hook prerouting priority -450; policy accept;
          %s
        }
        chain forwarded {
          type filter hook forward priority 0; policy drop;
          ct state established,related jump known
          %s
        }
        chain known {
          %s
        }
        chain mutual {
          %s
        }
        chain ingress {
          %s
        }
        chain begun {
          ct state new,established ct mark set meta mark
          goto passed
        }
        chain passed {
          meta mark set %s accept
        }
      %s}
      """
        .formatted(
            map("ct zone set iifname map", bridges, port -> port.device + " : " + port.number),
            sending("egress", cards),
            sending("known", cards),
            receiving("mutual", cards),
            receiving("ingress", cards),
            JUDGED,
            all(cards, card -> judge(card, cards)));
  }

  private static String sending(String chain, List<Card> cards) {
    return map(
        "meta mark & 0xffff0000 vmap",
        cards,
        card -> "0x%04x0000 : goto %s%d".formatted(number(card), chain, number(card)));
  }

  private static String receiving(String chain, List<Card> cards) {
    return map(
        "meta mark & 0x0000ffff vmap",
        cards,
        card -> "0x0000%04x : goto %s%d".formatted(number(card), chain, number(card)));
  }

  private static int number(Card card) {
    return card.port.number;
  }

  /** Nothing where there are no elements, since nftables has no empty maps of that kind. */
  private static <T> String map(String what, List<T> of, Function<T, String> element) {
    return of.isEmpty()
        ? ""
        : of.stream().map(element).collect(Collectors.joining(", ", what + " { ", " }"));
  }

  private static String all(List<Card> cards, Function<Card, String> chains) {
    return cards.stream().map(chains).collect(Collectors.joining());
  }

  private static String sender(Card card, List<Card> cards) {
    boolean nameless = card.nic.addresses().isEmpty();
    SortedSet<String> others = taken(card, cards, Card::v4, "255.255.255.255");
    String v4 = nameless ? "!= " + set(others) : set(card.v4());
    others.add("0.0.0.0");
    String known = nameless ? "!= " + set(others) : v4;
    String v6 = nameless ? "!= " + set(taken(card, cards, Card::v6, "::")) : set(card.v6());
    String ipv4 =
        nameless || !card.v4().isEmpty()
            ? """
              ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp saddr ether %1$s arp saddr ip %2$s accept
              ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp saddr ether %1$s arp saddr ip 0.0.0.0 arp daddr ip %2$s accept
              ip saddr %3$s accept
              """
                .formatted(card.nic.mac(), known, v4)
            : "";
    return """
        chain from%1$d {
          ether saddr != %2$s drop
          meta mark set 0x%1$04x0000
          %3$s
          ip6 saddr %4$s accept
          ip6 saddr :: icmpv6 type nd-neighbor-solicit accept
        }
      """
        .formatted(number(card), card.nic.mac(), ipv4, v6);
  }

  private static String receiver(Card card) {
    return """
        chain to%1$d {
          ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 ether daddr != %2$s drop
          meta mark set meta mark | 0x0000%1$04x accept
        }
      """
        .formatted(number(card), card.nic.mac());
  }

  /** Its own conversations, which are looked for first, and what may begin one. */
  private static String judge(Card card, List<Card> cards) {
    String own =
        card.nic.addresses().isEmpty()
            ? "!= " + numbers(taken(card, cards, Card::v6, "::"))
            : numbers(card.v6());
    return """
        chain known%1$d {
          ct mark & 0xffff0000 == 0x%1$04x0000 goto mutual
          ct mark & 0x0000ffff == 0x0000%1$04x goto mutual
        }
        chain mutual%1$d {
          ct mark & 0xffff0000 == 0x%1$04x0000 goto passed
          ct mark & 0x0000ffff == 0x0000%1$04x goto passed
        }
        chain egress%1$d {
          icmpv6 type nd-neighbor-solicit ip6 saddr != :: ip6 hoplimit 255 goto passed
          icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 @th,64,128 %2$s goto passed
          icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } drop
      %3$s  }
        chain ingress%1$d {
      %4$s  }
      """
        .formatted(
            number(card),
            own,
            rules(card, Firewall.Direction.EGRESS, "daddr", "ingress"),
            rules(card, Firewall.Direction.INGRESS, "saddr", "begun"));
  }

  /** What others of its network have, and {@code never}, so that it is not empty. */
  private static SortedSet<String> taken(
      Card card, List<Card> cards, Function<Card, SortedSet<String>> addresses, String never) {
    SortedSet<String> taken = new TreeSet<>();
    taken.add(never);
    cards.stream()
        .filter(other -> !other.equals(card) && other.nic.network().equals(card.nic.network()))
        .forEach(other -> taken.addAll(addresses.apply(other)));
    return taken;
  }

  private static String rules(Card card, Firewall.Direction direction, String peer, String next) {
    return card.nic.firewall().orElse(Firewall.CLOSED).allowed().stream()
        .filter(rule -> rule.direction() == direction)
        .flatMap(
            rule ->
                Stream.of(
                    rule(rule, "ip", "ipv4", subnets(rule, false), peer),
                    rule(rule, "ip6", "ipv6", subnets(rule, true), peer)))
        .filter(rule -> !rule.isEmpty())
        .map(rule -> "    " + rule + "goto " + next + "\n")
        .collect(Collectors.joining());
  }

  private static List<String> subnets(Firewall.Rule rule, boolean v6) {
    return rule.addresses().stream()
        .map(Subnet::toString)
        .filter(text -> isV6(text) == v6)
        .toList();
  }

  private static String rule(
      Firewall.Rule rule, String family, String name, List<String> subnets, String peer) {
    if (subnets.isEmpty()) {
      return "";
    }
    boolean everybody = subnets.stream().anyMatch(subnet -> subnet.endsWith("/0"));
    return (everybody
            ? "meta nfproto " + name + " "
            : family + " " + peer + " " + set(subnets) + " ")
        + rule.protocol().map(protocol -> protocol(protocol, rule.from(), rule.to())).orElse("");
  }

  private static String protocol(int protocol, int from, int to) {
    String all = "meta l4proto " + protocol + " ";
    if (from == 0 && to == 0xffff) {
      return all;
    }
    // Type and code are the first two bytes; the destination port the second two.
    boolean icmp = protocol == Firewall.ICMP || protocol == Firewall.ICMP_V6;
    return all + (icmp ? "@th,0,16 " : "@th,16,16 ") + (from == to ? from : from + "-" + to) + " ";
  }

  private static boolean isV6(String address) {
    return address.contains(":");
  }

  private static SortedSet<String> literals(Stream<String> addresses) {
    return addresses
        .map(address -> InetAddress.ofLiteral(address).getHostAddress())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static String set(Collection<String> of) {
    return "{ " + String.join(", ", of) + " }";
  }

  private static String numbers(Collection<String> v6) {
    return set(
        v6.stream()
            .map(text -> "0x" + HexFormat.of().formatHex(InetAddress.ofLiteral(text).getAddress()))
            .toList());
  }
}
