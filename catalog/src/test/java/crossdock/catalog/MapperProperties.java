package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import crossdock.contracts.Choices;
import crossdock.contracts.Fact;
import crossdock.contracts.Firewall;
import crossdock.contracts.Firewall.Direction;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Listing.Filtering;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan;
import crossdock.contracts.Refused;
import crossdock.contracts.Subnet;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.AlphaChars;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;

class MapperProperties {
  private static final Listing NORTH = Sample.LISTINGS.getFirst();
  private static final Mapper MAPPER = new Mapper(_ -> Forecast.unseen(1000));
  private static final List<Listing.Size> ENOUGH = List.of(new Listing.Size("big", 64, 64L << 30));

  @Property
  void aMachineNeverGetsLessThanItHasAndNoSmallerSizeWouldDo(
      @ForAll @Size(max = 8) List<@IntRange(min = 1, max = 64) Integer> cpus,
      @ForAll @IntRange(min = 1, max = 64) int wanted,
      @ForAll @LongRange(min = 1 << 20, max = 64L << 30) long memory,
      @ForAll long seed) {
    Random random = new Random(seed);
    List<Listing.Size> sizes = new ArrayList<>();
    for (int i = 0; i < cpus.size(); i++) {
      sizes.add(new Listing.Size("s" + i, cpus.get(i), random.nextLong(1 << 20, 64L << 30)));
    }
    Machine machine = Sample.machine(wanted, memory, "default", "default");
    Plan plan = MAPPER.plan(machine, NORTH, offering(sizes), Fact.Mode.COLD, List.of());
    Optional<Listing.Size> chosen =
        sizes.stream().filter(size -> size.name().equals(plan.size().target())).findFirst();
    assertThat(chosen.isPresent()).isEqualTo(sizes.stream().anyMatch(size -> size.holds(machine)));
    assertThat(plan.concerns().stream().anyMatch(c -> c.severity() == Plan.Severity.BLOCKING))
        .isEqualTo(chosen.isEmpty());
    chosen.ifPresent(
        size -> {
          assertThat(size.holds(machine)).isTrue();
          assertThat(sizes.stream().filter(other -> other.holds(machine)))
              .noneMatch(
                  other ->
                      other.cpus() <= size.cpus()
                          && other.memoryBytes() <= size.memoryBytes()
                          && (other.cpus() < size.cpus()
                              || other.memoryBytes() < size.memoryBytes()));
        });
    Collections.shuffle(sizes, random);
    assertThat(MAPPER.plan(machine, NORTH, offering(sizes), Fact.Mode.COLD, List.of()))
        .isEqualTo(plan);
  }

  @Property
  void everyNameBecomesAPlainOneAndEveryConstructIsMapped(
      @ForAll @StringLength(min = 1, max = 128) String name,
      @ForAll @AlphaChars @StringLength(min = 1, max = 9) String network) {
    Machine model = Sample.machine(1, 1 << 20, network, network);
    if (name.isBlank()) {
      return;
    }
    Machine machine =
        new Machine(
            model.id(),
            name,
            model.architecture(),
            model.cpus(),
            model.memoryBytes(),
            model.firmware(),
            model.guestOs(),
            model.disks(),
            model.nics(),
            model.securityGroups());
    Plan plan = MAPPER.plan(machine, NORTH, offering(List.of()), Fact.Mode.COLD, List.of());
    assertThat(plan.targetName()).matches("[A-Za-z0-9][A-Za-z0-9._-]*");
    assertThat(plan.networks()).hasSameSizeAs(machine.nics());
    assertThat(plan.securityGroups()).hasSameSizeAs(machine.securityGroups());
  }

