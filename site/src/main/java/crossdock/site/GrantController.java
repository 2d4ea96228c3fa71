package crossdock.site;

import crossdock.chassis.Caller;
import crossdock.chassis.Problem;
import crossdock.contracts.Role;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subject;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.http.HttpResponse;
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
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Where a customer, signed in at this provider, says yes to migrations, and takes it back. */
@Requires(property = "crossdock.signing.key")
@Controller("/v1/grants")
@Secured(SecurityRule.IS_AUTHENTICATED)
final class GrantController {
  private static final Duration LONGEST = Duration.ofDays(90);

  private final Grants grants;
  private final Role side;
  private final Clock clock;

  GrantController(Grants grants, @Value("${crossdock.role}") String side, Clock clock) {
    this.grants = grants;
    this.side = side.equals("source") ? Role.SOURCE : Role.TARGET;
    this.clock = clock;
  }

  /**
   * @param machine at a source: the machine it is about, absent for all of the customer's
   * @param otherAccount the customer's own account at the other side; whoever names it need not
   *     believe the core about whose that account is
   */
  record Request(
      Optional<String> machine,
      SiteId otherSide,
      Optional<Subject> otherAccount,
      long maxBytes,
      boolean mayErase,
      Instant expiresAt) {}

  @Post
  HttpResponse<Grants.Grant> give(Authentication caller, @Body Request request) {
    Instant now = clock.instant();
    if (!request.expiresAt().isAfter(now) || request.expiresAt().isAfter(now.plus(LONGEST))) {
      throw Problem.MALFORMED_REQUEST.because("a grant ends within 90 days");
    }
    if (request.maxBytes() < 1 || (side == Role.TARGET && request.machine().isPresent())) {
      throw Problem.MALFORMED_REQUEST.because("a grant covers bytes, and at a target any machine");
    }
    Grants.Grant grant =
        new Grants.Grant(
            UUID.randomUUID(),
            request.machine(),
            request.otherSide(),
            request.otherAccount(),
            request.maxBytes(),
            request.mayErase(),
            request.expiresAt());
    grants.give(side, Caller.of(caller.getAttributes()), grant);
    return HttpResponse.created(grant, URI.create("/v1/grants/" + grant.id()));
  }

  @Get
  List<Grants.Grant> live(Authentication caller) {
    return grants.live(side, Caller.of(caller.getAttributes()));
  }

  @Delete("/{id}")
  HttpResponse<?> revoke(Authentication caller, UUID id) {
    if (!grants.revoke(Caller.of(caller.getAttributes()), id)) {
      throw Problem.NOT_FOUND.because("no such grant");
    }
    return HttpResponse.noContent();
  }
}
