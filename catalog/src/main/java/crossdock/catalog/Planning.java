package crossdock.catalog;

import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.StepHandler;
import crossdock.chassis.Work;
import crossdock.contracts.Fact;
import crossdock.contracts.Listing;
import crossdock.contracts.Migration;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import io.micronaut.context.annotation.Value;
import jakarta.inject.Singleton;

/** Does the step {@code plan}: the same machine and the same listing give the same plan. */
@Singleton
final class Planning implements StepHandler {
  private final Sites sites;
  private final Mapper mapper;

  /**
   * @param bytesPerSecond what a migration is expected to move
   */
  Planning(
      Sites sites, @Value("${crossdock.catalog.bytes-per-second:50000000}") long bytesPerSecond) {
    if (bytesPerSecond < 1) {
      throw new Refused("crossdock.catalog.bytes-per-second is at least 1");
    }
    this.sites = sites;
    this.mapper = new Mapper(bytesPerSecond);
  }

  @Override
  public Outcome perform(Work work) {
    Migration migration = work.migration();
    Listing source = listed(migration.request().source());
    Listing target = listed(migration.request().target());
    Fact.Requested request = migration.request();
    return Outcome.done(
        new Fact.Planned(
            mapper.plan(migration.machine(), source, target, request.mode(), request.waived())));
  }

  private Listing listed(SiteId site) {
    return sites
        .find(site)
        .orElseThrow(() -> new StepFailed(Reason.NO_SUCH_PROVIDER, site + " is not listed."));
  }
}
