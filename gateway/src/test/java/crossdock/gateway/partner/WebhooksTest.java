package crossdock.gateway.partner;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.Database;
import crossdock.chassis.Identity;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Reason;
import crossdock.contracts.Report;
import crossdock.contracts.Sha256;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import crossdock.gateway.Facts;
import crossdock.gateway.partner.Subscriptions.Turn;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Deliveries from a real database to real servers. */
final class WebhooksTest {
  private static final Parties PARTIES = new Parties();
  private static final MigrationId ONE = MigrationId.of(Facts.ALICE, "one");
  private static final MigrationId TWO = MigrationId.of(Facts.ALICE, "two");
  private static final String ACME = "acme";

  private static Database database;

  /** Stands still until it is told to go on. */
  private static final class Hands extends Clock {
    private volatile Instant now = Facts.START;

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

  private final Hands clock = new Hands();
  private final Subscriptions subscriptions = new Subscriptions();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final Courier courier = new Courier();
  private final Receiver receiver = new Receiver();
  private final Deliverer deliverer = deliverer(clock);

  WebhooksTest() throws IOException {}

  private Deliverer deliverer(Clock time) {
    return new Deliverer(
        database,
        subscriptions,
        new Guard(List.of("127.0.0.1/32")),
        courier,
        new Identity(Parties.GATEWAY),
        time,
        meters);
  }

  @BeforeAll
  static void start() {
    database = new Database(new TestDatabase().migrated());
  }

  @BeforeEach
  void empty() {
    database.change(
        tx ->
            execute(
                tx, "TRUNCATE migration, log, report, progress, share, subscription, delivery"));
    migration(ONE);
    migration(TWO);
  }

  @AfterEach
  void close() {
    deliverer.close();
    courier.close();
    receiver.close();
  }

  private static void execute(Connection tx, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = tx.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      statement.execute();
    }
  }

  private static void migration(MigrationId id) {
    database.change(
        tx ->
            execute(
                tx,
                """
                INSERT INTO migration VALUES (?, ?, ?, '', 'vm-1', 'north:oslo', 'south:roma', 'booted',
                  now(), now(), false, now(), now())
                """,
                id.value(),
                Facts.ALICE.issuer(),
                Facts.ALICE.sub()));
  }

  /** As many events as are needed, from the log's own first on. */
  private static void log(MigrationId id, int from, int to) {
    for (int sequence = from; sequence <= to; sequence++) {
      log(
          id,
          sequence,
          sequence == 1 ? Facts.requested(Fact.Acceptance.MANUAL) : new Fact.Retried(Step.PLAN));
    }
  }

  private static void log(MigrationId id, long sequence, Fact fact) {
    Report report = new Report(id, Parties.GATEWAY, 1, Facts.START, fact);
    Event event =
        new Event(
            id,
            sequence,
            Sha256.NONE,
            Facts.START.plusSeconds(sequence),
            PARTIES.key(Parties.GATEWAY).sign(Report.PAYLOAD_TYPE, Json.bytes(report)));
    database.change(
        tx ->
            execute(
                tx, "INSERT INTO log VALUES (?, ?, ?)", id.value(), sequence, Json.bytes(event)));
  }

  private void share(MigrationId id) {
    database.change(tx -> subscriptions.share(tx, id.value(), ACME, clock.instant()));
  }

  private Subscription subscribe(String url) {
    return database
        .transaction(tx -> subscriptions.subscribe(tx, ACME, url, 20, clock.instant()))
        .orElseThrow();
  }

  private Subscription again(Subscription subscription) {
    return database.transaction(tx -> subscriptions.one(tx, ACME, subscription.id())).orElseThrow();
  }

  private boolean replay(Subscription subscription, MigrationId id, long sequence) {
    return database.transaction(
        tx ->
            subscriptions.replay(
                tx, ACME, subscription.id(), id.value(), sequence, clock.instant()));
  }

  /** Delivers until nothing is due, without letting time pass. */
  private void deliver() throws InterruptedException {
    for (Optional<Turn> turn = deliverer.next(); turn.isPresent(); turn = deliverer.next()) {
      deliverer.deliver(turn.get());
    }
  }

