package crossdock.site.testing;

import crossdock.chassis.Database;
import crossdock.chassis.Desk;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.SignedChain;
import crossdock.chassis.testing.TestDatabase;
import crossdock.chassis.testing.TestParty;
import crossdock.contracts.Assignment;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Party;
import crossdock.contracts.Policy;
import crossdock.contracts.Report;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import crossdock.contracts.SiteId;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.library.Library;
import crossdock.providers.library.OvfPackage;
import crossdock.site.DockMessage;
import crossdock.site.DockResults;
import crossdock.site.DockSeal;
import crossdock.site.Grants;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.RuntimeBeanDefinition;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import javax.sql.DataSource;

/**
 * The service of a site whose module is under test, whole but for the broker: a real library, a
 * real database, real signatures. The test is everybody else: the gateway that keeps the chain and
 * tells the site, the site's dock, the other parties. A process that its {@link Fate} kills is
 * followed by another one over the same database and directory. Not thread-safe.
 */
public final class TestSite implements AutoCloseable {
  private static final Parties PARTIES = new Parties();
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String SAID = "SELECT seq, aggregatetype, payload FROM outbox ORDER BY seq";
  private static final String TICKETS =
      "SELECT tickets FROM ticket WHERE migration = ? AND purpose = ?";

  /** Where everybody's keys are. */
  public final Parties parties = PARTIES;

  /** What the others say. */
  public final World world = new World(PARTIES);

  /** What the gateway keeps. */
  public final SignedChain chain = new SignedChain(PARTIES, World.ID);

  /** What the dock answers to an order, if anything. */
  public Function<DockMessage.Order, Optional<DockMessage.Result>> answers =
      order -> Optional.of(result(order));

  /** What an honest dock finds in the disks. */
  public List<Check> found =
      Parties.checks().stream().filter(check -> !check.name().equals("complete")).toList();

  /** What it finds in the guest. */
  public SortedMap<String, String> guest = new TreeMap<>(Map.of("guest.fstab-by", "device"));

  private final Party.Site site;
  private final Role role;
  private final Path root;
  private final Fate fate;
  private final TestDatabase test = new TestDatabase();
  private final Database database = new Database(test.migrated());
  private final Map<String, Object> configuration;
  private final List<Report> reports = new ArrayList<>();
  private final Set<Long> read = new HashSet<>();
  private final List<DockMessage.Order> orders = new ArrayList<>();
  private final List<DockMessage.Result> answered = new ArrayList<>();
  private final Random chance = new Random(1);
  private boolean echo;
  private ApplicationContext process;
  private volatile boolean dead;

  /**
   * Starts it.
   *
   * @param role {@link Role#SOURCE} with the export-service on the class path, {@link Role#TARGET}
   *     with the import-service; as a source it has {@link World#MACHINE}
   * @param directory the test's own
   */
  public TestSite(Role role, Path directory, Fate fate) throws IOException {
    this(role, directory, fate, Policy.STANDARD);
  }

  /** Starts it, of a provider with a policy of its own. */
  public TestSite(Role role, Path directory, Fate fate, Policy policy) throws IOException {
    this(role, directory, fate, policy, Map.of());
  }

  /** Starts it, with properties of its own. */
  public TestSite(Role role, Path directory, Fate fate, Policy policy, Map<String, Object> more)
      throws IOException {
    this.site = role == Role.SOURCE ? Parties.NORTH : Parties.SOUTH;
    this.role = role;
    this.fate = fate;
    this.root = Files.createDirectories(directory.resolve("site")).toRealPath();
    this.configuration = TestParty.configuration(PARTIES, site, test, directory);
    configuration.put("crossdock.oidc.issuer", World.issuer(site));
    configuration.put("crossdock.role", role.wire());
    configuration.putAll(more);
    Path file = Files.write(directory.resolve("policy.json"), Json.bytes(policy));
    configuration.put("crossdock.policy", file.toString());
    // What the test does to the database wakes nobody.
    configuration.put("crossdock.poll", "20ms");
    if (role == Role.SOURCE) {
      keep(World.MACHINE, World.OWNER);
    }
    process = start();
  }

