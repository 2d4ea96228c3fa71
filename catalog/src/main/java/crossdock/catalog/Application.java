package crossdock.catalog;

import crossdock.chassis.Desk;
import crossdock.contracts.Listing;
import crossdock.contracts.Step;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Value;
import io.micronaut.runtime.Micronaut;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The catalog: lists the sites and plans each migration between two of them. */
@Context
public final class Application {
  Application(
      Desk desk, Sites sites, Planning planning, @Value("${crossdock.catalog.listing}") Path file)
      throws IOException {
    sites.list(Listing.read(Files.readAllBytes(file)));
    desk.open("desk", Map.of(Step.PLAN, planning));
  }

  /** Starts the service. */
  public static void main(String[] args) {
    Micronaut.run(Application.class, args);
  }
}
