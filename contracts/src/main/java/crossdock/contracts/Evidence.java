package crossdock.contracts;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a migration's events prove to somebody who trusts the pinned members and nobody else: every
 * signature, every link, the certificate, and the target's countersignature of the same roots, or
 * of what it changed of them as planned.
 */
public record Evidence(
    Migration migration, Certificate certificate, Countersignature countersignature) {

  /** How far the target's clock may be ahead of the log's. */
  private static final Duration SKEW = Duration.ofHours(1);

  /**
   * Verifies it all. A certificate that was good when the target took the machine in stays so.
   *
   * @param array the answer of {@code /v1/migrations/{id}/evidence}
   * @throws Refused with the first thing that does not hold
   */
  public static Evidence verify(byte[] array, TrustBundle trust) throws IOException {
    List<Event> events = chain(array, trust);
    Migration migration = Migration.of(events);
    Fact.Certified certified = migration.need(Fact.Certified.class);
    Fact.Imported imported = migration.need(Fact.Imported.class);
    Countersignature countersignature =
        Countersignature.verify(imported.countersignature(), trust, migration.request().target());
    Certificate certificate =
        Certificate.verify(
            certified.certificate(),
            trust,
            migration.id(),
            migration.request().source(),
            migration.request().target(),
            migration.plan().digest(),
            migration.machine(),
            countersignature.at());
    if (countersignature.at().isAfter(at(events, imported).plus(SKEW))) {
      throw new Refused("it was countersigned at " + countersignature.at() + ", after its event");
    }
    countersignature
        .policy()
        .objection(certificate.checks())
        .ifPresent(
            objection -> {
              throw new Refused("taken in against the target's own policy: " + objection);
            });
    if (!countersignature.certificate().equals(certified.certificate().digest())) {
      throw new Refused("the countersignature is of another certificate");
    }
    if (!countersignature.migration().equals(migration.id())
        || !countersignature.machine().equals(imported.machine())
        || countersignature.proof() != imported.proof()) {
      throw new Refused("the target countersigned something else than it reported");
    }
    countersignature
        .other(certificate.disks(), migration.plan())
        .ifPresent(
            other -> {
              throw new Refused("the target registered " + other);
            });
    return new Evidence(migration, certificate, countersignature);
  }

  /**
   * Every signature and every link, whatever came of it.
   *
   * @throws Refused with the first that does not hold
   */
  public static List<Event> chain(byte[] array, TrustBundle trust) throws IOException {
    return Event.verify(events(array), trust);
  }

  /** When the log took it. */
  private static Instant at(List<Event> events, Fact fact) {
    return events.stream()
        .filter(event -> event.report().fact().equals(fact))
        .findFirst()
        .orElseThrow(() -> new Refused("no such event: " + fact))
        .at();
  }

  /** The elements of a JSON array in their own bytes: a hash is of bytes, not of what they mean. */
  private static List<byte[]> events(byte[] array) throws IOException {
    List<byte[]> events = new ArrayList<>();
    try (JsonParser parser = new ObjectMapper().getFactory().createParser(array)) {
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        throw new Refused("evidence is an array of events");
      }
      while (parser.nextToken() == JsonToken.START_OBJECT) {
        int from = (int) parser.currentTokenLocation().getByteOffset();
        parser.skipChildren();
        int to = (int) parser.currentLocation().getByteOffset();
        events.add(Arrays.copyOfRange(array, from, to));
      }
    }
    return events;
  }
}
