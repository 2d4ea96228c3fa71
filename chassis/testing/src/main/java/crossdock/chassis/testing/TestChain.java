package crossdock.chassis.testing;

import crossdock.contracts.Envelope;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Report;
import crossdock.contracts.Sha256;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * A migration's events as somebody would have stated them, with signatures that nobody made: the
 * fold believes what was verified before it. Not thread-safe.
 */
public final class TestChain {
  /** When the first fact is stated; each later one a second after. */
  public static final Instant START = Instant.parse("2026-01-02T03:04:05Z");

  private final MigrationId id;
  private final List<Event> events = new ArrayList<>();

  /** A chain without events. */
  public TestChain(MigrationId id) {
    this.id = id;
  }

  /** Adds a first attempt's fact, whether or not it takes effect. */
  public TestChain says(Party by, Fact fact) {
    return says(by, 1, fact);
  }

  /** Adds a fact. */
  public TestChain says(Party by, int attempt, Fact fact) {
    Instant at = START.plusSeconds(events.size());
    byte[] report = Json.bytes(new Report(id, by, attempt, at, fact));
    Envelope unsigned =
        new Envelope(
            Base64.getEncoder().encodeToString(report),
            Report.PAYLOAD_TYPE,
            List.of(new Envelope.Signature("AA==", Optional.empty(), Optional.empty())));
    Sha256 previous = events.isEmpty() ? Sha256.NONE : Sha256.of(Json.bytes(events.getLast()));
    events.add(new Event(id, events.size() + 1, previous, at, unsigned));
    return this;
  }

  /** The bytes of its events, in order. */
  public List<byte[]> bytes() {
    return events.stream().map(Json::bytes).toList();
  }

  /** What it folds to. */
  public Migration migration() {
    return Migration.of(events);
  }
}
