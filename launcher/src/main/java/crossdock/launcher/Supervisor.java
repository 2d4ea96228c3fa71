package crossdock.launcher;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Starts everything in the order of who needs whom, keeps it running, and ends it in reverse when
 * told to. What it cannot do after a KILL its {@link Reaper} does.
 */
final class Supervisor implements Keeper.Listener {
  private final State state;
  private final Ports ports;
  private final Path home;
  private final List<Keeper> keepers = new ArrayList<>();
  private final AtomicReference<String> failure = new AtomicReference<>();
  private final CountDownLatch over = new CountDownLatch(1);
  private volatile @Nullable Process reaper;
  private int foundations;
  private int endsAtOnce = 1;
  private boolean ending;

  Supervisor(State state, Ports ports, Path home) {
    this.state = state;
    this.ports = ports;
    this.home = home;
  }

  /** Runs until it is told to end or cannot go on; the exit status of the process. */
  int run(Scope scope) throws IOException, InterruptedException {
    long pid = ProcessHandle.current().pid();
    State.write(state.supervisorPid(), pid + " " + Spawn.startTime(pid) + "\n");
    Process watching = Reaper.watch(state);
    reaper = watching;
    Runtime.getRuntime().addShutdownHook(new Thread(this::end, "end"));
    plan(scope);
    changed();
    for (Keeper keeper : keepers) {
      Thread.ofPlatform().daemon().name(keeper.name).start(keeper);
    }
    while (!over.await(1, TimeUnit.SECONDS)) {
      if (!watching.isAlive()) {
        watching = Reaper.watch(state);
        reaper = watching;
      }
    }
    return Refusal.FAILED;
  }

  private void plan(Scope scope) {
    Semaphore unbounded = new Semaphore(Integer.MAX_VALUE);
    Supplier<Pki> pki = once(() -> Pki.open(state, Clock.systemUTC()));
    Keeper postgres =
        keeper(
            "postgres",
            List.of(),
            unbounded,
            () -> new Postgres(state, ports, home, Services.owners()).prepare());
    Keeper kafka =
        keeper(
            "kafka",
            List.of(),
            unbounded,
            () -> new Kafka(state, ports, pki.get(), home, scope).prepare());
    if (scope != Scope.TRAINING || !Keycloak.cache(home).fresh()) {
      keeper(
          "keycloak",
          List.of(postgres),
          unbounded,
          () -> new Keycloak(state, ports, home, scope).prepare());
    }
    foundations = keepers.size();
    // Writing a cache takes half a GiB.
    endsAtOnce =
        scope == Scope.TRAINING ? Runtime.getRuntime().availableProcessors() : Services.ALL.size();
    List<Services.Service> all =
        switch (scope) {
          case ALL -> Services.ALL;
          case INFRASTRUCTURE -> List.of();
          case TRAINING -> Training.stale(home);
        };
    Supplier<Services> services =
        once(
            () -> {
              TrustFile trust = new TrustFile(state, pki.get(), ports, Clock.systemUTC());
              trust.write();
              String provider = System.getenv().getOrDefault("CROSSDOCK_SITES", "library");
              return new Services(state, ports, pki.get(), trust, home, provider, scope);
            });
    // More at once only makes all of them late.
    Semaphore few = new Semaphore(Runtime.getRuntime().availableProcessors() + 2);
    for (Services.Service service : all) {
      keeper(service.name(), List.of(postgres, kafka), few, () -> services.get().prepare(service));
    }
  }

  private Keeper keeper(
      String name, List<Keeper> needs, Semaphore starting, Keeper.Preparation preparation) {
    Keeper keeper = new Keeper(name, state, needs, starting, preparation, this);
    keepers.add(keeper);
    return keeper;
  }

  @Override
  public synchronized void changed() {
    if (!ending) {
      boolean all = keepers.stream().allMatch(k -> k.readyAfter() != null);
      write(all ? "ready" : "starting", "");
    }
  }

  @Override
  public void failed(String sentence) {
    failure.compareAndSet(null, sentence);
    over.countDown();
  }

  private void end() {
    synchronized (this) {
      ending = true;
      write("stopping", "");
    }
    // Services first, all at once; then what they rest on, last started first.
    try (var ends = Executors.newFixedThreadPool(endsAtOnce)) {
      keepers.stream().skip(foundations).forEach(k -> ends.execute(k::stop));
    }
    try {
      keepers.stream().limit(foundations).toList().reversed().forEach(Keeper::stop);
      Process last = reaper;
      if (last != null) {
        last.getOutputStream().close();
        last.waitFor(30, TimeUnit.SECONDS);
      }
    } catch (IOException e) {
      System.err.println(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    String why = failure.get();
    write(why == null ? "stopped" : "failed", why == null ? "" : why);
  }

  private void write(String phase, String message) {
    List<Status.Line> lines =
        keepers.stream()
            .map(
                k -> {
                  Duration after = k.readyAfter();
                  return new Status.Line(
                      k.name,
                      k.phase().name().toLowerCase(Locale.ROOT),
                      k.pid(),
                      k.restarts(),
                      k.address(),
                      after == null ? -1 : after.toMillis(),
                      state.log(k.name).toString());
                })
            .toList();
    new Status(
            phase,
            message,
            ProcessHandle.current().pid(),
            ports.base(),
            lines,
            "http://127.0.0.1:" + ports.base())
        .write(state);
  }

  private static <T> Supplier<T> once(Supplier<T> source) {
    AtomicReference<T> value = new AtomicReference<>();
    Object lock = new Object();
    return () -> {
      synchronized (lock) {
        T known = value.get();
        if (known == null) {
          known = source.get();
          value.set(known);
        }
        return known;
      }
    };
  }
}
