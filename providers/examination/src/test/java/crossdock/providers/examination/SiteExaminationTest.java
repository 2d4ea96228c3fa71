package crossdock.providers.examination;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Conformance;
import crossdock.contracts.Conformance.Line;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Role;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.Tag;
import crossdock.providers.disks.TicketDisks;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class SiteExaminationTest {
  private static final String TRUTH =
      """
      {"site": "south:roma", "country": "IT", "formats": ["qcow2", "raw"],
       "sizes": [{"name": "small", "cpus": 1, "memoryBytes": 536870912},
                 {"name": "large", "cpus": 4, "memoryBytes": 4294967296}],
       "networks": [{"name": "front", "subnets": ["10.1.0.0/24", "2001:db8:1::/64"], "publicNetworks": ["wan"]},
                    {"name": "back", "subnets": ["10.2.0.8/31"]}],
       "securityGroups": ["web"], "architectures": ["x86_64"], "firmwares": ["BIOS"],
       "filtering": {"directions": ["INGRESS", "EGRESS"], "protocols": [1, 6, 17], "ipv6": false, "rules": 50},
       "traits": {"address.floating": ["yes"], "disk.bus": ["virtio"]},
       "limits": {"disks": 4, "nics": 2, "disk.bytes": 1073741824, "name-length": 64},
       "jurisdictions": ["EU"], "zones": ["a", "b"], "storage": [{"name": "ssd", "encrypted": false}],
       "counterparts": [{"provider": "north", "construct": "ZONE", "there": "x", "here": "a"}]}
      """;

  private static final Set<Line> WORD =
      EnumSet.of(Line.COUNTRY, Line.JURISDICTIONS, Line.COUNTERPARTS);
  private static final Set<Line> SUBNETS = EnumSet.of(Line.EXPORT_SUBNET, Line.IMPORT_SUBNET);

  @TempDir private Path directory;
  private Path root;
  private Inventory cloud;

  @BeforeEach
  void aSite() throws IOException {
    root = Files.createDirectory(directory.resolve("site"));
    cloud = new Inventory(root, listing(TRUTH), 100);
  }

  private static Listing listing(String json) {
    return Json.read(json, Listing.class);
  }

  private SiteExamination examination(Inventory of) {
    TicketDisks disks = new TicketDisks(root, 1L << 40, RawContent.ANYTHING, Clock.systemUTC());
    return new SiteExamination(of, disks, "examiner", directory.resolve("journal"));
  }

  private Map<String, Check> examine(Listing listing) throws IOException {
    return examination(cloud).examine(listing).stream()
        .collect(Collectors.toMap(Check::name, check -> check));
  }

  private static Check of(Map<String, Check> checks, Line line) {
    return Optional.ofNullable(checks.get(line.wire())).orElseThrow();
  }

  private static Listing saying(String line, String json) {
    ObjectNode said = Json.read(TRUTH, ObjectNode.class);
    said.set(line, Json.read(json, JsonNode.class));
    return listing(said.toString());
  }

  /** Each line of a listing with something that is not so. */
  static Stream<Arguments> lies() {
    return Stream.of(
        Arguments.of(Line.FORMATS, "formats", "[\"qcow2\", \"raw\", \"vhdx\"]"),
        Arguments.of(
            Line.SIZES,
            "sizes",
            """
            [{"name": "small", "cpus": 1, "memoryBytes": 536870912},
             {"name": "large", "cpus": 4, "memoryBytes": 4294967296},
             {"name": "wide", "cpus": 64, "memoryBytes": 1073741824}]
            """),
        Arguments.of(
            Line.NETWORKS,
            "networks",
            "[{\"name\": \"front\", \"subnets\": []}, {\"name\": \"nowhere\", \"subnets\": []}]"),
        Arguments.of(
            Line.NETWORKS, "networks", "[{\"name\": \"front\", \"subnets\": [\"10.9.0.0/16\"]}]"),
        Arguments.of(
            Line.NETWORKS,
            "networks",
            "[{\"name\": \"front\", \"subnets\": [\"2001:db8:2::/64\"]}]"),
        Arguments.of(
            Line.NETWORKS,
            "networks",
            "[{\"name\": \"front\", \"subnets\": [], \"publicNetworks\": [\"wan\", \"lan\"]}]"),
        Arguments.of(
            Line.NETWORKS,
            "networks",
            "[{\"name\": \"back\", \"subnets\": [], \"publicNetworks\": [\"wan\"]}]"),
        Arguments.of(Line.SECURITY_GROUPS, "securityGroups", "[\"web\", \"admin\"]"),
        Arguments.of(Line.ARCHITECTURES, "architectures", "[\"x86_64\", \"aarch64\"]"),
        Arguments.of(Line.FIRMWARES, "firmwares", "[\"BIOS\", \"UEFI\"]"),
        Arguments.of(Line.FILTERING, "filtering", filtering("[1, 6, 17, 47]", false, 50)),
        Arguments.of(Line.FILTERING, "filtering", filtering("[1, 6, 17]", true, 50)),
        Arguments.of(Line.FILTERING, "filtering", filtering("[1, 6, 17]", false, 51)),
        Arguments.of(Line.TRAITS, "traits", "{\"disk.bus\": [\"sata\", \"ide\"]}"),
        Arguments.of(Line.LIMITS, "limits", "{\"disks\": 5}"),
        Arguments.of(Line.LIMITS, "limits", "{\"nics\": 3}"),
        Arguments.of(Line.LIMITS, "limits", "{\"nics\": 33}"),
        Arguments.of(Line.LIMITS, "limits", "{\"disk.bytes\": 1073741825}"),
        Arguments.of(Line.LIMITS, "limits", "{\"name-length\": 65}"),
        Arguments.of(Line.LIMITS, "limits", "{\"name-length\": 500}"),
        Arguments.of(Line.ZONES, "zones", "[\"a\", \"b\", \"c\"]"),
        Arguments.of(Line.STORAGE, "storage", "[{\"name\": \"nvme\", \"encrypted\": false}]"));
  }

  private static String filtering(String protocols, boolean ipv6, int rules) {
    return "{\"directions\": [\"INGRESS\", \"EGRESS\"], \"protocols\": %s, \"ipv6\": %s, \"rules\": %d}"
        .formatted(protocols, ipv6, rules);
  }

  @ParameterizedTest
  @MethodSource("lies")
  void aLieIsFoundInItsLineAndNoneInAnother(Line line, String part, String said)
      throws IOException {
    Listing listing = saying(part, said);
    Map<String, Check> checks = examine(listing);
    assertThat(checks.values())
        .as("%s", checks)
        .filteredOn(Check::failed)
        .extracting(Check::name)
        .containsExactly(line.wire());
    assertThat(report(listing, checks).objection(listing, Instant.EPOCH))
        .hasValueSatisfying(why -> assertThat(why).startsWith(line.wire()));
    nothingIsLeft();
  }

  @Test
  void everyLineOfAListingHasALieOrIsSaidToBeAWord() {
    Set<String> lied =
        Stream.concat(
                lies().map(arguments -> ((Line) arguments.get()[0]).wire()),
                WORD.stream().map(Line::wire))
            .collect(Collectors.toSet());
    List<String> lines =
        Arrays.stream(Listing.class.getRecordComponents())
            .map(part -> part.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT))
            .filter(name -> !name.equals("site"))
            .toList();
    assertThat(lied).containsExactlyInAnyOrderElementsOf(lines);
  }

  private static Conformance report(Listing listing, Map<String, Check> checks) {
    List<Check> all =
        Stream.concat(
                checks.values().stream(),
                SUBNETS.stream().map(line -> new Check(line.wire(), 1, Outcome.SKIPPED, "")))
            .toList();
    return new Conformance(listing.site(), Json.digest(listing), Instant.EPOCH, all);
  }

  private void nothingIsLeft() throws IOException {
    assertThat(cloud.machines("examiner")).isEmpty();
    try (Stream<Path> files = Files.list(directory.resolve("journal"))) {
      assertThat(files.map(file -> file.getFileName().toString())).containsExactly(".lock");
    }
  }

  @Test
  void theTruthIsFoundToBeTrueAndWhatNobodySeesIsSkipped() throws IOException {
    Map<String, Check> checks = examine(listing(TRUTH));
    assertThat(checks).hasSize(Line.values().length - SUBNETS.size());
    for (Line line : EnumSet.complementOf(EnumSet.copyOf(SUBNETS))) {
      assertThat(of(checks, line))
          .extracting(Check::outcome)
          .as("%s", of(checks, line))
          .isEqualTo(WORD.contains(line) ? Outcome.SKIPPED : Outcome.PASSED);
    }
    assertThat(report(listing(TRUTH), checks).objection(listing(TRUTH), Instant.EPOCH)).isEmpty();
    assertThat(of(checks, Line.NETWORKS).detail())
        .contains("front 2001:db8:1::/64", "front from wan", "back 10.2.0.8/31");
    assertThat(of(checks, Line.TRAITS).detail()).contains("address.floating is yes");
    assertThat(of(checks, Line.SIZES).detail()).contains("small", "large with a guest");
    nothingIsLeft();
  }

  @Test
  void aSiteThatDropsWhatItSaysItLetsPassIsFoundOut() throws IOException {
    Listing listing = saying("traits", "{\"address.floating\": [\"yes\"]}");
    cloud = new Inventory(root, saying("traits", "{\"disk.bus\": [\"virtio\"]}"), 100);
    assertThat(examine(listing).values())
        .filteredOn(Check::failed)
        .extracting(Check::name)
        .containsExactly(Line.TRAITS.wire());
  }

  @Test
  void whatNoMachineShowsIsNotAsked() throws IOException {
    Listing listing = saying("limits", "{\"nic.mtu\": 1500, \"instances\": 7}");
    Map<String, Check> checks = examine(listing);
    assertThat(of(checks, Line.LIMITS).outcome()).isEqualTo(Outcome.SKIPPED);
    assertThat(report(listing, checks).objection(listing, Instant.EPOCH)).isEmpty();
  }

  @Test
  void guestsThatSayNothingAreNoLanding() throws IOException {
    cloud.silent = true;
    Map<String, Check> checks = examine(listing(TRUTH));
    assertThat(of(checks, Line.LANDING).outcome()).isEqualTo(Outcome.FAILED);
    assertThat(of(checks, Line.FIRMWARES).outcome()).isEqualTo(Outcome.FAILED);
    nothingIsLeft();
  }

  @Test
  void aSiteThatDoesNotRemoveWhatItTookIsFoundOut() throws IOException {
    cloud.forgetful = true;
    assertThat(of(examine(listing(TRUTH)), Line.LANDING))
        .satisfies(
            check -> {
              assertThat(check.outcome()).isEqualTo(Outcome.FAILED);
              assertThat(check.detail()).contains("was not removed");
            });
  }

  @Test
  void whereThereIsNoRoomNothingIsFalseAndNothingIsShown() throws IOException {
    cloud = new Inventory(root, listing(TRUTH), 0);
    Map<String, Check> checks = examine(listing(TRUTH));
    assertThat(of(checks, Line.SIZES).outcome()).isEqualTo(Outcome.SKIPPED);
    assertThat(report(listing(TRUTH), checks).objection(listing(TRUTH), Instant.EPOCH))
        .as("nothing was shown")
        .isPresent();
    assertThat(of(checks, Line.SIZES).detail()).contains("no machine at all", "no room now");
  }

  @Test
  void aCloudThatDoesNotAnswerIsAnErrorAndNoVerdict() throws IOException {
    cloud.broken = Optional.of(new IOException("503"));
    Map<String, Check> checks = examine(listing(TRUTH));
    assertThat(of(checks, Line.FORMATS).outcome()).isEqualTo(Outcome.ERROR);
    assertThat(report(listing(TRUTH), checks).objection(listing(TRUTH), Instant.EPOCH))
        .hasValueSatisfying(why -> assertThat(why).contains("503"));
    nothingIsLeft();
  }

  @Test
  void whatAKilledExaminationLeftIsRemovedByTheNextOne() throws Exception {
    Path journal = Files.createDirectories(directory.resolve("journal"));
    MigrationId id = new MigrationId("m-" + "7".repeat(24));
    Files.createFile(journal.resolve(id.value()));
    Machine machine =
        new Machine(
            "left",
            "left",
            "x86_64",
            1,
            1 << 28,
            Machine.Firmware.BIOS,
            "other",
            List.of(new Machine.Disk("root", "raw", 1 << 20)),
            List.of(),
            List.of());
    Tag tag = new Tag(id, Role.TARGET, 1);
    cloud.reserve(machine, "examiner", tag);
    Map<String, Check> _ = examine(listing(TRUTH));
    nothingIsLeft();
    assertThat(cloud.remove(new Tag(id, Role.TARGET, 3))).isFalse();
  }

  @Test
  void twoDoNotExamineAtOnce() throws IOException {
    Passages first =
        new Passages(
            cloud,
            new TicketDisks(root, 1, RawContent.ANYTHING, Clock.systemUTC()),
            "examiner",
            directory.resolve("journal"));
    try (Closeable _ = first.alone()) {
      assertThatThrownBy(() -> examine(listing(TRUTH)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("another examination");
    }
    Map<String, Check> _ = examine(listing(TRUTH));
  }
}
