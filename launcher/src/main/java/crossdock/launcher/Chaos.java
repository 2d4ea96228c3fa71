package crossdock.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Step;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.io.PrintStream;
import java.net.http.HttpClient;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./crossdock chaos}: moves machines between two libraries while processes are killed and
 * paused under them, several migrations at once, so that each is hit by the blows of the others
 * too; after each migration, and at the end, {@link Books} looks for what is lost, doubled, wrong
 * or left over. In a state directory of its own.
 */
@Command(name = "chaos", description = "Kills processes under migrations and checks the books.")
final class Chaos implements Callable<Integer> {
  private static final PrintStream OUT = System.out;

  /** Until nothing is on its way any more. */
  private static final Duration SETTLING = Duration.ofMinutes(2);

  private static final Duration PATIENCE = Duration.ofMinutes(10);

  /** How long one that is to be struck nine times takes. */
  private static final Duration TRANSFER = Duration.ofSeconds(100);

  private static final int ATTEMPTS = 4;
  private static final List<Step> MINDS_CHANGE =
      List.of(Step.STOP, Step.OPEN, Step.CERTIFY, Step.IMPORT, Step.BOOT, Step.ACCEPT);

  @Option(names = "--runs", description = "How many migrations with any blows.")
  @Nullable Integer runs;

  @Option(names = "--blows", description = "How many one of these may have, at most.")
  int mostBlows = 3;

  @Option(names = "--seed", description = "What is chosen depends on it alone.")
  long seed = ThreadLocalRandom.current().nextInt(1_000_000);

  @Option(names = "--lanes", description = "How many migrations at once.")
  int lanes = 3;

  @Option(names = "--matrix", description = "Then a kill of every process at every step.")
  boolean matrix;

  @Option(names = "--kills", description = "Then any, until as many kills have been dealt.")
  int kills;

  @Option(names = "--sample", description = "Then as many migrations of the matrix.")
  int sample;

  @Option(
      names = "--guests",
      description = "Machines that run, and as often a power cut at the target at each step.")
  int guests;

  @Option(
      names = "--transfer",
      description = "Instead: machines of as many MiB, each struck at every tenth of its transfer.")
  int transfer;

  @Option(
      names = "--whom",
      defaultValue = ".*",
      description = "Of a transfer, only those whose whole name it matches, such as link.")
  Pattern whom = Pattern.compile(".*");

  @Option(names = "--minutes", description = "None begins later than this.")
  int minutes = 24 * 60;

  private volatile Instant end = Instant.MAX;
  private Supplier<List<Blow>> more = List::of;
  private final AtomicInteger numbers = new AtomicInteger();
  private final Queue<Run> plan = new ConcurrentLinkedQueue<>();
  private final Queue<Blow> missed = new ConcurrentLinkedQueue<>();
  private final Map<Blow.Kind, Integer> struck = new ConcurrentSkipListMap<>();
  private final AtomicInteger arrived = new AtomicInteger();
  private final AtomicInteger undone = new AtomicInteger();
  private final List<String> findings = new ArrayList<>();

  /**
   * One migration.
   *
   * @param matrix whether its blows are to be dealt at all events
   */
  private record Run(int number, List<Blow> blows, boolean matrix, int attempt) {}

