package crossdock.billing;

import crossdock.chassis.Database;
import crossdock.chassis.Problem;
import crossdock.contracts.Bill;
import crossdock.contracts.CoreService;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.contracts.SiteId;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Produces;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a migration would cost by the prices of now. Binds nobody: a quote is made for a request.
 */
@Controller("/v1/estimates")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class EstimatesController {
  private static final int MOST = 1000;

  private final Database database;
  private final Clock clock;

  EstimatesController(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * @param currency ISO 4217
   * @param places where the machine could go, at most 1000, each site once
   */
  record Question(SiteId source, Machine machine, String currency, List<Place> places) {
    Question {
      places = List.copyOf(places);
      if (places.size() > MOST
          || places.stream().map(Place::site).distinct().count() < places.size()) {
        throw new Refused("at most " + MOST + " places are asked for at once, each site once");
      }
    }
  }

  /**
   * @param plan digest of the plan for going there
   * @param format of disks there
   */
  record Place(SiteId site, Sha256 plan, String format) {}

  /**
   * @param quote absent where a party publishes no price in that currency
   */
  private record Estimate(SiteId site, Optional<Bill> quote) {}

  private record Answer(List<Estimate> items) {}

  @Post
  @Consumes(MediaType.APPLICATION_JSON)
  @Produces(MediaType.APPLICATION_JSON)
  byte[] estimate(@Body byte[] body) {
    try {
      Question question = Json.read(body, Question.class);
      Money _ = Money.zero(question.currency());
      return Json.bytes(
          database.transaction(
              tx -> {
                List<Estimate> items = new ArrayList<>();
                Map<Asked, Optional<Money>> known = new HashMap<>();
                for (Place place : question.places()) {
                  items.add(new Estimate(place.site(), quote(tx, question, place, known)));
                }
                return new Answer(items);
              }));
    } catch (Refused e) {
      throw Problem.MALFORMED_REQUEST.because(String.valueOf(e.getMessage()));
    }
  }

  /** Somebody's price that is missing. */
  private static final class NoPrice extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private record Asked(Party party, Meter meter, String formats) {}

  private Optional<Bill> quote(
      Connection tx, Question question, Place place, Map<Asked, Optional<Money>> known) {
    String currency = question.currency();
    try {
      return Optional.of(
          Tariff.quote(
              place.plan(),
              place.format(),
              question.machine(),
              new Party.Site(question.source()),
              new Party.Site(place.site()),
              new Party.Core(CoreService.BILLING),
              currency,
              (party, meter, formats) ->
                  known
                      .computeIfAbsent(
                          new Asked(party, meter, formats), price -> look(tx, price, currency))
                      .orElseThrow(NoPrice::new)));
    } catch (NoPrice e) {
      return Optional.empty();
    }
  }

  private Optional<Money> look(Connection tx, Asked price, String currency) {
    try {
      return PriceBook.valid(
          tx, price.party(), price.meter(), price.formats(), currency, clock.instant());
    } catch (SQLException e) {
      throw new IllegalStateException("cannot look up a price", e);
    }
  }
}
