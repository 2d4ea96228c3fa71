package crossdock.conversion;

import static java.nio.charset.StandardCharsets.UTF_8;

import crossdock.chassis.Database;
import crossdock.chassis.Held;
import crossdock.chassis.Jobs;
import crossdock.chassis.Outbox;
import crossdock.chassis.Outcome;
import crossdock.chassis.Readers;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Workers;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.NetworkPath;
import crossdock.contracts.Reason;
import crossdock.contracts.Sha256;
import crossdock.disk.BadImageException;
import crossdock.disk.DiskHasher;
import crossdock.disk.DiskSource;
import crossdock.disk.LeafFile;
import crossdock.disk.Manifest;
import crossdock.disk.Verdict;
import crossdock.providers.DiskTicket;
import crossdock.providers.files.Durable;
import crossdock.site.DockMessage;
import crossdock.site.DockSeal;
import crossdock.site.Tickets;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Value;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.annotation.PostConstruct;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The dock: works off the orders of its own site. At the source it checks, hashes and serves; at
 * the target it pulls and writes, and reads back. It parses what may be hostile and holds nothing
 * worth stealing.
 */
@Context
final class Dock implements Workers.Hand {
  private static final Logger LOG = LoggerFactory.getLogger(Dock.class);
  private static final Duration LOOKS = Duration.ofMinutes(3);
  private static final Duration ADAPTS = Duration.ofMinutes(10);
  private static final FileAttribute<?> OWN =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private static final String KEEP =
      """
      INSERT INTO dock_order (migration, kind, attempt, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
      """;
  private static final String FIND =
      "SELECT body FROM dock_order WHERE migration = ? AND kind = ? AND attempt = ?";

  private final Sites sites;
  private final Openings openings;
  private final Pull pull;
  private final Adapting adapting;
  private final Shelf shelf;
  private final Probe probe;
  private final Database database;
  private final Jobs jobs;
  private final Outbox outbox;
  private final Readers readers;
  private final Workers workers;
  private final DockSeal seal;
  private final Optional<Clamd> clamd;
  private final Optional<Guestfs> guestfs;
  private final Path looking;
  private final Clock clock;
  private final Map<MigrationId, Meter> running = new ConcurrentHashMap<>();

  Dock(
      Sites sites,
      Openings openings,
      Pull pull,
      Adapting adapting,
      Shelf shelf,
      Probe probe,
      Database database,
      Jobs jobs,
      Outbox outbox,
      Readers readers,
      Workers workers,
      DockSeal seal,
      @Value("${crossdock.clamd.socket:}") String clamd,
      @Value("${crossdock.guestfs.program:}") String guestfs,
      @Value("${crossdock.guestfs.settings:}") String guestfsSettings,
      @Value("${crossdock.work}") Path work,
      Clock clock)
      throws IOException {
    this.sites = sites;
    this.openings = openings;
    this.pull = pull;
    this.adapting = adapting;
    this.shelf = shelf;
    this.probe = probe;
    this.database = database;
    this.jobs = jobs;
    this.outbox = outbox;
    this.readers = readers;
    this.workers = workers;
    this.seal = seal;
    this.clamd =
        clamd.isEmpty()
            ? Optional.empty()
            : Optional.of(new Clamd(Path.of(clamd), Duration.ofMinutes(5)));
    this.guestfs =
        guestfs.isEmpty()
            ? Optional.empty()
            : Optional.of(
                new Guestfs(Path.of(guestfs), guestfsSettings, work.resolve("guestfs"), LOOKS));
    this.clock = clock;
    // A socket's path is short, and the service's own directory may not be. One dock has it.
    this.looking =
        Path.of(
            "/tmp",
            "crossdock-" + Sha256.of(work.toString().getBytes(UTF_8)).hex().substring(0, 12));
    boolean _ = Durable.erase(looking); // what a dock that was killed has left
    if (this.guestfs.isPresent()) {
      Path _ = Files.createDirectory(looking, OWN); // fails if somebody else has made it
    }
  }

  @PostConstruct
  void open() {
    readers.start(
        "conversion",
        List.of(sites.party().dock()),
        (tx, _, _, value) -> {
          if (seal.open(value) instanceof DockMessage.Order order) {
            take(tx, order);
          }
        });
    workers.start(this, Set.of(DockMessage.Probe.KIND, DockMessage.Look.KIND));
  }

  void take(Connection tx, DockMessage.Order order) throws SQLException {
    keep(tx, order);
    if (order instanceof DockMessage.Close) {
      // But not what another step ends it by, which may come again.
      jobs.drop(tx, order.migration(), DockMessage.Close.kinds());
    }
    jobs.add(tx, order.migration(), order.kind(), order.attempt());
  }

