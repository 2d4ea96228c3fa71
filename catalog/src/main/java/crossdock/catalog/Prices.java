package crossdock.catalog;

import crossdock.contracts.Bill;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Money;
import crossdock.contracts.Plan;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.contracts.SiteId;
import io.micronaut.context.annotation.Value;
import io.micronaut.http.HttpHeaders;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What billing says that a migration would cost. Thread-safe. */
@Singleton
final class Prices {
  private static final Logger LOG = LoggerFactory.getLogger(Prices.class);
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final int LONGEST_ANSWER = 4 << 20;

  private final Optional<URI> billing;
  private final HttpClient http =
      HttpClient.newBuilder()
          .connectTimeout(PATIENCE)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  Prices(@Value("${crossdock.billing.url:}") Optional<String> billing) {
    this.billing = billing.filter(url -> !url.isBlank()).map(URI::create);
  }

  private record Place(SiteId site, Sha256 plan, String format) {}

  private record Question(SiteId source, Machine machine, String currency, List<Place> places) {}

  private record Estimate(SiteId site, Optional<Bill> quote) {}

  private record Answer(List<Estimate> items) {}

  /**
   * The price of each plan, by its target; none where a price is missing, or where billing does not
   * answer: an offer without a price is better than none.
   *
   * @param bearer the customer's own token
   */
  Map<SiteId, Money> of(
      SiteId source, Machine machine, String currency, Map<SiteId, Plan> plans, String bearer) {
    if (billing.isEmpty()) {
      return Map.of();
    }
    List<Place> places =
        plans.entrySet().stream()
            .map(
                entry ->
                    new Place(entry.getKey(), entry.getValue().digest(), entry.getValue().format()))
            .toList();
    HttpRequest request =
        HttpRequest.newBuilder(billing.get().resolve("/v1/estimates"))
            .timeout(PATIENCE)
            .header(HttpHeaders.AUTHORIZATION, bearer)
            .header(HttpHeaders.CONTENT_TYPE, "application/json")
            .POST(
                HttpRequest.BodyPublishers.ofByteArray(
                    Json.bytes(new Question(source, machine, currency, places))))
            .build();
    Map<SiteId, Money> prices = new HashMap<>();
    try {
      HttpResponse<InputStream> answer =
          http.send(request, HttpResponse.BodyHandlers.ofInputStream());
      try (InputStream body = answer.body()) {
        byte[] bytes = body.readNBytes(LONGEST_ANSWER);
        if (answer.statusCode() != 200) {
          throw new IOException("billing answers " + answer.statusCode());
        }
        for (Estimate one : Json.read(bytes, Answer.class).items()) {
          one.quote().ifPresent(quote -> prices.put(one.site(), quote.total()));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException | Refused e) {
      LOG.warn("Offers go without prices: {}", e.toString());
    }
    return prices;
  }
}
