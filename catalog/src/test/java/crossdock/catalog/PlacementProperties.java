package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Choices;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Listing.Construct;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan;
import crossdock.contracts.Refused;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Size, zone and storage: where at the target a machine and its disks are. */
class PlacementProperties {
  private static final Mapper MAPPER = new Mapper(_ -> Forecast.unseen(1000));
  private static final Listing NORTH = Sample.LISTINGS.getFirst();
  private static final Listing SOUTH = Sample.LISTINGS.get(1);

  private static Choices choosing(
      Optional<String> size, Optional<String> zone, SortedMap<String, String> storage) {
    return new Choices(
        Optional.empty(), size, zone, storage, new TreeMap<>(), List.of(), Optional.empty());
  }

  private static Listing of(
      Listing model, List<String> zones, List<Listing.Storage> storage, boolean all) {
    return new Listing(
        model.site(),
        model.country(),
        model.formats(),
        model.sizes(),
        model.networks(),
        model.securityGroups(),
        model.architectures(),
        model.firmwares(),
        model.filtering(),
        all ? new TreeMap<>(Map.of("disk.encrypted", List.of("provider"))) : new TreeMap<>(),
        model.limits(),
        List.of(),
        zones,
        storage,
        List.of());
  }

  private static Listing taking(Listing model, Listing.Counterpart... counterparts) {
    return new Listing(
        model.site(),
        model.country(),
        model.formats(),
        model.sizes(),
        model.networks(),
        model.securityGroups(),
        model.architectures(),
        model.firmwares(),
        model.filtering(),
        model.traits(),
        model.limits(),
        model.jurisdictions(),
        model.zones(),
        model.storage(),
        List.of(counterparts));
  }

  private static Machine machine(SortedMap<String, String> traits, Optional<String> storage) {
    Machine model = Sample.machine(1, 1 << 30, "front", "web");
    Machine.Disk disk = new Machine.Disk("root", "qcow2", 1 << 30, storage);
    Machine stored =
        new Machine(
            model.id(),
            model.name(),
            model.architecture(),
            model.cpus(),
            model.memoryBytes(),
            model.firmware(),
            model.guestOs(),
            List.of(disk),
            model.nics(),
            model.securityGroups());
    return stored.with(traits);
  }

  private static Plan plan(Machine machine, Listing source, Listing target, Choices choices) {
    return MAPPER.plan(machine, source, target, Fact.Mode.COLD, List.of(), choices);
  }

  private static List<String> stopped(Plan plan) {
    return plan.concerns().stream()
        .filter(concern -> concern.severity() == Plan.Severity.BLOCKING)
        .map(Plan.Concern::code)
        .toList();
  }

  private static List<String> names(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(i -> prefix + i).toList();
  }

  @Property
  void machinesOfOneZoneStayTogetherAndOthersApartWhileThereAreAsMany(
      @ForAll @IntRange(min = 1, max = 9) int here, @ForAll @IntRange(max = 9) int there) {
    Listing source = of(NORTH, names("n", here), List.of(), false);
    Listing target = of(SOUTH, names("s", there), List.of(), false);
    Map<String, String> mapped = new HashMap<>();
    for (String zone : source.zones()) {
      Machine machine = machine(new TreeMap<>(Map.of("zone", zone)), Optional.empty());
      Plan plan = plan(machine, source, target, Choices.NONE);
      assertThat(plan.zone().isPresent()).isEqualTo(there > 0);
      plan.zone().ifPresent(mapping -> mapped.put(zone, mapping.target()));
      assertThat(plan.concerns().stream().anyMatch(one -> one.code().equals("zones-fewer")))
          .isEqualTo(there > 0 && there < here);
      assertThat(stopped(plan)).isEmpty();
    }
    Set<String> taken = new HashSet<>(mapped.values());
    assertThat(target.zones()).containsAll(taken);
    assertThat(taken).hasSize(there == 0 ? 0 : Math.min(here, there));
    assertThat(
            plan(machine(new TreeMap<>(), Optional.empty()), source, target, Choices.NONE).zone())
        .isEmpty();
  }

