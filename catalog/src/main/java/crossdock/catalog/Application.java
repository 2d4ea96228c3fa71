package crossdock.catalog;

import crossdock.chassis.Desk;
import crossdock.chassis.Readers;
import crossdock.contracts.Conformance;
import crossdock.contracts.Envelope;
import crossdock.contracts.Json;
import crossdock.contracts.Step;
import io.micronaut.context.annotation.Context;
import io.micronaut.runtime.Micronaut;
import java.util.Map;

/** The catalog: knows what the sites publish, and plans each migration between two of them. */
@Context
public final class Application {
  Application(
      Desk desk,
      Readers readers,
      Sites sites,
      Reports reports,
      Planning planning,
      Journeys journeys) {
    readers.startOver(
        "listings",
        sites::topics,
        (tx, topic, _, value) -> {
          if (Json.read(value, Envelope.class).payloadType().equals(Conformance.PAYLOAD_TYPE)) {
            reports.take(tx, topic, value);
          } else {
            sites.take(tx, topic, value);
          }
        });
    desk.open("desk", Map.of(Step.PLAN, planning), journeys::see);
  }

  /** Starts the service. */
  public static void main(String[] args) {
    Micronaut.run(Application.class, args);
  }
}
