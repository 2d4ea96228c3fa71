package crossdock.providers.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Firewall;
import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Firewall.Rule;
import crossdock.contracts.Machine;
import crossdock.contracts.Subnet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class RulesTest {
  private static final Rules.Port LAN = new Rules.Port("blan", 2);

  private static Rules.Card card(int number, List<String> addresses, List<Rule> allowed) {
    return new Rules.Card(
        new Rules.Port("t" + number, number),
        new Machine.Nic(
            "eth0",
            "lan",
            "52:54:00:00:00:%02x".formatted(number),
            addresses,
            Optional.of(new Firewall(allowed))));
  }

  private static Rule rule(Direction direction, int protocol, int from, int to, String... peers) {
    return new Rule(
        direction,
        Optional.of(protocol),
        from,
        to,
        List.of(peers).stream().map(Subnet::parse).toList(),
        List.of("web"));
  }

  /** The lines of a chain, without what every chain of its kind has. */
  private static List<String> allowed(String rules, String chain) {
    return rules
        .lines()
        .map(String::strip)
        .dropWhile(line -> !line.equals("chain " + chain + " {"))
        .skip(1)
        .takeWhile(line -> !line.equals("}"))
        .filter(line -> !line.startsWith("icmpv6 type"))
        .toList();
  }

  @Test
  void aRuleIsALineForEachFamilyThatItHasAddressesOf() {
    String rules =
        Rules.of(
            List.of(LAN),
            List.of(
                card(
                    3,
                    List.of(),
                    List.of(
                        rule(Direction.INGRESS, Firewall.TCP, 22, 22, "10.8.0.0/16", "fd00::/64"),
                        rule(Direction.EGRESS, Firewall.UDP, 53, 60, "192.0.2.1/32"),
                        rule(Direction.EGRESS, Firewall.ICMP, 0x0800, 0x08ff, "0.0.0.0/0"),
                        rule(Direction.EGRESS, 47, 0, 65535, "0.0.0.0/0"),
                        Rule.any(Direction.INGRESS, List.of(Subnet.parse("::/0")), List.of())))));
    assertThat(allowed(rules, "ingress3"))
        .containsExactlyInAnyOrder(
            "ip saddr { 10.8.0.0/16 } meta l4proto 6 @th,16,16 22 goto begun",
            "meta nfproto ipv6 meta l4proto 6 @th,16,16 22 goto begun", // whoever may all
            "meta nfproto ipv6 goto begun");
    assertThat(allowed(rules, "egress3"))
        .containsExactlyInAnyOrder(
            "meta nfproto ipv4 meta l4proto 1 @th,0,16 2048-2303 goto ingress",
            "ip daddr { 192.0.2.1/32 } meta l4proto 17 @th,16,16 53-60 goto ingress",
            "meta nfproto ipv4 meta l4proto 47 goto ingress");
  }

  @Test
  void aGroupHasNoMembersAndAMissingFirewallAllowsNothing() {
    Rule group = Rule.any(Direction.INGRESS, List.of(), List.of("web"));
    Rules.Card silent =
        new Rules.Card(
            new Rules.Port("t4", 4), new Machine.Nic("eth0", "lan", "52:54:00:00:00:04"));
    String rules = Rules.of(List.of(LAN), List.of(card(3, List.of(), List.of(group)), silent));
    for (String chain : List.of("ingress3", "egress3", "ingress4", "egress4")) {
      assertThat(rules).contains("chain " + chain + " {");
      assertThat(allowed(rules, chain)).isEmpty();
    }
  }

  @Test
  void aCardSendsFromItsOwnAddressesAndOneThatHasNoneNotFromThoseOfOthers() {
    String rules =
        Rules.of(
            List.of(LAN),
            List.of(
                card(3, List.of("10.8.0.7", "fd00::7"), List.of()), card(4, List.of(), List.of())));
    assertThat(allowed(rules, "from3"))
        .contains(
            "ether saddr != 52:54:00:00:00:03 drop",
            "ip saddr { 10.8.0.7 } accept",
            "ip6 saddr { fd00:0:0:0:0:0:0:7, fe80:0:0:0:5054:ff:fe00:3 } accept");
    assertThat(allowed(rules, "from4"))
        .contains(
            "ip saddr != { 10.8.0.7, 255.255.255.255 } accept",
            "ip6 saddr != { ::, fd00:0:0:0:0:0:0:7, fe80:0:0:0:5054:ff:fe00:3 } accept");
  }
}
