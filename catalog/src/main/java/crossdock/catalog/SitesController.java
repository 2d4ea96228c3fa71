package crossdock.catalog;

import crossdock.contracts.Json;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;

/** The listing, for everybody to read. */
@Controller("/v1/sites")
@Secured(SecurityRule.IS_ANONYMOUS)
final class SitesController {
  private final Sites sites;

  SitesController(Sites sites) {
    this.sites = sites;
  }

  @Get
  @Produces(MediaType.APPLICATION_JSON)
  byte[] all() {
    return Json.bytes(sites.all());
  }
}
