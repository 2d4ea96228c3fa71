package crossdock.providers.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Firewall;
import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Firewall.Packet;
import crossdock.contracts.Firewall.Rule;
import crossdock.contracts.Machine;
import crossdock.contracts.Subnet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two Linux guests that talk to each other; skipped aloud where the host cannot have them. */
@Timeout(240)
final class FirewalledGuestsTest {
  private static final Duration LONG = Duration.ofMinutes(2);
  private static final Pattern RESULT = Pattern.compile("PROBE (\\d+) (passed|dropped)\n");
  private static final int PROBES = 40;
  private static final int LISTENS = 80;
  private static final int[] PORTS = {22, 79, LISTENS, 81, 443, 5432};

  /** An attempt of a guest to talk to the other. */
  private record Probe(int protocol, int selector, boolean v6) {
    /** BusyBox's shell commands that end well if an answer came. */
    String command(int peer) {
      String to = address(peer, v6);
      return switch (protocol) {
        case Firewall.TCP ->
            "nc -w 5 %s %d < /dev/null 2>&1 | grep -q -e hello -e refused".formatted(to, selector);
        // Its first packet has the port after the one that is said; the port is closed.
        case Firewall.UDP ->
            "traceroute%s -n -m 1 -q 1 -w 5 -p %d %s 2>&1 | grep -q ' ms'"
                .formatted(v6 ? "6" : "", selector - 1, to);
        default -> "ping%s -c 1 -W 5 %s > /dev/null 2>&1".formatted(v6 ? "6" : "", to);
      };
    }

    boolean passes(Firewall sender, int from, Firewall receiver, int to) {
      return sender.allows(packet(Direction.EGRESS, to))
          && receiver.allows(packet(Direction.INGRESS, from));
    }

    private Packet packet(Direction direction, int peer) {
      return new Packet(direction, protocol, selector, Subnet.address(address(peer, v6)), Set.of());
    }
  }

  @TempDir private Path directory;
  private Kvm kvm;

  @BeforeEach
  void aSite() throws IOException {
    Qemu.assumeNetworks();
    kvm =
        new Kvm(
            directory.resolve("site"),
            "tcg",
            List.of("qcow2"),
            new Kvm.Limits(3, 1L << 30),
            Kvm.Networks.BRIDGED);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    if (kvm != null) {
      kvm.cutPower();
      assertThat(new Namespace(Site.at(directory.resolve("site"))).path()).doesNotExist();
    }
  }

  private static String address(int number, boolean v6) {
    return (v6 ? "fd00:7::" : "10.7.0.") + number;
  }

  private static String mac(int number) {
    return "52:54:00:00:07:%02x".formatted(number);
  }

  private static Machine machine(int number, Firewall firewall) {
    String id = "guest-" + number;
    return new Machine(
        id,
        id,
        "x86_64",
        1,
        128 << 20,
        Machine.Firmware.BIOS,
        "linux",
        List.of(new Machine.Disk("root", "qcow2", 64 << 20)),
        List.of(
            new Machine.Nic(
                "eth0",
                "lan",
                mac(number),
                List.of(address(number, false), address(number, true)),
                Optional.of(firewall))),
        List.of());
  }

