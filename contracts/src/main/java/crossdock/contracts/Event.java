package crossdock.contracts;

import java.time.Instant;
import java.util.List;

/**
 * One entry of a migration's log: a signed report, verbatim, at its place in the chain.
 *
 * @param sequence from 1, without gaps
 * @param previous digest of the bytes of the event before, {@link Sha256#NONE} for the first
 * @param at when the gateway wrote it
 * @param envelope the report as its author signed it
 */
public record Event(
    MigrationId migration, long sequence, Sha256 previous, Instant at, Envelope envelope) {
  public Event {
    if (sequence < 1) {
      throw new Refused("sequences count from 1");
    }
  }

  /**
   * What the envelope says. Says nothing about who signed it.
   *
   * @throws Refused if it is no report about this migration
   */
  public Report report() {
    Report report = envelope.read(Report.PAYLOAD_TYPE, Report.class);
    if (!report.migration().equals(migration)) {
      throw new Refused("a report about another migration");
    }
    return report;
  }

  /**
   * Reads the events of one migration from its first one on and checks that each holds the hash of
   * the one before, every signature, and that every author is who signed, with a certificate that
   * had not ended when the event was written.
   *
   * @param chain the bytes of the events, in order, as published
   * @throws Refused if anything does not verify: then nothing of the chain may be believed
   */
  public static List<Event> verify(List<byte[]> chain, TrustBundle trust) {
    Sha256 previous = Sha256.NONE;
    List<Event> events = new java.util.ArrayList<>();
    for (byte[] bytes : chain) {
      Event event = Json.read(bytes, Event.class);
      if (event.sequence != events.size() + 1
          || !event.previous.equals(previous)
          || !event.migration.equals(
              events.isEmpty() ? event.migration : events.getFirst().migration)) {
        throw new Refused("event " + event.sequence + " does not follow the one before");
      }
      Party signer = trust.signer(event.envelope, event.at);
      if (!event.report().by().equals(signer)) {
        throw new Refused("event " + event.sequence + " is not signed by its author");
      }
      previous = Sha256.of(bytes);
      events.add(event);
    }
    return List.copyOf(events);
  }
}
