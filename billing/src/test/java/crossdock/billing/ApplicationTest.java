package crossdock.billing;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.testing.TestParty;
import crossdock.contracts.CoreService;
import crossdock.contracts.Step;
import io.micronaut.context.ApplicationContext;
import java.nio.file.Files;
import java.nio.file.Path;
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
      assertThat(
              context
                  .getBean(Quoting.class)
                  .perform(Sample.work(Sample.planned("EUR"), Step.QUOTE)))
          .isNotNull();
    }
  }
}