  /** What allows about half of what is probed. */
  private static List<Rule> rules(Random random, Direction direction, int peer) {
    List<Rule> rules = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      List<Subnet> one = List.of(Subnet.parse(address(peer, false) + "/32"));
      List<Subnet> peers =
          switch (random.nextInt(4)) {
            case 0 -> List.of(Subnet.ALL_V4, Subnet.ALL_V6);
            case 1 -> List.of(Subnet.parse("fd00:7::/64"), Subnet.parse("192.0.2.0/24"));
            case 2 -> one;
            default -> List.of(Subnet.parse("10.7.0.0/16"), Subnet.parse("fd00:7::/64"));
          };
      int first = random.nextInt(PORTS.length);
      int last = random.nextInt(first, PORTS.length);
      rules.add(
          switch (random.nextInt(4)) {
            case 0 ->
                new Rule(
                    direction,
                    Optional.of(Firewall.UDP),
                    PORTS[first],
                    PORTS[last],
                    peers,
                    List.of());
            case 1 ->
                new Rule(direction, Optional.of(Firewall.ICMP), 0x0800, 0x08ff, peers, List.of());
            case 2 ->
                new Rule(
                    direction, Optional.of(Firewall.ICMP_V6), 0x8000, 0x80ff, peers, List.of());
            default ->
                new Rule(
                    direction,
                    Optional.of(Firewall.TCP),
                    PORTS[first],
                    PORTS[last],
                    peers,
                    List.of());
          });
    }
    return rules;
  }

  private static Firewall firewall(Random random, int peer) {
    List<Rule> rules = rules(random, Direction.INGRESS, peer);
    rules.addAll(rules(random, Direction.EGRESS, peer));
    return new Firewall(rules);
  }

  private static Probe probe(Random random) {
    boolean v6 = random.nextBoolean();
    int port = PORTS[random.nextInt(PORTS.length)];
    return switch (random.nextInt(5)) {
      case 0 ->
          v6 ? new Probe(Firewall.ICMP_V6, 0x8000, true) : new Probe(Firewall.ICMP, 0x0800, false);
      case 1, 2 -> new Probe(Firewall.UDP, port, v6);
      default -> new Probe(Firewall.TCP, port, v6);
    };
  }

  /** Sets up the card, waits until the other has, and tries everything at once. */
  private static String script(int number, int peer, List<Probe> probes) {
    StringBuilder script =
        new StringBuilder(
            """
            echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
            echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
            echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad
            nc -ll -p %d -e echo hello &
            ip link set eth0 up
            ip addr add %s/64 dev eth0
            ip addr add %s/24 dev eth0
            until grep -q '^%s .*%s' /proc/net/arp; do ping -c 1 -W 1 %s > /dev/null; done
            """
                .formatted(
                    LISTENS,
                    address(number, true),
                    address(number, false),
                    address(peer, false).replace(".", "[.]"),
                    mac(peer),
                    address(peer, false)));
    for (int i = 0; i < probes.size(); i++) {
      script.append(
          "if %s; then echo PROBE %d passed; else echo PROBE %d dropped; fi &\n"
              .formatted(probes.get(i).command(peer), i, i));
    }
    return script.toString();
  }

  private Path guest(String name, String script) throws IOException, InterruptedException {
    Path text = Files.writeString(directory.resolve(name + ".sh"), script);
    return Qemu.guest(directory, name, "--script", text + "");
  }

  @SuppressWarnings("SystemOut")
  private static void sayAloud(String what) {
    System.out.println(what);
  }

  private Map<Integer, Boolean> results(int number) throws IOException {
    Map<Integer, Boolean> results = new TreeMap<>();
    Matcher matcher = RESULT.matcher(kvm.console("alice", "guest-" + number));
    while (matcher.find()) {
      results.put(Integer.valueOf(matcher.group(1)), matcher.group(2).equals("passed"));
    }
    return results;
  }

  @Test
  void aConversationOfTwoGuestsBeginsExactlyIfBothFirewallsAllowIt() throws Exception {
    long seed = Long.getLong("crossdock.seed", System.nanoTime());
    sayAloud("random firewalls and probes of guests: -Dcrossdock.seed=" + seed);
    Random random = new Random(seed);
    Firewall[] walls = {firewall(random, 2), firewall(random, 1)};
    List<List<Probe>> probes = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      probes.add(IntStream.range(0, PROBES).mapToObj(_ -> probe(random)).toList());
      int number = i + 1;
      String name = "guest-" + number;
      Path disk = guest(name, script(number, 3 - number, probes.get(i)));
      kvm.adopt(machine(number, walls[i]), "alice", Map.of("root", disk), true);
    }
    long deadline = System.nanoTime() + LONG.toNanos();
    while (results(1).size() < PROBES || results(2).size() < PROBES) {
      assertThat(System.nanoTime()).as(() -> said(1) + said(2)).isLessThan(deadline);
      LockSupport.parkNanos(50_000_000);
    }
    Map<Integer, Integer> passed = new TreeMap<>();
    for (int i = 0; i < 2; i++) {
      Map<Integer, Boolean> results = results(i + 1);
      for (int j = 0; j < PROBES; j++) {
        Probe probe = probes.get(i).get(j);
        boolean expected = probe.passes(walls[i], i + 1, walls[1 - i], 2 - i);
        assertThat(results.get(j))
            .as("%s of guest %d; %s", probe, i + 1, List.of(walls))
            .isEqualTo(expected);
        passed.merge(probe.protocol(), expected ? 1 : 0, Integer::sum);
      }
    }
    sayAloud("of %d probes passed, by protocol: %s".formatted(2 * PROBES, passed));
  }

  private String said(int number) {
    try {
      return kvm.console("alice", "guest-" + number);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
