package crossdock.site;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.Database;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.Role;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subject;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A yes covers what was said and nothing that looks like it. */
class GrantsTest {
  private static final Instant NOW = Instant.parse("2026-03-01T10:00:00Z");
  private static final Subject ALICE = new Subject("https://north", "alice");
  private static final Subject THERE = new Subject("https://acme", "al-ice");
  private static final SiteId ACME = SiteId.parse("acme:eu");

  private final Database database = new Database(new TestDatabase().migrated());
  private final Grants grants = at(NOW);
  private final UUID id = UUID.randomUUID();

  private Grants at(Instant now) {
    return new Grants(database, Clock.fixed(now, ZoneOffset.UTC));
  }

  @BeforeEach
  void give() {
    grants.give(
        Role.SOURCE,
        ALICE,
        new Grants.Grant(
            id, Optional.of("a.b"), ACME, Optional.of(THERE), 100, false, NOW.plusSeconds(60)));
  }

  private boolean covers(Role side, Subject customer, String machine, String other, long bytes) {
    return grants.covering(side, customer, machine, SiteId.parse(other), THERE, bytes).isPresent();
  }

  @Test
  void itCoversThatMachineForThatSiteUpToThatSize() {
    assertThat(covers(Role.SOURCE, ALICE, "a.b", "acme:eu", 100)).isTrue();
    assertThat(covers(Role.SOURCE, ALICE, "a.b", "acme:eu", 101)).isFalse();
  }

  @Test
  void aMachineThatIsNamedAlikeIsAnother() {
    for (String machine : new String[] {"a", "a.b.c", "ab", "a-b", "a_b", "A.B", "b", "a.b "}) {
      assertThat(covers(Role.SOURCE, ALICE, machine, "acme:eu", 1)).as(machine).isFalse();
    }
  }

  @Test
  void aSiteThatIsNamedAlikeIsAnother() {
    for (String other : new String[] {"acme2:eu", "acme:eu2", "acm:eu", "acme:e", "acme-eu:eu"}) {
      assertThat(covers(Role.SOURCE, ALICE, "a.b", other, 1)).as(other).isFalse();
    }
  }

  @Test
  void aCustomerThatIsNamedAlikeIsAnother() {
    for (Subject other :
        new Subject[] {
          new Subject("https://north", "alice2"),
          new Subject("https://north", "Alice"),
          new Subject("https://north", "alic"),
          new Subject("https://north2", "alice"),
          new Subject("https://north/", "alice"),
          new Subject("https://northa", "lice")
        }) {
      assertThat(covers(Role.SOURCE, other, "a.b", "acme:eu", 1)).as(other.toString()).isFalse();
    }
  }

  @Test
  void anotherAccountAtTheOtherSideIsNotMeant() {
    for (Subject other :
        new Subject[] {
          new Subject("https://acme", "mallory"),
          new Subject("https://acme", "al-ice2"),
          new Subject("https://acme2", "al-ice")
        }) {
      assertThat(grants.covering(Role.SOURCE, ALICE, "a.b", ACME, other, 1))
          .as(other.toString())
          .isEmpty();
    }
  }

  @Test
  void aYesOnOneSideIsNoneOnTheOther() {
    assertThat(covers(Role.TARGET, ALICE, "a.b", "acme:eu", 1)).isFalse();
  }

  @Test
  void itEndsAndIsTakenBackByWhoGaveItOnly() {
    assertThat(at(NOW.plusSeconds(60)).live(Role.SOURCE, ALICE)).isEmpty();
    assertThat(grants.revoke(new Subject("https://north", "mallory"), id)).isFalse();
    assertThat(covers(Role.SOURCE, ALICE, "a.b", "acme:eu", 1)).isTrue();
    assertThat(grants.revoke(ALICE, id)).isTrue();
    assertThat(grants.revoke(ALICE, id)).isFalse();
    assertThat(covers(Role.SOURCE, ALICE, "a.b", "acme:eu", 1)).isFalse();
  }
}
