package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import crossdock.contracts.Firewall;
import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Firewall.Rule;
import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Subnet;
import crossdock.providers.Refusal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.openstack4j.model.network.Port;

/**
 * Firewalls as Neutron's security groups say them, and back (Networking API v2.0, "Security group
 * rules").
 *
 * @param all the project's groups and their rules, by id
 */
record Groups(Map<String, JsonNode> all) {
  private static final Pattern OURS = Pattern.compile("crossdock-.+-firewall-[0-9]{2}");
  private static final int LAST = 0xffff;

  /** Neutron takes a rule for one type or code, or for all of them. */
  private static final int MOST_CODES = 64;

  private static final Map<String, Integer> PROTOCOLS =
      Map.ofEntries(
          Map.entry("ah", 51),
          Map.entry("dccp", 33),
          Map.entry("egp", 8),
          Map.entry("esp", 50),
          Map.entry("gre", 47),
          Map.entry("icmp", Firewall.ICMP),
          Map.entry("icmpv6", Firewall.ICMP_V6),
          Map.entry("ipv6-icmp", Firewall.ICMP_V6),
          Map.entry("igmp", 2),
          Map.entry("ipip", 4),
          Map.entry("ipv6-encap", 41),
          Map.entry("ipv6-frag", 44),
          Map.entry("ipv6-nonxt", 59),
          Map.entry("ipv6-opts", 60),
          Map.entry("ipv6-route", 43),
          Map.entry("ospf", 89),
          Map.entry("pgm", 113),
          Map.entry("rsvp", 46),
          Map.entry("sctp", 132),
          Map.entry("tcp", Firewall.TCP),
          Map.entry("udp", Firewall.UDP),
          Map.entry("udplite", 136),
          Map.entry("vrrp", 112));

  /** Neutron takes them for IPv6 only. */
  private static final Set<Integer> ONLY_V6 = Set.of(41, 43, 44, 58, 59, 60);

  static Groups of(Neutron neutron) throws IOException {
    Map<String, JsonNode> all = new TreeMap<>();
    for (JsonNode group : neutron.groups()) {
      all.put(group.path("id").asText(), group);
    }
    return new Groups(all);
  }

  /** The name of the group that is made for a firewall of a machine. */
  static String name(String prefix, int index) {
    return prefix + "firewall-%02d".formatted(index);
  }

  /** Those of the ports' groups that were made for their machine alone. */
  List<String> oursOf(List<? extends Port> ports) {
    return ports.stream()
        .flatMap(port -> port.getSecurityGroups().stream())
        .filter(id -> OURS.matcher(group(id).path("name").asText()).matches())
        .distinct()
        .toList();
  }

  /** What passes to a port; empty if that cannot be said in our words. */
  Optional<Firewall> of(Port port) {
    if (Boolean.FALSE.equals(port.isPortSecurityEnabled())) {
      return Optional.of(Firewall.OPEN);
    }
    List<Rule> rules = new ArrayList<>();
    for (String id : port.getSecurityGroups()) {
      Optional<List<Rule>> some = Optional.ofNullable(all.get(id)).flatMap(this::rules);
      if (some.isEmpty()) {
        return Optional.empty();
      }
      rules.addAll(some.get());
    }
    return firewall(rules);
  }

  private static Optional<Firewall> firewall(List<Rule> rules) {
    try {
      return Optional.of(new Firewall(rules));
    } catch (Refused e) {
      return Optional.empty();
    }
  }

  /** A group, as Neutron says it; a missing node if the project has none of that id. */
  JsonNode group(String id) {
    JsonNode group = all.get(id);
    return group == null ? MissingNode.getInstance() : group;
  }

  /** What a group lets through, if that can be said. */
  Optional<Firewall> of(String id) {
    return Optional.ofNullable(all.get(id)).flatMap(this::rules).flatMap(Groups::firewall);
  }

  private Optional<List<Rule>> rules(JsonNode group) {
    JsonNode said = group.path("security_group_rules");
    if (!said.isArray() || !group.path("stateful").asBoolean(true)) {
      return Optional.empty();
    }
    List<Rule> rules = new ArrayList<>();
    try {
      for (JsonNode one : said) {
        rules.add(rule(one));
      }
    } catch (Refused e) {
      return Optional.empty();
    }
    return Optional.of(rules);
  }

