package crossdock.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Adaptation;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan;
import crossdock.contracts.Plan.Severity;
import crossdock.contracts.Refused;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ConcernsTest {
  private static final Concerns CONCERNS = Concerns.shipped();

  static Stream<Rule> rules() {
    return CONCERNS.rules().stream();
  }

  @ParameterizedTest
  @MethodSource("rules")
  void everyConcernHasAMachineThatTriggersItAndOneChangeSparesThat(Rule rule) {
    Example example = Example.of(rule.code());
    assertThat(about(Example.Case.of(example.triggering())))
        .filteredOn(concern -> concern.code().equals(rule.code()))
        .containsExactly(
            new Plan.Concern(
                rule.code(),
                rule.severity(),
                example.text(),
                rule.remedy(),
                Optional.of(rule.consequence()),
                rule.fix()));
    assertThat(example.text()).matches("[^\\n]{10,}\\.");
    assertThat(about(Example.Case.of(example.spared())))
        .extracting(Plan.Concern::code)
        .doesNotContain(rule.code());
    assertThat(leaves(example.spares())).isEqualTo(1);
  }

  @ParameterizedTest
  @MethodSource("rules")
  void whatNobodySaysOfAMachineOrASiteNeverBlocksIt(Rule rule) {
    JsonNode triggering = Example.of(rule.code()).triggering();
    Set<String> blocking = blocking(triggering);
    for (String part : List.of("machine/traits", "target/traits", "target/limits")) {
      for (String name : names(triggering.at("/" + part))) {
        JsonNode less = triggering.deepCopy();
        JsonNode _ = ((ObjectNode) less.at("/" + part)).remove(name);
        assertThat(blocking).as("without " + name).containsAll(blocking(less));
      }
    }
  }

  @Test
  void thereAreConcernsOfEveryTopicAndOfAMachineWithoutAnyNothingIsSaid() {
    assertThat(rules()).hasSizeGreaterThanOrEqualTo(40);
    assertThat(rules().map(Rule::topic).collect(Collectors.toSet()))
        .isEqualTo(EnumSet.allOf(Rule.Topic.class));
    assertThat(about(Example.base())).isEmpty();
  }

  @Test
  void everyTraitAndLimitOfAConditionIsAWordAndEveryWordIsUsed() {
    Set<String> limits =
        CONCERNS.asked().stream()
            .filter(asked -> asked.function().equals("limit"))
            .map(Language.Asked::name)
            .collect(Collectors.toSet());
    Set<String> traits =
        CONCERNS.asked().stream()
            .filter(asked -> !asked.function().equals("limit"))
            .map(Language.Asked::name)
            .filter(
                name -> CONCERNS.vocabulary().traits().containsKey(name) || !limits.contains(name))
            .collect(Collectors.toSet());
    assertThat(limits).isEqualTo(CONCERNS.vocabulary().limits().keySet());
    // Two are the mapper's, and one is for what ends a concern.
    traits.addAll(Set.of("zone", "disk.encrypted", Adaptation.TRAIT));
    assertThat(traits).isEqualTo(CONCERNS.vocabulary().traits().keySet());
  }

  @Test
  void whatTheListingsThatComeWithUsSayIsInTheVocabulary() throws IOException {
    Path folder = Path.of("../launcher/src/main/resources/crossdock/launcher");
    int found = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "listing-*.json")) {
      for (Path file : files) {
        JsonNode listing = Json.read(Files.readAllBytes(file), JsonNode.class);
        assertThat(CONCERNS.vocabulary().traits().keySet()).containsAll(names(listing, "traits"));
        assertThat(CONCERNS.vocabulary().limits().keySet()).containsAll(names(listing, "limits"));
        found++;
      }
    }
    assertThat(found).isPositive();
  }

  private static List<String> names(JsonNode listing, String field) {
    return listing.path(field).propertyStream().map(Map.Entry::getKey).toList();
  }

  @Test
  void aConcernWhoseRiskTheCustomerTakesNoLongerBlocksAndSaysSo() {
    Example example = Example.of("disk-shared");
    Example.Case one = Example.Case.of(example.triggering());
    assertThat(about(one, List.of("disk-shared", "disks-too-many")))
        .extracting(Plan.Concern::code, Plan.Concern::severity, Plan.Concern::text)
        .containsExactly(
            tuple(
                "disk-shared", Severity.WARNING, example.text() + " The customer takes the risk."));
  }

  static Stream<Rule> adaptable() {
    return rules().filter(rule -> rule.adaptation().isPresent());
  }

  /** The example of a concern, with a guest of this name and a target that adapts. */
  private static Example.Case adapting(Rule rule, String guest) {
    JsonNode node = Example.of(rule.code()).triggering();
    ObjectNode machine = (ObjectNode) node.at("/machine/traits");
    ObjectNode target = (ObjectNode) node.get("target");
    machine.put("guest.os.name", guest);
    if (machine.has("guest.fstab-by")) {
      machine.put("guest.fstab-by", "device"); // where a path leads to is known to the source alone
    }
    ObjectNode traits = target.withObject("/traits");
    String kind = rule.adaptation().orElseThrow().kind().wire();
    traits.putArray(Adaptation.TRAIT).add("something-newer").add(kind);
    return Example.Case.of(node);
  }

  @ParameterizedTest
  @MethodSource("adaptable")
  void whatTheTargetAdaptsIsSaidAndStopsNothing(Rule rule) {
    Example.Case one = adapting(rule, "debian");
    Rule.Adapting by = rule.adaptation().orElseThrow();
    Concerns.Findings findings = findings(one, List.of());
    assertThat(findings.concerns())
        .filteredOn(concern -> concern.code().equals(rule.code()))
        .extracting(Plan.Concern::severity, Plan.Concern::fix)
        .containsExactly(tuple(Severity.INFORMATION, Optional.of(by.fix())));
    assertThat(findings.adaptations())
        .containsExactly(
            new Adaptation(
                by.kind(),
                by.to().map(trait -> one.target().traits().get(trait)).orElse(List.of()),
                rule.code()));
    // Nobody adapts a guest whose owner takes the risk, or one that is no Linux.
    for (Concerns.Findings other :
        List.of(
            findings(one, List.of(rule.code())),
            findings(adapting(rule, "windows"), List.of()),
            findings(adapting(rule, "windows-server"), List.of()),
            findings(adapting(rule, "openbsd"), List.of()))) {
      assertThat(other.adaptations()).isEmpty();
      assertThat(other.concerns())
          .filteredOn(concern -> concern.code().equals(rule.code()))
          .extracting(Plan.Concern::fix)
          .containsExactly(Optional.empty());
    }
  }

  @Test
  void thereIsAConcernForEveryWayToAdapt() {
    assertThat(adaptable().map(rule -> rule.adaptation().orElseThrow().kind()))
        .containsExactlyInAnyOrder(Adaptation.Kind.values());
  }

  @Test
  void whatMayNotBeWaivedBlocksStill() {
    Example.Case one = Example.Case.of(Example.of("disks-too-many").triggering());
    assertThat(about(one, List.of("disks-too-many")))
        .extracting(Plan.Concern::code, Plan.Concern::severity)
        .containsExactly(tuple("disks-too-many", Severity.BLOCKING));
  }

  @Test
  void theWorstComesFirstAndASecondLookSaysTheSame() {
    Machine machine =
        Example.base()
            .machine()
            .with(
                new TreeMap<>(
                    Map.of(
                        "snapshots.count", "2",
                        "disk.shared", "yes",
                        "devices.pci", "8086:10fb",
                        "address.public", "198.51.100.7",
                        "protection.delete", "yes")));
    Example.Case one = about(machine);
    assertThat(about(one))
        .extracting(Plan.Concern::code)
        .containsExactly(
            "device-passed-through",
            "disk-shared",
            "public-address-stays",
            "snapshots-stay",
            "source-protected");
    assertThat(
            Concerns.shipped()
                .about(one.machine(), one.source(), one.target(), one.mode(), Set.of())
                .concerns())
        .isEqualTo(about(one));
    assertThat(about(one, List.of("disk-shared")))
        .extracting(Plan.Concern::code)
        .containsExactly(
            "device-passed-through",
            "disk-shared",
            "public-address-stays",
            "snapshots-stay",
            "source-protected");
  }

  @Test
  void aConditionThatCannotBeEvaluatedIsSaidAndDoesNotHideTheOthers() {
    Example.Case mtu = Example.Case.of(Example.of("mtu-smaller").triggering());
    Machine machine =
        mtu.machine()
            .with(
                new TreeMap<>(
                    Map.of(
                        "snapshots.count", "9".repeat(128),
                        "nic.mtu", "a lot",
                        "disk.shared", "yes")));
    Example.Case one = new Example.Case(machine, mtu.source(), mtu.target(), mtu.mode());
    assertThat(about(one))
        .extracting(Plan.Concern::code, Plan.Concern::severity)
        .containsExactly(
            tuple("disk-shared", Severity.BLOCKING),
            tuple("mtu-smaller", Severity.WARNING),
            tuple("snapshots-stay", Severity.WARNING));
    assertThat(about(one).subList(1, 3))
        .allSatisfy(
            concern ->
                assertThat(concern.text())
                    .startsWith("It could not be evaluated for this machine: ")
                    .hasSizeLessThanOrEqualTo(512));
  }

  @Test
  void whatOneMachineIsToldIsNotToldToAnother() {
    Example.Case small = Example.Case.of(Example.of("disk-bus-changes").triggering());
    Example.Case other =
        new Example.Case(
            small.machine().with(new TreeMap<>(Map.of("disk.bus", "sata"))),
            small.source(),
            small.target(),
            small.mode());
    for (Example.Case one : List.of(small, other, small)) {
      assertThat(about(one))
          .filteredOn(concern -> concern.code().equals("disk-bus-changes"))
          .singleElement()
          .satisfies(
              concern ->
                  assertThat(concern.text())
                      .contains(" " + one.machine().traits().get("disk.bus") + ","));
    }
    Example.Case twice = Example.Case.of(Example.of("static-address-twice").triggering());
    for (Fact.Mode mode : List.of(Fact.Mode.COPY, Fact.Mode.COLD, Fact.Mode.COPY)) {
      assertThat(about(new Example.Case(twice.machine(), twice.source(), twice.target(), mode)))
          .hasSize(mode == Fact.Mode.COPY ? 1 : 0);
    }
  }

  @Test
  void oddAndLongTraitsGiveShortTexts() {
    Machine base = Example.base().machine();
    TreeMap<String, String> traits = new TreeMap<>();
    for (String name : CONCERNS.vocabulary().traits().keySet()) {
      Object _ = traits.put(name, ",'\"\\{}$%s,".repeat(11));
    }
    Machine machine =
        new Machine(
            base.id(),
            "é'".repeat(64),
            base.architecture(),
            base.cpus(),
            base.memoryBytes(),
            base.firmware(),
            base.guestOs(),
            IntStream.range(0, 64)
                .mapToObj(i -> new Machine.Disk("d".repeat(120) + i, "vdi", 64L << 40))
                .toList(),
            base.nics(),
            base.securityGroups(),
            traits);
    List<Plan.Concern> concerns = about(about(machine));
    assertThat(concerns)
        .extracting(Plan.Concern::code)
        .contains("format-converted", "snapshots-stay", "device-passed-through");
    assertThat(concerns)
        .allSatisfy(concern -> assertThat(concern.text()).hasSizeLessThanOrEqualTo(512));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          "code": "a"          | "code": "b"           | has the code b
          "waivable": false    | "waivable": false, "fixx": "It is."  | fixx
          "waivable": false    | "waivable": true      | nothing to waive
          "version": 1         | "version": 0          | a version from 1
          "topic": "disk"      | "topic": "weather"    | weather
          ["machine.cpus > 1"] | []                    | no condition
          machine.cpus > 1     | machine.cpus >        | no expression
          machine.cpus > 1     | machine.cpus          | not a bool
          machine.cpus > 1     | guest.cpus > 1        | undeclared
          machine.cpus > 1     | known(machine, 'x')   | asks for x
          machine.cpus > 1     | limit(target, 'disk.bus') > 1         | asks for disk.bus
          machine.cpus > 1     | known(machine, string(machine.name))  | is written out
          "'Many.'"              | "machine.cpus"        | not a string
          "remedy": "Fewer."   | "remedy": " "         | no condition, consequence or remedy
          """)
  void aBadSetIsRefused(String good, String bad, String because) {
    String text =
        """
        {"code": "a", "version": 1, "topic": "disk", "severity": "WARNING", "waivable": false,
         "when": ["machine.cpus > 1"], "evidence": "'Many.'", "consequence": "None.", "remedy": "Fewer."}
        """;
    assertThat(new Concerns(set(text)).rules()).hasSize(1);
    assertThat(text).contains(good);
    assertThatThrownBy(() -> new Concerns(set(text.replace(good, bad))))
        .isInstanceOf(Refused.class)
        .hasMessageContaining("a.json")
        .hasMessageContaining(because);
  }

  @Test
  void aSetWithoutWordsOrWithoutConcernsIsRefused() {
    SortedMap<String, byte[]> without = set("{}");
    Object _ = without.remove("a.json");
    assertThatThrownBy(() -> new Concerns(without)).isInstanceOf(Refused.class);
    assertThatThrownBy(() -> new Concerns(new TreeMap<>())).isInstanceOf(Refused.class);
  }

  private static SortedMap<String, byte[]> set(String concern) {
    SortedMap<String, byte[]> files = new TreeMap<>();
    Object _ = files.put("vocabulary.json", Json.bytes(CONCERNS.vocabulary()));
    Object _ = files.put("a.json", concern.getBytes(StandardCharsets.UTF_8));
    return files;
  }

  private static Example.Case about(Machine machine) {
    return new Example.Case(
        machine, Example.base().source(), Example.base().target(), Fact.Mode.COLD);
  }

  private static List<Plan.Concern> about(Example.Case one) {
    return about(one, List.of());
  }

  private static List<Plan.Concern> about(Example.Case one, Collection<String> waived) {
    return findings(one, waived).concerns();
  }

  private static Concerns.Findings findings(Example.Case one, Collection<String> waived) {
    return CONCERNS.about(one.machine(), one.source(), one.target(), one.mode(), waived);
  }

  private static Set<String> blocking(JsonNode node) {
    return about(Example.Case.of(node)).stream()
        .filter(concern -> concern.severity() == Severity.BLOCKING)
        .map(Plan.Concern::code)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Set<String> names(JsonNode node) {
    Set<String> names = new TreeSet<>();
    node.fieldNames().forEachRemaining(names::add);
    return names;
  }

  private static int leaves(JsonNode node) {
    return node.isObject()
        ? node.properties().stream().mapToInt(field -> leaves(field.getValue())).sum()
        : 1;
  }
}