  @Property
  void whatIsEncryptedStaysSoOrTheMachineWhereItIs(
      @ForAll boolean byTrait,
      @ForAll boolean byClass,
      @ForAll boolean everywhere,
      @ForAll @IntRange(max = 7) int classes) {
    List<Listing.Storage> offered =
        IntStream.range(0, 3)
            .filter(i -> (classes >> i & 1) == 1)
            .mapToObj(i -> new Listing.Storage(List.of("plain", "ssd", "safe").get(i), i == 2))
            .toList();
    Listing source = of(NORTH, List.of(), List.of(new Listing.Storage("ssd", byClass)), false);
    Listing target = of(SOUTH, List.of(), offered, everywhere);
    Machine machine =
        machine(
            byTrait ? new TreeMap<>(Map.of("disk.encrypted", "provider")) : new TreeMap<>(),
            Optional.of("ssd"));
    Plan plan = plan(machine, source, target, Choices.NONE);
    boolean encrypted = byTrait || byClass;
    boolean safe = offered.stream().anyMatch(Listing.Storage::encrypted);
    assertThat(stopped(plan).contains("storage-in-plain"))
        .isEqualTo(encrypted && !safe && !everywhere);
    if (stopped(plan).isEmpty() && !offered.isEmpty()) {
      String chosen = plan.storage().getFirst().target();
      assertThat(offered).extracting(Listing.Storage::name).contains(chosen);
      boolean any = everywhere || !encrypted;
      assertThat(chosen)
          .isEqualTo(
              any
                  ? offered.stream()
                      .map(Listing.Storage::name)
                      .filter("ssd"::equals)
                      .findFirst()
                      .orElse(offered.getFirst().name())
                  : "safe");
    }
    assertThat(plan.storage()).hasSize(offered.isEmpty() ? 0 : 1);
    assertThat(plan.storage()).allMatch(mapping -> mapping.rule().endsWith("."));
  }

  @Example
  void whatIsChosenOfSizeZoneAndStorageIsTakenOrStopsIt() {
    Listing source = of(NORTH, List.of("n1"), List.of(new Listing.Storage("ssd", true)), false);
    Listing target =
        of(
            SOUTH,
            List.of("s1", "s2"),
            List.of(new Listing.Storage("plain", false), new Listing.Storage("safe", true)),
            false);
    Machine machine = machine(new TreeMap<>(Map.of("zone", "n1")), Optional.of("ssd"));
    Plan left = plan(machine, source, target, Choices.NONE);
    assertThat(left.zone().orElseThrow().target()).isEqualTo("s1");
    assertThat(left.storage().getFirst().target()).isEqualTo("safe");
    assertThat(left.hardware().orElseThrow().name()).isEqualTo(left.size().target());
    Listing.Size other = target.sizes().getLast();
    Plan taken =
        plan(
            machine,
            source,
            target,
            choosing(
                Optional.of(other.name()),
                Optional.of("s2"),
                new TreeMap<>(Map.of("ssd", "safe"))));
    assertThat(stopped(taken)).isEmpty();
    assertThat(taken.hardware()).contains(other);
    assertThat(taken.zone().orElseThrow().target()).isEqualTo("s2");
    for (Choices lost :
        List.of(
            choosing(Optional.of("giant"), Optional.empty(), new TreeMap<>()),
            choosing(Optional.empty(), Optional.of("s3"), new TreeMap<>()),
            choosing(Optional.empty(), Optional.empty(), new TreeMap<>(Map.of("ssd", "fast"))))) {
      assertThat(stopped(plan(machine, source, target, lost)))
          .containsExactly("choice-not-offered");
    }
    assertThat(
            stopped(
                plan(
                    machine,
                    source,
                    target,
                    choosing(
                        Optional.empty(), Optional.empty(), new TreeMap<>(Map.of("sdd", "safe"))))))
        .containsExactly("choice-of-nothing");
    assertThat(
            stopped(
                plan(
                    machine,
                    source,
                    target,
                    choosing(
                        Optional.empty(),
                        Optional.empty(),
                        new TreeMap<>(Map.of("ssd", "plain"))))))
        .as("it is encrypted now")
        .containsExactly("storage-in-plain");
  }

