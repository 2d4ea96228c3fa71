package crossdock.launcher;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import crossdock.contracts.Certificate;
import crossdock.contracts.Event;
import crossdock.contracts.Evidence;
import crossdock.contracts.Fact;
import crossdock.contracts.Migration;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Checks what is left of migrations between two libraries, and trusts nobody: it looks into the
 * clouds' own directories, hashes the disks again, verifies every signature from the pinned members
 * on, and reads the ledger, the databases and the log by itself. What does not hold is a finding, a
 * sentence each.
 */
final class Books {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What no service may have when nothing is under way. */
  private static final Map<String, String> UNFINISHED =
      Map.of(
          "jobs", "SELECT count(*) FROM job WHERE state IN ('READY', 'WAITING')",
          "records to send", "SELECT count(*) FROM outbox",
          "intents", "SELECT count(*) FROM intent WHERE ended_at IS NULL",
          "parked records", "SELECT count(*) FROM parked");

  private final State state;
  private final Ports ports;
  private final Cargo cargo;
  private final TrustBundle trust;

  Books(State state, Ports ports, Cargo cargo, TrustBundle trust) {
    this.state = state;
    this.ports = ports;
    this.cargo = cargo;
    this.trust = trust;
  }

  /**
   * One migration that has ended.
   *
   * @param root of the disk before; nothing of a machine that ran then
   * @param evidence the answer of {@code /v1/migrations/{id}/evidence}
   * @param statement the answer of {@code /v1/migrations/{id}/statement}
   * @return what does not hold; empty if all is well
   */
  List<String> check(
      Site from, Site to, String machine, String root, byte[] evidence, JsonNode statement)
      throws IOException, SQLException {
    List<String> findings = new ArrayList<>();
    List<Event> events;
    try {
      events = Evidence.chain(evidence, trust);
    } catch (Refused e) {
      return List.of("the chain does not verify: " + e.getMessage());
    }
    Migration migration = Migration.of(events);
    List<String> targets =
        machines(to).stream().filter(name -> name.startsWith(machine + "-")).toList();
    Cargo.Hold source = cargo.hold(from, machine);
    if (!cargo.runs() && !cargo.root(from, machine, Cargo.DISK).equals(root)) {
      findings.add("the source's bytes have changed");
    }
    if (cargo instanceof Cargo.Guests guests) {
      findings.addAll(guests.lives(from, machine, to, targets));
    }
    switch (migration.state()) {
      case Migration.State.Retired _ -> {
        if (targets.size() != 1) {
          findings.add("machines at the target: " + targets);
        }
        if (!source.kept()) {
          findings.add("the source may be started, and so may the target");
        }
        arrived(evidence, from, machine, to, targets, findings);
      }
      case Migration.State.Undone _ -> {
        if (!targets.isEmpty()) {
          findings.add("undone, and at the target there is " + targets);
        }
        if (source.kept() || source.locked()) {
          findings.add("undone, and the source may not be started");
        }
      }
      case Migration.State other -> findings.add("not at an end: " + other);
    }
    long settled = migration.known().stream().filter(fact -> fact instanceof Fact.Settled).count();
    boolean quoted = migration.latest(Fact.Quoted.class).isPresent();
    if (settled != (quoted ? 1 : 0)) {
      findings.add("settled " + settled + " times");
    }
    ledger(migration.id().value(), quoted, statement, findings);
    return findings;
  }

  private void arrived(
      byte[] evidence,
      Site from,
      String machine,
      Site to,
      List<String> targets,
      List<String> findings)
      throws IOException {
    try {
      String root = cargo.root(from, machine, Cargo.DISK);
      Evidence proof = Evidence.verify(evidence, trust);
      for (Certificate.Disk disk : proof.certificate().disks()) {
        if (!disk.root().hex().equals(root)) {
          findings.add("the certificate is of other bytes");
        }
      }
      if (!targets.contains(proof.countersignature().machine())) {
        findings.add("the target countersigned " + proof.countersignature().machine());
      }
      for (String target : targets) {
        if (!cargo.runs() && !cargo.root(to, target, Cargo.DISK).equals(root)) {
          findings.add("the target's bytes are others");
        }
        if (cargo.hold(to, target).locked()) {
          findings.add("the target may not be started");
        }
      }
    } catch (Refused e) {
      findings.add("the evidence does not verify: " + e.getMessage());
    }
  }

  private void ledger(String id, boolean quoted, JsonNode statement, List<String> findings)
      throws SQLException {
    try (Connection billing = connection("billing")) {
      long entries =
          number(billing, "SELECT count(*) FROM journal WHERE migration = ?", id).longValueExact();
      if (entries != (quoted ? 1 : 0)) {
        findings.add("charged " + entries + " times");
      }
      BigDecimal owed =
          number(
              billing,
              "SELECT coalesce(sum(p.amount), 0) FROM posting p JOIN journal j ON p.journal = j.id"
                  + " WHERE j.migration = ? AND p.account LIKE 'customer:%'",
              id);
      BigDecimal total = new BigDecimal(statement.path("total").path("amount").asText("0"));
      if (owed.compareTo(total) != 0) {
        findings.add("the ledger says " + owed + " and the statement " + total);
      }
    }
  }

