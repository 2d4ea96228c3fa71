package crossdock.gateway.partner;

import crossdock.chassis.Database;
import crossdock.chassis.Problem;
import crossdock.contracts.Json;
import crossdock.gateway.api.RequestBody;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.rules.SecurityRule;
import java.net.URI;
import java.time.Clock;
import java.util.List;

/** Where a partner wants to be told. What is another partner's does not exist here. */
@Controller("/v1/subscriptions")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class SubscriptionsController {
  static final int MOST = 20;

  private final Database database;
  private final Subscriptions subscriptions;
  private final Guard guard;
  private final Clock clock;

  SubscriptionsController(
      Database database, Subscriptions subscriptions, Guard guard, Clock clock) {
    this.database = database;
    this.subscriptions = subscriptions;
    this.guard = guard;
    this.clock = clock;
  }

  private record Wanted(String url) {}

  /**
   * @param sequence of the first event to deliver
   */
  private record From(String migration, long sequence) {}

  private record All(List<Subscription> items) {}

  @Post
  HttpResponse<byte[]> subscribe(@Body byte[] body, Authentication authentication) {
    Partner partner = Partner.of(authentication);
    URI url = Guard.url(RequestBody.read(body, Wanted.class).url());
    // Told now rather than by a delivery that fails; each delivery looks again.
    guard.addresses(url);
    Subscription subscription =
        database
            .transaction(
                tx ->
                    subscriptions.subscribe(
                        tx, partner.name(), url.toString(), MOST, clock.instant()))
            .orElseThrow(
                () ->
                    Problem.TOO_MANY_SUBSCRIPTIONS.because(
                        "a partner has at most " + MOST + " subscriptions"));
    return json(
        HttpResponse.created(URI.create("/v1/subscriptions/" + subscription.id())), subscription);
  }

  @Get
  byte[] all(Authentication authentication) {
    Partner partner = Partner.of(authentication);
    return Json.bytes(new All(database.transaction(tx -> subscriptions.all(tx, partner.name()))));
  }

  @Get("/{id}")
  byte[] one(String id, Authentication authentication) {
    return Json.bytes(mine(id, Partner.of(authentication)));
  }

  @Delete("/{id}")
  HttpResponse<?> unsubscribe(String id, Authentication authentication) {
    Partner partner = Partner.of(authentication);
    if (!database.transaction(tx -> subscriptions.unsubscribe(tx, partner.name(), id))) {
      throw missing();
    }
    return HttpResponse.noContent();
  }

  @Post("/{id}:replay")
  HttpResponse<byte[]> replay(String id, @Body byte[] body, Authentication authentication) {
    Partner partner = Partner.of(authentication);
    From from = RequestBody.read(body, From.class);
    if (!database.transaction(
        tx ->
            subscriptions.replay(
                tx, partner.name(), id, from.migration(), from.sequence(), clock.instant()))) {
      throw Problem.NOT_FOUND.because(
          "you have no such subscription, or no such event is shared with you");
    }
    return json(HttpResponse.accepted(), mine(id, partner));
  }

  @Post("/{id}:resume")
  HttpResponse<byte[]> resume(String id, Authentication authentication) {
    Partner partner = Partner.of(authentication);
    mine(id, partner);
    database.change(
        tx -> {
          subscriptions.resume(tx, id, clock.instant());
        });
    return json(HttpResponse.accepted(), mine(id, partner));
  }

  private static HttpResponse<byte[]> json(
      MutableHttpResponse<byte[]> answer, Subscription subscription) {
    return answer.contentType(MediaType.APPLICATION_JSON_TYPE).body(Json.bytes(subscription));
  }

  private Subscription mine(String id, Partner partner) {
    return database
        .transaction(tx -> subscriptions.one(tx, partner.name(), id))
        .orElseThrow(SubscriptionsController::missing);
  }

  private static Problem.Thrown missing() {
    return Problem.NOT_FOUND.because("you have no such subscription");
  }
}
