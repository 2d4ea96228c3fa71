package crossdock.launcher;

import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Does to one state directory what {@link Blow} names. Turning a clock needs libfaketime, filling a
 * disk needs to be root, for each site's machines get a small file system of their own: what cannot
 * be done here is said when it begins. May be used by several threads.
 */
final class Vandal {
  /** Longer than any lease of a job. */
  private static final Duration AWAY = Duration.ofSeconds(20);

  private static final Duration AHEAD = Duration.ofMinutes(10);
  private static final long DISK_MIB = 512;
  private static final String BALLAST = "ballast";

  private final State state;
  private final Set<Blow.Kind> possible = EnumSet.of(Blow.Kind.KILL, Blow.Kind.PAUSE);

  private Map<String, String> environment = Map.of();

  private Vandal(State state) {
    this.state = state;
  }

  /** Begins with an empty state directory. */
  static Vandal at(State state, PrintStream out) throws IOException, InterruptedException {
    Vandal vandal = new Vandal(state);
    vandal.release();
    Deletion.tree(state.root());
    State.directory(state.root());
    vandal.environment = FakeTime.offered(state, Blow.SERVICES);
    if (vandal.environment.isEmpty()) {
      out.println("No clock is turned: libfaketime is missing (Debian: faketime).");
    } else {
      vandal.possible.add(Blow.Kind.CLOCK);
    }
    if (vandal.mount()) {
      vandal.possible.add(Blow.Kind.FULL);
    } else {
      out.println("No disk is filled: only root may mount file systems.");
    }
    return vandal;
  }

  /** What the supervisor must be started with. */
  Map<String, String> environment() {
    return environment;
  }

  Set<Blow.Kind> possible() {
    return Set.copyOf(possible);
  }

  /** Returns when it is over, for a kill at once. */
  void strike(Blow blow) throws IOException, InterruptedException {
    switch (blow.kind()) {
      case KILL -> ProcessHandle.of(pid(blow.process())).ifPresent(ProcessHandle::destroyForcibly);
      case PAUSE -> {
        long pid = pid(blow.process());
        signal("STOP", pid);
        away();
        signal("CONT", pid);
      }
      case CLOCK -> {
        FakeTime.turn(state, blow.process(), AHEAD);
        away();
        FakeTime.turn(state, blow.process(), Duration.ZERO);
      }
      case FULL -> {
        Path site = site(blow.process());
        Path ballast = site.resolve(BALLAST);
        fill(ballast);
        away();
        Files.deleteIfExists(ballast);
      }
      case CUT -> {
        switch (Subnets.here()) {
          case LOOPBACK -> cut();
          case NAMESPACES -> part();
        }
      }
    }
  }

  /** Needs to be root, and ss (Debian: iproute2). */
  private void cut() throws IOException, InterruptedException {
    byte[] signed = Files.readAllBytes(state.trust().resolve("bundle.json"));
    TrustBundle bundle =
        Json.read(signed, Envelope[].class)[0].read(TrustBundle.PAYLOAD_TYPE, TrustBundle.class);
    for (TrustBundle.Member member : bundle.present()) {
      for (TrustBundle.Site site : member.sites()) {
        String host = site.dock().getHost();
        run("ss", "-K", "dst", host, "dport", "=", ":" + site.dock().getPort());
      }
    }
  }

  /** Nothing passes between the sites, and nobody is told. */
  private static void part() throws IOException, InterruptedException {
    try {
      for (String end : Subnets.ENDS_OF_LINES) {
        line(end, "down");
      }
      away();
    } finally {
      for (String end : Subnets.ENDS_OF_LINES) {
        line(end, "up");
      }
    }
  }

  private static void line(String end, String state) throws IOException, InterruptedException {
    if (run("ip", "-n", end, "link", "set", "dev", "link", state) != 0) {
      throw new IOException("the line of " + end + " cannot be set " + state);
    }
  }

  private static void away() throws InterruptedException {
    TimeUnit.NANOSECONDS.sleep(AWAY.toNanos());
  }

  /** Waits while it is just being started again. */
  private long pid(String process) throws InterruptedException {
    while (true) {
      for (Status.Line line : Status.read(state).map(Status::processes).orElse(List.of())) {
        if (line.name().equals(process) && line.pid() != 0) {
          return line.pid();
        }
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
  }

  private static void signal(String name, long pid) throws IOException, InterruptedException {
    // It may have been killed meanwhile: then there is nobody to tell.
    new ProcessBuilder("bash", "-c", "kill -" + name + " " + pid + " 2>/dev/null")
        .start()
        .waitFor();
  }

  private Path site(String service) {
    return Services.ALL.stream()
        .filter(s -> s.name().equals(service))
        .map(Services.Service::site)
        .filter(site -> site != null)
        .map(site -> state.site(site.provider()))
        .findFirst()
        .orElseThrow();
  }

  private static void fill(Path ballast) throws IOException, InterruptedException {
    FileStore disk = Files.getFileStore(ballast.getParent());
    for (int n = 0; n < 3; n++) {
      // Somebody may have freed or taken some meanwhile.
      new ProcessBuilder(
              "bash",
              "-c",
              "head -c " + disk.getUsableSpace() + " /dev/zero >> \"$1\" 2>/dev/null",
              "fill",
              ballast.toString())
          .start()
          .waitFor();
    }
  }

  private boolean mount() throws IOException, InterruptedException {
    for (Site site : Site.ALL) {
      Path disk = State.directory(state.site(site.provider()));
      if (run(
              "mount",
              "-t",
              "tmpfs",
              "-o",
              "mode=700,size=" + DISK_MIB + "m",
              "tmpfs",
              disk.toString())
          != 0) {
        release();
        return false;
      }
    }
    return true;
  }

  /** Takes the file systems away. */
  void release() throws IOException, InterruptedException {
    for (Site site : Site.ALL) {
      Path disk = state.root().resolve("sites").resolve(site.provider());
      while (Files.exists(disk) && run("mountpoint", "-q", disk.toString()) == 0) {
        if (run("umount", disk.toString()) != 0) {
          throw new IOException(disk + " cannot be unmounted.");
        }
      }
    }
  }

  private static int run(String... command) throws IOException, InterruptedException {
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }
}
