package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import inet.ipaddr.IPAddress;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BinaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What may begin a conversation with a network card, and with whom the card may begin one: a
 * stateful set of what is allowed. Everything else is dropped; whatever answers an allowed
 * conversation passes. In no provider's words, and in one normal form: two that let the same
 * through have the same rules in the same order, whatever rules they were made of. (One that names
 * each of the 256 protocols is not taken for one that names none.) Port 0 is reserved (RFC 6335,
 * section 6) and passes where all other ports do, not otherwise; ICMP has no peers of IPv6, and
 * ICMPv6 none of IPv4. Immutable.
 *
 * @param allowed at most 256 rules with at most 1024 peers together, and 4096 where each is counted
 *     once for every range that others part its ports into
 */
public record Firewall(List<Rule> allowed) {
  /** Of the first packet, as seen from the card's machine. */
  public enum Direction {
    INGRESS,
    EGRESS
  }

  /** IANA protocol numbers that planning and adapters name. */
  public static final int ICMP = 1;

  public static final int TCP = 6;
  public static final int UDP = 17;
  public static final int ICMP_V6 = 58;

  /** Nothing passes. */
  public static final Firewall CLOSED = new Firewall(List.of());

  /** Everything passes, both ways. */
  public static final Firewall OPEN =
      new Firewall(
          Stream.of(Direction.values())
              .map(
                  direction ->
                      Rule.any(direction, List.of(Subnet.ALL_V4, Subnet.ALL_V6), List.of()))
              .toList());

  private static final int LAST = 0xffff;
  private static final int MOST_RULES = 256;
  private static final int MOST_PEERS = 1024;
  private static final int MOST_PARTS = 4096;
  private static final int MOST_BLOCKS = 32_768;

  /** Those whose packets have ports: TCP, UDP, DCCP, SCTP, UDP-Lite. */
  private static final Set<Integer> PORTS = Set.of(TCP, UDP, 33, 132, 136);

  /**
   * @param protocol IANA number, 0 to 255; every protocol if absent
   * @param from lowest destination port, 0 to 65535, of a protocol that has ports; of ICMP and
   *     ICMPv6 256 × type + code; otherwise 0
   * @param to highest one; 65535 where there is nothing to choose from
   * @param addresses of the other side
   * @param groups of machines at the same provider, whose members are the other side, too
   */
  public record Rule(
      Direction direction,
      Optional<Integer> protocol,
      int from,
      int to,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
          List<Subnet> addresses,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
          List<String> groups) {
    public Rule {
      addresses = List.copyOf(addresses);
      groups = List.copyOf(groups);
      groups.forEach(Machine::plain);
      if (protocol.filter(number -> number < 0 || number > 255).isPresent()) {
        throw new Refused("protocols have numbers from 0 to 255");
      }
      if (from < 0 || from > to || to > LAST) {
        throw new Refused("ports are 0 to 65535, the lowest first");
      }
      boolean whole = from == 0 && to == LAST;
      if (!whole && protocol.filter(Firewall::hasSelector).isEmpty()) {
        throw new Refused("only protocols that have ports or types are allowed in part");
      }
    }

    /** One for every protocol. */
    public static Rule any(Direction direction, List<Subnet> addresses, List<String> groups) {
      return new Rule(direction, Optional.empty(), 0, LAST, addresses, groups);
    }

    private int peers() {
      return addresses.size() + groups.size();
    }

    private boolean has(int selector) {
      return from <= selector && selector <= to;
    }

    /** Such as {@code tcp 22 from 10.8.0.0/16}. */
    @Override
    public String toString() {
      String what = protocol.map(Rule::name).orElse("everything");
      String part =
          from == 0 && to == LAST
              ? ""
              : protocol.filter(number -> number == ICMP || number == ICMP_V6).isPresent()
                  ? types()
                  : from == to ? " " + from : " " + from + "-" + to;
      return what
          + part
          + (direction == Direction.INGRESS ? " from " : " to ")
          + Stream.concat(
                  addresses.stream().map(Subnet::toString), groups.stream().map("group "::concat))
              .collect(Collectors.joining(", "));
    }

    private String types() {
      boolean whole = (from & 0xff) == 0 && (to & 0xff) == 0xff;
      String first = " type " + (from >> 8) + (whole ? "" : " code " + (from & 0xff));
      return from == to || (whole && from >> 8 == to >> 8)
          ? first
          : first + " to type " + (to >> 8) + (whole ? "" : " code " + (to & 0xff));
    }

    private static String name(int protocol) {
      return switch (protocol) {
        case ICMP -> "icmp";
        case TCP -> "tcp";
        case UDP -> "udp";
        case ICMP_V6 -> "icmpv6";
        default -> "protocol " + protocol;
      };
    }
  }

