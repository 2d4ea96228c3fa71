package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Firewall;
import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Firewall.Packet;
import crossdock.contracts.Firewall.Rule;
import crossdock.contracts.Listing.Filtering;
import crossdock.contracts.Subnet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class TranslationProperties {
  private static final Set<Direction> BOTH = Set.of(Direction.INGRESS, Direction.EGRESS);

  @Provide
  Arbitrary<Firewall> firewalls() {
    Arbitrary<List<Subnet>> addresses =
        Arbitraries.of("0.0.0.0/0", "10.0.0.0/8", "10.0.0.4/32", "::/0", "2001:db8::/64")
            .map(Subnet::parse)
            .list()
            .ofMaxSize(3);
    Arbitrary<Integer> port = Arbitraries.of(0, 22, 80, 0x0800, 65535);
    return Combinators.combine(
            Arbitraries.of(Direction.class),
            Arbitraries.of(1, 6, 17, 47).optional(0.7),
            port,
            port,
            addresses,
            Arbitraries.of("web").list().ofMaxSize(1))
        .as(
            (direction, protocol, one, other, from, groups) -> {
              boolean part = protocol.filter(Firewall::hasSelector).isPresent();
              return new Rule(
                  direction,
                  protocol,
                  part ? Math.min(one, other) : 0,
                  part ? Math.max(one, other) : 65535,
                  from,
                  groups);
            })
        .list()
        .ofMaxSize(6)
        .map(Firewall::new);
  }

  @Provide
  Arbitrary<Filtering> targets() {
    return Combinators.combine(
            Arbitraries.of(Direction.class).set(),
            Arbitraries.of(1, 6, 17).set().optional(),
            Arbitraries.of(true, false))
        .as((directions, protocols, ipv6) -> new Filtering(directions, protocols, ipv6, 100));
  }

  @Provide
  Arbitrary<Packet> packets() {
    return Combinators.combine(
            Arbitraries.of(Direction.class),
            Arbitraries.of(1, 2, 6, 17, 47),
            Arbitraries.of(0, 21, 22, 80, 0x0800, 65535),
            Arbitraries.of("10.0.0.4", "10.0.0.5", "192.0.2.1", "2001:db8::7", "2001:db9::"))
        .as(
            (direction, protocol, selector, peer) ->
                new Packet(
                    direction,
                    protocol,
                    Firewall.hasSelector(protocol) ? selector : 0,
                    Subnet.address(peer),
                    Set.of()))
        .filter(
            packet ->
                packet.protocol() == 1
                    ? packet.peer().isIPv4()
                    : packet.selector() > 0 || (packet.protocol() != 6 && packet.protocol() != 17));
  }

  @Property
  void aPacketPassesAtTheTargetExactlyIfAtTheSourceApartFromWhatIsReported(
      @ForAll("firewalls") Firewall source,
      @ForAll("targets") Filtering target,
      @ForAll("packets") Packet packet) {
    Translation there = Translation.of(source, target);
    boolean before = source.allows(packet);
    boolean after = there.firewall().allows(packet);
    assertThat(there.wider().has(packet)).isEqualTo(after && !before);
    assertThat(there.narrower().has(packet)).isEqualTo(before && !after);
  }

  @Property
  void nothingIsWiderWhereBothDirectionsAreFiltered(
      @ForAll("firewalls") Firewall source, @ForAll("targets") Filtering target) {
    Filtering both = new Filtering(BOTH, target.protocols(), target.ipv6(), target.rules());
    assertThat(Translation.of(source, both).wider().isEmpty()).isTrue();
  }

  @Property
  void whatCanAllBeSaidIsTheSame(@ForAll("firewalls") Firewall source) {
    Translation there = Translation.of(source, new Filtering(BOTH, Optional.empty(), true, 100));
    boolean grouped = source.allowed().stream().anyMatch(rule -> !rule.groups().isEmpty());
    assertThat(there.narrower().isEmpty()).isEqualTo(!grouped);
    assertThat(there.firewall().equals(source)).isEqualTo(!grouped);
  }

  @Property
  void nothingIsSaidThatTheTargetCannotSay(
      @ForAll("firewalls") Firewall source, @ForAll("targets") Filtering target) {
    Stream<Rule> said =
        Translation.of(source, target).firewall().allowed().stream()
            .filter(rule -> target.directions().contains(rule.direction()));
    assertThat(said)
        .allSatisfy(
            rule -> {
              assertThat(rule.groups()).isEmpty();
              assertThat(target.protocols().isEmpty() || rule.protocol().isPresent()).isTrue();
              assertThat(target.protocols().orElse(Set.of(1, 6, 17, 47)))
                  .containsAll(rule.protocol().stream().toList());
              assertThat(rule.addresses())
                  .allMatch(subnet -> target.ipv6() || subnet.block().isIPv4());
            });
  }
}
