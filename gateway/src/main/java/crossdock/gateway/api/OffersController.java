package crossdock.gateway.api;

import crossdock.chassis.Problem;
import crossdock.chassis.Trust;
import crossdock.contracts.Choices;
import crossdock.contracts.Fact;
import crossdock.contracts.Machine;
import crossdock.contracts.Money;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.TrustBundle;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Header;
import io.micronaut.http.annotation.Produces;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;
import java.util.List;
import java.util.Optional;

/** Where a customer's machine could go, and what would change. */
@Controller("/v1/vms/{site}/{vm}/offers")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class OffersController {
  private final Trust trust;
  private final Accounts accounts;

  OffersController(Trust trust, Accounts accounts) {
    this.trust = trust;
    this.accounts = accounts;
  }

  /**
   * The catalog's answer as it is, the best first.
   *
   * @param mode cold or copy
   * @param within as in {@link Choices}, commas between
   * @param downtime the longest time without the machine, in seconds
   */
  @Get
  @Produces(MediaType.APPLICATION_JSON)
  byte[] offers(
      String site,
      String vm,
      @QueryValue Optional<String> mode,
      @QueryValue Optional<String> currency,
      @QueryValue Optional<String> within,
      @QueryValue Optional<Long> downtime,
      @Header(HttpHeaders.AUTHORIZATION) String bearer) {
    SiteId source;
    Choices choices;
    String wanted = currency.orElse("EUR");
    try {
      choices =
          Choices.limits(
              within.map(laws -> List.of(laws.split(",", -1))).orElse(List.of()), downtime);
      source = SiteId.parse(site);
      Money _ = Money.zero(wanted);
    } catch (Refused e) {
      throw Problem.MALFORMED_REQUEST.because(String.valueOf(e.getMessage()));
    }
    Fact.Mode how =
        switch (mode.orElse("cold")) {
          case "cold" -> Fact.Mode.COLD;
          case "copy" -> Fact.Mode.COPY;
          default -> throw Problem.MALFORMED_REQUEST.because("mode is cold or copy");
        };
    TrustBundle.Site listed =
        trust
            .now()
            .site(source)
            .orElseThrow(() -> Problem.UNKNOWN_PROVIDER.because(source + " is not listed"));
    Machine machine =
        accounts.links(bearer).stream()
            .filter(link -> link.provider().equals(source.provider()))
            .flatMap(link -> accounts.machines(listed, link, Optional.of(vm)).stream())
            .filter(one -> one.id().equals(vm))
            .findFirst()
            .orElseThrow(() -> Problem.NOT_FOUND.because("no such machine that may be seen"));
    return accounts.offers(source, machine, how, wanted, choices, bearer);
  }
}