  @Example
  void whatTheTargetTakesForTheSourcesIsTakenUnlessTheCustomerChoosesOrItIsWorse() {
    Listing source = of(NORTH, List.of("n1"), List.of(new Listing.Storage("ssd", true)), false);
    Listing plain =
        of(
            SOUTH,
            List.of("s1", "s2"),
            List.of(
                new Listing.Storage("plain", false),
                new Listing.Storage("safe", true),
                new Listing.Storage("safer", true)),
            false);
    String network = SOUTH.networks().getLast().name();
    Listing.Counterpart zone = counterpart("north", Construct.ZONE, "n1", "s2");
    Listing.Counterpart front = counterpart("north", Construct.NETWORK, "front", network);
    Listing target =
        taking(plain, zone, front, counterpart("north", Construct.STORAGE, "ssd", "safer"));
    Machine machine = machine(new TreeMap<>(Map.of("zone", "n1")), Optional.of("ssd"));
    Plan plan = plan(machine, source, target, Choices.NONE);
    assertThat(plan.zone().orElseThrow().target()).isEqualTo("s2");
    assertThat(plan.storage().getFirst().target()).isEqualTo("safer");
    assertThat(plan.networks().getFirst().target()).isEqualTo(network);
    assertThat(plan.networks().getFirst().rule())
        .isEqualTo("south takes it for what north calls front.");
    Plan chosen =
        plan(
            machine,
            source,
            target,
            choosing(Optional.empty(), Optional.of("s1"), new TreeMap<>(Map.of("ssd", "safe"))));
    assertThat(chosen.zone().orElseThrow().target()).isEqualTo("s1");
    assertThat(chosen.storage().getFirst().target()).isEqualTo("safe");
    Listing worse = taking(plain, counterpart("north", Construct.STORAGE, "ssd", "plain"));
    assertThat(plan(machine, source, worse, Choices.NONE).storage().getFirst().target())
        .as("what is encrypted stays so")
        .isEqualTo("safe");
    Listing others = taking(plain, counterpart("east", Construct.ZONE, "n1", "s2"));
    assertThat(plan(machine, source, others, Choices.NONE).zone().orElseThrow().target())
        .isEqualTo("s1");
  }

  @Example
  void aCounterpartIsOneOfItsOwnAndThereIsOneOfEach() {
    assertThatThrownBy(() -> taking(SOUTH, counterpart("north", Construct.ZONE, "n1", "nowhere")))
        .isInstanceOf(Refused.class);
    Listing south = of(SOUTH, List.of("s1", "s2"), List.of(), false);
    assertThatThrownBy(
            () ->
                taking(
                    south,
                    counterpart("north", Construct.ZONE, "n1", "s1"),
                    counterpart("north", Construct.ZONE, "n1", "s2")))
        .isInstanceOf(Refused.class);
  }

  private static Listing.Counterpart counterpart(
      String provider, Construct construct, String there, String here) {
    return new Listing.Counterpart(provider, construct, there, here);
  }

  @Example
  void aSmallerSizeIsOnlyTakenWhereItIsChosenAndThenSaidToBe() {
    Machine machine = machine(new TreeMap<>(), Optional.empty());
    Listing.Size tiny = new Listing.Size("tiny", 1, machine.memoryBytes() - 1);
    Listing target =
        Json.read(
            Json.text(SOUTH).replaceFirst("\"sizes\":\\[", "\"sizes\":[" + Json.text(tiny) + ","),
            Listing.class);
    Plan left = plan(machine, NORTH, target, Choices.NONE);
    assertThat(left.size().target()).isNotEqualTo("tiny");
    Plan taken =
        plan(
            machine,
            NORTH,
            target,
            choosing(Optional.of("tiny"), Optional.empty(), new TreeMap<>()));
    assertThat(taken.hardware()).contains(tiny);
    assertThat(stopped(taken)).isEmpty();
    assertThat(taken.concerns()).extracting(Plan.Concern::code).contains("size-smaller");
    assertThat(left.concerns()).extracting(Plan.Concern::code).doesNotContain("size-smaller");
  }
}
