package crossdock.gateway.log;

import crossdock.contracts.Event;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Progress;
import crossdock.contracts.Subject;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A migration as it was told so far.
 *
 * @param caller whose it is: nobody else may see it
 * @param bytes its events as published, oldest first
 * @param progress the newest, of the step that is due
 * @param rate bytes a second, since its worker began or began anew; empty while that is not known
 */
public record Story(
    MigrationId id,
    Subject caller,
    Instant createdAt,
    Instant updatedAt,
    List<byte[]> bytes,
    Optional<Progress> progress,
    OptionalLong rate) {
  public Story {
    bytes = List.copyOf(bytes);
  }

  /** Its events, oldest first. */
  public List<Event> events() {
    return bytes.stream().map(event -> Json.read(event, Event.class)).toList();
  }

  /** Where it stands. */
  public String state() {
    return LogStore.name(migration().state());
  }

  /** Folded. */
  public Migration migration() {
    return Migration.of(events());
  }
}
