package crossdock.launcher;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;

/**
 * What must be so before anything is started; each refusal is one sentence that says what to do.
 */
final class Preflight {
  private static final long GIB = 1L << 30;

  private Preflight() {}

  /** An address that somebody will listen on. */
  record Endpoint(String host, int port) {
    String address() {
      return host + ":" + port;
    }
  }

  static void check(State state, Ports ports, Path home, Scope scope) throws IOException {
    tools();
    if (scope != Scope.INFRASTRUCTURE) {
      Services.ALL.forEach(s -> s.cache(home));
    }
    room(state, Path.of("/proc/meminfo"));
    for (Endpoint endpoint : endpoints(ports, scope)) {
      free(endpoint);
    }
  }

  /** Ports that nobody uses just now, away from the default and below the ephemeral ones. */
  static Ports unused() throws IOException {
    for (int attempt = 0; attempt < 50; attempt++) {
      Ports candidate = new Ports(20_000 + 100 * ThreadLocalRandom.current().nextInt(100));
      try {
        for (Endpoint endpoint : endpoints(candidate, Scope.ALL)) {
          free(endpoint);
        }
        return candidate;
      } catch (Refusal inUse) {
        // The next one, then.
      }
    }
    throw new Refusal(Refusal.CANNOT_START, "No free ports were found: end some programs first.");
  }

  static Set<Endpoint> endpoints(Ports ports, Scope scope) {
    Set<Endpoint> all = new LinkedHashSet<>();
    if (scope != Scope.INFRASTRUCTURE) {
      Services.ALL.forEach(s -> all.add(ports.plain(s)));
      Services.ALL.stream()
          .filter(s -> s.site() != null)
          .map(ports::mutual)
          .filter(Subnets.here()::local)
          .forEach(all::add);
    }
    all.addAll(List.of(ports.postgres(), ports.kafka(), ports.keycloak()));
    for (int port : List.of(ports.kafkaController(), ports.keycloakManagement())) {
      all.add(new Endpoint(Ports.LOOPBACK, port));
    }
    return all;
  }

  static void free(Endpoint endpoint) throws IOException {
    try (ServerSocket socket =
        new ServerSocket(endpoint.port(), 1, InetAddress.getByName(endpoint.host()))) {
      socket.getLocalPort();
    } catch (BindException e) {
      if (!String.valueOf(e.getMessage()).contains("in use")) {
        throw new Refusal(
            Refusal.CANNOT_START,
            "Nothing can listen on "
                + endpoint.host()
                + ", a loopback address that a site needs: "
                + e.getMessage()
                + ".");
      }
      throw new Refusal(
          Refusal.CANNOT_START,
          "Port "
              + endpoint.port()
              + " on "
              + endpoint.host()
              + " is in use"
              + holder(endpoint.port()).map(h -> " by " + h).orElse("")
              + ": end that process or set CROSSDOCK_PORTS to another base than the present one.");
    }
  }

  /**
   * @param memory what the kernel says of it: {@code /proc/meminfo}
   */
  static void room(State state, Path memory) throws IOException {
    Path disk = state.root();
    while (!Files.exists(disk)) {
      Path parent = disk.getParent();
      if (parent == null) {
        break;
      }
      disk = parent;
    }
    long free = Files.getFileStore(disk).getUsableSpace();
    if (free < 4 * GIB) {
      throw new Refusal(
          Refusal.CANNOT_START,
          "Only "
              + free / (GIB / 1024)
              + " MiB are free on the disk of "
              + disk
              + ", and 4096 are needed: make room or set CROSSDOCK_STATE to a directory elsewhere.");
    }
    try (Stream<String> lines = Files.lines(memory)) {
      Optional<Long> kibibytes =
          lines
              .filter(l -> l.startsWith("MemAvailable:"))
              .map(l -> Long.parseLong(l.replaceAll("[^0-9]", "")))
              .findFirst();
      if (kibibytes.isPresent() && kibibytes.get() < 6L << 20) {
        throw new Refusal(
            Refusal.CANNOT_START,
            "Only "
                + kibibytes.get() / 1024
                + " MiB of memory are available, and 6144 are needed: end some programs first.");
      }
    }
  }

  private static void tools() {
    List<String> needed = List.of("bash", "setsid", "unshare", "grep", "sleep", "cat", "sort");
    for (String tool : needed) {
      boolean found =
          Stream.of(System.getenv().getOrDefault("PATH", "").split(":", -1))
              .anyMatch(d -> Files.isExecutable(Path.of(d, tool)));
      if (!found) {
        throw new Refusal(
            Refusal.CANNOT_START,
            "The program '"
                + tool
                + "' is missing: install the packages util-linux and coreutils.");
      }
    }
  }

  /** "java (pid 12)", as far as we are allowed to see. */
  private static Optional<String> holder(int port) throws IOException {
    String hex = String.format(java.util.Locale.ROOT, ":%04X", port);
    Set<String> sockets = new LinkedHashSet<>();
    for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
      if (Files.exists(Path.of(table))) {
        try (Stream<String> lines = Files.lines(Path.of(table))) {
          lines
              .map(l -> l.strip().split("\\s+", -1))
              .filter(f -> f.length > 9 && f[1].endsWith(hex) && f[3].equals("0A"))
              .forEach(f -> sockets.add("socket:[" + f[9] + "]"));
        }
      }
    }
    return ProcessHandle.allProcesses()
        .filter(p -> holds(p.pid(), sockets))
        .findFirst()
        .map(p -> program(p.pid()) + " (pid " + p.pid() + ")");
  }

  private static boolean holds(long pid, Set<String> sockets) {
    try (Stream<Path> open = Files.list(Path.of("/proc", Long.toString(pid), "fd"))) {
      return open.anyMatch(fd -> sockets.contains(target(fd)));
    } catch (IOException | java.io.UncheckedIOException e) {
      return false;
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return "";
    }
  }

  private static String program(long pid) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(pid), "comm")).strip();
    } catch (IOException e) {
      return "a process";
    }
  }
}