  void keep(Connection tx, DockMessage.Order order) throws SQLException {
    try (PreparedStatement keep = tx.prepareStatement(KEEP)) {
      keep.setString(1, order.migration().value());
      keep.setString(2, order.kind());
      keep.setInt(3, order.attempt());
      keep.setString(4, Json.text(order));
      keep.executeUpdate();
    }
  }

  private DockMessage.Order order(Connection tx, Jobs.Job job) throws SQLException {
    return order(tx, job.migration(), job.kind(), job.attempt());
  }

  private DockMessage.Order order(Connection tx, MigrationId migration, String kind, int attempt)
      throws SQLException {
    try (PreparedStatement find = tx.prepareStatement(FIND)) {
      find.setString(1, migration.value());
      find.setString(2, kind);
      find.setInt(3, attempt);
      try (ResultSet found = find.executeQuery()) {
        if (!found.next()) {
          throw new SQLException("a job without its order");
        }
        return (DockMessage.Order) Json.read(found.getString(1), DockMessage.class);
      }
    }
  }

  @Override
  public Outcome turn(Jobs.Job job, Held held) throws Exception {
    DockMessage.Order order = database.transaction(tx -> order(tx, job));
    try {
      return switch (order) {
        case DockMessage.Serve serve -> serve(serve, held);
        case DockMessage.Fetch fetch -> fetch(fetch, held);
        case DockMessage.ReadBack readBack -> readBack(readBack, held);
        case DockMessage.Close close -> close(close);
        case DockMessage.Probe one -> probe(one, held);
        case DockMessage.Look one -> look(one, held);
      };
    } catch (BadImageException e) {
      throw new StepFailed(Reason.UNSAFE_IMAGE, e.reason() + " at byte " + e.offset());
    } finally {
      running.remove(order.migration());
    }
  }

  private Outcome serve(DockMessage.Serve order, Held held)
      throws IOException, InterruptedException {
    List<DiskTicket> tickets = tickets(order.migration(), Tickets.Purpose.READ);
    Meter meter = meter(order);
    Examination examination = new Examination(order.firmware(), clamd);
    List<Openings.Opening> openings = new ArrayList<>();
    for (DiskTicket ticket : tickets) {
      try (DiskSource source = sites.source(ticket);
          LeafFile.Writer leaves =
              new LeafFile.Writer(this.openings.leaves(order.migration(), ticket.disk()))) {
        examination.disk(ticket, source, held, meter);
        Manifest manifest = DiskHasher.hash(source, metered(leaves, held, meter));
        held.check();
        leaves.finish();
        Certificate.Disk disk =
            new Certificate.Disk(
                ticket.disk(), new Sha256(manifest.root().hex()), manifest.length());
        openings.add(new Openings.Opening(ticket, order.peer(), disk));
      }
    }
    look(examination, tickets, held);
    List<Check> checks = examination.checks();
    // Nothing of a machine is served before all of it is found good.
    held.check();
    if (checks.stream().noneMatch(Check::failed)) {
      openings.forEach(opening -> this.openings.open(order.migration(), opening));
    }
    return Outcome.sent(
        result(order, openings.stream().map(Openings.Opening::disk).toList(), checks));
  }

  /** Has libguestfs look into all disks together, if there is one. */
  private void look(Examination examination, List<DiskTicket> tickets, Held held)
      throws IOException, InterruptedException {
    try {
      Optional<Guestfs.Answers> answers = ask(tickets, held);
      answers.ifPresent(examination::guest);
    } catch (IOException e) {
      LOG.warn("a guest is not looked into", e);
      examination.guest(new Guestfs.Answers(Map.of(), Optional.of("libguestfs did not answer")));
    }
  }

  /**
   * What is not found out is not known.
   *
   * @throws StepFailed if it was not asked, or it comes too late
   */
  private Outcome look(DockMessage.Look order, Held held) throws InterruptedException {
    TreeMap<String, String> traits = new TreeMap<>();
    if (clock.instant().isAfter(order.until())) {
      throw new StepFailed(Reason.UNAVAILABLE, "too late to look");
    }
    try {
      ask(tickets(order.migration(), Tickets.Purpose.READ), held)
          .flatMap(GuestFindings::of)
          .map(GuestFindings::traits)
          .ifPresent(traits::putAll);
    } catch (IOException e) {
      LOG.warn("the guest of {} is not looked into", order.migration(), e);
      throw new StepFailed(Reason.UNAVAILABLE, "the guest could not be looked into");
    }
    return Outcome.sent(
        message(
            order.migration(), "crossdock.dock.result.v1", DockMessage.Result.of(order, traits)));
  }

