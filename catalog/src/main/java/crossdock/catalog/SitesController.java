package crossdock.catalog;

import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.chassis.Problem;
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
  private final Reports reports;

  SitesController(Sites sites, Reports reports) {
    this.sites = sites;
    this.reports = reports;
  }

  /**
   * How each stands, and what it found of itself; what a listed one offers, and only that, is
   * beside it as in its listing.
   */
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

  /**
   * What a site found of itself, as it signed it: the DSSE envelope; 404 if it has said nothing.
   */
  @Get("/{site}/conformance")
  @Produces(MediaType.APPLICATION_JSON)
  byte[] conformance(String site) {
    return reports
        .envelope(SiteId.parse(site))
        .orElseThrow(() -> Problem.NOT_FOUND.because(site + " has published no report"));
  }

  private static ObjectNode shown(Standing standing) {
    ObjectNode shown = Json.mapper().createObjectNode();
    standing
        .listing()
        .ifPresent(listing -> shown.setAll(Json.mapper().<ObjectNode>valueToTree(listing)));
    shown.put("site", standing.site().toString()).put("state", standing.state().name());
    standing.version().ifPresent(version -> shown.put("version", version));
    standing.expiresAt().ifPresent(at -> shown.put("expiresAt", at.toString()));
    standing.examined().ifPresent(examined -> shown.set("examined", shown(examined)));
    return shown;
  }

  private static ObjectNode shown(Standing.Examined examined) {
    ObjectNode shown = Json.mapper().valueToTree(examined.report());
    shown.remove("site");
    shown.put("conforms", examined.objection().isEmpty());
    examined.objection().ifPresent(why -> shown.put("objection", why));
    return shown;
  }
}
