package crossdock.gateway.partner;

import crossdock.chassis.Caller;
import crossdock.chassis.Database;
import crossdock.chassis.Problem;
import crossdock.contracts.Json;
import crossdock.contracts.Subject;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Put;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.rules.SecurityRule;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.util.List;

/** With whom a customer shares a migration. */
@Controller("/v1/migrations/{id}/shares")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class SharesController {
  private final Database database;
  private final Subscriptions subscriptions;
  private final Clock clock;

  SharesController(Database database, Subscriptions subscriptions, Clock clock) {
    this.database = database;
    this.subscriptions = subscriptions;
    this.clock = clock;
  }

  private record Shares(List<Subscriptions.Share> items) {}

  @Get
  byte[] all(String id, Authentication authentication) {
    Subject caller = Caller.of(authentication.getAttributes());
    return Json.bytes(
        new Shares(
            database.transaction(
                tx -> {
                  own(tx, id, caller);
                  return subscriptions.shares(tx, id);
                })));
  }

  @Put("/{partner}")
  HttpResponse<?> share(String id, String partner, Authentication authentication) {
    Subject caller = Caller.of(authentication.getAttributes());
    Partner named = new Partner(partner);
    database.change(
        tx -> {
          own(tx, id, caller);
          subscriptions.share(tx, id, named.name(), clock.instant());
        });
    return HttpResponse.noContent();
  }

  @Delete("/{partner}")
  HttpResponse<?> withdraw(String id, String partner, Authentication authentication) {
    Subject caller = Caller.of(authentication.getAttributes());
    database.change(
        tx -> {
          own(tx, id, caller);
          subscriptions.unshare(tx, id, partner);
        });
    return HttpResponse.noContent();
  }

  private void own(Connection tx, String id, Subject caller) throws SQLException {
    if (!subscriptions.owns(tx, id, caller)) {
      throw Problem.NOT_FOUND.because("you have no such migration");
    }
  }
}