  /** Delivers until nothing but new events could be due. */
  private void deliverInTime() throws InterruptedException {
    for (int i = 0; i < 20; i++) {
      deliver();
      clock.now = clock.now.plus(Duration.ofHours(6));
    }
  }

  private List<Long> sequences(MigrationId id) {
    return receiver.all().stream()
        .filter(got -> got.json().path("subject").asText().equals(id.value()))
        .map(Receiver.Got::sequence)
        .toList();
  }

  private double count(String outcome) {
    return meters.counter("crossdock.webhooks", "outcome", outcome).count();
  }

  private static List<Long> range(long from, long to) {
    return LongStream.rangeClosed(from, to).boxed().toList();
  }

  @Test
  void everyEventComesOnceInOrderAndAnotherLibraryVerifiesIt() throws Exception {
    log(ONE, 1, 3);
    share(ONE);
    Subscription subscription = subscribe(receiver.url());
    deliver();
    log(ONE, 4, 4);
    deliver();
    assertThat(sequences(ONE)).isEqualTo(range(1, 4));
    Receiver.Got first = receiver.all().getFirst();
    assertThat(first.id()).isEqualTo(ONE + "-1");
    assertThat(first.type()).isEqualTo("application/cloudevents+json");
    assertThat(first.timestamp()).isEqualTo(clock.instant().getEpochSecond());
    assertThat(receiver.all()).allMatch(got -> got.verifies(subscription.key()));
    byte[] changed = first.body().clone();
    changed[changed.length - 2] ^= 1;
    assertThat(
            new Receiver.Got(
                    first.id(), first.timestamp(), first.signature(), first.type(), changed)
                .verifies(subscription.key()))
        .isFalse();
    assertThat(new String(first.body(), java.nio.charset.StandardCharsets.UTF_8))
        .isEqualTo(
            """
            {"specversion":"1.0","id":"%1$s-1","source":"urn:crossdock:core:gateway",\
            "type":"crossdock.migration.requested.v1","subject":"%1$s","time":"2026-03-01T10:00:01Z",\
            "datacontenttype":"application/json","data":{"sequence":1,"at":"2026-03-01T10:00:01Z",\
            "by":"urn:crossdock:core:gateway","type":"crossdock.migration.requested.v1",\
            "fact":{"source":"north:oslo","vm":"vm-1","target":"south:roma","mode":"COLD",\
            "type":"crossdock.migration.requested.v1"}}}"""
                .formatted(ONE));
    assertThat(count("delivered")).isEqualTo(4);
  }

  @Test
  void whatAPartnerSeesHasNoCustomerNoPriceNoEvidenceAndNoDock() {
    List<Fact> facts =
        List.of(
            Facts.requested(Fact.Acceptance.MANUAL),
            Facts.authorized(),
            new Fact.Inspected(Facts.MACHINE),
            new Fact.Planned(Facts.PLAN),
            new Fact.Quoted(Facts.QUOTE),
            Facts.opened(),
            new Fact.Certified(1, true, Facts.certificate(PARTIES, ONE)),
            Facts.imported(Facts.certificate(PARTIES, ONE)),
            new Fact.Booted("vm-9", "counter 7"),
            new Fact.Failed(Step.BOOT, Reason.NOT_ALIVE, "console at /srv/secret"),
            new Fact.Settled(Facts.QUOTE));
    for (Fact fact : facts) {
      Report report = new Report(ONE, Parties.NORTH, 1, Facts.START, fact);
      Event event =
          new Event(
              ONE,
              1,
              Sha256.NONE,
              Facts.START,
              PARTIES.key(Parties.NORTH).sign(Report.PAYLOAD_TYPE, Json.bytes(report)));
      assertThat(Json.text(CloudEvent.of(event, "urn:x")))
          .contains(fact.type())
          .doesNotContain("idp")
          .doesNotContain("lice")
          .doesNotContain("EUR")
          .doesNotContain("52:54:00")
          .doesNotContain("127.0.1.3")
          .doesNotContain("dsse")
          .doesNotContain("counter 7")
          .doesNotContain("secret");
    }
  }

