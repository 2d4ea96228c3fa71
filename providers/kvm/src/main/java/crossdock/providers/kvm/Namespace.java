package crossdock.providers.kvm;

import static java.nio.charset.StandardCharsets.UTF_8;

import crossdock.contracts.Machine;
import crossdock.contracts.Sha256;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.io.InputStream;
import java.io.Writer;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The networks of one site: a network namespace that nothing leads out of, a bridge for each
 * network in use, a tap for each card of a machine that runs, {@link Rules} over all of them. It is
 * there while a machine runs; what is in it is known from the kernel alone. Thread-safe, for
 * several processes too: changes are made in the site's turn.
 */
final class Namespace {
  private static final Path ALL = Path.of("/run/netns");
  private static final List<Path> TOOLS =
      Stream.of("/usr/sbin", "/usr/bin", "/sbin", "/bin").map(Path::of).toList();
  private static final Path TUN = Path.of("/dev/net/tun");
  private static final List<String> FILTERS =
      List.of(
          "/proc/sys/net/bridge/bridge-nf-call-iptables",
          "/proc/sys/net/bridge/bridge-nf-call-ip6tables");

  // Of itself the host would take IPv6 addresses on them, and tell the guests.
  private static final String SILENT = " addrgenmode none";

  private static final String TAP = "t"; // and no other device begins so

  private final Site site;
  private final String name;

  /**
   * @throws IOException if this host cannot have one, with what it lacks
   */
  Namespace(Site site) throws IOException {
    Optional<String> lacking = lacking();
    if (lacking.isPresent()) {
      throw new IOException("no networks can be made here: " + lacking.get());
    }
    this.site = site;
    name = "crossdock-" + hash(site.root().toString(), 16);
  }