  @Override
  public Integer call() throws Exception {
    if (transfer > 0 && transfer <= TRANSFER.toSeconds()) {
      throw new Refusal(
          Refusal.CANNOT_START,
          "--transfer takes more than %d MiB: nobody may ask for less than 1 MiB a second."
              .formatted(TRANSFER.toSeconds()));
    }
    State state = new State(Launcher.state().root().resolve("chaos"));
    Ports ports = Launcher.ports();
    Vandal vandal = Vandal.at(state, OUT);
    if (transfer > 0) {
      // One at a time, so that what is sent can be counted.
      lanes = 1;
    }
    Random random = new Random(seed);
    Set<Blow.Kind> possible = vandal.possible();
    plan(random, possible);
    more = () -> Blow.any(random, mostBlows, possible);
    OUT.printf("%d migrations, seed %d, %d at once%n", plan.size(), seed, lanes);
    Instant start = Instant.now();
    end = start.plus(minutes, ChronoUnit.MINUTES);
    try {
      Cargo cargo =
          guests > 0 ? new Cargo.Guests(Launcher.home(), state) : new Cargo.Packages(state, 0);
      Launcher.up(state, ports, Launcher.home(), Scope.ALL, cargo.provider(), vandal.environment());
      TrustBundle trust =
          TrustBundle.accept(
              state.trust().resolve("bundle.json"),
              state.trust().resolve("members"),
              Instant.now());
      Books books = new Books(state, ports, cargo, trust);
      new Lane(state, ports, books, vandal, 0).consent();
      List<Thread> threads = new ArrayList<>();
      for (int n = 0; n < lanes; n++) {
        Lane lane = new Lane(state, ports, books, vandal, n);
        threads.add(Thread.ofPlatform().name("lane-" + n).start(lane::run));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      insist(() -> books.checkAll(SETTLING)).forEach(this::found);
    } finally {
      Launcher.down(state, Duration.ofSeconds(60));
    }
    if (!plan.isEmpty()) {
      OUT.printf("Not begun within %d minutes: %d%n", minutes, plan.size());
    }
    if (!missed.isEmpty()) {
      OUT.printf("Of the matrix, nobody was there to be struck: %s%n", missed);
    }
    OUT.printf(
        "%s; %d migrations arrived, %d undone, in %d s; findings: %d%n",
        struck,
        arrived.get(),
        undone.get(),
        Duration.between(start, Instant.now()).toSeconds(),
        findings.size());
    findings.forEach(finding -> OUT.println("  " + finding));
    if (findings.isEmpty()) {
      vandal.release();
      Deletion.tree(state.root());
      return 0;
    }
    OUT.printf("All logs and databases are in %s.%n", state.root());
    return 1;
  }

  private void plan(Random random, Set<Blow.Kind> possible) {
    int any = runs != null ? runs : matrix || sample + guests + kills + transfer > 0 ? 0 : 20;
    for (int n = 0; n < any; n++) {
      plan(Blow.any(random, mostBlows, possible), false, 1);
    }
    List<List<Blow>> cells = Blow.matrix(random);
    int some = matrix ? cells.size() : Math.min(sample, cells.size());
    cells.subList(0, some).forEach(run -> plan(run, true, 1));
    Blow.guests(random, guests).forEach(run -> plan(run, false, 1));
    if (transfer > 0) {
      Blow.transfer(Site.ALL.get(0), Site.ALL.get(1)).stream()
          .filter(run -> whom.matcher(run.getFirst().process()).matches())
          .forEach(run -> plan(run, true, ATTEMPTS));
    }
  }

  private void plan(List<Blow> blows, boolean matrix, int attempt) {
    plan.add(new Run(numbers.getAndIncrement(), blows, matrix, attempt));
  }

  /** Null when all is done. */
  private synchronized @Nullable Run next() {
    if (plan.isEmpty() && struck.getOrDefault(Blow.Kind.KILL, 0) < kills) {
      plan(more.get(), false, 1);
    }
    return plan.poll();
  }

  private synchronized void found(String finding) {
    findings.add(finding);
    OUT.println("FOUND: " + finding);
  }

  /** One migration after the other, each with its blow. */
  private final class Lane {
    private final State state;
    private final Ports ports;
    private final Books books;
    private final Vandal vandal;
    private final int number;
    private final Customer customer;

    Lane(State state, Ports ports, Books books, Vandal vandal, int number) throws IOException {
      this.state = state;
      this.ports = ports;
      this.books = books;
      this.vandal = vandal;
      this.number = number;
      HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
      this.customer = Customer.of(state, "alice", http);
    }

    /** The links, and the yes for whatever arrives. */
    void consent() throws Exception {
      customer.link(ports);
      Site one = Site.ALL.get(0);
      Site other = Site.ALL.get(1);
      insist(() -> customer.grantAtTarget(ports, one, other));
      insist(() -> customer.grantAtTarget(ports, other, one));
    }

    void run() {
      while (Instant.now().isBefore(end)) {
        Run run = next();
        if (run == null) {
          return;
        }
        try {
          move(run, new Random(seed + run.number()));
        } catch (Exception | AssertionError e) {
          found("run " + run.number() + ", " + run.blows() + ": " + e);
        }
      }
    }

    private void move(Run run, Random random) throws Exception {
      int n = run.number();
      List<Blow> blows = run.blows();
      Site from = Site.ALL.get(transfer > 0 ? 0 : random.nextInt(2));
      Site to = Site.ALL.get(Site.ALL.indexOf(from) == 0 ? 1 : 0);
      String machine = "chaos-" + n + "-m";
      long bytes = ((transfer > 0 ? transfer : 1L + random.nextInt(24)) << 20) + 512;
      Cargo cargo =
          guests > 0 ? new Cargo.Guests(Launcher.home(), state) : new Cargo.Packages(state, bytes);
      // Whose disk is full just now has room again soon.
      insist(
          () -> {
            cargo.place(from, machine, customer.subject(from.provider()), Cargo.Shape.SMALL);
            return machine;
          });
      String root = cargo.runs() ? "" : cargo.root(from, machine, Cargo.DISK);
      insist(() -> customer.grantAtSource(ports, from, to, machine));
      boolean manual = blows.stream().anyMatch(Blow::undone);
      Map<String, Object> request = new HashMap<>();
      request.put("vm", machine);
      request.put("source", from.id());
      request.put("target", to.id());
      request.put("mode", "cold");
      request.put("accept", manual ? "manual" : "automatic");
      request.put("limit", Map.of("amount", "50.00", "currency", "EUR"));
      request.put("eraseSource", false);
      if (transfer > 0) {
        request.put("bandwidth", Map.of("bytesPerSecond", bytes / TRANSFER.toSeconds()));
      }
      String all = Services.url(ports, "gateway") + "/v1/migrations";
      String id =
          insist(() -> customer.post(all, Realms.BROKER, request, "Idempotency-Key", machine))
              .path("id")
              .asText();
      String url = all + "/" + id;
      Instant start = Instant.now();
      List<String> hits = new ArrayList<>();
      // Counted by the dock that lives through it.
      String source = from.provider() + "-conversion";
      boolean deaf = blows.stream().anyMatch(blow -> blow.process().equals(source));
      String dock = Services.url(ports, deaf ? to.provider() + "-conversion" : source);
      String counter = deaf ? "crossdock_dock_received_total" : "crossdock_dock_served_total";
      long sent = transfer > 0 ? -insist(() -> sent(dock, counter)) : 0;
      JsonNode now;
      try (Following news = new Following(customer, url)) {
        Step regret = MINDS_CHANGE.get(random.nextInt(MINDS_CHANGE.size()));
        boolean asked = false;
        for (Blow blow : blows) {
          if (manual && !asked && blow.step().compareTo(regret) >= 0) {
            if (until(url, regret, news)) {
              insist(() -> customer.post(url + ":cancel", Realms.BROKER, Map.of()));
            }
            asked = true;
          }
          boolean hit = until(url, blow.step(), news) && until(url, blow.tenth(), news);
          if (hit) {
            TimeUnit.NANOSECONDS.sleep(blow.delay().toNanos());
            hit = strike(blow, cargo, to, machine);
          }
          if (hit) {
            struck.merge(blow.kind(), 1, Integer::sum);
            hits.add(blow.toString());
          } else {
            hits.add("no " + blow);
            missed(run, blow);
          }
        }
        now = done(url, news);
      }
      if (transfer > 0) {
        long data = new Cargo.Packages(state, bytes).data();
        long again = sent + insist(() -> sent(dock, counter)) - data;
        hits.add("%.1f of %d MiB sent again".formatted(again / (double) (1 << 20), data >> 20));
      }
      byte[] evidence = insist(() -> customer.bytes(url + "/evidence"));
      boolean quoted = now.hasNonNull("quote");
      JsonNode statement =
          quoted ? insist(() -> customer.get(url + "/statement")) : now.path("statement");
      boolean moved = now.path("state").asText().equals("retired");
      if (moved) {
        insist(() -> accepted(to, machine));
      }
      List<String> wrong = insist(() -> books.check(from, to, machine, root, evidence, statement));
      wrong.forEach(w -> found("run " + n + ", " + blows + ", " + id + ": " + w));
      if (wrong.isEmpty()) {
        books.clear(from, to, machine);
      }
      (moved ? arrived : undone).incrementAndGet();
      OUT.printf(
          "%4d lane %d %4d s %s: %s%n",
          n,
          number,
          Duration.between(start, Instant.now()).toSeconds(),
          now.path("state").asText() + (moved ? "" : " " + now.path("reason").asText()),
          String.join(", ", hits));
    }

    /** It ended before. One of the matrix is tried again, alone. */
    private void missed(Run run, Blow blow) {
      if (run.matrix() && run.attempt() < ATTEMPTS) {
        plan(List.of(blow), true, run.attempt() + 1);
      } else if (run.matrix()) {
        missed.add(blow);
      }
    }

    /** Its site hears of the acceptance from the log, as everybody does. */
    private boolean accepted(Site to, String machine) throws IOException {
      if (books.accepted(to, machine)) {
        return true;
      }
      throw new IOException("what has arrived at " + to.id() + " is not accepted there");
    }

    private boolean strike(Blow blow, Cargo cargo, Site to, String machine)
        throws IOException, InterruptedException {
      if (!blow.process().equals(Blow.GUEST)) {
        vandal.strike(blow);
        return true;
      }
      long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
      while (cargo instanceof Cargo.Guests running && System.nanoTime() < deadline) {
        Optional<ProcessHandle> guest = running.pid(to, machine + "-");
        if (guest.isPresent()) {
          TimeUnit.NANOSECONDS.sleep(blow.delay().toNanos());
          return guest.get().destroyForcibly();
        }
        TimeUnit.MILLISECONDS.sleep(20);
      }
      return false;
    }

    /**
     * True when the step is waited for or has just been, for it may be shorter than a look; false
     * when it cannot come any more.
     */
    private boolean until(String url, Step step, Following news) throws Exception {
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (System.nanoTime() < deadline) {
        JsonNode now = insist(() -> customer.get(url));
        if (now.path("done").asBoolean()) {
          return false;
        }
        for (String due : now.path("due").findValuesAsText("step")) {
          if (Step.parse(due).compareTo(step) >= 0) {
            return true;
          }
        }
        news.await();
      }
      throw new IOException(url + " does not come to " + step.wire());
    }

    /** True when so many tenths of what is fetched are there; false when all is. */
    private boolean until(String url, int tenth, Following news) throws Exception {
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (tenth > 0) {
        JsonNode now = insist(() -> customer.get(url));
        JsonNode progress = now.path("progress");
        long done = progress.path("doneBytes").asLong();
        // Half of the step's bytes: what is fetched is read back.
        long fetched = progress.path("totalBytes").asLong() / 2;
        boolean importing = progress.path("step").asText().equals("import");
        if (now.path("done").asBoolean() || (importing && done >= fetched)) {
          return false;
        }
        if (importing && 10 * done >= tenth * fetched) {
          return true;
        }
        if (System.nanoTime() > deadline) {
          throw new IOException(url + " does not come to " + tenth + "0 %");
        }
        news.await();
      }
      return true;
    }

    /** How many bytes of disks a dock has served, or received, since it was started. */
    private static long sent(String dock, String counter) throws IOException, InterruptedException {
      return Http.text(dock + "/prometheus")
          .lines()
          .filter(line -> line.startsWith(counter + "{"))
          .mapToLong(line -> (long) Double.parseDouble(line.substring(line.indexOf("} ") + 2)))
          .sum();
    }

    private JsonNode done(String url, Following news) throws Exception {
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      JsonNode now = insist(() -> customer.get(url));
      while (!now.path("done").asBoolean()) {
        if (System.nanoTime() > deadline) {
          throw new IOException("it does not end: " + now);
        }
        news.await();
        now = insist(() -> customer.get(url));
      }
      return now;
    }
  }

  /** Asks until it is answered: whoever answers may just be started again. */
  private static <T> T insist(Callable<T> question) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        return question.call();
      } catch (IOException | SQLException e) {
        if (System.nanoTime() > deadline) {
          throw e;
        }
        TimeUnit.MILLISECONDS.sleep(100);
      }
    }
  }
}
