package crossdock.billing;

import crossdock.chassis.Desk;
import crossdock.contracts.Step;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Value;
import io.micronaut.runtime.Micronaut;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Billing: says what a migration will cost, and posts what it did cost. */
@Context
public final class Application {
  Application(
      Desk desk,
      PriceBook prices,
      Quoting quoting,
      Settling settling,
      @Value("${crossdock.billing.prices}") Path file)
      throws IOException {
    prices.publish(Price.read(Files.readAllBytes(file)));
    desk.open("desk", Map.of(Step.QUOTE, quoting, Step.SETTLE, settling));
  }

  /** Starts the service. */
  public static void main(String[] args) {
    Micronaut.run(Application.class, args);
  }
}
