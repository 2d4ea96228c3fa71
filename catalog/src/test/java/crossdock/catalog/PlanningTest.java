package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import crossdock.chassis.Database;
import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Work;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.CoreService;
import crossdock.contracts.Fact;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Party;
import crossdock.contracts.Plan;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.Step;
import crossdock.contracts.Subnet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlanningTest {
  private final Sites sites = new Sites(new Database(new TestDatabase().migrated()));
  private final Planning planning = new Planning(sites, 1 << 20);

  @Test
  void aMachineIsMappedByNameToTheSmallestSizeThatHoldsIt() {
    sites.list(Sample.LISTINGS);
    Machine machine = Sample.machine(2, 1 << 30, "front", "web");
    Plan plan = plan(Sample.SOUTH, machine);
    assertThat(plan.machine()).isEqualTo(machine.digest());
    assertThat(plan.targetName()).isEqualTo("Web-shop-old");
    assertThat(plan.format()).isEqualTo("vmdk");
    assertThat(plan.size().target()).isEqualTo("medium");
    assertThat(plan.networks()).extracting(Plan.Mapping::target).containsExactly("front");
    assertThat(plan.securityGroups()).extracting(Plan.Mapping::target).containsExactly("web");
    assertThat(plan.concerns())
        .extracting(Plan.Concern::code)
        .containsExactly("country-changes", "format-converted");
    assertThat(plan.estimate()).isEqualTo(new Plan.Estimate((1L << 30) + 1, 60 + 1025));
  }

  @Test
  void whatHasNoCounterpartIsAConcernAndTheWorstComesFirst() {
    sites.list(Sample.LISTINGS);
    Plan plan = plan(Sample.SOUTH, Sample.machine(16, 1 << 30, "back", "mail"));
    assertThat(plan.size().target()).isEmpty();
    assertThat(plan.networks().getFirst().target()).isEqualTo("lan");
    assertThat(plan.securityGroups().getFirst().target()).isEqualTo("closed");
    assertThat(plan.concerns())
        .extracting(Plan.Concern::severity)
        .containsExactly(
            Plan.Severity.BLOCKING,
            Plan.Severity.WARNING,
            Plan.Severity.WARNING,
            Plan.Severity.INFORMATION,
            Plan.Severity.INFORMATION);
  }

  @Test
  void anAddressThatNoSubnetThereHasIsSaidToChangeAndTheOthersAreKept() {
    sites.list(Sample.LISTINGS);
    Machine machine =
        Sample.machine(
            List.of(
                new Machine.Nic(
                    "nic0", "front", "52:54:00:12:34:56", List.of("192.0.2.127", "2001:db8::7")),
                new Machine.Nic(
                    "nic1", "front", "52:54:00:12:34:57", List.of("192.0.2.128", "10.1.0.1"))));
    Plan plan = plan(Sample.SOUTH, machine);
    assertThat(plan.addresses())
        .extracting(Plan.Mapping::source, Plan.Mapping::target)
        .containsExactly(
            tuple("192.0.2.127", "192.0.2.127"),
            tuple("2001:db8::7", "2001:db8::7"),
            tuple("10.1.0.1", ""),
            tuple("192.0.2.128", ""));
    assertThat(plan.concerns())
        .extracting(Plan.Concern::code)
        .containsExactly(
            "address-changes", "address-changes", "country-changes", "format-converted");
    assertThat(plan.addresses()).allSatisfy(one -> assertThat(one.rule()).endsWith("."));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "10.8.0.1/24",
        "10.8.0.0",
        "10.8/16",
        "*",
        "",
        "10.8.0.0/33",
        "10.0-9.0.0/16",
        "10.8.0.0/255.255.0.0",
        "0x0a.8.0.0/16",
        "fe80::%1/64",
        "2001:db8::1/64",
        "lan"
      })
  void whatIsNoSubnetIsNotListed(String subnet) {
    assertThatThrownBy(() -> Subnet.parse(subnet)).isInstanceOf(Refused.class);
  }

  @Test
  void thePlanTakesEffectAndPlanningAgainGivesTheSame() {
    sites.list(Sample.LISTINGS);
    Machine machine = Sample.machine(1, 1 << 30, "front", "web");
    Plan plan = plan(Sample.SOUTH, machine);
    sites.list(Sample.LISTINGS.reversed());
    assertThat(plan(Sample.SOUTH, machine)).isEqualTo(plan);
    Migration planned =
        Sample.inspected(Sample.SOUTH, machine)
            .says(new Party.Core(CoreService.CATALOG), new Fact.Planned(plan))
            .migration();
    assertThat(planned.state()).isEqualTo(new Migration.State.Planned());
  }

  @Test
  void aSiteThatIsNotListedOrNoLongerListedIsRefused() {
    sites.list(Sample.LISTINGS);
    Machine machine = Sample.machine(1, 1 << 30, "front", "web");
    assertRefused(SiteId.parse("west:paris"), machine);
    sites.list(Sample.LISTINGS.subList(0, 1));
    assertRefused(Sample.SOUTH, machine);
    assertThat(sites.all()).isEqualTo(Sample.LISTINGS.subList(0, 1));
  }

  private void assertRefused(SiteId target, Machine machine) {
    assertThatThrownBy(() -> plan(target, machine))
        .isInstanceOfSatisfying(
            StepFailed.class,
            failed -> assertThat(failed.reason()).isEqualTo(Reason.NO_SUCH_PROVIDER));
  }

  private Plan plan(SiteId target, Machine machine) {
    Migration migration = Sample.inspected(target, machine).migration();
    Outcome outcome =
        planning.perform(new Work(migration, Step.PLAN, 1, 1, Optional.empty(), () -> true));
    assertThat(outcome).isInstanceOf(Outcome.Done.class);
    List<Fact> facts = ((Outcome.Done) outcome).facts();
    assertThat(facts).hasSize(1);
    return ((Fact.Planned) facts.getFirst()).plan();
  }
}