  @Test
  void aReceiverThatFailsNowAndThenHearsEverythingInOrder() throws Exception {
    AtomicInteger count = new AtomicInteger();
    receiver.answers(_ -> List.of(500, 204, 429, 0, 200).get(count.getAndIncrement() % 5));
    log(ONE, 1, 8);
    log(TWO, 1, 8);
    share(ONE);
    share(TWO);
    Subscription subscription = subscribe(receiver.url());
    deliverInTime();
    for (MigrationId id : List.of(ONE, TWO)) {
      List<Long> sequences = sequences(id);
      assertThat(sequences).isSorted().hasSizeGreaterThan(8);
      assertThat(sequences.stream().distinct().toList()).isEqualTo(range(1, 8));
    }
    assertThat(again(subscription).parked()).isEmpty();
    assertThat(count("failed")).isPositive();
    assertThat(count("delivered")).isEqualTo(16);
  }

  @Test
  void anEventWhoseAnswerWasLostComesAgainUnderTheSameIdWithANewTimestamp() throws Exception {
    AtomicInteger count = new AtomicInteger();
    receiver.answers(_ -> count.getAndIncrement() == 0 ? 0 : 200);
    log(ONE, 1, 1);
    share(ONE);
    Subscription subscription = subscribe(receiver.url());
    deliver();
    clock.now = clock.now.plusSeconds(5);
    deliver();
    assertThat(receiver.all()).hasSize(2);
    Receiver.Got first = receiver.all().get(0);
    Receiver.Got second = receiver.all().get(1);
    assertThat(second.id()).isEqualTo(first.id());
    assertThat(second.body()).isEqualTo(first.body());
    assertThat(second.timestamp()).isEqualTo(first.timestamp() + 5);
    assertThat(second.verifies(subscription.key())).isTrue();
  }

  @Test
  void whatIsNotSharedIsNotToldAndWhatIsWithdrawnNoLonger() throws Exception {
    log(ONE, 1, 2);
    log(TWO, 1, 2);
    subscribe(receiver.url());
    deliver();
    assertThat(receiver.all()).isEmpty();
    share(ONE);
    deliver();
    assertThat(sequences(ONE)).isEqualTo(range(1, 2));
    database.change(tx -> subscriptions.unshare(tx, ONE.value(), ACME));
    log(ONE, 3, 4);
    deliver();
    assertThat(receiver.all()).hasSize(2);
    share(ONE);
    deliver();
    assertThat(sequences(ONE)).isEqualTo(range(1, 4));
    assertThat(sequences(TWO)).isEmpty();
  }

  @Test
  void anotherPartnersReceiverIsNotTold() throws Exception {
    log(ONE, 1, 1);
    share(ONE);
    database.change(
        tx -> {
          boolean made =
              subscriptions.subscribe(tx, "other", receiver.url(), 20, clock.instant()).isPresent();
          assertThat(made).isTrue();
        });
    deliver();
    assertThat(receiver.all()).isEmpty();
  }

  @Test
  void itIsReplayedFromAnyEventOnAndFromNoOther() throws Exception {
    log(ONE, 1, 4);
    share(ONE);
    Subscription subscription = subscribe(receiver.url());
    deliver();
    assertThat(replay(subscription, ONE, 3)).isTrue();
    deliver();
    assertThat(sequences(ONE)).isEqualTo(List.of(1L, 2L, 3L, 4L, 3L, 4L));
    assertThat(replay(subscription, ONE, 0)).isFalse();
    assertThat(replay(subscription, ONE, 5)).isFalse();
    assertThat(replay(subscription, TWO, 1)).isFalse();
    database.change(tx -> subscriptions.unshare(tx, ONE.value(), ACME));
    assertThat(replay(subscription, ONE, 1)).isFalse();
  }

  @Test
  void aMigrationThatHasEndedIsReplayedToo() throws Exception {
    log(ONE, 1, 2);
    database.change(tx -> execute(tx, "UPDATE migration SET ended = true"));
    share(ONE);
    Subscription subscription = subscribe(receiver.url());
    deliver();
    assertThat(replay(subscription, ONE, 2)).isTrue();
    deliver();
    assertThat(sequences(ONE)).isEqualTo(List.of(1L, 2L, 2L));
  }