  @Property
  void anAddressIsKeptExactlyWhereASubnetOfItsNetworkHasIt(
      @ForAll int bits, @ForAll @IntRange(min = 0, max = 32) int prefix, @ForAll int subnet) {
    int mask = prefix == 0 ? 0 : -1 << (32 - prefix);
    String address = dotted(bits);
    Machine machine =
        Sample.machine(
            List.of(new Machine.Nic("nic0", "lan", "52:54:00:12:34:56", List.of(address))));
    Listing target =
        offering(
            NORTH.sizes(),
            List.of(
                new Listing.Network("other", List.of(Subnet.ALL_V6)),
                new Listing.Network(
                    "lan", List.of(Subnet.parse(dotted(subnet & mask) + "/" + prefix)))));
    Plan plan = MAPPER.plan(machine, NORTH, target, Fact.Mode.COLD, List.of());
    boolean kept = (bits & mask) == (subnet & mask);
    assertThat(plan.addresses()).extracting(Plan.Mapping::source).containsExactly(address);
    assertThat(plan.addresses().getFirst().target()).isEqualTo(kept ? address : "");
    assertThat(
            plan.concerns().stream().map(Plan.Concern::code).toList().contains("address-changes"))
        .isEqualTo(!kept);
    // Of a copy, the source goes on with it.
    assertThat(MAPPER.plan(machine, NORTH, target, Fact.Mode.COPY, List.of()).addresses())
        .extracting(Plan.Mapping::target)
        .containsExactly("");
  }

  @Example
  void aCardIsReachedFromTheNetworkOfTheSameNameElseTheFirstAndWhereThereIsNoneThePlanSaysSo() {
    Listing target =
        offering(
            NORTH.sizes(),
            List.of(
                new Listing.Network("lan", List.of(), List.of("wan", "internet")),
                new Listing.Network("back", List.of())));
    Plan plan =
        MAPPER.plan(
            Sample.machine(
                List.of(
                    reached(0, "lan", "internet"),
                    reached(1, "lan", "ext"),
                    reached(2, "back", "ext"))),
            NORTH,
            target,
            Fact.Mode.COLD,
            List.of());
    assertThat(plan.publicAddresses())
        .extracting(Plan.Mapping::source, Plan.Mapping::target)
        .containsExactly(
            tuple("198.51.100.0", "internet"),
            tuple("198.51.100.1", "wan"),
            tuple("198.51.100.2", ""));
    assertThat(plan.concerns())
        .filteredOn(one -> one.code().equals("no-public-address"))
        .extracting(Plan.Concern::text)
        .containsExactly("nic2 is reached from outside by 198.51.100.2, and in back no card is.");
  }

  private static Machine.Nic reached(int number, String network, String outside) {
    return new Machine.Nic(
        "nic" + number,
        network,
        "52:54:00:12:34:5" + number,
        List.of(),
        Optional.empty(),
        List.of(),
        Optional.of(new Machine.PublicAddress(outside, Optional.of("198.51.100." + number))));
  }

  @Example
  void otherAddressesAreSentFromWhereTheTargetLetsThemPassAndNeverByACopy() {
    Machine.AllowedAddress shared =
        new Machine.AllowedAddress(Subnet.parse("10.8.0.100/32"), Optional.of("00:00:5e:00:01:07"));
    Machine machine =
        Sample.machine(
            List.of(
                new Machine.Nic(
                    "nic0",
                    "lan",
                    "52:54:00:12:34:56",
                    List.of(),
                    Optional.empty(),
                    List.of(shared),
                    Optional.empty())));
    Listing drops = offering(List.of());
    Listing passes = lettingPass(drops.filtering());
    assertThat(allowed(machine, drops, Fact.Mode.COLD)).containsExactly("");
    assertThat(allowed(machine, passes, Fact.Mode.COLD)).containsExactly(shared.toString());
    assertThat(allowed(machine, passes, Fact.Mode.COPY)).containsExactly("");
    for (Fact.Mode mode : Fact.Mode.values()) {
      assertThat(
              MAPPER.plan(machine, NORTH, passes, mode, List.of()).concerns().stream()
                  .map(Plan.Concern::code))
          .filteredOn("floating-addresses-dropped"::equals)
          .as("%s", mode)
          .hasSize(mode == Fact.Mode.COPY ? 1 : 0);
    }
  }

