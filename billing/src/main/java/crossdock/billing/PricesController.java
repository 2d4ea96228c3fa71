package crossdock.billing;

import crossdock.chassis.Operator;
import crossdock.chassis.Problem;
import crossdock.contracts.Refused;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;

/** Where the core's operator publishes the prices of who joined, as the price book's file does. */
@Controller("/operator/prices")
@Requires(bean = Operator.class)
final class PricesController {
  private final Operator operator;
  private final PriceBook prices;

  PricesController(Operator operator, PriceBook prices) {
    this.operator = operator;
    this.prices = prices;
  }

  /** Adds them; what was quoted stays as it was. */
  @Post
  HttpResponse<?> publish(HttpRequest<?> request, @Body byte[] book) {
    operator.require(request);
    try {
      prices.publish(Price.read(book));
    } catch (Refused e) {
      throw Problem.MALFORMED_REQUEST.because(String.valueOf(e.getMessage()));
    }
    return HttpResponse.noContent();
  }
}
