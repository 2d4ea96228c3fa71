package crossdock.catalog;

import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.StepHandler;
import crossdock.chassis.Unanswered;
import crossdock.chassis.Work;
import crossdock.contracts.Choices;
import crossdock.contracts.Fact;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Plan;
import crossdock.contracts.Reason;
import crossdock.contracts.SiteId;
import jakarta.inject.Singleton;
import java.util.List;

/**
 * Does the step {@code plan}: the same machine, the same listings and the same journeys seen give
 * the same plan.
 */
@Singleton
final class Planning implements StepHandler {
  private final Sites sites;
  private final Journeys journeys;

  Planning(Sites sites, Journeys journeys) {
    this.sites = sites;
    this.journeys = journeys;
  }

  @Override
  public Outcome perform(Work work) throws Unanswered {
    Migration migration = work.migration();
    Listing source = listed(migration.request().source());
    Listing target = listed(migration.request().target());
    Journeys.Forecasts forecasts = journeys.from(source.site());
    return Outcome.done(
        new Fact.Planned(
            new Mapper(to -> forecasts.to(to).atMost(migration.request().bandwidth()))
                .plan(
                    migration.machine(),
                    source,
                    target,
                    migration.request().mode(),
                    migration.request().waived(),
                    migration.request().choices().orElse(Choices.NONE))));
  }

  /** The plans as migrations would get them now, in the order of {@code targets}. */
  List<Plan> plans(
      Machine machine,
      Listing source,
      List<Listing> targets,
      Fact.Mode mode,
      List<String> waived,
      Choices choices) {
    return new Mapper(journeys.from(source.site()))
        .plans(machine, source, targets, mode, waived, choices);
  }

  /**
   * What a site offers.
   *
   * @throws StepFailed if it takes no new work now, with why
   * @throws Unanswered while a member has nothing published that holds: it may have just started
   */
  private Listing listed(SiteId site) throws Unanswered {
    Standing standing =
        sites
            .find(site)
            .orElseThrow(() -> new StepFailed(Reason.NO_SUCH_PROVIDER, site + " is no member."));
    switch (standing.state()) {
      case APPLIED, EXPIRED, UNEXAMINED ->
          throw new Unanswered(site + " " + standing.state().text());
      case LISTED, SUSPENDED, LEAVING, LEFT -> {}
    }
    return standing
        .listing()
        .orElseThrow(
            () ->
                new StepFailed(
                    Reason.NO_SUCH_PROVIDER, site + " " + standing.state().text() + "."));
  }
}
