package crossdock.gateway.log;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.testing.Parties;
import crossdock.contracts.Fact;
import crossdock.contracts.Migration;
import crossdock.contracts.Migration.State;
import crossdock.contracts.Reason;
import crossdock.contracts.Report;
import crossdock.contracts.Role;
import crossdock.contracts.Step;
import crossdock.gateway.Facts;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever the parties state, in whatever order. */
final class DecisionsProperties {
  @Property(tries = 200)
  void everyDecisionTakesEffectAndTheyComeToAnEnd(@ForAll("worlds") List<Fact> facts) {
    Told told = Told.upTo(Step.AUTHORIZE);
    for (Fact fact : facts) {
      told = told.after(fact).orElse(told);
      told = decide(told, told.migration().since().plus(Duration.ofMinutes(11)));
    }
  }

  @Property(tries = 200)
  void leftAloneEveryMigrationIsUndoneOrStuckOrWaitsForItsLastStepsOnly(
      @ForAll("worlds") List<Fact> facts) {
    Told told = Told.upTo(Step.AUTHORIZE);
    for (Fact fact : facts) {
      told = told.after(fact).orElse(told);
    }
    for (int day = 1; day < 60; day++) {
      told = decide(told, told.migration().since().plus(Duration.ofDays(2)));
    }
    State state = told.migration().state();
    assertThat(
            state instanceof State.Undone
                || state instanceof State.Accepted
                || state instanceof State.Retired
                || (state instanceof State.Undoing undoing && undoing.stuck()))
        .as("%s", state)
        .isTrue();
  }

  private static Told decide(Told before, Instant now) {
    Told told = before.at(now);
    for (int decisions = 0; decisions < 10; decisions++) {
      Migration migration = told.migration();
      Optional<Fact> fact = Decisions.next(migration, now, Optional.empty());
      if (fact.isEmpty()) {
        return told;
      }
      int attempt = Answers.attempt(migration, fact.get());
      assertThat(
              migration.takes(
                  new Report(Facts.ID, Parties.GATEWAY, attempt, Facts.START, fact.get())))
          .as("%s in %s", fact.get(), migration.state())
          .isTrue();
      told = told.with(fact.get());
    }
    throw new AssertionError("decides for ever in " + told.migration().state());
  }

  @Provide
  Arbitrary<List<Fact>> worlds() {
    List<Fact> all = new ArrayList<>(Told.story(Fact.Acceptance.MANUAL));
    all.removeFirst();
    // Those that go well come often enough to get somewhere.
    Arbitrary<Fact> well = Arbitraries.of(all);
    Arbitrary<Fact> badly =
        Arbitraries.oneOf(
            Arbitraries.of(Step.class)
                .flatMap(
                    step ->
                        Arbitraries.of(Reason.class)
                            .map(reason -> (Fact) new Fact.Failed(step, reason, ""))),
            Arbitraries.of(
                Facts.undone(Role.TARGET),
                Facts.undone(Role.SOURCE),
                new Fact.Drifted(Facts.machine(4)),
                new Fact.Drifted(Facts.MACHINE)));
    return Arbitraries.frequencyOf(
            net.jqwik.api.Tuple.of(12, well), net.jqwik.api.Tuple.of(1, badly))
        .list()
        .ofMinSize(1)
        .ofMaxSize(150);
  }
}