  private Optional<Guestfs.Answers> ask(List<DiskTicket> tickets, Held held)
      throws IOException, InterruptedException {
    if (guestfs.isEmpty()) {
      return Optional.empty();
    }
    Path place = Files.createTempDirectory(looking, "guest");
    List<DiskSource> disks = new ArrayList<>();
    try {
      for (DiskTicket ticket : tickets) {
        disks.add(sites.source(ticket));
      }
      return Optional.of(guestfs.get().ask(disks, place, held));
    } finally {
      for (DiskSource disk : disks) {
        disk.close();
      }
      Durable.erase(place);
    }
  }

  /** How often a disk is read for its checks, beside for its hash. */
  private int scans() {
    return clamd.isPresent() ? 1 : 0;
  }

  private static DiskHasher.Leaves metered(DiskHasher.Leaves leaves, Held held, Meter meter) {
    return new DiskHasher.Leaves() {
      @Override
      public void leaf(long chunk, crossdock.disk.Sha256 hash) throws IOException {
        held.check();
        leaves.leaf(chunk, hash);
        meter.add(Manifest.CHUNK);
      }

      @Override
      public void zeros(long chunk, long count) throws IOException {
        held.check();
        leaves.zeros(chunk, count);
        meter.add(count * Manifest.CHUNK);
      }
    };
  }

  private Outcome fetch(DockMessage.Fetch order, Held held)
      throws IOException, InterruptedException {
    List<DiskTicket> tickets = tickets(order.migration(), Tickets.Purpose.WRITE);
    Meter meter = meter(order);
    Pace own = pull.own(order);
    Adapting.Disks all = adapted(order, own, held);
    try (Shelf.Disks here = shelf.open(sites.tickets(order.migration(), Tickets.Purpose.AT_HAND))) {
      Pull.Turn turn = new Pull.Turn(order, own, here, held, meter);
      for (Certificate.Disk disk : order.disks()) {
        Layer layer = adapting.layer(order.migration(), disk.name(), all);
        pull.disk(turn, disk, ticket(tickets, disk), layer);
      }
    }
    return Outcome.sent(result(order, all.disks(), List.of(), all.adapted()));
  }

  private Adapting.Disks adapted(DockMessage.Fetch order, Pace own, Held held)
      throws IOException, InterruptedException {
    if (order.adaptations().isEmpty()) {
      return new Adapting.Disks(order.disks(), Optional.empty());
    }
    Guestfs tool = guestfs.orElseThrow(Dock::unfit);
    Path place = Files.createTempDirectory(looking, "guest");
    try {
      return adapting.adapt(order, tool.within(ADAPTS), place, own, held);
    } finally {
      Durable.erase(place);
    }
  }

  private static StepFailed unfit() {
    return new StepFailed(
        Reason.REFUSED_BY_TARGET, "the guest cannot be adapted: libguestfs is not configured");
  }

  /** The second half of what the step has to do: what has been fetched is done. */
  private Outcome readBack(DockMessage.ReadBack order, Held held)
      throws IOException, InterruptedException {
    List<DiskTicket> tickets = tickets(order.migration(), Tickets.Purpose.READ_BACK);
    Meter meter = meter(order);
    Examination examination = new Examination(order.firmware(), clamd);
    for (Certificate.Disk disk : order.disks()) {
      Manifest certified =
          new Manifest(disk.length(), new crossdock.disk.Sha256(disk.root().hex()));
      DiskTicket ticket = ticket(tickets, disk);
      try (DiskSource source = sites.source(ticket);
          Pulled pulled = pull.pulled(order.migration(), disk.name(), certified)) {
        Verdict verdict = DiskHasher.matches(certified, source, metered(pulled, held, meter));
        if (!verdict.matches()) {
          throw new StepFailed(
              Reason.DIGEST_MISMATCH, disk.name() + " reads back otherwise: " + verdict);
        }
        examination.disk(ticket, source, held, meter);
      }
    }
    look(examination, tickets, held);
    List<Check> checks = examination.checks();
    for (Certificate.Disk disk : order.disks()) {
      Manifest manifest = new Manifest(disk.length(), new crossdock.disk.Sha256(disk.root().hex()));
      pull.keep(order.migration(), ticket(tickets, disk), manifest, shelf);
    }
    // The layer stays: on another certificate the same must be registered.
    pull.forget(order.migration());
    return Outcome.sent(result(order, order.disks(), checks, order.adapted()));
  }

  private Outcome probe(DockMessage.Probe order, Held held)
      throws IOException, InterruptedException {
    if (order.adapts() && guestfs.isEmpty()) {
      throw unfit();
    }
    Optional<NetworkPath> path = probe.path(order, held);
    return Outcome.sent(
        message(
            order.migration(),
            "crossdock.dock.result.v1",
            DockMessage.Result.of(order, List.of(), List.of(), path)));
  }

