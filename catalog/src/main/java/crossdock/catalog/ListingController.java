package crossdock.catalog;

import crossdock.chassis.Operator;
import crossdock.chassis.Problem;
import crossdock.contracts.Listing;
import crossdock.contracts.Refused;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Put;

/** Where the core's operator says anew which sites take part, as the listing file does. */
@Controller("/operator/listing")
@Requires(bean = Operator.class)
final class ListingController {
  private final Operator operator;
  private final Sites sites;

  ListingController(Operator operator, Sites sites) {
    this.operator = operator;
    this.sites = sites;
  }

  /** Makes it all that is listed. What is planned already goes on. */
  @Put
  HttpResponse<?> list(HttpRequest<?> request, @Body byte[] listing) {
    operator.require(request);
    try {
      sites.list(Listing.read(listing));
    } catch (Refused e) {
      throw Problem.MALFORMED_REQUEST.because(String.valueOf(e.getMessage()));
    }
    return HttpResponse.noContent();
  }
}