  @Example
  void whoMaySendAsAnybodyDoesSoOnlyWithAFirewallOfItsOwn() {
    Listing passes =
        lettingPass(
            Optional.of(new Filtering(Set.of(Direction.values()), Optional.empty(), true, 100)));
    assertThat(allowed(free(Optional.empty()), passes, Fact.Mode.COLD)).containsExactly("", "");
    assertThat(allowed(free(Optional.of(Firewall.CLOSED)), passes, Fact.Mode.COLD))
        .containsExactly("0.0.0.0/0", "::/0");
  }

  /** One that takes packets from other addresses than a card's own. */
  private static Listing lettingPass(Optional<Filtering> filtering) {
    Listing drops = offering(List.of(), NORTH.networks(), filtering);
    return new Listing(
        drops.site(),
        drops.country(),
        drops.formats(),
        drops.sizes(),
        drops.networks(),
        drops.securityGroups(),
        drops.architectures(),
        drops.firmwares(),
        drops.filtering(),
        new TreeMap<>(Map.of("address.floating", List.of("yes"))),
        drops.limits());
  }

  private static Machine free(Optional<Firewall> firewall) {
    return Sample.machine(
        List.of(
            new Machine.Nic(
                "nic0",
                "lan",
                "52:54:00:12:34:56",
                List.of(),
                firewall,
                Machine.AllowedAddress.ANYTHING,
                Optional.empty())));
  }

  private static List<String> allowed(Machine machine, Listing target, Fact.Mode mode) {
    return MAPPER.plan(machine, NORTH, target, mode, List.of()).allowedAddresses().stream()
        .map(Plan.Mapping::target)
        .toList();
  }

  @Example
  void aNetworkThatHasTheAddressesIsPreferredToOneOfTheSameName() {
    Machine machine =
        Sample.machine(
            List.of(new Machine.Nic("nic0", "lan", "52:54:00:12:34:56", List.of("10.8.0.7"))));
    Listing.Network lan = new Listing.Network("lan", List.of(Subnet.parse("192.168.0.0/16")));
    Listing.Network other = new Listing.Network("other", List.of(Subnet.parse("10.8.0.0/16")));
    Plan plan =
        MAPPER.plan(
            machine,
            NORTH,
            offering(NORTH.sizes(), List.of(lan, other)),
            Fact.Mode.COLD,
            List.of());
    assertThat(plan.networks()).extracting(Plan.Mapping::target).containsExactly("other");
    assertThat(plan.concerns()).extracting(Plan.Concern::code).contains("network-by-address");
  }

  private static Plan choosing(Map<String, String> networks) {
    Machine machine =
        Sample.machine(
            List.of(new Machine.Nic("nic0", "lan", "52:54:00:12:34:56", List.of("10.8.0.7"))));
    Listing.Size big = new Listing.Size("big", machine.cpus() + 1, machine.memoryBytes() + 7);
    Listing.Size tiny = new Listing.Size("tiny", machine.cpus(), machine.memoryBytes() - 1);
    Listing target =
        offering(
            List.of(big, tiny),
            List.of(
                new Listing.Network("lan", List.of(Subnet.parse("10.8.0.0/16"))),
                new Listing.Network("other", List.of())));
    return MAPPER.plan(
        machine,
        NORTH,
        target,
        Fact.Mode.COLD,
        List.of(),
        new Choices(
            Optional.of("web-2"),
            Optional.empty(),
            Optional.empty(),
            new TreeMap<>(),
            new TreeMap<>(networks),
            List.of(),
            Optional.empty()));
  }