  /**
   * The first packet of a conversation.
   *
   * @param selector its destination port or 256 × type + code; 0 of a protocol that has none
   * @param peer the address on the other side
   * @param groups that the peer is in
   */
  public record Packet(
      Direction direction, int protocol, int selector, IPAddress peer, Set<String> groups) {}

  /**
   * What one lets through and another does not. Members of a group are taken for others than any
   * address: who is let in by group here and by address there is reported all the same.
   *
   * @param named protocols that a rule of either names, by direction
   * @param rules one without a protocol stands for all that are not {@code named}
   */
  public record Difference(Map<Direction, Set<Integer>> named, List<Rule> rules) {
    /** Whether there is none. */
    public boolean isEmpty() {
      return rules.isEmpty();
    }

    /** Whether {@code packet} is of the difference. */
    public boolean has(Packet packet) {
      return rules.stream()
          .filter(
              rule ->
                  rule.protocol.isPresent()
                      ? rule.protocol.get() == packet.protocol
                      : !named.getOrDefault(packet.direction, Set.of()).contains(packet.protocol))
          .anyMatch(rule -> Firewall.matches(rule, packet));
    }
  }

  public Firewall {
    // Before as well as after: bringing many into the normal form is work that others could order.
    bounded(allowed);
    allowed = normal(allowed);
    bounded(allowed);
  }

  private static void bounded(List<Rule> rules) {
    if (rules.size() > MOST_RULES || rules.stream().mapToInt(Rule::peers).sum() > MOST_PEERS) {
      throw new Refused(
          "a firewall has at most %d rules with %d peers".formatted(MOST_RULES, MOST_PEERS));
    }
    if (rules.stream().mapToLong(rule -> rule.peers() * parts(rule, rules)).sum() > MOST_PARTS) {
      throw new Refused("a firewall whose rules part each other into more than " + MOST_PARTS);
    }
  }

  /** At most so many ranges others part the ports of {@code rule} into. */
  private static long parts(Rule rule, List<Rule> rules) {
    return 1
        + rules.stream()
            .filter(one -> one.direction == rule.direction && one.protocol.equals(rule.protocol))
            .flatMapToInt(one -> IntStream.of(one.from, one.to + 1))
            .filter(edge -> rule.from < edge && edge <= rule.to)
            .distinct()
            .count();
  }

  /** Whether a packet that begins a conversation passes. */
  public boolean allows(Packet packet) {
    return allowed.stream()
        .filter(rule -> rule.protocol.isEmpty() || rule.protocol.get() == packet.protocol)
        .anyMatch(rule -> matches(rule, packet));
  }

  /**
   * What passes here and not there.
   *
   * @throws Refused if it takes more than 32768 blocks of addresses to say that
   */
  public Difference minus(Firewall other) {
    Map<Direction, Set<Integer>> all = new EnumMap<>(Direction.class);
    List<Rule> rules = new ArrayList<>();
    for (Direction direction : Direction.values()) {
      Set<Integer> named = new TreeSet<>(protocols(allowed, direction));
      named.addAll(protocols(other.allowed, direction));
      all.put(direction, named);
      Peers here = any(allowed, direction);
      Peers there = any(other.allowed, direction);
      for (int protocol : named) {
        TreeMap<Integer, Peers> left =
            zip(
                cells(allowed, direction, protocol, here),
                cells(other.allowed, direction, protocol, there),
                Peers::minus);
        rules.addAll(rules(direction, Optional.of(protocol), left, Peers.NOBODY));
        sayable(rules);
      }
      rules.addAll(rules(direction, Optional.empty(), whole(here.minus(there)), Peers.NOBODY));
      sayable(rules);
    }
    return new Difference(all, rules);
  }

  private static void sayable(List<Rule> rules) {
    if (rules.stream().mapToLong(Rule::peers).sum() > MOST_BLOCKS) {
      throw new Refused("a difference of more than " + MOST_BLOCKS + " blocks of addresses");
    }
  }

  /** Whether packets of it have a port or a type that a rule can name. */
  public static boolean hasSelector(int protocol) {
    return PORTS.contains(protocol) || protocol == ICMP || protocol == ICMP_V6;
  }

  private static boolean matches(Rule rule, Packet packet) {
    return rule.direction == packet.direction
        && rule.has(packet.selector)
        && (rule.addresses.stream().anyMatch(subnet -> subnet.contains(packet.peer))
            || rule.groups.stream().anyMatch(packet.groups::contains));
  }

