package crossdock.identity;

import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.StepHandler;
import crossdock.chassis.Work;
import crossdock.contracts.Fact;
import crossdock.contracts.Reason;
import crossdock.contracts.Subject;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;

/** Does the step {@code authorize}: says who the caller is at the source and at the target. */
@Singleton
final class Authorizing implements StepHandler {
  /** How long a proven link is believed. */
  static final Duration FRESH = Duration.ofDays(30);

  private final Links links;
  private final Clock clock;

  Authorizing(Links links, Clock clock) {
    this.links = links;
    this.clock = clock;
  }

  @Override
  public Outcome perform(Work work) {
    Fact.Requested request = work.migration().request();
    return Outcome.done(
        new Fact.Authorized(
            account(request.caller(), request.source().provider()),
            account(request.caller(), request.target().provider())));
  }

  private Subject account(Subject caller, String provider) {
    Links.Link link =
        links
            .find(caller, provider)
            .orElseThrow(
                () ->
                    new StepFailed(
                        Reason.LINK_MISSING,
                        "The caller has linked no account at " + provider + "."));
    if (link.linkedAt().plus(FRESH).isBefore(clock.instant())) {
      throw new StepFailed(
          Reason.LINK_MISSING,
          "The link at " + provider + " was last proven more than 30 days ago.");
    }
    return link.account();
  }
}
