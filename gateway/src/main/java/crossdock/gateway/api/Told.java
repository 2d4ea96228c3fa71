package crossdock.gateway.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Event;
import crossdock.contracts.Json;
import crossdock.contracts.Party;
import crossdock.contracts.Report;
import java.time.Instant;
import java.util.Set;

/**
 * An event as it is told outside.
 *
 * @param fact as its author signed it
 */
public record Told(long sequence, Instant at, Party by, String type, ObjectNode fact) {

  /** As the customer sees it. */
  public static Told of(Event event) {
    Report report = event.report();
    return new Told(
        event.sequence(),
        event.at(),
        report.by(),
        report.fact().type().replaceAll("[\\r\\n]", ""),
        Json.read(event.envelope().bytes(), ObjectNode.class).withObject("/fact"));
  }

  /** With nothing of the fact but these members, and which fact it is. */
  public Told only(Set<String> members) {
    ObjectNode less = fact.deepCopy();
    less.retain(members);
    return new Told(sequence, at, by, type, less.put("type", type));
  }
}