  @Test
  void aReplayThatComesDuringADeliveryCountsAndDoesNotOvertakeIt() throws Exception {
    log(ONE, 1, 3);
    share(ONE);
    Subscription subscription = subscribe(receiver.url());
    receiver.answers(
        got -> {
          if (got.sequence() == 3 && receiver.all().size() == 3) {
            assertThat(replay(subscription, ONE, 2)).isTrue();
            assertThat(deliverer.next()).isEmpty();
          }
          return 204;
        });
    deliver();
    assertThat(sequences(ONE)).isEqualTo(List.of(1L, 2L, 3L, 2L, 3L));
  }

  @Test
  void afterItsAttemptsItIsParkedWithTheReasonAndResumed() throws Exception {
    receiver.answers(got -> got.sequence() == 2 ? 500 : 204);
    log(ONE, 1, 3);
    log(TWO, 1, 1);
    share(ONE);
    share(TWO);
    Subscription subscription = subscribe(receiver.url());
    for (int i = 0; i < Deliverer.ATTEMPTS + 3; i++) {
      deliver();
      clock.now = clock.now.plus(Duration.ofHours(6));
    }
    assertThat(sequences(ONE)).hasSize(1 + Deliverer.ATTEMPTS);
    assertThat(sequences(TWO)).isEqualTo(range(1, 1));
    assertThat(again(subscription).parked())
        .singleElement()
        .satisfies(
            parked -> {
              assertThat(parked.migration()).isEqualTo(ONE);
              assertThat(parked.sequence()).isEqualTo(2);
              assertThat(parked.reason()).isEqualTo("the receiver answers 500");
            });
    assertThat(count("parked")).isEqualTo(1);
    receiver.answers(_ -> 204);
    deliver();
    assertThat(sequences(ONE)).hasSize(1 + Deliverer.ATTEMPTS);
    database.change(tx -> subscriptions.resume(tx, subscription.id(), clock.instant()));
    assertThat(again(subscription).parked()).isEmpty();
    deliver();
    assertThat(sequences(ONE).reversed().subList(0, 2)).isEqualTo(List.of(3L, 2L));
  }

  @Test
  void whoeverIsGoneIsParkedAtOnceAndMayGoOnBehindTheEvent() throws Exception {
    receiver.answers(got -> got.sequence() == 1 ? 410 : 204);
    log(ONE, 1, 2);
    share(ONE);
    Subscription subscription = subscribe(receiver.url());
    deliverInTime();
    assertThat(again(subscription).parked()).hasSize(1);
    assertThat(replay(subscription, ONE, 2)).isTrue();
    deliver();
    assertThat(sequences(ONE)).isEqualTo(range(1, 2));
    assertThat(again(subscription).parked()).isEmpty();
  }

  @Test
  void aRedirectIsAFailure() throws Exception {
    receiver.answers(_ -> 307);
    log(ONE, 1, 1);
    share(ONE);
    subscribe(receiver.url());
    deliver();
    assertThat(receiver.all()).hasSize(1);
    assertThat(count("failed")).isEqualTo(1);
  }

  @Test
  void anAddressThatMayNoLongerBeCalledIsNotCalled() throws Exception {
    log(ONE, 1, 1);
    share(ONE);
    subscribe(receiver.url().replace("127.0.0.1", "127.0.0.2"));
    deliver();
    assertThat(count("failed")).isEqualTo(1);
  }

  @Test
  void theSameUrlIsTheSameSubscriptionAndThereAreNotTooMany() {
    Subscription first = subscribe(receiver.url());
    assertThat(subscribe(receiver.url())).isEqualTo(first);
    Subscription second = subscribe(receiver.url() + "/two");
    assertThat(second.key()).isNotEqualTo(first.key());
    Optional<Subscription> third =
        database.transaction(
            tx -> subscriptions.subscribe(tx, ACME, receiver.url() + "/3", 2, clock.instant()));
    assertThat(third).isEmpty();
  }

  @Test
  void onlyTheOwnerShares() {
    boolean alice = database.transaction(tx -> subscriptions.owns(tx, ONE.value(), Facts.ALICE));
    boolean bob =
        database.transaction(
            tx -> subscriptions.owns(tx, ONE.value(), new Subject(Facts.ALICE.issuer(), "bob")));
    assertThat(alice).isTrue();
    assertThat(bob).isFalse();
  }