  /** Puts a machine in the library. */
  public void keep(Machine machine, String owner) throws IOException {
    keep(root, machine, owner);
  }

  private static void keep(Path root, Machine machine, String owner) throws IOException {
    Map<String, Path> files = new HashMap<>();
    for (Machine.Disk disk : machine.disks()) {
      byte[] bytes = new byte[Math.toIntExact(disk.virtualBytes())];
      new Random(disk.name().hashCode()).nextBytes(bytes);
      files.put(disk.name(), Files.write(Files.createTempFile(root, disk.name(), ".img"), bytes));
    }
    OvfPackage.create(root, machine, owner, files);
    for (Path file : files.values()) {
      Files.delete(file);
    }
  }

  /** Describes a machine otherwise, as its owner may at any time; nothing else changes. */
  public void describe(Machine machine) throws IOException {
    Path other = Files.createTempDirectory("other");
    keep(other, machine, World.OWNER);
    for (String kind : List.of(".ovf", ".mf")) {
      Path file = Path.of("machines", machine.id(), machine.id() + kind);
      Files.copy(other.resolve(file), root.resolve(file), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private ApplicationContext start() throws IOException {
    dead = false;
    Library library = new Library(root, List.of("raw"), 10, Long.MAX_VALUE);
    Cloud mortal = new MortalCloud(library, fate, this::kill);
    return ApplicationContext.builder()
        .properties(configuration)
        .beanDefinitions(
            RuntimeBeanDefinition.builder(Cloud.class, () -> mortal)
                .singleton(true)
                .replaces(Cloud.class)
                .build())
        .start();
  }

  /** Nothing that the process does from now on reaches its database: as if it were gone. */
  private void kill() {
    try {
      ((AutoCloseable) process.getBean(DataSource.class)).close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
    dead = true;
  }

  /** Another process takes over, once the dead one's leases have run out. */
  private void restart() {
    ApplicationContext gone = process;
    Thread.ofVirtual().start(gone::close);
    change("UPDATE job SET lease_until = '-infinity' WHERE lease_until > now()");
    try {
      process = start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A bean of the process that runs now. */
  public <T> T bean(Class<T> type) {
    return process.getBean(type);
  }

  /** The service's database, which survives its processes. */
  public Database database() {
    return database;
  }

  /**
   * The customer says yes here, to this machine or, at a target, to any; with their own account at
   * the other side.
   */
  public UUID grant(Subject customer, SiteId other, boolean mayErase) {
    UUID id = UUID.randomUUID();
    Optional<String> machine =
        role == Role.SOURCE ? Optional.of(World.MACHINE.id()) : Optional.empty();
    bean(Grants.class)
        .give(
            role,
            customer,
            new Grants.Grant(
                id,
                machine,
                other,
                Optional.of(World.owner(new Party.Site(other))),
                1 << 20,
                mayErase,
                Instant.now().plusSeconds(3600)));
    return id;
  }

  /** Tells the site what there is, as the gateway does; again if it dies over it. */
  public void tell() {
    tell(chain.bytes());
  }

  /** Tells the site any chain. */
  public void tell(List<byte[]> events) {
    List<List<byte[]>> deliveries = new ArrayList<>(List.of(events));
    if (echo) {
      deliveries.add(events);
      for (int i = 1; i < events.size(); i++) {
        deliveries.add(events.subList(0, i));
      }
      Collections.shuffle(deliveries, chance);
    }
    for (List<byte[]> delivery : deliveries) {
      deliver(Json.bytes(new Assignment(World.ID, delivery)));
    }
  }

  /** Delivers a record of the site's tasks, again if it dies over it. */
  public void deliver(byte[] record) {
    try {
      database.change(tx -> bean(Desk.class).assigned(tx, record));
    } catch (Fate.Death _) {
      restart();
      deliver(record);
    }
  }

  /** From now on everything is delivered more than once, late and in any order. */
  public void echo() {
    echo = true;
  }

  /**
   * Everybody does what is due to them, until the migration has come so far; the site is told at
   * the end, too.
   *
   * @param between looks at the site before every turn, and once a process has died
   */
  public Migration until(Predicate<Migration> there, Runnable between) throws InterruptedException {
    approach(there, between);
    tell();
    between.run();
    return chain.migration();
  }

  /** Like {@link #until(Predicate, Runnable)}, but the site does not know yet that it is so far. */
  public void approach(Predicate<Migration> there, Runnable between) throws InterruptedException {
    while (!there.test(chain.migration())) {
      between.run();
      turn(between);
    }
  }

  /** Like {@link #until(Predicate, Runnable)}, until somebody is due to {@code step}. */
  public Migration untilDue(Step step) throws InterruptedException {
    return until(
        migration -> migration.due().stream().anyMatch(due -> due.step() == step), () -> {});
  }

  private void turn(Runnable between) throws InterruptedException {
    Migration migration = chain.migration();
    Set<Step> due = EnumSet.noneOf(Step.class);
    migration.due().forEach(one -> due.add(one.step()));
    Optional<Step> own = due.stream().filter(step -> step.role() == role).findFirst();
    if (own.isPresent()) {
      long before = migration.sequence();
      tell();
      await(
          () -> {
            between.run();
            hear();
            return chain.migration().sequence() > before;
          });
    } else {
      Step step =
          due.stream()
              .findFirst()
              .orElseThrow(() -> new AssertionError("nothing is due in " + migration.state()));
      chain.says(migration.party(step.role()), world.says(step, migration));
    }
  }

  /** Waits for it; whoever is dead is followed by another, and what is put off comes at once. */
  public void await(BooleanSupplier condition) throws InterruptedException {
    Instant deadline = Instant.now().plus(PATIENCE);
    while (!condition.getAsBoolean()) {
      if (Instant.now().isAfter(deadline)) {
        throw new AssertionError("waited in vain; due is " + chain.migration().due());
      }
      if (dead) {
        restart();
      }
      change("UPDATE job SET next_run = now() WHERE next_run > now()");
      Thread.sleep(10);
    }
  }

  /** Takes what the service has sent: reports into the chain, orders to the dock. */
  public void hear() {
    for (Sent sent : sent()) {
      if (!read.add(sent.seq())) {
        continue;
      }
      if (sent.topic().equals(site.reports())) {
        Envelope envelope = Json.read(sent.payload(), Envelope.class);
        Report report = envelope.read(Report.PAYLOAD_TYPE, Report.class);
        reports.add(report);
        if (chain.migration().takes(report)) {
          chain.add(envelope);
        }
      } else if (bean(DockSeal.class).open(sent.payload()) instanceof DockMessage.Order order) {
        orders.add(order);
        answers.apply(order).ifPresent(this::answer);
      }
    }
  }

  private void answer(DockMessage.Result answer) {
    List<DockMessage.Result> deliveries = new ArrayList<>();
    if (echo) {
      deliveries.addAll(answered);
      deliveries.add(answer);
    }
    deliveries.add(answer);
    answered.add(answer);
    for (DockMessage.Result delivery : deliveries) {
      dock(sealed(delivery), delivery.step());
    }
  }

  private record Sent(long seq, String topic, byte[] payload) {}

  private List<Sent> sent() {
    return database.transaction(
        tx -> {
          List<Sent> all = new ArrayList<>();
          try (PreparedStatement query = tx.prepareStatement(SAID);
              ResultSet found = query.executeQuery()) {
            while (found.next()) {
              all.add(new Sent(found.getLong(1), found.getString(2), found.getBytes(3)));
            }
          }
          return all;
        });
  }

  /** The kinds of facts that the service has reported so far, in order. */
  public List<String> facts() {
    return reports().stream().map(report -> report.fact().getClass().getSimpleName()).toList();
  }

  /** What the service has reported so far, in order. */
  public List<Report> reports() {
    hear();
    return List.copyOf(reports);
  }

  /** What it has ordered from its dock so far, in order. */
  public List<DockMessage.Order> orders() {
    hear();
    return List.copyOf(orders);
  }

  /** What the dock sends. */
  public byte[] sealed(DockMessage message) {
    return bean(DockSeal.class).seal(message);
  }

  /** Delivers a record of the dock's topic. */
  public void dock(byte[] message, Step step) {
    database.change(tx -> bean(DockResults.class).take(tx, Set.of(step), message));
  }

  /** What an honest dock answers, after it has done it. */
  public DockMessage.Result result(DockMessage.Order order) {
    List<Certificate.Disk> disks =
        switch (order) {
          case DockMessage.Serve _ -> World.disks(chain.migration().machine());
          case DockMessage.Fetch fetch -> {
            write(fetch);
            yield fetch.disks();
          }
          case DockMessage.ReadBack readBack -> readBack.disks();
          case DockMessage.Close _, DockMessage.Probe _, DockMessage.Look _ -> List.of();
        };
    if (order instanceof DockMessage.Look look) {
      return DockMessage.Result.of(look, guest);
    }
    return DockMessage.Result.of(
        order,
        disks,
        switch (order) {
          case DockMessage.Serve _, DockMessage.ReadBack _ -> found;
          case DockMessage.Fetch _, DockMessage.Close _ -> List.of();
          case DockMessage.Probe _, DockMessage.Look _ -> List.of();
        },
        order instanceof DockMessage.Probe ? Optional.of(World.PATH) : Optional.empty());
  }

  private void write(DockMessage.Fetch fetch) {
    String tickets = database.transaction(tx -> tickets(tx, fetch));
    try {
      for (DiskTicket ticket : Json.read(tickets, DiskTicket[].class)) {
        if (ticket instanceof DiskTicket.Image image) {
          Files.write(root.resolve(image.path()), new byte[Math.toIntExact(image.virtualBytes())]);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String tickets(Connection tx, DockMessage.Fetch fetch) throws SQLException {
    try (PreparedStatement query = tx.prepareStatement(TICKETS)) {
      query.setString(1, fetch.migration().value());
      query.setString(2, "write");
      try (ResultSet found = query.executeQuery()) {
        found.next();
        return found.getString(1);
      }
    }
  }

  /** Every file of the cloud with its digest, but for what is remembered of fences. */
  public Map<String, Sha256> files() {
    return files(name -> !name.startsWith("fences") && !name.startsWith("lock"));
  }

  /** The machines' own files: what the cloud notes of who has locked one is left out. */
  public Map<String, Sha256> content() {
    return files(name -> name.startsWith("machines") && !name.contains(".json"));
  }

  private Map<String, Sha256> files(Predicate<String> wanted) {
    Map<String, Sha256> files = new TreeMap<>();
    for (Path file : regular()) {
      String name = root.relativize(file).toString();
      if (wanted.test(name)) {
        try {
          files.put(name, Sha256.of(Files.readAllBytes(file)));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
    return files;
  }

  private List<Path> regular() {
    while (true) {
      try (Stream<Path> all = Files.walk(root)) {
        return all.filter(Files::isRegularFile).toList();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (UncheckedIOException e) {
        if (!(e.getCause() instanceof NoSuchFileException)) {
          throw e;
        }
        // The service renamed one while we looked: look again.
      }
    }
  }

  /** The one value that a query finds, as text. */
  public String value(String sql) {
    return database.transaction(
        tx -> {
          try (PreparedStatement query = tx.prepareStatement(sql);
              ResultSet found = query.executeQuery()) {
            return found.next() ? String.valueOf(found.getString(1)) : "nothing";
          }
        });
  }

  /** Changes what is in the database. */
  public void change(String sql) {
    database.change(
        tx -> {
          try (PreparedStatement change = tx.prepareStatement(sql)) {
            change.execute();
          }
        });
  }

  /** The process goes as if it were killed, and takes its time to. */
  @Override
  public void close() {
    kill();
    ApplicationContext gone = process;
    Thread.ofVirtual().start(gone::close);
  }
}