  /**
   * @throws Refused if something of it is not known here: it may narrow what passes
   */
  private Rule rule(JsonNode said) {
    if (said.hasNonNull("remote_address_group_id")) {
      throw new Refused("a rule for a group of addresses");
    }
    boolean v6 = said.path("ethertype").asText().equals("IPv6");
    if (!v6 && !said.path("ethertype").asText().equals("IPv4")) {
      throw new Refused("a rule for frames of " + said.path("ethertype"));
    }
    Direction direction =
        switch (said.path("direction").asText()) {
          case "ingress" -> Direction.INGRESS;
          case "egress" -> Direction.EGRESS;
          default -> throw new Refused("a rule in direction " + said.path("direction"));
        };
    List<Subnet> addresses = List.of();
    List<String> groups = List.of();
    if (said.hasNonNull("remote_group_id")) {
      String id = said.get("remote_group_id").asText();
      String name = group(id).path("name").asText();
      groups = List.of(Machines.isPlain(name) ? name : id);
    } else if (said.hasNonNull("remote_ip_prefix")) {
      // What it filters by, where the prefix was given with bits beyond it.
      String given = said.get("remote_ip_prefix").asText();
      addresses = List.of(Subnet.parse(said.path("normalized_cidr").asText(given)));
    } else {
      addresses = List.of(v6 ? Subnet.ALL_V6 : Subnet.ALL_V4);
    }
    Optional<Integer> protocol = protocol(said.path("protocol"), v6);
    boolean codes =
        protocol
            .filter(number -> number == Firewall.ICMP || number == Firewall.ICMP_V6)
            .isPresent();
    int from = 0;
    int to = LAST;
    if (said.hasNonNull("port_range_min")) {
      int low = said.get("port_range_min").asInt();
      int high = said.path("port_range_max").asInt(-1);
      from = codes ? low << 8 | Math.max(high, 0) : low;
      to = codes ? low << 8 | (high < 0 ? 0xff : high) : high;
    }
    return new Rule(direction, protocol, from, to, addresses, groups);
  }

  private static Optional<Integer> protocol(JsonNode said, boolean v6) {
    if (said.isMissingNode() || said.isNull()) {
      return Optional.empty();
    }
    String name = said.asText();
    if (name.equals("any") || name.equals("-1")) {
      return Optional.empty();
    }
    if (name.equals("0")) {
      throw new Refused("a rule for protocol 0, which is every protocol for some drivers");
    }
    Integer number = PROTOCOLS.get(name);
    if (number == null && !name.matches("[0-9]{1,3}")) {
      throw new Refused("a rule for " + name);
    }
    int known = number == null ? Integer.parseInt(name) : number;
    return Optional.of(known == Firewall.ICMP && v6 ? Firewall.ICMP_V6 : known);
  }

  /**
   * The rules of a group that lets exactly this through, each as the API takes it.
   *
   * @throws Refusal if there is none
   */
  static List<Map<String, Object>> say(Firewall firewall, String group) throws Refusal {
    List<Map<String, Object>> said = new ArrayList<>();
    for (Rule rule : firewall.allowed()) {
      if (!rule.groups().isEmpty() || rule.protocol().equals(Optional.of(0))) {
        throw new Refusal(Reason.UNMAPPABLE, "Neutron cannot say: " + rule + ".");
      }
      for (Subnet subnet : rule.addresses()) {
        if (subnet.block().isIPv4() && rule.protocol().filter(ONLY_V6::contains).isPresent()) {
          throw new Refusal(Reason.UNMAPPABLE, "Neutron cannot say: " + rule + ".");
        }
        for (int[] ports : ports(rule)) {
          Map<String, Object> one = new LinkedHashMap<>();
          one.put("security_group_id", group);
          one.put("direction", rule.direction() == Direction.INGRESS ? "ingress" : "egress");
          one.put("ethertype", subnet.block().isIPv4() ? "IPv4" : "IPv6");
          one.put("remote_ip_prefix", subnet.toString());
          rule.protocol().ifPresent(number -> one.put("protocol", Integer.toString(number)));
          if (ports.length > 0) {
            one.put("port_range_min", ports[0]);
          }
          if (ports.length > 1) {
            one.put("port_range_max", ports[1]);
          }
          said.add(one);
        }
      }
    }
    return said;
  }

  /** Ranges as the API takes them: none for all, a type alone for all of its codes. */
  private static List<int[]> ports(Rule rule) throws Refusal {
    if (rule.from() == 0 && rule.to() == LAST) {
      return List.of(new int[0]);
    }
    int protocol = rule.protocol().orElseThrow();
    if (protocol != Firewall.ICMP && protocol != Firewall.ICMP_V6) {
      return List.of(new int[] {rule.from(), rule.to()});
    }
    List<int[]> ranges = new ArrayList<>();
    int at = rule.from();
    while (at <= rule.to()) {
      boolean whole = (at & 0xff) == 0 && at + 0xff <= rule.to();
      ranges.add(whole ? new int[] {at >> 8} : new int[] {at >> 8, at & 0xff});
      at += whole ? 0x100 : 1;
      if (ranges.size() > MOST_CODES) {
        throw new Refusal(Reason.UNMAPPABLE, "Neutron cannot say in short: " + rule + ".");
      }
    }
    return ranges;
  }

  /** The different firewalls of a machine's cards, in order; each gets one group. */
  static List<Firewall> different(Machine machine) {
    return machine.nics().stream().flatMap(nic -> nic.firewall().stream()).distinct().toList();
  }
}