  private Outcome close(DockMessage.Close order) throws IOException, InterruptedException {
    switch (order.ending().role()) {
      case SOURCE -> openings.close(order.migration());
      case TARGET -> {
        for (DiskTicket ticket : sites.tickets(order.migration(), Tickets.Purpose.WRITE)) {
          // What was registered, or removed with its place, while its report was under way is left.
          sites.abandon(ticket);
        }
        pull.forget(order.migration());
        adapting.forget(order.migration());
      }
      case GATEWAY, IDENTITY, CATALOG, BILLING ->
          throw new IllegalStateException("no side of a migration");
    }
    return Outcome.sent(result(order, List.of(), List.of()));
  }

  private List<DiskTicket> tickets(MigrationId migration, Tickets.Purpose purpose)
      throws IOException, InterruptedException {
    List<DiskTicket> tickets = sites.tickets(migration, purpose);
    if (tickets.isEmpty()) {
      throw new StepFailed(Reason.INTERNAL, "no tickets to " + purpose.wire());
    }
    return tickets;
  }

  private static DiskTicket ticket(List<DiskTicket> tickets, Certificate.Disk disk) {
    return tickets.stream()
        .filter(ticket -> ticket.disk().equals(disk.name()))
        .findFirst()
        .orElseThrow(() -> new StepFailed(Reason.INTERNAL, "no ticket for " + disk.name()));
  }

  /** Of the whole step. */
  private long total(DockMessage.Order order) {
    return switch (order) {
      case DockMessage.Serve serve -> (1 + scans()) * serve.bytes();
      case DockMessage.Fetch _, DockMessage.ReadBack _ -> (2 + scans()) * order.bytes();
      case DockMessage.Close _, DockMessage.Probe _, DockMessage.Look _ -> 0;
    };
  }

  /** Of the whole step, when the order comes: what is read back has been fetched. */
  private static long done(DockMessage.Order order) {
    return order instanceof DockMessage.ReadBack fetched ? fetched.bytes() : 0;
  }

  private Meter meter(DockMessage.Order order) {
    Meter meter =
        new Meter(
            total(order),
            done -> database.change(tx -> send(tx, advance(order, done, Optional.empty()))));
    meter.add(done(order));
    running.put(order.migration(), meter);
    return meter;
  }

  private Outcome.Message advance(DockMessage.Order order, long done, Optional<Long> ahead) {
    return message(
        order.migration(),
        "crossdock.dock.advance.v1",
        new DockMessage.Advance(
            order.migration(), order.step(), order.attempt(), done, total(order), ahead));
  }

  /** Tells those that wait for a worker how much is before them, so that nobody gives them up. */
  @Scheduled(initialDelay = "1m", fixedDelay = "1m")
  void queue() {
    database.change(
        tx -> {
          long ahead = 0;
          for (Jobs.Ready job : jobs.ready(tx)) {
            DockMessage.Order order = order(tx, job.migration(), job.kind(), job.attempt());
            long left = total(order) - done(order);
            if (job.held()) {
              // Somebody else's, if there is no meter.
              Meter meter = running.get(job.migration());
              left = meter == null ? left : meter.left();
            } else if (left > 0) {
              send(tx, advance(order, done(order), Optional.of(ahead)));
            }
            ahead += left;
          }
        });
  }

  private Outcome.Message result(
      DockMessage.Order order, List<Certificate.Disk> disks, List<Check> checks) {
    return message(
        order.migration(),
        "crossdock.dock.result.v1",
        DockMessage.Result.of(order, disks, checks, Optional.empty()));
  }

  private Outcome.Message result(
      DockMessage.Order order,
      List<Certificate.Disk> disks,
      List<Check> checks,
      Optional<DockMessage.Adapted> adapted) {
    return adapted
        .map(
            how ->
                message(
                    order.migration(),
                    "crossdock.dock.result.v1",
                    DockMessage.Result.of(order, disks, checks, how)))
        .orElseGet(() -> result(order, disks, checks));
  }

  private Outcome.Message message(MigrationId migration, String type, DockMessage message) {
    return new Outcome.Message(sites.party().dock(), migration.value(), type, seal.seal(message));
  }

  private void send(Connection tx, Outcome.Message message) throws SQLException {
    outbox.add(tx, message.topic(), message.key(), message.type(), message.payload());
  }

  @Override
  public void done(Connection tx, Jobs.Job job, Outcome.Done outcome) {}

  @Override
  public void failed(Connection tx, Jobs.Job job, Reason reason, String detail)
      throws SQLException {
    DockMessage.Order order = order(tx, job);
    send(
        tx,
        message(
            job.migration(),
            "crossdock.dock.result.v1",
            DockMessage.Result.failed(order, reason, detail)));
  }
}