  @Example
  void whatACustomerChoosesIsTakenAndSaidToBe() {
    Plan plan = choosing(Map.of("lan", "other"));
    assertThat(plan.targetName()).isEqualTo("web-2");
    assertThat(plan.size().target()).isEqualTo("big");
    assertThat(plan.size().rule()).endsWith("; it has 1 CPUs and 7 bytes of memory more.");
    assertThat(plan.networks())
        .containsExactly(new Plan.Mapping("lan", "other", "Chosen by the customer."));
    assertThat(plan.concerns())
        .as("its address is not one of the chosen network's")
        .extracting(Plan.Concern::code)
        .contains("address-changes");
    assertThat(blocked(plan)).isFalse();
  }

  @Example
  void dataStaysWithinWhatItsOwnerSaysOrDoesNotMove() {
    Machine machine = Sample.machine(List.of());
    Listing there =
        Json.read(
            Json.text(offering(ENOUGH))
                .replace(
                    "\"country\":\"" + NORTH.country() + "\"",
                    "\"country\":\"DE\",\"jurisdictions\":[\"EU\"]"),
            Listing.class);
    for (List<String> good : List.of(List.<String>of(), List.of("EU"), List.of("DE", "EU"))) {
      assertThat(
              codes(
                  MAPPER.plan(
                      machine, NORTH, there, Fact.Mode.COLD, List.of(), Choices.within(good))))
          .doesNotContain("data-leaves");
    }
    for (List<String> bad : List.of(List.of("CH"), List.of("EU", "EEA"))) {
      Plan plan =
          MAPPER.plan(
              machine, NORTH, there, Fact.Mode.COLD, List.of("data-leaves"), Choices.within(bad));
      assertThat(codes(plan)).contains("data-leaves");
      assertThat(blocked(plan)).as("that cannot be waived").isTrue();
    }
    assertThatThrownBy(() -> Choices.within(List.of("eu"))).isInstanceOf(Refused.class);
  }

  @Example
  void whoCannotBeWithoutTheMachineForSoLongIsNotAskedToBeUnlessItGoesOn() {
    Machine machine = Sample.machine(List.of());
    Listing there = offering(ENOUGH);
    long takes = MAPPER.plan(machine, NORTH, there, Fact.Mode.COLD, List.of()).estimate().seconds();
    for (Fact.Mode mode : Fact.Mode.values()) {
      for (long most : List.of(takes - 1, takes)) {
        Choices choices = Choices.limits(List.of(), Optional.of(most));
        Plan plan = MAPPER.plan(machine, NORTH, there, mode, List.of("downtime-too-long"), choices);
        boolean missed = mode == Fact.Mode.COLD && most < takes;
        assertThat(codes(plan).contains("downtime-too-long")).isEqualTo(missed);
        assertThat(blocked(plan)).isEqualTo(missed);
      }
    }
    assertThatThrownBy(() -> Choices.limits(List.of(), Optional.of(-1L)))
        .isInstanceOf(Refused.class);
  }

  @Example
  void ofWhatHasBeenSeenTheSlowestCounts() {
    Machine machine = Sample.machine(List.of());
    long bytes = machine.disks().getFirst().virtualBytes();
    Forecast seen =
        Forecast.of(
            1000,
            Optional.empty(),
            List.of(
                new Forecast.Journey(bytes, 10),
                new Forecast.Journey(bytes, 20),
                new Forecast.Journey(bytes, 90)));
    Mapper mapper = new Mapper(_ -> seen);
    for (long most : List.of(50L, 89L, 90L)) {
      Plan plan =
          mapper.plan(
              machine,
              NORTH,
              offering(ENOUGH),
              Fact.Mode.COLD,
              List.of(),
              Choices.limits(List.of(), Optional.of(most)));
      assertThat(codes(plan).contains("downtime-too-long")).isEqualTo(most < 90);
      assertThat(plan.estimate().seconds()).isEqualTo(20);
    }
  }

  private static List<String> codes(Plan plan) {
    return plan.concerns().stream().map(Plan.Concern::code).toList();
  }

