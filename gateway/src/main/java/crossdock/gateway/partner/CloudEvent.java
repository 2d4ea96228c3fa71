package crossdock.gateway.partner;

import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.MigrationId;
import crossdock.gateway.api.Told;
import java.time.Instant;
import java.util.Set;

/**
 * An event as partners are told of it: CloudEvents 1.0.2 in structured mode.
 *
 * @param id the same for the same event, whoever is told and how often
 * @param source who keeps the log
 * @param subject the migration
 */
record CloudEvent(
    String specversion,
    String id,
    String source,
    String type,
    MigrationId subject,
    Instant time,
    String datacontenttype,
    Told data) {
  static final String MEDIA_TYPE = "application/cloudevents+json";

  static CloudEvent of(Event event, String source) {
    Told told = Told.of(event).only(open(event.report().fact()));
    return new CloudEvent(
        "1.0",
        event.migration() + "-" + event.sequence(),
        source,
        told.type(),
        event.migration(),
        event.at(),
        "application/json",
        told);
  }

  /**
   * The members of a fact that a partner may see: how far the machine is, not who its customer is
   * at which provider, what it is made of and costs, what is said to prove it, or where a dock is.
   */
  private static Set<String> open(Fact fact) {
    return switch (fact) {
      case Fact.Requested _ -> Set.of("vm", "source", "target", "mode");
      case Fact.Stopped _ -> Set.of("at");
      case Fact.Opened _ -> Set.of("instant");
      case Fact.Certified _ -> Set.of("round", "last");
      case Fact.Lapsed _ -> Set.of("certificate");
      case Fact.Imported _ -> Set.of("machine", "round", "proof");
      case Fact.Booted _ -> Set.of("machine");
      case Fact.Accepted _ -> Set.of("by");
      case Fact.Retired _ -> Set.of("erased");
      case Fact.Failed _ -> Set.of("step", "reason");
      case Fact.Retried _, Fact.Overdue _ -> Set.of("step");
      case Fact.Undoing _ -> Set.of("reason");
      case Fact.Undone _ -> Set.of("role", "basis");
      case Fact.Stuck _ -> Set.of("owed");
      case Fact.Authorized _,
          Fact.Inspected _,
          Fact.Planned _,
          Fact.Quoted _,
          Fact.Approved _,
          Fact.Cleared _,
          Fact.Reserved _,
          Fact.Drifted _,
          Fact.Settled _,
          Fact.Used _,
          Fact.Unknown _ ->
          Set.of();
    };
  }
}
