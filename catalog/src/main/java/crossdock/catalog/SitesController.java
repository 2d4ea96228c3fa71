package crossdock.catalog;

import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Json;
import crossdock.contracts.SiteId;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Produces;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;

/** The sites, for everybody to read. */
@Controller("/v1/sites")
@Secured(SecurityRule.IS_ANONYMOUS)
final class SitesController {
  private final Sites sites;

  SitesController(Sites sites) {
    this.sites = sites;
  }

  /** How each stands; what a listed one offers, and only that, is beside it as in its listing. */
  @Get
  @Produces(MediaType.APPLICATION_JSON)
  byte[] all() {
    return Json.bytes(sites.all().stream().map(SitesController::shown).toList());
  }

  /** How a site's standing has changed, the newest change first; nothing of who never was one. */
  @Get("/{site}/history")
  @Produces(MediaType.APPLICATION_JSON)
  byte[] history(String site) {
    return Json.bytes(sites.history(SiteId.parse(site)));
  }

  private static ObjectNode shown(Standing standing) {
    ObjectNode shown = Json.mapper().createObjectNode();
    standing
        .listing()
        .ifPresent(listing -> shown.setAll(Json.mapper().<ObjectNode>valueToTree(listing)));
    shown.put("site", standing.site().toString()).put("state", standing.state().name());
    standing.version().ifPresent(version -> shown.put("version", version));
    standing.expiresAt().ifPresent(at -> shown.put("expiresAt", at.toString()));
    return shown;
  }
}
