package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Fact.Mode;
import crossdock.contracts.Migration.State;
import java.util.Arrays;
import java.util.TreeSet;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** What holds of the fold in every {@link SimulatedWorld}, which checks itself as it goes. */
class MigrationProperties {
  private static final int LONG = 200;

  @Property(tries = 250)
  void neverDoTwoCopiesRunAndOnlyWhoGivesUpMovesTheRightToRun(@ForAll long seed) {
    new SimulatedWorld(seed).live(LONG);
  }

  @Property(tries = 100)
  void everyStateHasAnExitToTheEnd(@ForAll long seed) {
    SimulatedWorld world = new SimulatedWorld(seed);
    world.live(LONG);
    world.calm();
    assertThat(world.now().ended()).as("%s %s", world.now().state(), world.now().due()).isTrue();
    if (world.mode() == Mode.COPY || world.now().state() instanceof State.Undone) {
      assertThat(world.sourceRuns()).isTrue();
    }
    assertThat(world.targetMade()).isEqualTo(!(world.now().state() instanceof State.Undone));
  }

  @Property(tries = 100)
  void whatIsCancelledIsUndoneOnBothSidesOrWasTooLate(@ForAll long seed) {
    SimulatedWorld world = new SimulatedWorld(seed);
    world.live(Math.floorMod(seed, LONG));
    boolean late =
        world.now().state() instanceof State.Accepted
            || world.now().state() instanceof State.Retired;
    world.cancel();
    world.calm();
    assertThat(world.now().ended()).isTrue();
    assertThat(world.now().state() instanceof State.Undone).isEqualTo(!late);
  }

  @Property(tries = 100)
  void aTargetThatIsNeverHeardOfAgainEndsStuckAndTheCustomerAtTheSourceMayOverride(
      @ForAll long seed) {
    SimulatedWorld world = new SimulatedWorld(seed);
    world.live(Math.floorMod(seed, LONG));
    world.silenceTarget();
    world.cancel();
    world.calm();
    Migration now = world.now();
    if (now.state() instanceof State.Undoing undoing) {
      assertThat(undoing.stuck()).isTrue();
      assertThat(undoing.owed()).containsExactly(Role.TARGET);
      assertThat(world.overridden()).isTrue();
      assertThat(world.sourceRuns()).isTrue();
      assertThat(now.runs()).isEqualTo(Migration.Runs.SOURCE);
    } else {
      assertThat(now.ended()).isTrue();
    }
  }

  @Property(tries = 20)
  void theSameSeedIsTheSameWorld(@ForAll long seed) {
    SimulatedWorld one = new SimulatedWorld(seed);
    SimulatedWorld other = new SimulatedWorld(seed);
    one.live(LONG);
    other.live(LONG);
    assertThat(other.now()).isEqualTo(one.now());
  }

  @Example
  void theWorldsReachEveryStateAndEveryFact() {
    TreeSet<String> met = new TreeSet<>();
    for (long seed = 0; seed < 200; seed++) {
      SimulatedWorld world = new SimulatedWorld(seed);
      world.live(LONG);
      met.addAll(world.met);
    }
    assertThat(met)
        .containsAll(
            Arrays.stream(State.class.getPermittedSubclasses())
                .map(Class::getSimpleName)
                .filter(name -> !name.equals("Nothing"))
                .toList())
        .containsAll(
            Arrays.stream(Fact.class.getPermittedSubclasses())
                .map(Class::getSimpleName)
                .filter(name -> !name.equals("Unknown") && !name.equals("Used"))
                .map(name -> "took " + name)
                .toList())
        .contains("stuck");
  }
}
