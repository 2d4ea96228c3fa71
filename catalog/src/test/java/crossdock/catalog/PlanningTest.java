package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import crossdock.chassis.Outcome;
import crossdock.chassis.StepFailed;
import crossdock.chassis.Unanswered;
import crossdock.chassis.Work;
import crossdock.contracts.CoreService;
import crossdock.contracts.Fact;
import crossdock.contracts.Firewall;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Migration;
import crossdock.contracts.Party;
import crossdock.contracts.Plan;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.SiteId;
import crossdock.contracts.Step;
import crossdock.contracts.Subnet;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlanningTest {
  private TestSites sites;
  private Planning planning;

  @BeforeEach
  void open(@TempDir Path directory) throws IOException {
    sites = new TestSites(directory);
    planning = new Planning(sites.sites, new Journeys(sites.database, sites.clock(), 1 << 20));
  }

  @Test
  void aMachineIsMappedByNameToTheSmallestSizeThatHoldsIt() throws Exception {
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
        .containsExactly("firewall-unknown", "country-changes", "format-converted");
    assertThat(plan.estimate()).isEqualTo(new Plan.Estimate((1L << 30) + 1, 60 + 1025));
  }

  @Test
  void whatHasNoCounterpartIsAConcernAndTheWorstComesFirst() throws Exception {
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
            Plan.Severity.WARNING,
            Plan.Severity.INFORMATION,
            Plan.Severity.INFORMATION);
  }

  @Test
  void anAddressThatNoSubnetThereHasIsSaidToChangeAndTheOthersAreKept() throws Exception {
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
            "address-changes",
            "address-changes",
            "firewall-unknown",
            "country-changes",
            "format-converted");
    assertThat(plan.addresses()).allSatisfy(one -> assertThat(one.rule()).endsWith("."));
  }

  @Test
  void whatPassesIsSetForTheMachineAloneAndAWiderTargetTakesItOnlyWaived() throws Exception {
    Firewall ssh =
        new Firewall(
            List.of(
                new Firewall.Rule(
                    Firewall.Direction.INGRESS,
                    Optional.of(Firewall.TCP),
                    22,
                    22,
                    List.of(Subnet.parse("10.0.0.0/8")),
                    List.of())));
    Machine machine =
        Sample.machine(
            List.of(
                new Machine.Nic(
                    "nic0", "front", "52:54:00:12:34:56", List.of(), Optional.of(ssh))));
    Listing north = Sample.LISTINGS.getFirst();
    Listing south = Sample.LISTINGS.getLast();
    Mapper mapper = new Mapper(_ -> Forecast.unseen(1));

    Plan closed = mapper.plan(machine, north, south, Fact.Mode.COLD, List.of());
    assertThat(closed.firewalls()).isEmpty();
    assertThat(closed.concerns().getFirst())
        .extracting(Plan.Concern::code, Plan.Concern::severity)
        .containsExactly("firewall-wider", Plan.Severity.BLOCKING);
    Plan waived = mapper.plan(machine, north, south, Fact.Mode.COLD, List.of("firewall-wider"));
    assertThat(waived.concerns().getFirst())
        .extracting(Plan.Concern::code, Plan.Concern::severity)
        .containsExactly("firewall-wider", Plan.Severity.WARNING);
    assertThat(waived.securityGroups()).extracting(Plan.Mapping::target).containsExactly("web");

    Plan filtered =
        mapper.plan(machine, north, Sample.filtering(south, 1), Fact.Mode.COLD, List.of());
    assertThat(filtered.firewalls()).containsExactly(ssh);
    assertThat(filtered.securityGroups()).extracting(Plan.Mapping::target).containsExactly("");
    assertThat(filtered.concerns())
        .extracting(Plan.Concern::code)
        .containsExactly("country-changes", "format-converted");

    Firewall two =
        new Firewall(
            Stream.concat(
                    ssh.allowed().stream(),
                    Stream.of(
                        Firewall.Rule.any(
                            Firewall.Direction.EGRESS, List.of(Subnet.ALL_V4), List.of())))
                .toList());
    Machine longer =
        Sample.machine(
            List.of(
                new Machine.Nic(
                    "nic0", "front", "52:54:00:12:34:56", List.of(), Optional.of(two))));
    assertThat(
            mapper
                .plan(longer, north, Sample.filtering(south, 1), Fact.Mode.COLD, List.of())
                .concerns())
        .extracting(Plan.Concern::code, Plan.Concern::severity)
        .contains(tuple("firewall-too-long", Plan.Severity.BLOCKING));
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
  void thePlanTakesEffectAndPlanningAgainGivesTheSame() throws Exception {
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
  void nothingIsPlannedWithASiteThatIsNotListedAndTheRefusalSaysWhy() throws Exception {
    Machine machine = Sample.machine(1, 1 << 30, "front", "web");
    assertWaited(Sample.SOUTH, machine, "north:oslo has published no listing that holds");
    sites.list(Sample.LISTINGS.subList(0, 1));
    assertWaited(Sample.SOUTH, machine, "south:roma has published no listing that holds");
    assertRefused(SiteId.parse("east:paris"), machine, "east:paris is no member.");
    sites.list(Sample.LISTINGS);
    assertThat(plan(Sample.SOUTH, machine).size().target()).isEqualTo("medium");
    sites.change("south", member -> member.suspended(sites.now));
    assertRefused(Sample.SOUTH, machine, "south:roma is suspended.");
    sites.change("south", member -> member.leaving(sites.now));
    assertRefused(Sample.SOUTH, machine, "south:roma is about to leave.");
    sites.change("north", member -> member.suspended(sites.now));
    assertRefused(Sample.SOUTH, machine, "north:oslo is suspended.");
    sites.change("west", member -> member);
    assertThat(plan(Sample.SOUTH, machine).size().target()).isEqualTo("medium");
    sites.now = sites.now.plus(TestSites.LIFE);
    assertWaited(Sample.SOUTH, machine, "north:oslo has not renewed its listing");
  }

  /** It may have just started. */
  private void assertWaited(SiteId target, Machine machine, String because) {
    assertThatThrownBy(() -> plan(target, machine))
        .isInstanceOf(Unanswered.class)
        .hasMessage(because);
  }

  private void assertRefused(SiteId target, Machine machine, String because) {
    assertThatThrownBy(() -> plan(target, machine))
        .isInstanceOfSatisfying(
            StepFailed.class,
            failed -> assertThat(failed.reason()).isEqualTo(Reason.NO_SUCH_PROVIDER))
        .hasMessage(because);
  }

  private Plan plan(SiteId target, Machine machine) throws Unanswered {
    Migration migration = Sample.inspected(target, machine).migration();
    Outcome outcome =
        planning.perform(new Work(migration, Step.PLAN, 1, 1, Optional.empty(), () -> true));
    assertThat(outcome).isInstanceOf(Outcome.Done.class);
    List<Fact> facts = ((Outcome.Done) outcome).facts();
    assertThat(facts).hasSize(1);
    return ((Fact.Planned) facts.getFirst()).plan();
  }
}
