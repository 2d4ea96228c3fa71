package crossdock.export;

import crossdock.chassis.Caller;
import crossdock.chassis.Chains;
import crossdock.chassis.Database;
import crossdock.chassis.Jobs;
import crossdock.chassis.Problem;
import crossdock.contracts.Due;
import crossdock.contracts.Fact;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Step;
import crossdock.contracts.Subject;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.rules.SecurityRule;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a customer, signed in at the source's provider, takes the risk of starting the source while
 * a silent target owes its word that nothing runs there. Nobody else can: the core and the target
 * have no way to say it.
 */
@Controller("/v1/overrides")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class OverrideController {
  /** What wakes a source that waits for its customer. */
  static final String WORD = "\"overridden\"";

  private static final Logger LOG = LoggerFactory.getLogger(OverrideController.class);

  private final Database database;
  private final Chains chains;
  private final Jobs jobs;

  OverrideController(Database database, Chains chains, Jobs jobs) {
    this.database = database;
    this.chains = chains;
    this.jobs = jobs;
  }

  /** Which migration it is about. */
  record Request(MigrationId migration) {}

  @Post
  HttpResponse<?> override(Authentication caller, @Body Request request) {
    Subject customer = Caller.of(caller.getAttributes());
    database.change(tx -> override(tx, customer, request.migration()));
    LOG.info("{} is overridden by its customer", request.migration());
    return HttpResponse.accepted();
  }

  private void override(Connection tx, Subject customer, MigrationId id) throws SQLException {
    Migration migration = chains.migration(tx, id);
    boolean theirs =
        migration
            .latest(Fact.Authorized.class)
            .filter(known -> known.source().equals(customer))
            .isPresent();
    if (!theirs) {
      throw Problem.NOT_FOUND.because("no such migration");
    }
    Optional<Due> due = migration.due().stream().filter(d -> d.step() == Step.OVERRIDE).findFirst();
    // Only one that sleeps is woken: otherwise the word could come while it falls asleep.
    if (due.isEmpty() || !jobs.wake(tx, id, Step.OVERRIDE.wire(), due.get().attempt(), WORD)) {
      throw Problem.TOO_EARLY.because("the source does not wait for its customer's word");
    }
  }
}
