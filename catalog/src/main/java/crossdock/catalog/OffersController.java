package crossdock.catalog;

import crossdock.chassis.Problem;
import crossdock.contracts.Choices;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Money;
import crossdock.contracts.Plan;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Header;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Where a machine could go. Nothing is begun or promised: the plan is made again for a request. */
@Controller("/v1/offers")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class OffersController {
  private final Sites sites;
  private final Planning planning;
  private final Prices prices;

  OffersController(Sites sites, Planning planning, Prices prices) {
    this.sites = sites;
    this.planning = planning;
    this.prices = prices;
  }

  /**
   * @param source where the machine is
   * @param currency ISO 4217
   * @param waived as in {@link Fact.Requested}
   * @param choices as there; those that name what one target has are left out
   */
  private record Question(
      SiteId source,
      Machine machine,
      Fact.Mode mode,
      String currency,
      List<String> waived,
      Choices choices) {}

  private record Answer(List<Offer> items) {}

  @Post
  @Consumes(MediaType.APPLICATION_JSON)
  @Produces(MediaType.APPLICATION_JSON)
  byte[] offers(@Header(HttpHeaders.AUTHORIZATION) String bearer, @Body byte[] body) {
    Question question;
    try {
      question = Json.read(body, Question.class);
      Money _ = Money.zero(question.currency());
    } catch (Refused e) {
      throw Problem.MALFORMED_REQUEST.because(String.valueOf(e.getMessage()));
    }
    List<Listing> all =
        sites.all().stream().flatMap(standing -> standing.listing().stream()).toList();
    Listing source =
        all.stream()
            .filter(listing -> listing.site().equals(question.source()))
            .findFirst()
            .orElseThrow(
                () -> Problem.UNKNOWN_PROVIDER.because(question.source() + " is not listed"));
    List<Listing> targets = all.stream().filter(target -> !target.equals(source)).toList();
    List<Plan> plans =
        planning.plans(
            question.machine(),
            source,
            targets,
            question.mode(),
            question.waived(),
            question.choices());
    Map<SiteId, Plan> asked = new HashMap<>();
    for (int i = 0; i < plans.size(); i++) {
      asked.put(targets.get(i).site(), plans.get(i));
    }
    Map<SiteId, Money> known =
        prices.of(question.source(), question.machine(), question.currency(), asked, bearer);
    List<Offer> offers = new ArrayList<>();
    for (int i = 0; i < plans.size(); i++) {
      Listing target = targets.get(i);
      offers.add(
          Offer.of(
              plans.get(i),
              source,
              target,
              question.mode(),
              Optional.ofNullable(known.get(target.site()))));
    }
    return Json.bytes(new Answer(Offer.ranked(offers, source.country())));
  }
}
