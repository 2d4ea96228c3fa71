package crossdock.contracts;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a migration's events prove to somebody who trusts the pinned members and nobody else: every
 * signature, every link, the certificate, and the target's countersignature of the same roots.
 */
public record Evidence(
    Migration migration, Certificate certificate, Countersignature countersignature) {

  /**
   * Verifies it all.
   *
   * @param array the answer of {@code /v1/migrations/{id}/evidence}
   * @throws Refused with the first thing that does not hold
   */
  public static Evidence verify(byte[] array, TrustBundle trust, Instant now) throws IOException {
    Migration migration = Migration.of(chain(array, trust));
    Fact.Certified certified = migration.need(Fact.Certified.class);
    Fact.Imported imported = migration.need(Fact.Imported.class);
    Certificate certificate =
        Certificate.verify(
            certified.certificate(),
            trust,
            migration.id(),
            migration.request().source(),
            migration.request().target(),
            migration.plan().digest(),
            migration.plan().machine(),
            now);
    Countersignature countersignature =
        Countersignature.verify(imported.countersignature(), trust, migration.request().target());
    if (!countersignature.certificate().equals(certified.certificate().digest())) {
      throw new Refused("the countersignature is of another certificate");
    }
    for (Certificate.Disk disk : certificate.disks()) {
      if (!disk.root().equals(countersignature.roots().get(disk.name()))) {
        throw new Refused("the target registered another root of " + disk.name());
      }
    }
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
