package crossdock.gateway.api;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.chassis.Problem;
import crossdock.chassis.Trust;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
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
import java.util.Optional;

/** From where to where a customer can move what. */
@Controller("/v1")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class DirectoryController {
  private final Trust trust;
  private final Accounts accounts;

  DirectoryController(Trust trust, Accounts accounts) {
    this.trust = trust;
    this.accounts = accounts;
  }

  private record Listed(SiteId id, @JsonProperty("class") TrustBundle.SiteClass siteClass) {}

  private record Provider(String provider, List<Listed> sites) {}

  private record Providers(List<Provider> items) {}

  /**
   * @param unavailable sites that did not answer
   */
  private record Vms(List<ObjectNode> items, List<SiteId> unavailable) {}

  @Get("/providers")
  byte[] providers() {
    return Json.bytes(
        new Providers(
            trust.now().present().stream()
                .map(
                    member ->
                        new Provider(
                            member.provider(),
                            member.sites().stream()
                                .map(site -> new Listed(site.urn().id(), site.siteClass()))
                                .toList()))
                .toList()));
  }

  @Get("/vms")
  byte[] vms(@Header(HttpHeaders.AUTHORIZATION) String bearer) {
    List<ObjectNode> vms = new ArrayList<>();
    List<SiteId> silent = new ArrayList<>();
    for (Accounts.Link link : accounts.links(bearer)) {
      for (TrustBundle.Site site : sites(link.provider())) {
        SiteId id = site.urn().id();
        try {
          for (Machine machine : accounts.machines(site, link, Optional.empty())) {
            ObjectNode vm = Json.mapper().valueToTree(machine);
            vms.add(vm.put("site", id.toString()));
          }
        } catch (Problem.Thrown e) {
          silent.add(id);
        }
      }
    }
    return Json.bytes(new Vms(vms, silent));
  }

  private List<TrustBundle.Site> sites(String provider) {
    return trust.now().present().stream()
        .filter(member -> member.provider().equals(provider))
        .flatMap(member -> member.sites().stream())
        .toList();
  }
}