  /** Whether the target's site knows that a machine which has arrived is its customer's own. */
  boolean accepted(Site to, String machine) throws IOException {
    for (String target : machines(to)) {
      if (target.startsWith(machine + "-") && cargo.hold(to, target).underTag()) {
        return false;
      }
    }
    return true;
  }

  /** Everything else, once nothing is under way; what is still on its way gets some patience. */
  List<String> checkAll(Duration patience) throws SQLException, IOException, InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    List<String> findings = unfinished();
    while (!findings.isEmpty() && System.nanoTime() < deadline) {
      Thread.sleep(250);
      findings = unfinished();
    }
    findings.addAll(forks());
    return findings;
  }

  private List<String> unfinished() throws SQLException, IOException {
    List<String> findings = new ArrayList<>();
    for (Services.Service service : Services.ALL) {
      try (Connection database = connection(service.name())) {
        for (Map.Entry<String, String> query : UNFINISHED.entrySet()) {
          BigDecimal count = number(database, query.getValue());
          if (count.signum() != 0) {
            findings.add(service.name() + " has " + count + " unfinished " + query.getKey());
          }
        }
      }
    }
    for (Site site : Site.ALL) {
      for (String part : List.of("incoming", "trash")) {
        List<String> left = list(state.site(site.provider()).resolve(part));
        if (!left.isEmpty()) {
          findings.add(site.provider() + " has in " + part + ": " + left);
        }
      }
    }
    return findings;
  }

  /** Reads the whole log from Kafka: one event for each number, however often it was sent. */
  private List<String> forks() throws IOException {
    List<String> findings = new ArrayList<>();
    Map<String, Map<Long, Sha256>> chains = new HashMap<>();
    Properties client = Kafka.client(state.run("kafka-admin"));
    client.setProperty("bootstrap.servers", Kafka.bootstrap(ports));
    try (var log =
        new KafkaConsumer<>(client, new StringDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          log.partitionsFor(KafkaTopics.MIGRATIONS).stream()
              .map(p -> new TopicPartition(p.topic(), p.partition()))
              .toList();
      log.assign(partitions);
      log.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = log.endOffsets(partitions);
      while (partitions.stream().anyMatch(p -> log.position(p) < ends.getOrDefault(p, 0L))) {
        for (ConsumerRecord<String, byte[]> read : log.poll(Duration.ofSeconds(1))) {
          long sequence = JSON.readTree(read.value()).path("sequence").asLong();
          Sha256 known =
              chains
                  .computeIfAbsent(read.key(), _ -> new HashMap<>())
                  .putIfAbsent(sequence, Sha256.of(read.value()));
          if (known != null && !known.equals(Sha256.of(read.value()))) {
            findings.add(read.key() + " forks at " + sequence);
          }
        }
      }
    }
    chains.forEach(
        (id, events) -> {
          for (long n = 1; n <= events.size(); n++) {
            if (!events.containsKey(n)) {
              findings.add(id + " lacks event " + n + " on Kafka");
            }
          }
        });
    return findings;
  }

  /** Takes both machines of a checked migration away, as their owners may. */
  void clear(Site from, Site to, String machine) throws IOException {
    if (cargo instanceof Cargo.Guests guests) {
      guests.pid(from, machine).ifPresent(ProcessHandle::destroyForcibly);
      guests.pid(to, machine + "-").ifPresent(ProcessHandle::destroyForcibly);
    }
    Deletion.tree(machinesOf(from).resolve(machine));
    for (String target : machines(to)) {
      if (target.startsWith(machine + "-")) {
        Deletion.tree(machinesOf(to).resolve(target));
      }
    }
  }

  private List<String> machines(Site site) throws IOException {
    return list(machinesOf(site));
  }

  private Path machinesOf(Site site) {
    return state.site(site.provider()).resolve("machines");
  }

  private static List<String> list(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  private Connection connection(String service) throws SQLException {
    return DriverManager.getConnection(
        Postgres.url(ports, service),
        Postgres.database(service),
        Postgres.password(state, service));
  }

  private static BigDecimal number(Connection database, String query, String... arguments)
      throws SQLException {
    try (PreparedStatement statement = database.prepareStatement(query)) {
      for (int i = 0; i < arguments.length; i++) {
        statement.setString(i + 1, arguments[i]);
      }
      try (ResultSet rows = statement.executeQuery()) {
        rows.next();
        return rows.getBigDecimal(1);
      }
    }
  }
}