  /** What this host lacks for networks; empty if they can be tried. */
  static Optional<String> lacking() throws IOException {
    if (!Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)) {
      return Optional.of("only root makes them");
    }
    for (String tool : List.of("ip", "nft", "nsenter")) {
      if (TOOLS.stream().noneMatch(place -> Files.isExecutable(place.resolve(tool)))) {
        return Optional.of(tool + " is not installed (Debian: iproute2, nftables, util-linux)");
      }
    }
    if (!Files.exists(TUN)) {
      return Optional.of("there is no " + TUN);
    }
    return Files.exists(Path.of(FILTERS.getFirst()))
        ? Optional.empty()
        : Optional.of("the kernel module br_netfilter is not loaded");
  }

  /** What it is opened by, while it is there. */
  Path path() {
    return ALL.resolve(name);
  }

  /** The device of a machine's card. */
  static String tap(String machine, int card) {
    return taps(machine) + Integer.toString(card, 32);
  }

  private static String taps(String machine) {
    return TAP + hash(machine, 13); // a device has at most 15 letters
  }

  static String bridge(String network) {
    return "b" + hash(network, 14);
  }

  private static String hash(String text, int digits) {
    return Sha256.of(text.getBytes(UTF_8)).hex().substring(0, digits);
  }

  /**
   * Plugs in the cards of a machine that does not run, whatever an earlier call left.
   *
   * @return what stands before the command that they are for
   * @throws IOException if rules cannot be set, or another machine is plugged in with an address of
   *     its; nothing passes its cards then
   */
  List<String> connect(Machine machine) throws IOException {
    if (machine.nics().isEmpty()) {
      return List.of();
    }
    try (Turn _ = site.turn()) {
      if (!isThere()) {
        Files.deleteIfExists(path()); // half made
        String _ = run(List.of(tool("ip"), "netns", "add", name), "");
      }
      requireFilters();
      Set<String> devices = new HashSet<>(devices().keySet());
      requireOwnAddresses(machine, devices);
      List<String> made = new ArrayList<>(unplugged(machine.id(), devices));
      List<String> plugged = new ArrayList<>();
      for (int i = 0; i < machine.nics().size(); i++) {
        String tap = tap(machine.id(), i);
        String bridge = bridge(machine.nics().get(i).network());
        if (devices.add(bridge)) {
          made.add("link add " + bridge + " type bridge mcast_snooping 0");
          made.add("link set " + bridge + SILENT);
        }
        made.add("tuntap add dev " + tap + " mode tap");
        made.add("link set " + tap + SILENT);
        plugged.add("link set " + bridge + " up");
        plugged.add("link set " + tap + " master " + bridge + " up");
      }
      change(made);
      rule(machine);
      change(plugged);
      return inside();
    }
  }

  /** Takes away what is there of a machine that does not run. */
  void disconnect(String machine) throws IOException {
    try (Turn _ = site.turn()) {
      if (!isThere()) {
        return;
      }
      Set<String> devices = devices().keySet();
      List<String> unplugged = unplugged(machine, devices);
      boolean last =
          devices.stream()
              .noneMatch(device -> device.startsWith(TAP) && !device.startsWith(taps(machine)));
      if (last) {
        String _ = run(List.of(tool("ip"), "netns", "delete", name), "");
      } else if (!unplugged.isEmpty()) {
        change(unplugged);
        rule(others(machine).toList());
      }
    }
  }

  /** Its owner chose them, so they could be somebody else's. */
  private void requireOwnAddresses(Machine machine, Set<String> devices) throws IOException {
    Set<List<String>> taken = new HashSet<>();
    for (Machine other : others(machine.id()).toList()) {
      for (int i = 0; i < other.nics().size(); i++) {
        if (devices.contains(tap(other.id(), i))) {
          taken.addAll(addresses(other.nics().get(i)));
        }
      }
    }
    for (Machine.Nic nic : machine.nics()) {
      if (!Collections.disjoint(taken, addresses(nic))) {
        throw new IOException("an address of " + nic.mac() + " is taken in " + nic.network());
      }
    }
  }

  private static List<List<String>> addresses(Machine.Nic nic) {
    return Stream.concat(
            Stream.of(nic.mac(), Rules.linkLocal(nic.mac())),
            nic.addresses().stream().map(text -> InetAddress.ofLiteral(text).getHostAddress()))
        .map(address -> List.of(nic.network(), address))
        .toList();
  }

  private static List<String> unplugged(String machine, Set<String> devices) {
    return devices.stream()
        .filter(device -> device.startsWith(taps(machine)))
        .map("link delete "::concat)
        .toList();
  }

  private boolean isThere() throws IOException {
    return Files.exists(path()) && Files.getFileStore(path()).type().equals("nsfs");
  }

  /** Index by name of device. */
  private Map<String, Integer> devices() throws IOException {
    Map<String, Integer> devices = new LinkedHashMap<>();
    List<String> list = List.of(tool("ip"), "-netns", name, "-oneline", "link", "show");
    for (String line : run(list, "").lines().toList()) {
      String[] words = line.split(": ", 3); // such as "7: t0123: <BROADCAST,…"
      devices.put(words[1], Integer.valueOf(words[0]));
    }
    return devices;
  }

  /** Without them no rule is asked. They are the namespace's own. */
  private void requireFilters() throws IOException {
    List<String> command = new ArrayList<>(List.of(tool("cat")));
    command.addAll(FILTERS);
    if (!inside(command, "").equals("1\n1\n")) {
      throw new IOException("what crosses bridges is not filtered here; see " + FILTERS);
    }
  }

  private void change(List<String> lines) throws IOException {
    String _ =
        run(List.of(tool("ip"), "-netns", name, "-batch", "-"), String.join("\n", lines) + "\n");
  }

  private void rule(Machine starting) throws IOException {
    rule(Stream.concat(Stream.of(starting), others(starting.id())).toList());
  }

  private Stream<Machine> others(String id) throws IOException {
    return site.machines().stream().map(State::machine).filter(machine -> !machine.id().equals(id));
  }

  /** For those that are plugged in. */
  private void rule(List<Machine> machines) throws IOException {
    Map<String, Integer> devices = devices();
    Map<String, Rules.Port> bridges = new LinkedHashMap<>();
    List<Rules.Card> cards = new ArrayList<>();
    for (Machine machine : machines) {
      for (int i = 0; i < machine.nics().size(); i++) {
        Machine.Nic nic = machine.nics().get(i);
        String tap = tap(machine.id(), i);
        if (devices.containsKey(tap)) {
          bridges.put(nic.network(), port(bridge(nic.network()), devices));
          cards.add(new Rules.Card(port(tap, devices), nic));
        }
      }
    }
    String rules = Rules.of(List.copyOf(bridges.values()), cards);
    String _ = inside(List.of(tool("nft"), "-f", "-"), rules);
  }

  private static Rules.Port port(String device, Map<String, Integer> devices) throws IOException {
    Integer number = devices.get(device);
    if (number == null || number > Rules.MOST_PORTS) {
      throw new IOException(
          "%s has number %s; numbers end at %d, and begin again when no machine of the site runs"
              .formatted(device, number, Rules.MOST_PORTS));
    }
    return new Rules.Port(device, number);
  }

  private List<String> inside() {
    return List.of(tool("nsenter"), "--net=" + path(), "--");
  }

  private String inside(List<String> command, String input) throws IOException {
    return run(Stream.concat(inside().stream(), command.stream()).toList(), input);
  }

  private static String tool(String name) {
    return TOOLS.stream()
        .map(place -> place.resolve(name))
        .filter(Files::isExecutable)
        .findFirst()
        .map(Path::toString)
        .orElse(name);
  }

  /** What it writes; all of {@code input} is read before anything is written. */
  private static String run(List<String> command, String input) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().clear();
    builder.environment().put("LC_ALL", "C");
    Process process = builder.start();
    try (Writer to = process.outputWriter(UTF_8)) {
      to.write(input);
    }
    try (InputStream from = process.getInputStream()) {
      String said = new String(from.readAllBytes(), UTF_8);
      if (process.waitFor() != 0) {
        throw new IOException(command + ": " + said.strip());
      }
      return said;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      process.destroyForcibly();
    }
  }
}
