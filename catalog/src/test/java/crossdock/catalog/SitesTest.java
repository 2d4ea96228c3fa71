package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.catalog.Standing.Change;
import crossdock.catalog.Standing.State;
import crossdock.chassis.Trust;
import crossdock.chassis.testing.Parties;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.PublishedListing;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.contracts.SiteId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SitesTest {
  private static final Listing SOUTH = Sample.LISTINGS.get(1);

  @TempDir Path directory;
  private TestSites world;

  @BeforeEach
  void open() throws IOException {
    world = new TestSites(directory);
  }

  private byte[] south(Listing listing, long version) {
    return world.published(listing, version).sign(TestSites.PARTIES.key(Parties.SOUTH));
  }

  private List<State> noted() {
    world.sites.note();
    world.sites.note();
    return world.sites.history(Sample.SOUTH).stream().map(Change::state).toList().reversed();
  }

  private static Listing without(Listing listing, String part) {
    return Json.read(
        Json.text(listing).replaceAll("\"" + part + "\":\\[[^\\]]*]", "\"" + part + "\":[]"),
        Listing.class);
  }

  @Test
  void aMemberIsListedByWhatItPublishesUntilThatEndsAndEachChangeIsNotedOnce() {
    assertThat(noted()).containsExactly(State.APPLIED);
    Instant end = world.now.plus(TestSites.LIFE);
    world.take(Parties.SOUTH, south(SOUTH, 7));
    assertThat(world.standing(Sample.SOUTH))
        .isEqualTo(
            new Standing(
                Sample.SOUTH,
                State.LISTED,
                Optional.of(7L),
                Optional.of(end),
                Optional.of(SOUTH),
                Optional.empty()));
    assertThat(noted()).containsExactly(State.APPLIED, State.LISTED);
    world.now = end.minusNanos(1);
    assertThat(world.state(Sample.SOUTH)).isEqualTo(State.LISTED);
    world.now = end;
    assertThat(world.standing(Sample.SOUTH))
        .isEqualTo(
            new Standing(
                Sample.SOUTH,
                State.EXPIRED,
                Optional.of(7L),
                Optional.of(end),
                Optional.empty(),
                Optional.empty()));
    assertThat(noted()).containsExactly(State.APPLIED, State.LISTED, State.EXPIRED);
    world.take(Parties.SOUTH, south(SOUTH, 8));
    assertThat(noted()).containsExactly(State.APPLIED, State.LISTED, State.EXPIRED, State.LISTED);
    assertThat(world.sites.history(Sample.SOUTH).getFirst())
        .isEqualTo(new Change(State.LISTED, end, 1, Optional.of(8L)));
    assertThat(world.state(Sample.NORTH)).isEqualTo(State.APPLIED);
  }

  @Test
  void whatCameBeforeOrComesAgainChangesNothing() {
    byte[] first = south(without(SOUTH, "firmwares"), 1);
    byte[] second = south(SOUTH, 2);
    world.take(Parties.SOUTH, first);
    assertThat(world.standing(Sample.SOUTH).listing()).hasValue(without(SOUTH, "firmwares"));
    world.take(Parties.SOUTH, second);
    Standing newest = world.standing(Sample.SOUTH);
    assertThat(newest.listing()).hasValue(SOUTH);
    world.take(Parties.SOUTH, first);
    world.take(Parties.SOUTH, second);
    assertThat(world.standing(Sample.SOUTH)).isEqualTo(newest);
  }

  @Test
  void anotherListingOfTheSameVersionIsRefused() {
    world.take(Parties.SOUTH, south(SOUTH, 2));
    byte[] other = south(without(SOUTH, "firmwares"), 2);
    assertThatThrownBy(() -> world.take(Parties.SOUTH, other))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("has the version 2");
    assertThat(world.standing(Sample.SOUTH).listing()).hasValue(SOUTH);
  }

  @Test
  void aListingThatAnotherSignedOrThatIsOnAnothersTopicIsRefused() {
    PublishedListing south = world.published(SOUTH, 1);
    for (byte[] hostile :
        List.of(
            south.sign(TestSites.PARTIES.key(Parties.NORTH)),
            south.sign(TestSites.PARTIES.key(Parties.CATALOG)),
            south.sign(TestSites.PARTIES.forged(Parties.NORTH, Parties.SOUTH)),
            new byte[] {'{', '}'})) {
      assertThatThrownBy(() -> world.take(Parties.SOUTH, hostile)).isInstanceOf(Refused.class);
    }
    byte[] good = south(SOUTH, 1);
    assertThatThrownBy(() -> world.take(Parties.NORTH, good))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("on site.north.oslo.listing");
    assertThat(world.sites.all()).extracting(Standing::state).containsOnly(State.APPLIED);
  }

  @Test
  void aSuspendedSiteIsNotOfferedUntilItIsResumed() {
    world.list(Sample.LISTINGS);
    assertThat(noted()).containsExactly(State.LISTED);
    world.change("south", member -> member.suspended(world.now));
    world.list(Sample.LISTINGS);
    assertThat(world.standing(Sample.SOUTH).listing()).isEmpty();
    assertThat(world.standing(Sample.SOUTH).version()).hasValue(2L);
    assertThat(world.state(Sample.NORTH)).isEqualTo(State.LISTED);
    assertThat(noted()).containsExactly(State.LISTED, State.SUSPENDED);
    world.change("south", member -> member);
    assertThat(world.standing(Sample.SOUTH).listing()).hasValue(SOUTH);
    assertThat(noted()).containsExactly(State.LISTED, State.SUSPENDED, State.LISTED);
  }

  @Test
  void whoLeavesIsNotOfferedAndWhoComesBackIsByANewListing() {
    world.list(Sample.LISTINGS);
    assertThat(noted()).containsExactly(State.LISTED);
    world.change("south", member -> member.leaving(world.now));
    assertThat(world.standing(Sample.SOUTH).listing()).isEmpty();
    assertThat(noted()).containsExactly(State.LISTED, State.LEAVING);
    assertThat(world.sites.topics()).contains(Parties.SOUTH.listing());

    world.change("south", member -> member.leaving(world.now).left(world.now));
    assertThat(world.standing(Sample.SOUTH).listing()).isEmpty();
    assertThat(noted()).containsExactly(State.LISTED, State.LEAVING, State.LEFT);
    assertThat(world.sites.topics())
        .containsExactly(Parties.NORTH.listing(), Parties.WEST.listing());
    byte[] late = south(SOUTH, 9);
    assertThatThrownBy(() -> world.take(Parties.SOUTH, late)).isInstanceOf(Refused.class);

    world.now = world.now.plus(TestSites.LIFE);
    world.change("south", member -> member);
    assertThat(noted()).containsExactly(State.LISTED, State.LEAVING, State.LEFT, State.EXPIRED);
    world.list(Sample.LISTINGS);
    assertThat(world.standing(Sample.SOUTH).listing()).hasValue(SOUTH);
    assertThat(noted()).endsWith(State.LEFT, State.EXPIRED, State.LISTED);
  }

  @Test
  void whatWasSignedWithARevokedKeyHoldsNoMore() {
    byte[] signed = south(SOUTH, 1);
    world.take(Parties.SOUTH, signed);
    String leaf = Json.read(signed, Envelope.class).signatures().getFirst().cert().orElseThrow();
    world.trust.offer(TestSites.PARTIES.revoking(Sha256.of(Base64.getDecoder().decode(leaf))));
    assertThat(world.state(Sample.SOUTH)).isEqualTo(State.APPLIED);
    assertThat(world.standing(Sample.SOUTH).listing()).isEmpty();
  }

  @Test
  void theHighestVersionCountsOnlyAsLongAsItsKeyDoesSoThatNoThiefLocksASiteOut() {
    byte[] thief =
        world.published(SOUTH, Long.MAX_VALUE).sign(TestSites.PARTIES.key(Parties.SOUTH));
    world.take(Parties.SOUTH, thief);
    String leaf = Json.read(thief, Envelope.class).signatures().getFirst().cert().orElseThrow();
    world.trust.offer(TestSites.PARTIES.revoking(Sha256.of(Base64.getDecoder().decode(leaf))));
    assertThatThrownBy(() -> world.take(Parties.SOUTH, south(SOUTH, 3)))
        .as("it has no other key yet")
        .isInstanceOf(Refused.class);
    world.take(
        Parties.SOUTH,
        world.published(SOUTH, 3).sign(TestSites.PARTIES.forged(Parties.SOUTH, Parties.SOUTH)));
    assertThat(world.standing(Sample.SOUTH).version()).hasValue(3L);
    assertThat(world.state(Sample.SOUTH)).isEqualTo(State.LISTED);
  }

  @Test
  void aListingFromTheFutureOfAWrongClockIsReplacedByALowerVersion() {
    Instant real = world.now;
    world.now = real.plusSeconds(7200);
    byte[] ahead = south(SOUTH, 1L << 40);
    world.now = real;
    world.take(Parties.SOUTH, ahead);
    assertThat(world.state(Sample.SOUTH)).isEqualTo(State.APPLIED);
    world.take(Parties.SOUTH, south(SOUTH, 4));
    assertThat(world.standing(Sample.SOUTH).version()).hasValue(4L);
    world.take(Parties.SOUTH, ahead);
    assertThat(world.standing(Sample.SOUTH).version()).hasValue(4L);
    assertThat(world.state(Sample.SOUTH)).isEqualTo(State.LISTED);
  }

  @Test
  void whatHasExpiredGivesWayToNothingOlderThatHasNot() {
    PublishedListing first = world.published(SOUTH, 1);
    byte[] longer = first.sign(TestSites.PARTIES.key(Parties.SOUTH));
    byte[] shorter =
        new PublishedListing(
                SOUTH,
                2,
                world.now,
                world.now.plusSeconds(3600),
                first.endpoint(),
                first.software())
            .sign(TestSites.PARTIES.key(Parties.SOUTH));
    world.take(Parties.SOUTH, longer);
    world.take(Parties.SOUTH, shorter);
    world.now = world.now.plusSeconds(3600);
    assertThat(world.state(Sample.SOUTH)).isEqualTo(State.EXPIRED);
    world.take(Parties.SOUTH, longer);
    assertThat(world.state(Sample.SOUTH)).isEqualTo(State.EXPIRED);
    // A catalog that has lost its database hears them in their order.
    assertThat(world.standing(Sample.SOUTH).version()).hasValue(2L);
  }

  @Test
  void whoChangesAllTheTimeFillsNoHistory() {
    for (int i = 0; i < 130; i++) {
      world.take(Parties.SOUTH, south(SOUTH, i + 1));
      world.sites.note();
      world.now = world.now.plus(TestSites.LIFE);
      world.sites.note();
    }
    assertThat(world.rows("site_state", Sample.SOUTH)).isEqualTo(100);
  }

  @Test
  void whatTheDatabaseHasAndNobodyCanReadHoldsNobodyUp() {
    world.list(Sample.LISTINGS);
    world.database.change(
        tx -> {
          try (PreparedStatement spoil =
              tx.prepareStatement("UPDATE published SET envelope = 'x' WHERE site = ?")) {
            spoil.setString(1, Sample.SOUTH.toString());
            assertThat(spoil.executeUpdate()).isEqualTo(1);
          }
        });
    assertThat(world.state(Sample.SOUTH)).isEqualTo(State.APPLIED);
    assertThat(world.state(Sample.NORTH)).isEqualTo(State.LISTED);
    world.list(Sample.LISTINGS);
    assertThat(world.state(Sample.SOUTH)).isEqualTo(State.LISTED);
  }

  @Test
  void aCatalogThatHasNotHeardYetNotesNothing() throws IOException {
    Path other = Files.createDirectories(directory.resolve("other"));
    Trust older = world.trust(other);
    world.list(Sample.LISTINGS);
    assertThat(noted()).containsExactly(State.LISTED);
    world.change("south", member -> member.suspended(world.now));
    assertThat(noted()).containsExactly(State.LISTED, State.SUSPENDED);
    world.sites(older).note();
    assertThat(noted()).containsExactly(State.LISTED, State.SUSPENDED);
  }

  @Test
  void aSiteThatNeverWasAMemberHasNeitherStandingNorHistory() {
    assertThat(world.sites.find(SiteId.parse("east:paris"))).isEmpty();
    world.sites.note();
    assertThat(world.sites.history(SiteId.parse("east:paris"))).isEmpty();
    assertThat(world.sites.all())
        .extracting(Standing::site)
        .containsExactly(Sample.NORTH, Sample.SOUTH, Parties.WEST.id());
  }
}
