package crossdock.billing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.chassis.Outcome;
import crossdock.chassis.Problem;
import crossdock.chassis.testing.TestParty;
import crossdock.contracts.Bill;
import crossdock.contracts.CoreService;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Plan;
import crossdock.contracts.Step;
import io.micronaut.context.ApplicationContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApplicationTest {
  @Test
  void theServiceStartsWithItsPriceBook(@TempDir Path directory) throws Exception {
    Map<String, Object> configuration = TestParty.configuration(CoreService.BILLING, directory);
    Path prices = Files.writeString(directory.resolve("prices.json"), Sample.PRICES);
    configuration.put("crossdock.billing.prices", prices.toString());
    try (ApplicationContext context = ApplicationContext.run(configuration)) {
      Outcome quoted =
          context.getBean(Quoting.class).perform(Sample.work(Sample.planned("EUR"), Step.QUOTE));
      Bill quote = ((Fact.Quoted) ((Outcome.Done) quoted).facts().getFirst()).quote();
      estimatesAreWhatAQuoteWillBe(context.getBean(EstimatesController.class), quote);
    }
  }

  private static void estimatesAreWhatAQuoteWillBe(EstimatesController estimates, Bill quote) {
    Plan plan = Sample.plan(Sample.machine(2));
    Map<String, Object> south =
        Map.of("site", Sample.SOUTH.id(), "plan", plan.digest(), "format", plan.format());
    Map<String, Object> unknown =
        Map.of("site", "east:paris", "plan", plan.digest(), "format", plan.format());
    JsonNode items =
        Json.read(estimates.estimate(question(List.of(south, unknown))), JsonNode.class)
            .path("items");
    assertThat(items.findValuesAsText("site")).containsExactly("south:roma", "east:paris");
    assertThat(Json.read(Json.bytes(items.get(0).path("quote")), Bill.class)).isEqualTo(quote);
    assertThat(items.get(1).has("quote")).as("it has published no price").isFalse();
    List<Object> hollow = new ArrayList<>();
    hollow.add(null);
    for (List<?> wrong : List.of(List.of(south, south), hollow)) {
      assertThatThrownBy(() -> estimates.estimate(question(wrong)))
          .as("%s", wrong)
          .isInstanceOf(Problem.Thrown.class);
    }
  }

  private static byte[] question(List<?> places) {
    return Json.bytes(
        Map.of(
            "source",
            Sample.NORTH.id(),
            "machine",
            Sample.machine(2),
            "currency",
            "EUR",
            "places",
            places));
  }
}
