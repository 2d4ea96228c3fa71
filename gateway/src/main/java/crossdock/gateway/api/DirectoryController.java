package crossdock.gateway.api;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.chassis.Problem;
import crossdock.contracts.Json;
import crossdock.contracts.Party;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Header;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** From where to where a customer can move what. */
@Controller("/v1")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class DirectoryController {
  private final TrustBundle trust;
  private final Accounts accounts;

  DirectoryController(TrustBundle trust, Accounts accounts) {
    this.trust = trust;
    this.accounts = accounts;
  }

  private record Listed(
      SiteId site,
      String provider,
      String region,
      Party.Site urn,
      @com.fasterxml.jackson.annotation.JsonProperty("class") TrustBundle.SiteClass siteClass) {
    static Listed of(TrustBundle.Site site) {
      SiteId id = site.urn().id();
      return new Listed(id, id.provider(), id.region(), site.urn(), site.siteClass());
    }
  }

  /**
   * @param vms each as its provider describes it
   * @param unavailable sites that did not answer
   */
  private record Machines(List<JsonNode> vms, List<SiteId> unavailable) {}

  @Get("/providers")
  byte[] providers() {
    return Json.bytes(
        Map.of(
            "providers",
            trust.members().stream()
                .flatMap(member -> member.sites().stream())
                .map(Listed::of)
                .toList()));
  }

  @Get("/vms")
  byte[] machines(@Header(HttpHeaders.AUTHORIZATION) String bearer) {
    List<JsonNode> vms = new ArrayList<>();
    List<SiteId> silent = new ArrayList<>();
    for (Accounts.Link link : accounts.links(bearer)) {
      for (TrustBundle.Member member : trust.members()) {
        if (member.provider().equals(link.provider())) {
          for (TrustBundle.Site site : member.sites()) {
            try {
              vms.addAll(accounts.machines(site, link));
            } catch (Problem.Thrown e) {
              silent.add(site.urn().id());
            }
          }
        }
      }
    }
    return Json.bytes(new Machines(vms, silent));
  }
}
