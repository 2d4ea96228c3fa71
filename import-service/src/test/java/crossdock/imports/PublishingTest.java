package crossdock.imports;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.chassis.Database;
import crossdock.chassis.Identity;
import crossdock.chassis.Outbox;
import crossdock.chassis.Trust;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Party;
import crossdock.contracts.PublishedListing;
import crossdock.contracts.Refused;
import crossdock.contracts.TrustBundle;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PublishingTest {
  private static final Parties PARTIES = new Parties();
  private static final String LISTING =
      """
      {"site":"south:roma","country":"IT","formats":["raw"],"sizes":[],"networks":[],"securityGroups":[],
       "architectures":[],"firmwares":[]}
      """;
  private static final String SENT =
      "SELECT aggregatetype, aggregateid, payload FROM outbox ORDER BY seq";

  @TempDir Path directory;
  private Database database;
  private Trust trust;
  private Instant now = Instant.parse("2026-03-01T00:00:00Z");

  @BeforeEach
  void open() throws IOException {
    database = new Database(new TestDatabase().migrated());
    Map<String, Object> files = PARTIES.configure(Parties.SOUTH, directory);
    InstantSource source = () -> now;
    trust =
        new Trust(
            Path.of(files.getOrDefault("crossdock.trust.bundle", "").toString()),
            Path.of(files.getOrDefault("crossdock.trust.members", "").toString()),
            directory.resolve("work"),
            source.withZone(ZoneOffset.UTC));
  }

  private Publishing start(Party party) throws IOException {
    InstantSource source = () -> now;
    return new Publishing(
        Files.writeString(directory.resolve("listing.json"), LISTING),
        new Identity(party),
        trust,
        PARTIES.key(party),
        database,
        new Outbox(),
        source.withZone(ZoneOffset.UTC));
  }

  /** What is on its way to the site's own topic, each believed now. */
  private List<PublishedListing> published() {
    return database.transaction(
        tx -> {
          List<PublishedListing> all = new ArrayList<>();
          try (PreparedStatement query = tx.prepareStatement(SENT);
              ResultSet found = query.executeQuery()) {
            while (found.next()) {
              assertThat(found.getString(1)).isEqualTo(Parties.SOUTH.listing());
              assertThat(found.getString(2)).isEqualTo("south:roma");
              all.add(PublishedListing.verify(found.getBytes(3), trust.now(), now));
            }
          }
          return all;
        });
  }

  @Test
  void itIsPublishedAtTheStartAndAgainWhenHalfOfItsLifeIsOver() throws IOException {
    Publishing publishing = start(Parties.SOUTH);
    publishing.publish();
    publishing.publish();
    assertThat(published()).hasSize(1);
    PublishedListing first = published().getFirst();
    assertThat(first.listing()).isEqualTo(Json.read(LISTING, Listing.class));
    assertThat(Duration.between(first.issuedAt(), first.expiresAt())).isEqualTo(Publishing.LIFE);
    now = now.plus(Publishing.LIFE.dividedBy(2)).minusNanos(1);
    publishing.publish();
    assertThat(published()).hasSize(1);
    now = now.plusNanos(1);
    publishing.publish();
    assertThat(published()).hasSize(2);
    assertThat(published().getLast().version()).isGreaterThan(first.version());
  }

  @Test
  void itsVersionGrowsOverStartsThoughTheClockIsTurnedBackAndWithANewDatabase() throws IOException {
    start(Parties.SOUTH).publish();
    start(Parties.SOUTH).publish();
    long second = published().getLast().version();
    assertThat(second).isGreaterThan(published().getFirst().version());
    now = now.minusSeconds(600);
    start(Parties.SOUTH).publish();
    assertThat(published().getLast().version()).isEqualTo(second + 1);
    database = new Database(new TestDatabase().migrated());
    now = now.plusSeconds(610);
    start(Parties.SOUTH).publish();
    assertThat(published().getFirst().version()).isGreaterThan(second + 1);
  }

  @Test
  void itIsPublishedAnewWhenTheMembersSayThatTheDockIsElsewhere() throws IOException {
    Publishing publishing = start(Parties.SOUTH);
    publishing.publish();
    URI elsewhere = URI.create("https://192.0.2.7:8443");
    trust.offer(PARTIES.changing(1, "south", member -> movedTo(member, elsewhere)));
    publishing.publish();
    database.change(
        tx -> {
          try (PreparedStatement first =
              tx.prepareStatement("DELETE FROM outbox WHERE seq = (SELECT min(seq) FROM outbox)")) {
            first.execute();
          }
        });
    assertThat(published()).extracting(PublishedListing::endpoint).containsExactly(elsewhere);
  }

  private static TrustBundle.Member movedTo(TrustBundle.Member member, URI dock) {
    TrustBundle.Site site = member.sites().getFirst();
    return new TrustBundle.Member(
        member.provider(),
        member.ca(),
        List.of(
            new TrustBundle.Site(
                site.urn(), site.siteClass(), site.export(), site.imports(), dock)));
  }

  @Test
  void whoIsNotInTheBundlePublishesNothingUntilItIs() throws IOException {
    trust.offer(PARTIES.changing(1, "south", member -> member.left(now)));
    Publishing publishing = start(Parties.SOUTH);
    publishing.publish();
    assertThat(published()).isEmpty();
    trust.offer(PARTIES.changing(2, "south", member -> member));
    publishing.publish();
    assertThat(published()).hasSize(1);
  }

  @Test
  void aListingOfAnotherSiteEndsTheStart() {
    assertThatThrownBy(() -> start(Parties.NORTH))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("cannot publish");
  }
}
