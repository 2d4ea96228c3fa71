package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import crossdock.contracts.Bill;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Plan;
import crossdock.contracts.Sha256;
import crossdock.contracts.SiteId;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class OfferTest {
  private static final Listing NORTH = Sample.LISTINGS.getFirst();
  private static final Mapper MAPPER = new Mapper(_ -> Forecast.unseen(1 << 20));
  private static final Machine MACHINE = Sample.machine(1, 1 << 28, "front", "web");

  @Test
  void whatIsPossibleAndChangesLeastAndStaysAndIsCheapStandsFirst() {
    Offer home = offer("east:oslo", "NO", "web", "9.00");
    Offer cheap = offer("east:rome", "IT", "web", "1.00");
    Offer dear = offer("east:turin", "IT", "web", "2.00");
    Offer unpriced = offer("east:milan", "IT", "web", "");
    Offer changed = offer("east:pisa", "IT", "other", "0.10");
    Offer stopped =
        of(
            new Listing(
                SiteId.parse("east:tiny"),
                "NO",
                NORTH.formats(),
                List.of(),
                NORTH.networks(),
                List.of("web"),
                NORTH.architectures(),
                NORTH.firmwares(),
                Optional.empty(),
                NORTH.traits(),
                NORTH.limits()),
            "0.01");
    List<Offer> expected = List.of(home, cheap, dear, unpriced, changed, stopped);
    for (int seed = 0; seed < 20; seed++) {
      List<Offer> offers = new ArrayList<>(expected);
      Collections.shuffle(offers, new Random(seed));
      assertThat(Offer.ranked(offers, "NO")).isEqualTo(expected);
    }
    assertThat(stopped.possible()).isFalse();
    assertThat(stopped.reasons()).contains("It is stopped by no-size-holds-it.");
    assertThat(home.reasons())
        .contains("Nothing stops it.", "The data stays in NO.", "It costs 9 EUR.");
    assertThat(home.downtimeSeconds()).isEqualTo(home.plan().estimate().seconds());
    assertThat(Offer.of(home.plan(), NORTH, NORTH, Fact.Mode.COPY, Optional.empty()))
        .extracting(Offer::downtimeSeconds)
        .isEqualTo(0L);
  }

  @Test
  void pricesAreBillingsAndOffersGoWithoutThemWhenItIsSilent() throws Exception {
    Plan plan = home().plan();
    AtomicReference<String> asked = new AtomicReference<>("");
    Bill quote =
        Bill.of(
            plan.digest(),
            List.of(
                Bill.Line.of(
                    new Party.Site(Sample.SOUTH),
                    "import.gib",
                    BigDecimal.TWO,
                    "GiB",
                    new Money(new BigDecimal("0.50"), "EUR"))),
            "EUR");
    byte[] answer =
        Json.bytes(
            Map.of(
                "items",
                List.of(
                    Map.of("site", Sample.SOUTH, "quote", quote),
                    Map.of("site", SiteId.parse("east:oslo")))));
    HttpServer billing =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    billing.createContext(
        "/v1/estimates",
        exchange -> {
          asked.set(
              exchange.getRequestHeaders().getFirst("Authorization")
                  + new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
          exchange.sendResponseHeaders(200, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    billing.start();
    String url = "http://127.0.0.1:" + billing.getAddress().getPort();
    Prices prices = new Prices(Optional.of(url));
    try {
      assertThat(prices.of(Sample.NORTH, MACHINE, "EUR", Map.of(Sample.SOUTH, plan), "Bearer x"))
          .isEqualTo(Map.of(Sample.SOUTH, quote.total()));
    } finally {
      billing.stop(0);
    }
    assertThat(asked.get())
        .startsWith("Bearer x{")
        .contains("\"plan\":\"" + Json.text(plan.digest()).replace("\"", ""));
    assertThat(prices.of(Sample.NORTH, MACHINE, "EUR", Map.of(Sample.SOUTH, plan), "Bearer x"))
        .isEmpty();
    assertThat(new Prices(Optional.empty()).of(Sample.NORTH, MACHINE, "EUR", Map.of(), ""))
        .isEmpty();
    assertThat(quote.plan()).isNotEqualTo(Sha256.NONE);
  }

  private static Offer home() {
    return offer("east:oslo", "NO", "web", "9.00");
  }

  private static Offer offer(String site, String country, String group, String price) {
    return of(
        new Listing(
            SiteId.parse(site),
            country,
            NORTH.formats(),
            NORTH.sizes(),
            List.of(new Listing.Network("front", List.of())),
            List.of(group),
            NORTH.architectures(),
            NORTH.firmwares(),
            Optional.empty(),
            NORTH.traits(),
            NORTH.limits()),
        price);
  }

  private static Offer of(Listing target, String price) {
    return Offer.of(
        MAPPER.plan(MACHINE, NORTH, target, Fact.Mode.COLD, List.of()),
        NORTH,
        target,
        Fact.Mode.COLD,
        price.isEmpty() ? Optional.empty() : Optional.of(new Money(new BigDecimal(price), "EUR")));
  }
}
