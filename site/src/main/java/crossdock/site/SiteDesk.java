package crossdock.site;

import crossdock.chassis.Desk;
import crossdock.chassis.Identity;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Trust;
import crossdock.chassis.Work;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Party;
import crossdock.contracts.Policy;
import crossdock.contracts.Reason;
import crossdock.contracts.Role;
import crossdock.contracts.SigningKey;
import crossdock.contracts.SiteId;
import crossdock.contracts.Subject;
import crossdock.contracts.TrustBundle;
import crossdock.providers.Cloud;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What both desks of a site work with, and ask alike.
 *
 * @param issuer whose tokens the site's customers hold
 * @param policy by which it certifies and takes in
 */
@Singleton
@Requires(property = "crossdock.signing.key")
public record SiteDesk(
    Identity identity,
    @Value("${crossdock.oidc.issuer}") String issuer,
    Cloud cloud,
    CloudCalls calls,
    Grants grants,
    Tickets tickets,
    DockResults dock,
    Trust trust,
    SigningKey key,
    Policy policy,
    Clock clock,
    Desk desk) {

  /** Which site it is. */
  public SiteId id() {
    return site().id();
  }

  /** The same, as who signs. */
  public Party.Site site() {
    return (Party.Site) identity.party();
  }

  /**
   * The customer here, on this side. Somebody whom the core names at another issuer is nobody here.
   *
   * @throws StepFailed for such a one
   */
  public Subject owner(Migration migration, Role side) {
    Fact.Authorized both = migration.need(Fact.Authorized.class);
    Subject owner = side == Role.SOURCE ? both.source() : both.target();
    if (!owner.issuer().equals(issuer)) {
      throw new StepFailed(
          side == Role.SOURCE ? Reason.NO_SUCH_MACHINE : Reason.NOT_GRANTED_AT_TARGET,
          "no customer of " + id());
    }
    return owner;
  }

  /**
   * The customer's own yes, given on this side, to this machine with that other site.
   *
   * @throws StepFailed without one
   */
  public Grants.Grant granted(Migration migration, Role side) {
    Fact.Requested request = migration.request();
    Fact.Authorized both = migration.need(Fact.Authorized.class);
    return grants
        .covering(
            side,
            owner(migration, side),
            request.vm(),
            side == Role.SOURCE ? request.target() : request.source(),
            side == Role.SOURCE ? both.target() : both.source(),
            migration.machine().disks().stream().mapToLong(Machine.Disk::virtualBytes).sum())
        .orElseThrow(
            () ->
                new StepFailed(
                    side == Role.SOURCE
                        ? Reason.NOT_GRANTED_AT_SOURCE
                        : Reason.NOT_GRANTED_AT_TARGET,
                    "no live grant at " + id() + " covers machine, other side, account and size"));
  }

  /**
   * A site's entry in the trust bundle.
   *
   * @throws StepFailed if it has none
   */
  public TrustBundle.Site listed(SiteId other) {
    return trust
        .now()
        .site(other)
        .orElseThrow(() -> new StepFailed(Reason.NO_SUCH_PROVIDER, other + " is not listed"));
  }

  /** One of the two sites, if it is suspended: nothing is begun with it. */
  public Optional<SiteId> suspended(Migration migration) {
    TrustBundle now = trust.now();
    return Stream.of(migration.request().source(), migration.request().target())
        .filter(now::suspended)
        .findFirst();
  }

  /**
   * What the dock answered; only where it has.
   *
   * @throws StepFailed if it failed
   */
  public static DockMessage.Result result(Work work) {
    DockMessage.Result result = Json.read(work.result().orElseThrow(), DockMessage.Result.class);
    Optional<Reason> failure = result.failure();
    if (failure.isPresent()) {
      throw new StepFailed(failure.get(), result.detail());
    }
    return result;
  }
}