  private static List<Rule> normal(List<Rule> given) {
    List<Rule> normal = new ArrayList<>();
    for (Direction direction : Direction.values()) {
      Peers any = any(given, direction);
      for (int protocol : protocols(given, direction)) {
        normal.addAll(
            rules(
                direction,
                Optional.of(protocol),
                cells(given, direction, protocol, any),
                peers(any, protocol)));
      }
      normal.addAll(rules(direction, Optional.empty(), whole(any), Peers.NOBODY));
    }
    return List.copyOf(normal);
  }

  private static Set<Integer> protocols(List<Rule> rules, Direction direction) {
    return rules.stream()
        .filter(rule -> rule.direction == direction)
        .flatMap(rule -> rule.protocol.stream())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Peers any(List<Rule> rules, Direction direction) {
    return peers(
        rules.stream()
            .filter(rule -> rule.direction == direction && rule.protocol.isEmpty())
            .toList());
  }

  private static Peers peers(List<Rule> rules) {
    return Peers.of(
        rules.stream().flatMap(rule -> rule.addresses.stream()).toList(),
        rules.stream().flatMap(rule -> rule.groups.stream()).toList());
  }

  /** Those that packets of {@code protocol} can be from or for. */
  private static Peers peers(Peers all, int protocol) {
    return switch (protocol) {
      case ICMP -> new Peers(all.v4(), Peers.NOBODY.v6(), all.groups());
      case ICMP_V6 -> new Peers(Peers.NOBODY.v4(), all.v6(), all.groups());
      default -> all;
    };
  }

  private static int first(int protocol) {
    return PORTS.contains(protocol) ? 1 : 0;
  }

  private static TreeMap<Integer, Peers> whole(Peers peers) {
    TreeMap<Integer, Peers> cells = new TreeMap<>();
    cells.put(0, peers);
    return cells;
  }

  /**
   * Who passes from each selector up to the next one.
   *
   * @param any who passes by whatever protocol
   */
  private static TreeMap<Integer, Peers> cells(
      List<Rule> rules, Direction direction, int protocol, Peers any) {
    List<Rule> own =
        rules.stream()
            .filter(rule -> rule.direction == direction)
            .filter(rule -> rule.protocol.filter(number -> number == protocol).isPresent())
            .toList();
    TreeMap<Integer, Peers> cells = new TreeMap<>();
    IntStream.concat(
            IntStream.of(first(protocol)),
            own.stream().flatMapToInt(rule -> IntStream.of(rule.from, rule.to + 1)))
        .filter(edge -> first(protocol) <= edge && edge <= LAST)
        .distinct()
        .forEach(
            edge -> {
              List<Rule> here = own.stream().filter(rule -> rule.has(edge)).toList();
              cells.put(edge, peers(peers(here).plus(any), protocol));
            });
    return merged(cells);
  }

  private static TreeMap<Integer, Peers> merged(TreeMap<Integer, Peers> cells) {
    TreeMap<Integer, Peers> merged = new TreeMap<>();
    cells.forEach(
        (from, peers) -> {
          Map.Entry<Integer, Peers> last = merged.lastEntry();
          if (last == null || !last.getValue().equals(peers)) {
            merged.put(from, peers);
          }
        });
    return merged;
  }

  private static TreeMap<Integer, Peers> zip(
      TreeMap<Integer, Peers> one, TreeMap<Integer, Peers> other, BinaryOperator<Peers> by) {
    TreeMap<Integer, Peers> zipped = new TreeMap<>();
    Set<Integer> starts = new TreeSet<>(one.keySet());
    starts.addAll(other.keySet());
    for (int from : starts) {
      zipped.put(
          from, by.apply(one.floorEntry(from).getValue(), other.floorEntry(from).getValue()));
    }
    return merged(zipped);
  }

  /** A rule for each run, but for where nobody passes or no more than {@code anyway}. */
  private static List<Rule> rules(
      Direction direction,
      Optional<Integer> protocol,
      TreeMap<Integer, Peers> cells,
      Peers anyway) {
    List<Rule> rules = new ArrayList<>();
    cells.forEach(
        (from, peers) -> {
          if (!peers.isNobody() && !peers.equals(anyway)) {
            Integer next = cells.higherKey(from);
            int to = Objects.requireNonNullElse(next, LAST + 1) - 1;
            boolean all = to == LAST && from <= protocol.map(Firewall::first).orElse(0);
            List<String> groups = peers.groups().stream().sorted().toList();
            rules.add(new Rule(direction, protocol, all ? 0 : from, to, peers.addresses(), groups));
          }
        });
    return rules;
  }
}
