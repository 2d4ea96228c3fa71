package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Firewall.Packet;
import crossdock.contracts.Firewall.Rule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class FirewallProperties {
  /** Few enough that rules meet, and on the edges of one another. */
  private static final List<Subnet> SUBNETS =
      List.of(
              "0.0.0.0/0",
              "10.0.0.0/8",
              "10.0.0.0/9",
              "10.128.0.0/9",
              "10.0.0.4/32",
              "10.0.0.5/32",
              "255.255.255.255/32",
              "::/0",
              "2001:db8::/64",
              "2001:db8::1/128")
          .stream()
          .map(Subnet::parse)
          .toList();

  private static final List<String> ADDRESSES =
      List.of(
          "0.0.0.0",
          "9.255.255.255",
          "10.0.0.3",
          "10.0.0.4",
          "10.0.0.5",
          "10.127.255.255",
          "10.128.0.0",
          "11.0.0.0",
          "255.255.255.255",
          "::",
          "2001:db8::",
          "2001:db8::1",
          "2001:db8:0:1::",
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");

  private static final int[] EDGES = {0, 1, 21, 22, 23, 79, 80, 0x0800, 0x08ff, 65534, 65535};

  @Provide
  Arbitrary<List<Rule>> rules() {
    Arbitrary<Integer> edge = Arbitraries.of(java.util.Arrays.stream(EDGES).boxed().toList());
    Arbitrary<Rule> rule =
        Combinators.combine(
                Arbitraries.of(Direction.class),
                Arbitraries.of(1, 6, 17, 47, 58).optional(0.8),
                edge,
                edge,
                Arbitraries.of(SUBNETS).list().ofMaxSize(3),
                Arbitraries.of("web", "db").list().ofMaxSize(2))
            .as(
                (direction, protocol, one, other, addresses, groups) ->
                    protocol.filter(Firewall::hasSelector).isPresent()
                        ? new Rule(
                            direction,
                            protocol,
                            Math.min(one, other),
                            Math.max(one, other),
                            addresses,
                            groups)
                        : new Rule(direction, protocol, 0, 65535, addresses, groups));
    return rule.list().ofMaxSize(7);
  }

  @Provide
  Arbitrary<Packet> packets() {
    return Combinators.combine(
            Arbitraries.of(Direction.class),
            Arbitraries.of(1, 2, 6, 17, 47, 58, 132),
            Arbitraries.of(java.util.Arrays.stream(EDGES).boxed().toList()),
            Arbitraries.of(ADDRESSES),
            Arbitraries.of("web", "db", "other").set().ofMaxSize(2))
        .as(
            (direction, protocol, selector, peer, groups) ->
                new Packet(
                    direction,
                    protocol,
                    Firewall.hasSelector(protocol) ? selector : 0,
                    Subnet.address(peer),
                    groups))
        .filter(FirewallProperties::isReal);
  }

  /** Whether there are such packets: with port 0, or ICMP of the other family, there are none. */
  private static boolean isReal(Packet packet) {
    return switch (packet.protocol()) {
      case 6, 17, 132 -> packet.selector() > 0;
      case 1 -> packet.peer().isIPv4();
      case 58 -> packet.peer().isIPv6();
      default -> true;
    };
  }

  @Property
  void aPacketPassesTheNormalFormExactlyIfAGivenRuleLetsItThrough(
      @ForAll("rules") List<Rule> rules, @ForAll("packets") Packet packet) {
    assertThat(new Firewall(rules).allows(packet)).isEqualTo(given(rules, packet));
  }

  @Property
  void theOrderOfRulesAndSayingThemTwiceAndReadingThemBackChangeNothing(
      @ForAll("rules") List<Rule> rules, @ForAll long seed) {
    Firewall once = new Firewall(rules);
    List<Rule> twice = new ArrayList<>(rules);
    twice.addAll(rules);
    Collections.shuffle(twice, new Random(seed));
    Firewall again = new Firewall(twice);
    assertThat(again).isEqualTo(once).hasSameHashCodeAs(once);
    assertThat(Json.text(again)).isEqualTo(Json.text(once));
    assertThat(new Firewall(once.allowed())).isEqualTo(once);
    assertThat(Json.read(Json.bytes(once), Firewall.class)).isEqualTo(once);
  }

  @Property
  void aPacketIsOfTheDifferenceExactlyIfOneLetsItThroughAndTheOtherDoesNot(
      @ForAll("rules") List<Rule> one,
      @ForAll("rules") List<Rule> other,
      @ForAll("packets") Packet packet) {
    Firewall here = new Firewall(one);
    Firewall there = new Firewall(other);
    boolean differs = here.allows(packet) && !there.allows(packet);
    if (packet.groups().isEmpty()) {
      assertThat(here.minus(there).has(packet)).isEqualTo(differs);
    } else if (differs) {
      // A member of a group has an address, too: more may be reported, never less.
      assertThat(here.minus(there).has(packet)).isTrue();
    }
    assertThat(here.minus(here).isEmpty()).isTrue();
    assertThat(here.minus(there).isEmpty() && there.minus(here).isEmpty())
        .isEqualTo(here.equals(there));
  }

  @Property
  void nothingPassesAClosedOneAndEverythingAnOpenOne(@ForAll("packets") Packet packet) {
    assertThat(Firewall.CLOSED.allows(packet)).isFalse();
    assertThat(Firewall.OPEN.allows(packet)).isTrue();
  }

  @Example
  void neighboursAreOneBlockAndOnePortRange() {
    Firewall parts =
        new Firewall(
            List.of(
                tcp(22, 22, "10.0.0.0/9"),
                tcp(22, 22, "10.128.0.0/9"),
                tcp(23, 80, "10.0.0.0/8"),
                tcp(30, 40, "10.1.2.3/32")));
    assertThat(parts.allowed()).containsExactly(tcp(22, 80, "10.0.0.0/8"));
    assertThat(parts.allowed().getFirst()).hasToString("tcp 22-80 from 10.0.0.0/8");
  }

  @Example
  void whatNoPacketHasMakesNoDifference() {
    assertThat(new Firewall(List.of(tcp(0, 0, "10.0.0.0/8")))).isEqualTo(Firewall.CLOSED);
    assertThat(new Firewall(List.of(tcp(0, 22, "10.0.0.0/8"))).allowed())
        .containsExactly(tcp(1, 22, "10.0.0.0/8"));
    assertThat(new Firewall(List.of(tcp(1, 65535, "10.0.0.0/8"))).allowed())
        .containsExactly(tcp(0, 65535, "10.0.0.0/8"));
    Rule both =
        new Rule(
            Direction.INGRESS,
            Optional.of(Firewall.ICMP_V6),
            0,
            65535,
            List.of(Subnet.ALL_V4, Subnet.ALL_V6),
            List.of());
    assertThat(new Firewall(List.of(both)).allowed().getFirst().addresses())
        .containsExactly(Subnet.ALL_V6);
  }

  @Example
  void typesOfIcmpAreSaidAsTheyAre() {
    assertThat(icmp(0x0800, 0x08ff)).hasToString("icmp type 8 from 0.0.0.0/0");
    assertThat(icmp(0x0801, 0x0801)).hasToString("icmp type 8 code 1 from 0.0.0.0/0");
    assertThat(icmp(0x0800, 0x0aff)).hasToString("icmp type 8 to type 10 from 0.0.0.0/0");
    assertThat(icmp(0x0801, 0x0803))
        .hasToString("icmp type 8 code 1 to type 8 code 3 from 0.0.0.0/0");
  }

  private static Rule icmp(int from, int to) {
    return new Rule(
        Direction.INGRESS, Optional.of(Firewall.ICMP), from, to, List.of(Subnet.ALL_V4), List.of());
  }

  /** As whoever orders work for others would write it: each rule parts all of the others. */
  @Example
  void rulesThatPartEachOtherAreCountedBeforeTheyAreWorkedOut() {
    List<Rule> nested = new ArrayList<>();
    for (int i = 0; i < 256; i++) {
      nested.add(tcp(1 + i, 60000 - i, "10.0.%d.0/32".formatted(i)));
    }
    assertThatThrownBy(() -> new Firewall(nested))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("part each other");
  }

  @Example
  void whatIsLeftOfEverybodyHasAsManyBlocksAsItTakes() {
    List<Rule> few = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      few.add(tcp(22, 22, "%d.0.0.7/32".formatted(i * 6)));
    }
    Firewall.Difference left =
        new Firewall(List.of(tcp(22, 22, "0.0.0.0/0"))).minus(new Firewall(few));
    assertThat(left.rules()).hasSize(1);
    assertThat(left.rules().getFirst().addresses()).hasSizeGreaterThan(1024);
  }

  @Example
  void aDifferenceThatIsTooLongToSayIsRefused() {
    List<Subnet> scattered = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      scattered.add(Subnet.parse("2001:db8:%x::7/128".formatted(i * 3)));
    }
    Firewall some = new Firewall(List.of(Rule.any(Direction.EGRESS, scattered, List.of())));
    assertThatThrownBy(() -> Firewall.OPEN.minus(some))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("blocks");
  }

  @Example
  void whatIsNoRuleIsRefused() {
    assertThatThrownBy(() -> tcp(80, 22, "10.0.0.0/8")).isInstanceOf(Refused.class);
    assertThatThrownBy(() -> tcp(-1, 22, "10.0.0.0/8")).isInstanceOf(Refused.class);
    assertThatThrownBy(() -> tcp(0, 65536, "10.0.0.0/8")).isInstanceOf(Refused.class);
    assertThatThrownBy(() -> tcp(0, 1, "10.0.0.1/8")).isInstanceOf(Refused.class);
    assertThatThrownBy(
            () -> new Rule(Direction.EGRESS, Optional.of(47), 0, 1, List.of(), List.of()))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(
            () -> new Rule(Direction.EGRESS, Optional.of(256), 0, 65535, List.of(), List.of()))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> new Firewall(Collections.nCopies(257, tcp(0, 1, "10.0.0.0/8"))))
        .isInstanceOf(Refused.class);
  }

  private static Rule tcp(int from, int to, String subnet) {
    return new Rule(
        Direction.INGRESS,
        Optional.of(Firewall.TCP),
        from,
        to,
        List.of(Subnet.parse(subnet)),
        List.of());
  }

  /** Word for word, without the normal form. */
  private static boolean given(List<Rule> rules, Packet packet) {
    for (Rule rule : rules) {
      boolean what =
          rule.direction() == packet.direction()
              && (rule.protocol().isEmpty() || rule.protocol().get() == packet.protocol());
      boolean which = rule.from() <= packet.selector() && packet.selector() <= rule.to();
      boolean who =
          !Collections.disjoint(Set.copyOf(rule.groups()), packet.groups())
              || rule.addresses().stream().anyMatch(one -> one.contains(packet.peer()));
      if (what && which && who) {
        return true;
      }
    }
    return false;
  }
}
