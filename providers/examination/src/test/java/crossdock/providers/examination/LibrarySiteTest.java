package crossdock.providers.examination;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.contracts.Conformance.Line;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.disk.FormatSafety.RawContent;
import crossdock.providers.disks.TicketDisks;
import crossdock.providers.library.Library;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A site where machines do not run. */
final class LibrarySiteTest {
  private static final String LISTING =
      """
      {"site": "east:wien", "country": "AT", "formats": ["raw"],
       "sizes": [{"name": "s", "cpus": 2, "memoryBytes": 2147483648}],
       "networks": [{"name": "default", "subnets": []}], "securityGroups": ["default"],
       "architectures": ["x86_64"], "firmwares": ["BIOS", "UEFI"], "zones": [%s]}
      """;

  @TempDir private Path directory;

  private List<Check> examine(String zones) throws IOException {
    Path root = Files.createDirectory(directory.resolve("site"));
    try (Library library = new Library(root, List.of("raw"), 10, 1L << 40);
        TicketDisks disks =
            new TicketDisks(root, 1L << 40, RawContent.NOT_AN_IMAGE, Clock.systemUTC())) {
      return new SiteExamination(library, disks, "examiner", directory.resolve("journal"))
          .examine(Json.read(LISTING.replace("%s", zones), Listing.class));
    }
  }

  @Test
  void itsLandingIsSkippedAloud() throws IOException {
    assertThat(examine(""))
        .as("all lines but the two subnets'")
        .hasSize(Line.values().length - 2)
        .filteredOn(check -> check.outcome() != Outcome.PASSED)
        .extracting(Check::name, Check::outcome)
        .containsExactlyInAnyOrder(
            tuple("country", Outcome.SKIPPED),
            tuple("jurisdictions", Outcome.SKIPPED),
            tuple("counterparts", Outcome.SKIPPED),
            tuple("landing", Outcome.SKIPPED));
  }

  @Test
  void aZoneThatItHasNotIsFound() throws IOException {
    assertThat(examine("\"nowhere\""))
        .filteredOn(Check::failed)
        .singleElement()
        .satisfies(
            check -> {
              assertThat(check.name()).isEqualTo("zones");
              assertThat(check.detail()).startsWith("FAILED 1: nowhere");
            });
  }
}