  @Test
  void anEventIsOneWorkersAloneUntilItsLeaseEndsAndThenNoLongerTheFirstOnes() throws Exception {
    log(ONE, 1, 2);
    share(ONE);
    subscribe(receiver.url());
    Turn first = deliverer.next().orElseThrow();
    assertThat(deliverer.next()).isEmpty();
    clock.now = clock.now.plus(Subscriptions.LEASE).plusSeconds(1);
    deliverer.deliver(first);
    assertThat(receiver.all()).isEmpty();
    Turn second = deliverer.next().orElseThrow();
    assertThat(second.sequence()).isEqualTo(1);
    database.change(tx -> subscriptions.delivered(tx, first, clock.instant()));
    assertThat(deliverer.next()).isEmpty();
    database.change(tx -> subscriptions.delivered(tx, second, clock.instant()));
    assertThat(deliverer.next().orElseThrow().sequence()).isEqualTo(2);
  }

  @Test
  void oneSubscriptionHasOnlySoManyUnderWay() {
    for (int i = 0; i < Subscriptions.AT_ONCE + 2; i++) {
      MigrationId id = MigrationId.of(Facts.ALICE, "many-" + i);
      migration(id);
      log(id, 1, 1);
      share(id);
    }
    subscribe(receiver.url());
    List<Turn> turns = new ArrayList<>();
    for (Optional<Turn> turn = deliverer.next(); turn.isPresent(); turn = deliverer.next()) {
      turns.add(turn.get());
    }
    assertThat(turns).hasSize(Subscriptions.AT_ONCE);
    assertThat(turns.stream().map(Turn::migration)).doesNotHaveDuplicates();
  }

  @Test
  void workersOfTwoGatewaysNeverDeliverOfOneMigrationAtTheSameTime() throws Exception {
    log(ONE, 1, 60);
    share(ONE);
    Subscription subscription = subscribe(receiver.url());
    AtomicInteger underWay = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    receiver.answers(
        got -> {
          most.accumulateAndGet(underWay.incrementAndGet(), Math::max);
          int status = got.verifies(subscription.key()) ? 204 : 400;
          underWay.decrementAndGet();
          return status;
        });
    CountDownLatch begin = new CountDownLatch(1);
    try (ExecutorService workers = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 4; i++) {
        Deliverer other = deliverer(clock);
        var _ =
            workers.submit(
                () -> {
                  begin.await();
                  while (receiver.all().size() < 60) {
                    Optional<Turn> turn = other.next();
                    if (turn.isPresent()) {
                      other.deliver(turn.get());
                    }
                  }
                  return null;
                });
      }
      begin.countDown();
    }
    assertThat(sequences(ONE)).isEqualTo(range(1, 60));
    assertThat(most).hasValue(1);
  }

  @Test
  void aReceiverThatHangsHoldsUpNoOther() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    try (Receiver slow = new Receiver()) {
      slow.answers(
          _ -> {
            try {
              end.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
            return 204;
          });
      for (int i = 0; i < 10; i++) {
        MigrationId id = MigrationId.of(Facts.ALICE, "slow-" + i);
        migration(id);
        log(id, 1, 3);
        share(id);
      }
      subscribe(slow.url());
      Deliverer running = deliverer(Clock.systemUTC());
      running.start();
      slow.next();
      subscribe(receiver.url());
      for (int i = 0; i < 30; i++) {
        receiver.next();
      }
      end.countDown();
      running.close();
    }
  }

  @Test
  void pausesGrowFromSecondsToHoursAndDiffer() {
    assertThat(Deliverer.pause(0)).isBetween(Duration.ofMillis(2500), Duration.ofSeconds(5));
    assertThat(Deliverer.pause(5)).isBetween(Duration.ofSeconds(80), Duration.ofSeconds(160));
    assertThat(Deliverer.pause(Deliverer.ATTEMPTS))
        .isBetween(Duration.ofHours(3), Duration.ofHours(6));
    Duration shortest = Duration.ZERO;
    for (int i = 0; i < Deliverer.ATTEMPTS - 1; i++) {
      shortest = shortest.plus(Deliverer.pause(i));
    }
    assertThat(shortest).isBetween(Duration.ofDays(1), Duration.ofDays(4));
  }
}
