package crossdock.gateway.api;

import crossdock.chassis.Database;
import crossdock.chassis.Operator;
import crossdock.chassis.Outbox;
import crossdock.chassis.Problem;
import crossdock.chassis.Trust;
import crossdock.contracts.Json;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.gateway.log.MigrationLog;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.StartupEvent;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import java.util.List;

/**
 * Where the core's operator hands in what the members signed, to be published to everybody. The
 * gateway makes none and can change none.
 */
@Controller("/operator/trust")
@Requires(bean = Operator.class)
final class MembersController implements ApplicationEventListener<StartupEvent> {
  private final Operator operator;
  private final Trust trust;
  private final Database database;
  private final Outbox outbox;
  private final MigrationLog log;

  MembersController(
      Operator operator, Trust trust, Database database, Outbox outbox, MigrationLog log) {
    this.operator = operator;
    this.trust = trust;
    this.database = database;
    this.outbox = outbox;
    this.log = log;
  }

  /** What it was started with may be newer than what was published. */
  @Override
  public void onApplicationEvent(StartupEvent event) {
    publish();
  }

  /** Done again it changes nothing. */
  @Post
  HttpResponse<?> take(HttpRequest<?> request, @Body byte[] signed) {
    operator.require(request);
    try {
      trust.offer(signed);
    } catch (Refused e) {
      throw Problem.MALFORMED_REQUEST.because(String.valueOf(e.getMessage()));
    }
    publish();
    return HttpResponse.noContent();
  }

  /** The migrations that a site still has a part in. */
  @Get("/open")
  byte[] open(HttpRequest<?> request, @QueryValue String site) {
    operator.require(request);
    SiteId id = SiteId.parse(site);
    List<MigrationId> open = database.transaction(tx -> log.open(tx, id));
    return Json.bytes(open);
  }

  private void publish() {
    database.change(
        tx -> outbox.add(tx, Trust.TOPIC, "bundle", "crossdock.trust-bundle.v1", trust.signed()));
  }
}
