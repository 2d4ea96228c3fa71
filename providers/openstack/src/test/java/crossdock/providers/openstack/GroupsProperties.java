package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Firewall;
import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Firewall.Rule;
import crossdock.contracts.Subnet;
import crossdock.providers.Refusal;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class GroupsProperties {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Provide
  Arbitrary<Firewall> firewalls() {
    Arbitrary<Integer> edge = Arbitraries.of(0, 1, 22, 80, 0x0800, 0x08ff, 65535);
    return Combinators.combine(
            Arbitraries.of(Direction.class),
            Arbitraries.of(1, 6, 17, 47, 58).optional(0.8),
            edge,
            edge,
            Arbitraries.of("0.0.0.0/0", "10.0.0.0/8", "10.0.0.4/32", "::/0", "2001:db8::/64")
                .map(Subnet::parse)
                .list()
                .ofMaxSize(3))
        .as(
            (direction, protocol, one, other, addresses) -> {
              boolean part = protocol.filter(Firewall::hasSelector).isPresent();
              return new Rule(
                  direction,
                  protocol,
                  part ? Math.min(one, other) : 0,
                  part ? Math.max(one, other) : 65535,
                  addresses,
                  List.of());
            })
        .list()
        .ofMaxSize(6)
        .map(Firewall::new);
  }

  @Property
  void whatIsSaidIsReadAsTheSameAndIsWhatNeutronTakes(@ForAll("firewalls") Firewall firewall) {
    List<Map<String, Object>> said;
    try {
      said = Groups.say(firewall, "g");
    } catch (Refusal e) {
      assertThat(e).hasMessageContaining("in short"); // many codes of ICMP
      return;
    }
    assertThat(read(said)).hasValue(firewall);
    assertThat(said)
        .allSatisfy(
            rule -> {
              // Networking API v2.0 has no port 0, and protocols of IPv6 only there.
              boolean icmp = List.of("1", "58").contains(rule.getOrDefault("protocol", ""));
              assertThat(icmp || !Integer.valueOf(0).equals(rule.get("port_range_min"))).isTrue();
              assertThat(rule.get("protocol"))
                  .isNotEqualTo("IPv4".equals(rule.get("ethertype")) ? "58" : "1");
            });
  }

  private static Optional<Firewall> read(List<Map<String, Object>> rules) {
    ObjectNode group = JSON.createObjectNode();
    group.set("security_group_rules", JSON.valueToTree(rules));
    return new Groups(Map.of("g", group)).of("g");
  }

  private static Optional<Firewall> read(String rule) throws Exception {
    JsonNode group = JSON.readTree("{\"security_group_rules\": [" + rule + "]}");
    return new Groups(Map.of("g", group)).of("g");
  }

  @Example
  void aPrefixWithBitsBeyondItIsReadAsItFilters() throws Exception {
    assertThat(
            read("""
                {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
                 "port_range_min": 22, "port_range_max": 22,
                 "remote_ip_prefix": "10.8.0.5/16", "normalized_cidr": "10.8.0.0/16"}
                """)
                .orElseThrow()
                .allowed())
        .singleElement()
        .hasToString("tcp 22 from 10.8.0.0/16");
  }

  @Example
  void whatIsNotKnownForSureIsNotSaid() throws Exception {
    for (String part :
        List.of(
            "\"protocol\": \"0\"", "\"remote_address_group_id\": \"x\"", "\"protocol\": \"x\"")) {
      assertThat(read("{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", " + part + "}"))
          .isEmpty();
    }
  }

  @Example
  void whatNeutronDoesNotTakeIsRefusedBefore() {
    Rule tunnel =
        new Rule(Direction.INGRESS, Optional.of(41), 0, 65535, List.of(Subnet.ALL_V4), List.of());
    assertThatThrownBy(() -> Groups.say(new Firewall(List.of(tunnel)), "g"))
        .isInstanceOf(Refusal.class);
  }
}
