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
import crossdock.contracts.SigningKey;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** A migration's log as the gateway writes it, every fact signed by its author. Not thread-safe. */
public final class SignedChain {
  private final Parties parties;
  private final MigrationId id;
  private final List<byte[]> events = new ArrayList<>();

  /** A chain without events. */
  public SignedChain(Parties parties, MigrationId id) {
    this.parties = parties;
    this.id = id;
  }

  /** Another chain of the same past: from here on the two may fork. */
  public SignedChain copy() {
    SignedChain copy = new SignedChain(parties, id);
    copy.events.addAll(events);
    return copy;
  }

  /** Adds a fact of {@code by}, as an answer to the attempt that is waited for, if one is. */
  public SignedChain says(Party by, Fact fact) {
    int attempt =
        events.isEmpty()
            ? 1
            : IntStream.rangeClosed(1, 100)
                .filter(tried -> migration().takes(report(by, tried, fact)))
                .findFirst()
                .orElse(1);
    return add(parties.key(by), report(by, attempt, fact));
  }

  /** Adds a report, whoever signs it. */
  public SignedChain add(SigningKey key, Report report) {
    return add(key.sign(Report.PAYLOAD_TYPE, Json.bytes(report)));
  }

  /** Adds what somebody signed. */
  public SignedChain add(Envelope envelope) {
    Sha256 previous = events.isEmpty() ? Sha256.NONE : Sha256.of(events.getLast());
    events.add(
        Json.bytes(
            new Event(
                id,
                events.size() + 1L,
                previous,
                TestChain.START.plusSeconds(events.size()),
                envelope)));
    return this;
  }

  private Report report(Party by, int attempt, Fact fact) {
    return new Report(id, by, attempt, TestChain.START.plusSeconds(events.size()), fact);
  }

  /** The bytes of its events, in order. */
  public List<byte[]> bytes() {
    return List.copyOf(events);
  }

  /** What it folds to. */
  public Migration migration() {
    return events.isEmpty()
        ? Migration.of(id)
        : Migration.of(events.stream().map(event -> Json.read(event, Event.class)).toList());
  }
}
