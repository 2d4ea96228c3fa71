package crossdock.chassis;

import static crossdock.chassis.Parties.GATEWAY;
import static crossdock.chassis.Parties.ID;
import static crossdock.chassis.Parties.IDENTITY;
import static crossdock.chassis.Parties.OTHER;
import static crossdock.chassis.Parties.SOURCE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Refused;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What was seen can only be continued, by whom it concerns. */
class ChainsTest {
  private static final Parties PARTIES = new Parties();

  private final TestDatabase test = new TestDatabase();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final Chains chains = new Chains(PARTIES.trusting(), meters);
  private final Parties.Log log = PARTIES.log(ID).add(PARTIES.source, SOURCE, 1, Parties.INSPECTED);

  private Migration extend(MigrationId id, List<byte[]> chain) {
    return test.database.transaction(tx -> chains.extend(tx, id, chain));
  }

  private Migration append(byte[] event) {
    return test.database.transaction(tx -> chains.append(tx, event));
  }

  private Migration known(MigrationId id) {
    return test.database.transaction(tx -> chains.migration(tx, id));
  }

  private String seen() {
    return test.value("SELECT count(*) FROM chain");
  }

  @Test
  void aChainIsFoldedAndKeptByteForByte() {
    Migration migration = extend(ID, log.all());

    assertThat(migration.state()).isInstanceOf(Migration.State.Inspected.class);
    List<byte[]> kept = test.database.transaction(tx -> chains.read(tx, ID));
    assertThat(kept).usingRecursiveComparison().isEqualTo(log.all());
    assertThat(known(ID)).isEqualTo(migration);
  }

  @Test
  void theSameChainTwiceChangesNothing() {
    Migration once = extend(ID, log.all());
    assertThat(extend(ID, log.all())).isEqualTo(once);
    assertThat(seen()).isEqualTo("3");
  }

  @Test
  void aShorterChainThatAgreesChangesNothing() {
    Migration all = extend(ID, log.all());
    assertThat(extend(ID, log.first(1))).isEqualTo(all);
    assertThat(seen()).isEqualTo("3");
  }

  @Test
  void aLongerChainContinuesWhatWasSeen() {
    extend(ID, log.first(1));
    assertThat(extend(ID, log.all()).state()).isInstanceOf(Migration.State.Inspected.class);
  }

  @Test
  void eventsOneByOneGiveWhatTheChainGives() {
    for (byte[] event : log.all()) {
      append(event);
      append(event);
    }
    append(log.first(1).getFirst());
    assertThat(known(ID))
        .isEqualTo(Migration.of(crossdock.contracts.Event.verify(log.all(), PARTIES.trust)));
    assertThat(seen()).isEqualTo("3");
  }

  @Test
  void aForkIsRefusedAndCountedWhateverItsLength() {
    extend(ID, log.all());
    Parties.Log fork =
        new Parties.Log(ID)
            .add(PARTIES.gateway, GATEWAY, 1, Parties.requested("vm-2"))
            .add(PARTIES.identity, IDENTITY, 1, Parties.AUTHORIZED)
            .add(PARTIES.source, SOURCE, 1, Parties.INSPECTED)
            .add(PARTIES.source, SOURCE, 1, Parties.INSPECTED);

    for (int length = 1; length <= 4; length++) {
      List<byte[]> forked = fork.first(length);
      assertThatThrownBy(() -> extend(ID, forked))
          .isInstanceOf(Refused.class)
          .hasMessageContaining("fork");
    }
    assertThatThrownBy(() -> append(fork.first(3).getLast()))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("fork");
    assertThat(meters.counter("crossdock.chain.forks").count()).isEqualTo(5);
    assertThat(seen()).isEqualTo("3");
  }

  @Test
  void aGapIsRefused() {
    append(log.first(1).getFirst());
    assertThatThrownBy(() -> append(log.last()))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("before those it rests on");
    List<byte[]> gap = List.of(log.all().get(0), log.all().get(2));
    assertThatThrownBy(() -> extend(ID, gap)).isInstanceOf(Refused.class);
    assertThat(seen()).isEqualTo("1");
  }

  @Test
  void aForgedSignatureIsRefused() {
    Parties.Log forged =
        new Parties.Log(ID)
            .add(PARTIES.gateway, GATEWAY, 1, Parties.requested("vm-1"))
            .add(PARTIES.gateway, IDENTITY, 1, Parties.AUTHORIZED);
    assertThatThrownBy(() -> extend(ID, forged.all()))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("not signed by its author");
    assertThat(seen()).isEqualTo("0");
  }

  @Test
  void aSiteIsNotBelievedByTheCoresAuthority() {
    Parties.Log forged =
        PARTIES
            .log(ID)
            .add(PARTIES.core.signing(SOURCE.urn()).signing(), SOURCE, 1, Parties.INSPECTED);
    assertThatThrownBy(() -> extend(ID, forged.all())).isInstanceOf(Refused.class);
    assertThat(seen()).isEqualTo("0");
  }

  @Test
  void aChangedByteBreaksTheChain() {
    String first = new String(log.first(1).getFirst(), StandardCharsets.UTF_8);
    List<byte[]> changed = new ArrayList<>(log.all());
    // The same meaning, in other bytes: the next event's hash tells.
    changed.set(0, (first + " ").getBytes(StandardCharsets.UTF_8));
    assertThatThrownBy(() -> extend(ID, changed))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("does not follow");
    assertThat(seen()).isEqualTo("0");
  }

  @Test
  void aChainOfAnotherMigrationIsRefused() {
    assertThatThrownBy(() -> extend(OTHER, log.all()))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("another migration");
    assertThat(seen()).isEqualTo("0");
  }

  @Test
  void whatWasNeverSeenIsAtItsBeginning() {
    assertThat(known(OTHER)).isEqualTo(Migration.of(OTHER));
  }
}
