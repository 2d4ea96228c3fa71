package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;

class EventTest {
  private static final Parties PARTIES = new Parties();
  private static final Instant AT = Sample.START;

  private static Envelope signed(SigningKey key, Report report) {
    return key.sign(Report.PAYLOAD_TYPE, Json.bytes(report));
  }

  private static final Envelope REQUESTED =
      signed(
          PARTIES.gateway,
          Sample.report(Sample.GATEWAY, 1, Sample.requested(Fact.Mode.COLD, false)));
  private static final Envelope AUTHORIZED =
      signed(PARTIES.identity, Sample.report(Sample.IDENTITY, 1, Sample.authorized()));
  private static final Envelope INSPECTED =
      signed(PARTIES.source, Sample.report(Sample.SOURCE, 1, new Fact.Inspected(Sample.MACHINE)));

  private static List<byte[]> chain(Instant at, Envelope... envelopes) {
    List<byte[]> chain = new ArrayList<>();
    Sha256 previous = Sha256.NONE;
    for (Envelope envelope : envelopes) {
      byte[] bytes = Json.bytes(new Event(Sample.ID, chain.size() + 1L, previous, at, envelope));
      previous = Sha256.of(bytes);
      chain.add(bytes);
    }
    return chain;
  }

  private static void assertRefused(List<byte[]> chain, String because) {
    assertThatThrownBy(() -> Event.verify(chain, PARTIES.trust))
        .isInstanceOf(Refused.class)
        .hasMessageContaining(because);
  }

  @Test
  void aChainOfSignedReportsVerifiesAndFolds() {
    List<Event> events = Event.verify(chain(AT, REQUESTED, AUTHORIZED, INSPECTED), PARTIES.trust);
    assertThat(events).extracting(Event::sequence).containsExactly(1L, 2L, 3L);
    assertThat(Migration.of(events).machine()).isEqualTo(Sample.MACHINE);
  }

  @Test
  void aLeftOutRepeatedOrSwappedEventBreaksTheChain() {
    List<byte[]> chain = chain(AT, REQUESTED, AUTHORIZED, INSPECTED);
    assertRefused(List.of(chain.get(0), chain.get(2)), "does not follow");
    assertRefused(List.of(chain.get(0), chain.get(1), chain.get(1)), "does not follow");
    assertRefused(List.of(chain.get(1), chain.get(0)), "does not follow");
    assertRefused(chain.subList(1, 3), "does not follow");
  }

  @Test
  void aForgedLinkBreaksTheChain() {
    List<byte[]> chain = new ArrayList<>(chain(AT, REQUESTED, AUTHORIZED));
    chain.add(Json.bytes(new Event(Sample.ID, 3, Sha256.of(new byte[] {1}), AT, INSPECTED)));
    assertRefused(chain, "does not follow");
  }

  @Test
  void oneChangedByteAnywhereBreaksTheChain() {
    List<byte[]> chain = new ArrayList<>(chain(AT, REQUESTED, AUTHORIZED));
    String first = new String(chain.getFirst(), StandardCharsets.UTF_8);
    chain.set(
        0,
        first
            .replace("2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z")
            .getBytes(StandardCharsets.UTF_8));
    assertRefused(chain, "event 2 does not follow");
  }

  @Test
  void twoBranchesOfAForkDoNotContinueEachOther() {
    List<byte[]> one = chain(AT, REQUESTED, AUTHORIZED, INSPECTED);
    List<byte[]> other = chain(AT.plusSeconds(1), REQUESTED, AUTHORIZED, INSPECTED);
    assertThat(Event.verify(other, PARTIES.trust)).hasSize(3);
    assertRefused(List.of(one.get(0), one.get(1), other.get(2)), "event 3 does not follow");
  }

  @Test
  void nobodyReportsForAnother() {
    Report forged = Sample.report(Sample.IDENTITY, 1, Sample.authorized());
    assertRefused(
        chain(AT, REQUESTED, signed(PARTIES.gateway, forged)), "not signed by its author");
    assertRefused(chain(AT, REQUESTED, signed(PARTIES.source, forged)), "not signed by its author");
  }

  @Test
  void aReportThatWasChangedAfterItWasSignedIsRefused() {
    String other =
        Base64.getEncoder()
            .encodeToString(
                Json.bytes(
                    Sample.report(Sample.SOURCE, 1, new Fact.Inspected(Sample.machine(64)))));
    Envelope changed = new Envelope(other, Report.PAYLOAD_TYPE, INSPECTED.signatures());
    assertRefused(chain(AT, REQUESTED, AUTHORIZED, changed), "does not verify");
  }

  @Test
  void somethingElseThatAPartySignedIsNoReport() {
    Envelope text = PARTIES.source.sign("text/plain", INSPECTED.bytes());
    assertRefused(chain(AT, REQUESTED, AUTHORIZED, text), "where " + Report.PAYLOAD_TYPE);
  }

  @Test
  void aReportAboutAnotherMigrationIsRefused() {
    MigrationId other = MigrationId.of(new Subject("https://idp", "bob"), "1");
    Report report = new Report(other, Sample.SOURCE, 1, AT, new Fact.Inspected(Sample.MACHINE));
    assertRefused(
        chain(AT, REQUESTED, AUTHORIZED, signed(PARTIES.source, report)), "another migration");
    List<byte[]> mixed = new ArrayList<>(chain(AT, REQUESTED, AUTHORIZED));
    mixed.add(
        Json.bytes(
            new Event(other, 3, Sha256.of(mixed.getLast()), AT, signed(PARTIES.source, report))));
    assertRefused(mixed, "does not follow");
  }

  @Test
  void aReportSignedAfterItsSignersCertificateEndedIsRefused() {
    assertRefused(chain(Parties.UNTIL.plusSeconds(1), REQUESTED), "ended at");
  }

  @Test
  void aFactOfALaterVersionKeepsItsBytesInItsEnvelope() {
    byte[] later =
        new String(INSPECTED.bytes(), StandardCharsets.UTF_8)
            .replace("inspected.v1", "inspected.v2")
            .getBytes(StandardCharsets.UTF_8);
    List<byte[]> chain =
        chain(AT, REQUESTED, AUTHORIZED, PARTIES.source.sign(Report.PAYLOAD_TYPE, later));
    Event event = Event.verify(chain, PARTIES.trust).getLast();
    assertThat(event.report().fact()).isInstanceOf(Fact.Unknown.class);
    assertThat(event.report().fact().type()).isEqualTo("crossdock.migration.inspected.v2");
    assertThat(event.envelope().bytes()).isEqualTo(later);
    assertThat(Json.bytes(event)).isEqualTo(chain.getLast());
  }

  @Test
  void aNumberIsNoWord() {
    String text = new String(REQUESTED.bytes(), StandardCharsets.UTF_8);
    assertThat(text).contains("\"mode\":\"COLD\"");
    assertThatThrownBy(
            () -> Json.read(text.replace("\"mode\":\"COLD\"", "\"mode\":0"), Report.class))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(
            () ->
                Json.read(
                    text.replace("\"eraseSource\":false", "\"eraseSource\":\"false\""),
                    Report.class))
        .isInstanceOf(Refused.class);
  }
}
