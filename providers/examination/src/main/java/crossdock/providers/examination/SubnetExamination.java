package crossdock.providers.examination;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.Writer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Finds out, from inside, whether one of a site's two subnets is what the site promises: a network
 * namespace of this host by the name {@code <provider>.VMExportSubnet} or {@code
 * <provider>.VMImportSubnet}, with the address that the site serves at, from which what the site
 * needs answers over TCP and nothing else does. Who answers at all, even with a refusal, has been
 * reached.
 */
public final class SubnetExamination {
  private static final Path ALL = Path.of("/run/netns");

  /** Where clouds answer with credentials (such as EC2's and OpenStack's metadata services). */
  private static final InetSocketAddress METADATA =
      InetSocketAddress.createUnresolved("169.254.169.254", 80);

  private static final Set<Integer> USUAL = Set.of(22, 53, 80, 443, 3306, 5432, 8080, 9092);

  private final String name;

  /**
   * @param name of the subnet, with its provider's before it
   */
  public SubnetExamination(String name) {
    this.name = name;
  }

  /**
   * Tries it. Takes some seconds.
   *
   * @param line what the check is called
   * @param address that the site has there
   * @param promised what is to be reached from it; at least one of them must answer, or nothing
   *     follows from silence
   * @param others that are there and must not be reached; beside them, other ports of every address
   *     are tried, and some addresses that nobody needs
   */
  public Check examine(
      String line, String address, Set<InetSocketAddress> promised, Set<InetSocketAddress> others)
      throws IOException {
    Optional<String> lacking = lacking();
    if (lacking.isPresent()) {
      return new Check(line, 1, Outcome.SKIPPED, "the provider's word: " + lacking.get());
    }
    Set<InetSocketAddress> needed = elsewhere(promised);
    return needed.isEmpty()
        ? new Check(line, 1, Outcome.SKIPPED, "all that it needs is on this host's loopback")
        : tried(line, address, needed, elsewhere(others));
  }

  /** By their numbers, as names may be unknown there; every namespace has a loopback of its own. */
  private static Set<InetSocketAddress> elsewhere(Set<InetSocketAddress> all) throws IOException {
    Set<InetSocketAddress> found = new LinkedHashSet<>();
    for (InetSocketAddress one : all) {
      for (InetAddress address : InetAddress.getAllByName(one.getHostString())) {
        if (!address.isLoopbackAddress()) {
          found.add(InetSocketAddress.createUnresolved(address.getHostAddress(), one.getPort()));
        }
      }
    }
    return found;
  }

  private Check tried(
      String line, String address, Set<InetSocketAddress> promised, Set<InetSocketAddress> others)
      throws IOException {
    Optional<Integer> mtu = mtu(address);
    if (mtu.isEmpty()) {
      return new Check(line, 1, Outcome.FAILED, name + " has not the address " + address);
    }
    Set<InetSocketAddress> forbidden = forbidden(promised, others);
    Set<InetSocketAddress> reached =
        reached(Stream.concat(promised.stream(), forbidden.stream()).toList());
    List<String> open = texts(forbidden.stream().filter(reached::contains));
    List<String> silent = texts(promised.stream().filter(one -> !reached.contains(one)));
    if (!open.isEmpty()) {
      return new Check(
          line,
          1,
          Outcome.FAILED,
          shortened("not promised, and answers: " + String.join(", ", open)));
    }
    if (silent.size() == promised.size()) {
      return new Check(
          line, 1, Outcome.ERROR, "nothing that is promised answers, so silence shows nothing");
    }
    String found =
        "MTU %d; %d of what is promised answer, %d others do not"
            .formatted(mtu.get(), promised.size() - silent.size(), forbidden.size());
    return silent.isEmpty()
        ? new Check(line, 1, Outcome.PASSED, found)
        : new Check(
            line, 1, Outcome.WARNED, shortened(found + "; silent: " + String.join(", ", silent)));
  }

  private static List<String> texts(Stream<InetSocketAddress> addresses) {
    return addresses.map(one -> one.getHostString() + ":" + one.getPort()).sorted().toList();
  }

  private static String shortened(String detail) {
    return detail.length() <= 512 ? detail : detail.substring(0, 511) + "…";
  }

  private Optional<String> lacking() throws IOException {
    Path file = ALL.resolve(name);
    if (!Files.exists(file) || !Files.getFileStore(file).type().equals("nsfs")) {
      return Optional.of("there is no network namespace " + name + " on this host");
    }
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)
        ? Optional.empty()
        : Optional.of("only root looks into network namespaces");
  }

  /** Of the interface with that address. */
  private Optional<Integer> mtu(String address) throws IOException {
    JsonNode[] interfaces =
        Json.read(
            run(List.of("ip", "-netns", name, "-json", "address", "show"), ""), JsonNode[].class);
    for (JsonNode one : interfaces) {
      for (JsonNode given : one.path("addr_info")) {
        if (given.path("local").asText().equals(address)) {
          return Optional.of(one.path("mtu").asInt());
        }
      }
    }
    return Optional.empty();
  }

  private static Set<InetSocketAddress> forbidden(
      Set<InetSocketAddress> promised, Set<InetSocketAddress> others) {
    Set<Integer> ports = new TreeSet<>(USUAL);
    Set<String> hosts = new TreeSet<>();
    Stream.concat(promised.stream(), others.stream())
        .forEach(
            one -> {
              ports.add(one.getPort());
              hosts.add(one.getHostString());
            });
    Set<InetSocketAddress> forbidden = new LinkedHashSet<>(others);
    for (String host : hosts) {
      ports.forEach(port -> forbidden.add(InetSocketAddress.createUnresolved(host, port)));
    }
    forbidden.add(METADATA);
    forbidden.removeAll(promised);
    return forbidden;
  }

  /** Which of them answer, asked from inside. */
  private Set<InetSocketAddress> reached(List<InetSocketAddress> asked) throws IOException {
    List<String> command =
        List.of(
            "nsenter",
            "--net=" + ALL.resolve(name),
            "--",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xshare:auto",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            classes().toString(),
            Tries.class.getName());
    StringBuilder lines = new StringBuilder();
    for (InetSocketAddress one : asked) {
      lines.append(one.getHostString()).append(' ').append(one.getPort()).append('\n');
    }
    Set<InetSocketAddress> reached = new LinkedHashSet<>();
    for (String line : run(command, lines.toString()).lines().toList()) {
      String[] words = line.split(" ", 2);
      reached.add(InetSocketAddress.createUnresolved(words[0], Integer.parseInt(words[1])));
    }
    return reached;
  }

  private static Path classes() throws IOException {
    try {
      return Path.of(Tries.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }

  private static String run(List<String> command, String input) throws IOException {
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try (Writer to = process.outputWriter(UTF_8)) {
      to.write(input);
    }
    try (InputStream from = process.getInputStream()) {
      String said = new String(from.readAllBytes(), UTF_8);
      if (process.waitFor() != 0) {
        throw new IOException(command + " ends with " + process.exitValue());
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
