package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PublishedListingTest {
  private static final Parties PARTIES = new Parties();
  private static final Instant NOW = Parties.FROM.plus(Duration.ofDays(30));
  private static final Instant END = NOW.plus(Duration.ofDays(1));
  private static final URI DOCK = dock(Sample.SOUTH);
  private static final Listing LISTING = listing();

  private static URI dock(SiteId site) {
    return PARTIES.trust.site(site).orElseThrow().dock();
  }

  private static Listing listing() {
    try {
      return Json.read(
              Files.readAllBytes(Path.of("src/test/resources/golden/listing.json")),
              PublishedListing.class)
          .listing();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static PublishedListing published(Instant from, Instant until, URI endpoint) {
    return new PublishedListing(LISTING, 1, from, until, endpoint, "crossdock 1");
  }

  private static void assertRefused(byte[] signed, TrustBundle trust, Instant now, String because) {
    assertThatThrownBy(() -> PublishedListing.verify(signed, trust, now))
        .isInstanceOf(Refused.class)
        .hasMessageContaining(because);
  }

  private static void assertRefused(byte[] signed, String because) {
    assertRefused(signed, PARTIES.trust, NOW, because);
  }

  @Test
  void whatTheListedSiteSignedIsBelievedUntilItsEnd() {
    PublishedListing published = published(NOW, END, DOCK);
    byte[] signed = published.sign(PARTIES.target);
    assertThat(PublishedListing.verify(signed, PARTIES.trust, NOW)).isEqualTo(published);
    assertThat(PublishedListing.verify(signed, PARTIES.trust, END.minusNanos(1)))
        .isEqualTo(published);
    assertRefused(signed, PARTIES.trust, END, "expired");
  }

  @Test
  void nobodyListsAnotherSite() {
    PublishedListing published = published(NOW, END, DOCK);
    assertRefused(published.sign(PARTIES.source), "that " + Sample.SOURCE + " signed");
    assertRefused(published.sign(PARTIES.gateway), "that " + Sample.GATEWAY + " signed");
    assertRefused(
        published.sign(Parties.signing(PARTIES.north, Sample.TARGET.urn())),
        "its party's CA did not make");
  }

  @Test
  void whatWasChangedAfterSigningIsRefused() {
    Envelope signed = Json.read(published(NOW, END, DOCK).sign(PARTIES.target), Envelope.class);
    Envelope other =
        Json.read(published(NOW, END.plusSeconds(1), DOCK).sign(PARTIES.target), Envelope.class);
    assertRefused(
        Json.bytes(new Envelope(other.payload(), other.payloadType(), signed.signatures())),
        "does not verify");
  }

  @Test
  void aSiteThatIsNotInTheBundleOrHasLeftItIsRefused() {
    byte[] signed = published(NOW, END, DOCK).sign(PARTIES.target);
    assertRefused(signed, members(PARTIES.trust.members().subList(0, 1)), NOW, "trust bundle");
    List<TrustBundle.Member> left =
        PARTIES.trust.members().stream().map(member -> member.left(NOW)).toList();
    assertRefused(signed, members(left), NOW, "takes no part");
    assertRefused(signed, members(left), NOW.plusSeconds(1), "left at");
  }

  private static TrustBundle members(List<TrustBundle.Member> members) {
    return new TrustBundle(2, Parties.FROM, Parties.UNTIL, members, PARTIES.trust.core());
  }

  @Test
  void aSiteDoesNotListTheDockOfAnother() {
    assertRefused(
        published(NOW, END, dock(Sample.NORTH)).sign(PARTIES.target), "where its dock is " + DOCK);
  }

  @Test
  void theSitesClockMayBeAheadByAnHourAndNoMore() {
    Instant ahead = NOW.plus(Duration.ofHours(1));
    byte[] signed = published(ahead, END, DOCK).sign(PARTIES.target);
    assertThat(PublishedListing.verify(signed, PARTIES.trust, NOW).issuedAt()).isEqualTo(ahead);
    assertRefused(signed, PARTIES.trust, NOW.minusNanos(1), "the future");
  }

  @Test
  void noneLivesLongerThanAWeekOrShorterThanAnHour() {
    assertThat(published(NOW, NOW.plus(PublishedListing.LIFE), DOCK).expiresAt()).isAfter(NOW);
    assertThat(published(NOW, NOW.plusSeconds(3600), DOCK).expiresAt()).isAfter(NOW);
    Instant tooLate = NOW.plus(PublishedListing.LIFE).plusNanos(1);
    String good = Json.text(published(NOW, END, DOCK));
    for (Instant end : List.of(tooLate, NOW.plusSeconds(3599), NOW, Instant.MIN, Instant.MAX)) {
      byte[] payload =
          good.replace(END.toString(), end.toString()).getBytes(StandardCharsets.UTF_8);
      byte[] signed = Json.bytes(PARTIES.target.sign(PublishedListing.PAYLOAD_TYPE, payload));
      assertThatThrownBy(() -> PublishedListing.verify(signed, PARTIES.trust, NOW))
          .as("%s", end)
          .isInstanceOf(Refused.class);
    }
  }

  @Test
  void anEnvelopeOfSomethingElseOrTooLongIsRefusedUnread() {
    byte[] payload = Json.bytes(published(NOW, END, DOCK));
    assertRefused(
        Json.bytes(PARTIES.target.sign(Report.PAYLOAD_TYPE, payload)), Report.PAYLOAD_TYPE);
    assertRefused(new byte[PublishedListing.LONGEST + 1], "at most");
    assertRefused(new byte[] {'{'}, "not a");
  }

  @Test
  void aListingOfBeforeSaysNothingOfZonesAndIsWrittenAsItWas() {
    String before =
        """
        {"site":"north:oslo","country":"NO","formats":["raw"],"sizes":[],"networks":[],"securityGroups":[],\
        "architectures":[],"firmwares":[]}""";
    Listing read = Json.read(before, Listing.class);
    assertThat(read.zones()).isEmpty();
    assertThat(read.storage()).isEmpty();
    assertThat(read.jurisdictions()).isEmpty();
    assertThat(Json.text(read)).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"jurisdictions\":[\"eu\"]",
        "\"jurisdictions\":[\"\"]",
        "\"zones\":[\" \"]",
        "\"zones\":[\"a\",\"a\"]",
        "\"storage\":[{\"name\":\"\",\"encrypted\":true}]",
        "\"storage\":[{\"name\":\"a\"}]",
        "\"storage\":[{\"name\":\"a\",\"encrypted\":true},{\"name\":\"a\",\"encrypted\":false}]"
      })
  void aListingWithAnUnclearNameIsNone(String more) {
    String listing = Json.text(LISTING).replaceAll(",\"jurisdictions\".*", "}");
    assertThat(Json.read(listing, Listing.class).zones()).isEmpty();
    String unclear = listing.substring(0, listing.length() - 1) + "," + more + "}";
    assertThatThrownBy(() -> Json.read(unclear, Listing.class)).isInstanceOf(Refused.class);
  }
}
