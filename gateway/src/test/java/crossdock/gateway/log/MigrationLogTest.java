package crossdock.gateway.log;

import static crossdock.chassis.testing.Parties.BILLING;
import static crossdock.chassis.testing.Parties.CATALOG;
import static crossdock.chassis.testing.Parties.GATEWAY;
import static crossdock.chassis.testing.Parties.IDENTITY;
import static crossdock.chassis.testing.Parties.NORTH;
import static crossdock.chassis.testing.Parties.SOUTH;
import static crossdock.chassis.testing.Parties.WEST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.chassis.Database;
import crossdock.chassis.Identity;
import crossdock.chassis.Outbox;
import crossdock.chassis.Trust;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.Assignment;
import crossdock.contracts.Envelope;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.Migration.State;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Progress;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Report;
import crossdock.contracts.Role;
import crossdock.contracts.Step;
import crossdock.gateway.Facts;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The log in a real database, with real signatures. */
final class MigrationLogTest {
  private static Database database;
  private static final Parties PARTIES = new Parties();

  /** Stands still until it is told to go on. */
  private static final class Hands extends Clock {
    private Instant now = Facts.START;

    @Override
    public Instant instant() {
      return now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneId.of("UTC");
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }

  /** What the gateway was set up with. */
  private static Trust trusting() {
    try {
      Path directory = Files.createTempDirectory("trust");
      PARTIES.configure(GATEWAY, directory);
      return new Trust(
          directory.resolve("bundle.json"),
          directory.resolve("members"),
          directory.resolve("work"),
          Clock.fixed(Facts.START, ZoneId.of("UTC")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private record Message(String topic, String type, byte[] payload) {}

  private final Hands clock = new Hands();
  private final MigrationLog log =
      new MigrationLog(
          new Identity(GATEWAY),
          trusting(),
          PARTIES.key(GATEWAY),
          new LogStore(),
          new Outbox(),
          clock,
          new SimpleMeterRegistry());

  @BeforeAll
  static void start() {
    database = new Database(new TestDatabase().migrated());
  }

  @BeforeEach
  void empty() {
    database.change(
        tx -> {
          try (PreparedStatement truncate =
              tx.prepareStatement("TRUNCATE migration, log, report, progress, outbox CASCADE")) {
            truncate.execute();
          }
        });
  }

  private boolean request(Fact.Acceptance accept) {
    Fact.Requested requested = Facts.requested(accept);
    return database.transaction(tx -> log.request(tx, Facts.ID, Json.digest(requested), requested));
  }

  private byte[] say(Party by, Fact fact) {
    return say(by, 1, fact);
  }

  private byte[] say(Party by, int attempt, Fact fact) {
    byte[] report = Facts.report(PARTIES, by, Facts.ID, attempt, fact);
    take(by.reports(), report);
    return report;
  }

  private void take(String topic, byte[] report) {
    database.change(tx -> log.take(tx, topic, report));
  }

  private boolean cancel() {
    return database.transaction(tx -> log.cancel(tx, Facts.ID));
  }

  private boolean accept() {
    return database.transaction(tx -> log.accept(tx, Facts.ID));
  }

  private void look() {
    database.transaction(log::next).ifPresent(id -> database.change(tx -> log.look(tx, id)));
  }

  private Story story() {
    return database.transaction(tx -> log.story(tx, Facts.ID)).orElseThrow();
  }

  private Migration migration() {
    return story().migration();
  }

  private List<String> verdicts(Party by, Class<? extends Fact> kind) {
    return database.transaction(
        tx -> {
          try (PreparedStatement query =
              tx.prepareStatement("SELECT verdict FROM report WHERE id LIKE ? ORDER BY verdict")) {
            query.setString(
                1,
                Facts.ID
                    + "/"
                    + by.urn()
                    + "/%."
                    + kind.getSimpleName().toLowerCase(java.util.Locale.ROOT)
                    + ".v1/%");
            List<String> verdicts = new ArrayList<>();
            try (ResultSet found = query.executeQuery()) {
              while (found.next()) {
                verdicts.add(found.getString(1));
              }
            }
            return verdicts;
          }
        });
  }

  /** What was put in the outbox since the last time. */
  private List<Message> sent() {
    return database.transaction(
        tx -> {
          try (PreparedStatement query =
              tx.prepareStatement(
                  "WITH gone AS (DELETE FROM outbox RETURNING *)"
                      + " SELECT aggregatetype, type, payload FROM gone ORDER BY seq")) {
            List<Message> messages = new ArrayList<>();
            try (ResultSet found = query.executeQuery()) {
              while (found.next()) {
                messages.add(
                    new Message(found.getString(1), found.getString(2), found.getBytes(3)));
              }
            }
            return messages;
          }
        });
  }

  private void upToClearing(Fact.Acceptance accept) {
    request(accept);
    say(IDENTITY, Facts.authorized());
    say(NORTH, new Fact.Inspected(Facts.MACHINE));
    say(CATALOG, new Fact.Planned(Facts.PLAN));
    say(BILLING, new Fact.Quoted(Facts.QUOTE));
  }

  private void upToBoot(Fact.Acceptance accept) {
    upToClearing(accept);
    say(SOUTH, new Fact.Reserved(Facts.PLAN.digest()));
    say(NORTH, new Fact.Cleared(Facts.PLAN.digest(), false));
    say(NORTH, new Fact.Stopped(Facts.START));
    say(NORTH, Facts.opened());
    var certificate = Facts.certificate(PARTIES, Facts.ID);
    say(NORTH, new Fact.Certified(1, true, certificate));
    say(SOUTH, Facts.imported(certificate));
  }

  @Test
  void aMigrationThatGoesWellEndsAndItsChainVerifies() {
    upToBoot(Fact.Acceptance.AUTOMATIC);
    say(SOUTH, new Fact.Booted("vm-9", "counter 7"));
    say(NORTH, new Fact.Retired(false));
    say(BILLING, new Fact.Settled(Facts.QUOTE));

    assertThat(migration().ended()).isTrue();
    assertThat(story().state()).isEqualTo("retired");
    List<Event> events = Event.verify(story().bytes(), PARTIES.trust());
    assertThat(events).hasSize(16);
    List<byte[]> published =
        sent().stream()
            .filter(message -> message.topic().equals("migrations"))
            .map(Message::payload)
            .toList();
    assertThat(published)
        .usingElementComparator(java.util.Arrays::compare)
        .isEqualTo(story().bytes());
    Optional<MigrationId> next = database.transaction(log::next);
    assertThat(next).isEmpty();
  }

  @Test
  void everyReportDeliveredTwiceTakesEffectOnce() {
    request(Fact.Acceptance.AUTOMATIC);
    request(Fact.Acceptance.AUTOMATIC);
    byte[] authorized = say(IDENTITY, Facts.authorized());
    take(IDENTITY.reports(), authorized);
    byte[] inspected = say(NORTH, new Fact.Inspected(Facts.MACHINE));
    take(IDENTITY.reports(), authorized);
    take(NORTH.reports(), inspected);

    assertThat(story().bytes()).hasSize(3);
    assertThat(verdicts(IDENTITY, Fact.Authorized.class)).containsExactly("ACCEPTED");
  }

  @Test
  void anotherRequestUnderTheSameIdIsRefusedAndChangesNothing() {
    assertThat(request(Fact.Acceptance.AUTOMATIC)).isTrue();
    assertThat(request(Fact.Acceptance.MANUAL)).isFalse();
    assertThat(migration().request().accept()).isEqualTo(Fact.Acceptance.AUTOMATIC);
  }

  @Test
  void anotherReportUnderTheSameIdIsAConflictAndNotADuplicate() {
    request(Fact.Acceptance.AUTOMATIC);
    say(IDENTITY, Facts.authorized());
    say(NORTH, new Fact.Inspected(Facts.MACHINE));
    byte[] other = say(NORTH, new Fact.Inspected(Facts.machine(64)));
    take(NORTH.reports(), other);

    assertThat(verdicts(NORTH, Fact.Inspected.class)).containsExactly("ACCEPTED", "CONFLICT");
    assertThat(migration().machine()).isEqualTo(Facts.MACHINE);
  }

  @Test
  void anEarlyReportIsHeldAndTakesEffectWhenItsTimeComes() {
    request(Fact.Acceptance.AUTOMATIC);
    say(NORTH, new Fact.Inspected(Facts.MACHINE));
    assertThat(verdicts(NORTH, Fact.Inspected.class)).containsExactly("HELD");
    assertThat(story().state()).isEqualTo("requested");
    say(IDENTITY, Facts.authorized());
    assertThat(verdicts(NORTH, Fact.Inspected.class)).containsExactly("ACCEPTED");
    assertThat(story().state()).isEqualTo("inspected");
  }

  @Test
  void aReportOfAnEarlierAttemptIsStale() {
    upToClearing(Fact.Acceptance.AUTOMATIC);
    say(SOUTH, new Fact.Failed(Step.RESERVE, Reason.UNAVAILABLE, "no answer"));
    clock.now = clock.now.plusSeconds(2);
    look();
    assertThat(migration().attempts()).containsEntry(Step.RESERVE, 2);
    say(SOUTH, new Fact.Reserved(Facts.PLAN.digest()));
    assertThat(verdicts(SOUTH, Fact.Reserved.class)).containsExactly("STALE");
    say(SOUTH, 2, new Fact.Reserved(Facts.PLAN.digest()));
    assertThat(verdicts(SOUTH, Fact.Reserved.class)).containsExactly("ACCEPTED", "STALE");
  }

  @Test
  void whoIsNotConcernedIsNotHeard() {
    request(Fact.Acceptance.AUTOMATIC);
    byte[] forged =
        Facts.report(
            PARTIES, WEST, new Report(Facts.ID, IDENTITY, 1, Instant.now(), Facts.authorized()));
    byte[] own = Facts.report(PARTIES, WEST, Facts.ID, 1, new Fact.Inspected(Facts.MACHINE));
    byte[] used = Facts.report(PARTIES, WEST, Facts.ID, 1, new Fact.Used("b", BigDecimal.ONE, "B"));
    byte[] ordered = Facts.report(PARTIES, NORTH, Facts.ID, 1, new Fact.Undoing(Reason.CANCELLED));
    byte[] authorized = Facts.report(PARTIES, IDENTITY, Facts.ID, 1, Facts.authorized());
    for (byte[] report : List.of(forged, own, used)) {
      assertThatThrownBy(() -> take(WEST.reports(), report)).isInstanceOf(Refused.class);
      assertThatThrownBy(() -> take(IDENTITY.reports(), report)).isInstanceOf(Refused.class);
    }
    assertThatThrownBy(() -> take(NORTH.reports(), ordered)).isInstanceOf(Refused.class);
    assertThatThrownBy(() -> take(NORTH.reports(), authorized)).isInstanceOf(Refused.class);
    assertThat(story().bytes()).hasSize(1);
  }

  @Test
  void aReadingCountsOnlyIfItIsMoreThanTheLast() {
    request(Fact.Acceptance.AUTOMATIC);
    say(NORTH, new Fact.Used("export.bytes", new BigDecimal("5"), "B"));
    say(NORTH, new Fact.Used("export.bytes", new BigDecimal("5.0"), "B"));
    say(NORTH, new Fact.Used("export.bytes", new BigDecimal("4"), "B"));
    say(SOUTH, new Fact.Used("export.bytes", new BigDecimal("4"), "B"));
    say(NORTH, new Fact.Used("export.bytes", new BigDecimal("6"), "B"));
    assertThat(verdicts(NORTH, Fact.Used.class))
        .containsExactly("ACCEPTED", "ACCEPTED", "STALE", "STALE");
    assertThat(verdicts(SOUTH, Fact.Used.class)).containsExactly("ACCEPTED");
  }

  @Test
  void onlyWhoIsDueIsToldAndGetsTheWholeChain() {
    request(Fact.Acceptance.AUTOMATIC);
    say(IDENTITY, Facts.authorized());
    List<Message> tasks =
        sent().stream().filter(message -> message.topic().endsWith(".tasks")).toList();
    assertThat(tasks).extracting(Message::topic).containsExactly(NORTH.tasks());
    Assignment assignment = Json.read(tasks.getFirst().payload(), Assignment.class);
    assertThat(Event.verify(assignment.chain(), PARTIES.trust())).hasSize(2);
  }

  @Test
  void bothSidesHearThatAMigrationIsCancelled() {
    upToClearing(Fact.Acceptance.AUTOMATIC);
    sent();
    assertThat(cancel()).isTrue();
    assertThat(cancel()).isTrue();
    assertThat(sent())
        .extracting(Message::topic)
        .containsExactlyInAnyOrder("migrations", NORTH.tasks(), SOUTH.tasks());
    say(SOUTH, new Fact.Reserved(Facts.PLAN.digest()));
    assertThat(verdicts(SOUTH, Fact.Reserved.class)).containsExactly("STALE");
    say(SOUTH, Facts.undone(Role.TARGET));
    say(NORTH, Facts.undone(Role.SOURCE));
    assertThat(migration().state()).isEqualTo(new State.Undone(Reason.CANCELLED));
    say(BILLING, new Fact.Settled(Facts.QUOTE));
    assertThat(migration().ended()).isTrue();
  }

  @Test
  void afterTheAcceptanceItIsTooLateToCancel() {
    upToBoot(Fact.Acceptance.MANUAL);
    assertThat(accept()).isFalse();
    say(SOUTH, new Fact.Booted("vm-9", "counter 7"));
    assertThat(story().state()).isEqualTo("booted");
    assertThat(accept()).isTrue();
    assertThat(accept()).isTrue();
    assertThat(cancel()).isFalse();
    assertThat(story().state()).isEqualTo("accepted");
  }

  @Test
  void anAssignmentThatNobodyAnswersIsRepeatedAndEachTimeLater() {
    request(Fact.Acceptance.AUTOMATIC);
    say(IDENTITY, Facts.authorized());
    sent();
    clock.now = clock.now.plusSeconds(59);
    look();
    assertThat(sent()).isEmpty();
    clock.now = clock.now.plusSeconds(1);
    look();
    assertThat(sent()).extracting(Message::topic).containsExactly(NORTH.tasks());
    clock.now = clock.now.plusSeconds(59);
    look();
    assertThat(sent()).isEmpty();
  }

  private void upToOpening() {
    upToClearing(Fact.Acceptance.AUTOMATIC);
    say(SOUTH, new Fact.Reserved(Facts.PLAN.digest()));
    say(NORTH, new Fact.Cleared(Facts.PLAN.digest(), false));
    say(NORTH, new Fact.Stopped(Facts.START));
    say(NORTH, Facts.opened());
  }

  @Test
  void silenceIsUndoneAndProgressIsNoSilence() {
    upToOpening();
    clock.now = clock.now.plus(Duration.ofMinutes(29));
    progress(NORTH, 1 << 20);
    clock.now = clock.now.plus(Duration.ofMinutes(29));
    progress(NORTH, 1 << 20);
    look();
    assertThat(story().state()).isEqualTo("opened");
    clock.now = clock.now.plus(Duration.ofMinutes(1));
    look();
    assertThat(migration().state())
        .isInstanceOfSatisfying(
            State.Undoing.class, undoing -> assertThat(undoing.reason()).isEqualTo(Reason.OVERDUE));
    assertThatThrownBy(() -> progress(SOUTH, 1)).isInstanceOf(Refused.class);
  }

  @Test
  void whoComesNearerInTheDocksQueueIsNotSilentAndWhoWaitsThereForNothingIs() {
    upToOpening();
    for (long ahead = 5; ahead > 0; ahead--) {
      queued(NORTH, ahead);
      clock.now = clock.now.plus(Duration.ofMinutes(29));
      look();
      assertThat(story().state()).isEqualTo("opened");
      assertThat(story().progress().orElseThrow().aheadBytes()).contains(ahead);
    }
    queued(NORTH, 1);
    queued(NORTH, 7);
    clock.now = clock.now.plus(Duration.ofMinutes(1));
    look();
    assertThat(migration().state())
        .isInstanceOfSatisfying(
            State.Undoing.class, undoing -> assertThat(undoing.reason()).isEqualTo(Reason.OVERDUE));
  }

  @Test
  void whoIsPutBackInTheQueueComesNearerFromThere() {
    upToOpening();
    progress(NORTH, 0);
    clock.now = clock.now.plus(Duration.ofMinutes(29));
    queued(NORTH, 2);
    queued(NORTH, 9);
    clock.now = clock.now.plus(Duration.ofMinutes(29));
    queued(NORTH, 8);
    clock.now = clock.now.plus(Duration.ofMinutes(29));
    look();
    assertThat(story().state()).isEqualTo("opened");
  }

  @Test
  void whoHasBegunIsInNoQueue() {
    upToOpening();
    queued(NORTH, 5);
    progress(NORTH, 1 << 20);
    assertThat(story().progress().orElseThrow().aheadBytes()).isEmpty();
  }

  private void queued(Party.Site site, long ahead) {
    Progress progress = new Progress(Facts.ID, Step.CERTIFY, 1, 0, 8L << 30, Optional.of(ahead));
    database.change(tx -> log.progress(tx, site.progress(), Json.bytes(progress)));
  }

  @Test
  void whoBeginsAnewIsNotSilentAndNothingIsTakenBack() {
    upToOpening();
    progress(NORTH, 7 << 20);
    clock.now = clock.now.plus(Duration.ofMinutes(29));
    progress(NORTH, 1 << 20);
    clock.now = clock.now.plus(Duration.ofMinutes(29));
    look();
    assertThat(story().state()).isEqualTo("opened");
    assertThat(story().progress().orElseThrow().doneBytes()).isEqualTo(7 << 20);
    progress(NORTH, 1, 1);
    assertThat(story().progress().orElseThrow().totalBytes()).isEqualTo(8L << 30);
    assertThatThrownBy(() -> progress(NORTH, 1, (16L << 30) + 1))
        .hasMessageContaining("more bytes than the machine has");
  }

  @Test
  void theRateIsThatOfTheWorkerThatIsAtIt() {
    upToOpening();
    assertThat(story().rate()).isEmpty();
    progress(NORTH, 1 << 20);
    assertThat(story().rate()).isEmpty();
    clock.now = clock.now.plus(Duration.ofSeconds(10));
    progress(NORTH, 101 << 20);
    assertThat(story().rate()).hasValue(10 << 20);
    clock.now = clock.now.plus(Duration.ofSeconds(5));
    progress(NORTH, 1 << 20);
    assertThat(story().rate()).as("it begins anew").isEmpty();
    clock.now = clock.now.plus(Duration.ofSeconds(2));
    progress(NORTH, 41 << 20);
    assertThat(story().rate()).hasValue(20 << 20);
  }

  @Test
  void anImportReadsWhatItWroteScansItAndNoMore() {
    upToOpening();
    say(NORTH, new Fact.Certified(1, true, Facts.certificate(PARTIES, Facts.ID)));
    progress(SOUTH, Step.IMPORT, 9L << 30, 24L << 30);
    assertThat(story().progress().orElseThrow().doneBytes()).isEqualTo(9L << 30);
    assertThatThrownBy(() -> progress(SOUTH, Step.IMPORT, 1, (24L << 30) + 1))
        .hasMessageContaining("more bytes than the machine has");
  }

  private void progress(Party.Site site, long done) {
    progress(site, done, 8L << 30);
  }

  private void progress(Party.Site site, long done, long total) {
    progress(site, Step.CERTIFY, done, total);
  }

  private void progress(Party.Site site, Step step, long done, long total) {
    byte[] bytes = Json.bytes(new Progress(Facts.ID, step, 1, done, total));
    database.change(tx -> log.progress(tx, site.progress(), bytes));
  }

  @Test
  void twoTransactionsAtOnceLeaveOneChain() throws InterruptedException {
    upToClearing(Fact.Acceptance.AUTOMATIC);
    Thread one = Thread.ofVirtual().start(() -> say(SOUTH, new Fact.Reserved(Facts.PLAN.digest())));
    Thread other =
        Thread.ofVirtual().start(() -> say(NORTH, new Fact.Cleared(Facts.PLAN.digest(), false)));
    one.join();
    other.join();
    assertThat(Event.verify(story().bytes(), PARTIES.trust())).hasSize(8);
    assertThat(migration().state()).isEqualTo(new State.Approved(true, true));
  }

  @Test
  void nobodySeesAMigrationThatIsNotThere() {
    Optional<Story> story = database.transaction(tx -> log.story(tx, Facts.ID));
    assertThat(story).isEmpty();
    byte[] report = Facts.report(PARTIES, IDENTITY, Facts.ID, 1, Facts.authorized());
    assertThatThrownBy(() -> take(IDENTITY.reports(), report)).isInstanceOf(Refused.class);
  }

  @Test
  void whatIsNoReportIsRefusedAndLeavesNothing() {
    request(Fact.Acceptance.AUTOMATIC);
    byte[] good = Facts.report(PARTIES, IDENTITY, Facts.ID, 1, Facts.authorized());
    Envelope signed = Json.read(good, Envelope.class);
    Envelope.Signature signature = signed.signatures().getFirst();
    String later =
        new String(signed.bytes(), StandardCharsets.UTF_8).replace("authorized.v1", "\\u0000");
    byte[] edited = good.clone();
    edited[edited.length / 4] ^= 1;
    for (byte[] bad :
        List.of(
            new byte[0],
            Arrays.copyOf(good, good.length / 2),
            edited,
            Json.bytes(with(signed, Report.PAYLOAD_TYPE, "AA==", signature.cert())),
            Json.bytes(with(signed, Report.PAYLOAD_TYPE, signature.sig(), Optional.empty())),
            Json.bytes(with(signed, "text/plain", signature.sig(), signature.cert())),
            Json.bytes(
                PARTIES
                    .key(IDENTITY)
                    .sign("application/vnd.crossdock.report.v2+json", signed.bytes())),
            Json.bytes(
                PARTIES
                    .key(IDENTITY)
                    .sign(Report.PAYLOAD_TYPE, later.getBytes(StandardCharsets.UTF_8))),
            longer(good, 300 << 10))) {
      assertThatThrownBy(() -> take(IDENTITY.reports(), bad)).isInstanceOf(Refused.class);
    }
    assertThat(story().bytes()).hasSize(1);
    assertThat(verdicts(IDENTITY, Fact.Authorized.class)).isEmpty();
    take(IDENTITY.reports(), good);
    assertThat(story().state()).isEqualTo("authorized");
  }

  private static Envelope with(
      Envelope envelope, String type, String signature, Optional<String> certificate) {
    return new Envelope(
        envelope.payload(),
        type,
        List.of(new Envelope.Signature(signature, Optional.empty(), certificate)));
  }

  /** The same, with a field that nobody knows and nobody signed. */
  private static byte[] longer(byte[] report, int bytes) {
    String text = new String(report, StandardCharsets.UTF_8);
    return (text.substring(0, text.length() - 1) + ",\"x\":\"" + "x".repeat(bytes) + "\"}")
        .getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void anAnswerThatComesADayLateIsStale() {
    request(Fact.Acceptance.AUTOMATIC);
    say(IDENTITY, Facts.authorized());
    clock.now = clock.now.plus(Duration.ofDays(1));
    look();
    say(NORTH, new Fact.Inspected(Facts.MACHINE));
    assertThat(verdicts(NORTH, Fact.Inspected.class)).containsExactly("STALE");
    assertThat(migration().state()).isEqualTo(new State.Undone(Reason.OVERDUE));
  }

  @Test
  void reportsInAnyOrderAndEachTwiceTellOneStory() {
    var certificate = Facts.certificate(PARTIES, Facts.ID);
    List<byte[]> reports = new ArrayList<>();
    List<String> topics = new ArrayList<>();
    for (Fact fact : Told.story(Fact.Acceptance.AUTOMATIC)) {
      Optional<Role> role = Answers.role(fact).filter(by -> by != Role.GATEWAY);
      if (role.isPresent()) {
        Party by = party(role.get());
        topics.add(by.reports());
        Fact own = fact;
        if (fact instanceof Fact.Certified) {
          own = new Fact.Certified(1, true, certificate);
        } else if (fact instanceof Fact.Imported) {
          own = Facts.imported(certificate);
        }
        reports.add(Facts.report(PARTIES, by, Facts.ID, 1, own));
      }
    }
    for (int seed = 0; seed < 10; seed++) {
      empty();
      request(Fact.Acceptance.AUTOMATIC);
      List<Integer> order = new ArrayList<>();
      for (int i = 0; i < 2 * reports.size(); i++) {
        order.add(i % reports.size());
      }
      Collections.shuffle(order, new Random(seed));
      order.forEach(i -> take(topics.get(i), reports.get(i)));
      assertThat(migration().ended()).as("order " + order).isTrue();
      assertThat(Event.verify(story().bytes(), PARTIES.trust())).hasSize(16);
    }
  }

  private static Party party(Role role) {
    return switch (role) {
      case GATEWAY -> GATEWAY;
      case IDENTITY -> IDENTITY;
      case CATALOG -> CATALOG;
      case BILLING -> BILLING;
      case SOURCE -> NORTH;
      case TARGET -> SOUTH;
    };
  }
}