  @Example
  void whatIsChosenAndCannotBeHadStopsItAndNothingElseTakesItsPlace() {
    Plan nowhere = choosing(Map.of("lan", "lam"));
    assertThat(nowhere.networks().getFirst().target()).isEmpty();
    assertThat(nowhere.concerns()).extracting(Plan.Concern::code).contains("choice-not-offered");
    assertThat(choosing(Map.of("lam", "other")).concerns())
        .extracting(Plan.Concern::code)
        .contains("choice-of-nothing");
  }

  @Example
  void whatIsKnownOfOneCardIsNotLostSilentlyBecauseOfAnother() {
    Firewall some =
        new Firewall(
            List.of(Firewall.Rule.any(Direction.EGRESS, List.of(Subnet.ALL_V4), List.of())));
    Machine.Nic known =
        new Machine.Nic("nic0", "lan", "52:54:00:12:34:56", List.of(), Optional.of(some));
    Machine.Nic unknown = new Machine.Nic("nic1", "lan", "52:54:00:12:34:57");
    Machine machine = Sample.machine(List.of(known, unknown));
    Listing target = offering(ENOUGH);
    Plan plan = MAPPER.plan(machine, NORTH, target, Fact.Mode.COLD, List.of());
    assertThat(blocked(plan)).isTrue();
    assertThat(plan.firewalls()).isEmpty();
    assertThat(plan.concerns())
        .extracting(Plan.Concern::code)
        .contains("firewall-wider", "firewall-unknown");
    assertThat(MAPPER.plan(machine, NORTH, target, Fact.Mode.COLD, List.of("firewall-wider")))
        .matches(taken -> !blocked(taken));
  }

  @Example
  void aTargetThatTakesTooManyRulesForItIsOutOfQuestionAndOthersAreNot() {
    List<Subnet> blocks = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      blocks.add(Subnet.parse(dotted(i << 9) + "/24"));
    }
    Firewall many = new Firewall(List.of(Firewall.Rule.any(Direction.INGRESS, blocks, List.of())));
    Machine machine =
        Sample.machine(
            List.of(
                new Machine.Nic("nic0", "lan", "52:54:00:12:34:56", List.of(), Optional.of(many))));
    Set<Integer> named = IntStream.range(0, 30).boxed().collect(Collectors.toSet());
    Listing wordy =
        filtering(new Filtering(Set.of(Direction.values()), Optional.of(named), true, 9999));
    Listing other =
        filtering(new Filtering(Set.of(Direction.values()), Optional.empty(), true, 9999));
    List<Plan> plans =
        MAPPER.plans(
            machine, NORTH, List.of(wordy, other), Fact.Mode.COLD, List.of(), Choices.NONE);
    assertThat(plans).extracting(MapperProperties::blocked).containsExactly(true, false);
    assertThat(plans.getFirst().concerns())
        .extracting(Plan.Concern::code)
        .contains("firewall-too-long");
  }

  private static String dotted(int bits) {
    return "%d.%d.%d.%d".formatted(bits >>> 24, bits >>> 16 & 0xff, bits >>> 8 & 0xff, bits & 0xff);
  }

  private static Listing offering(List<Listing.Size> sizes) {
    return offering(sizes, NORTH.networks());
  }

  private static boolean blocked(Plan plan) {
    return plan.concerns().stream().anyMatch(c -> c.severity() == Plan.Severity.BLOCKING);
  }

  private static Listing offering(List<Listing.Size> sizes, List<Listing.Network> networks) {
    return offering(sizes, networks, NORTH.filtering());
  }

  private static Listing filtering(Filtering filtering) {
    return offering(ENOUGH, NORTH.networks(), Optional.of(filtering));
  }

  private static Listing offering(
      List<Listing.Size> sizes, List<Listing.Network> networks, Optional<Filtering> filtering) {
    return new Listing(
        NORTH.site(),
        NORTH.country(),
        NORTH.formats(),
        sizes,
        networks,
        NORTH.securityGroups(),
        NORTH.architectures(),
        NORTH.firmwares(),
        filtering,
        NORTH.traits(),
        NORTH.limits());
  }
}
