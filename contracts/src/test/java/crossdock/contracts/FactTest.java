package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.time.LocalTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class FactTest {
  private static final MigrationId ID = MigrationId.of(new Subject("https://idp", "alice"), "1");

  @Test
  void aReportSurvivesTheWire() {
    Report report =
        new Report(
            ID,
            Party.parse("urn:crossdock:core:gateway"),
            1,
            Instant.parse("2026-01-02T03:04:05Z"),
            new Fact.Requested(
                new Subject("https://idp", "alice"),
                SiteId.parse("north:oslo"),
                "vm-1",
                SiteId.parse("south:roma"),
                Fact.Mode.COLD,
                Fact.Acceptance.AUTOMATIC,
                new Money(new java.math.BigDecimal("12.50"), "EUR"),
                false,
                Optional.of(
                    new Bandwidth(
                        2_000_000,
                        Optional.of(LocalTime.of(22, 0)),
                        Optional.of(LocalTime.of(4, 30)))),
                List.of("firewall-wider"),
                Optional.of(
                    new Choices(
                        Optional.empty(),
                        Optional.of("large"),
                        Optional.of("roma-2"),
                        new TreeMap<>(Map.of("ssd", "fast")),
                        new TreeMap<>(Map.of("lan", "lan-b")),
                        List.of("EU"),
                        Optional.of(600L)))));
    assertThat(Json.read(Json.bytes(report), Report.class)).isEqualTo(report);
    assertThat(Json.text(report))
        .contains("\"type\":\"crossdock.migration.requested.v1\"")
        .contains("{\"bytesPerSecond\":2000000,\"from\":\"22:00:00\",\"to\":\"04:30:00\"}")
        .contains("\"waived\":[\"firewall-wider\"]")
        .contains(
            "\"choices\":{\"size\":\"large\",\"zone\":\"roma-2\",\"storage\":{\"ssd\":\"fast\"},\"networks\":{\"lan\":\"lan-b\"},\"within\":[\"EU\"],\"downtimeSeconds\":600}");
  }

  @Test
  void aFactOfALaterVersionIsUnknownAndKeepsItsName() {
    Fact fact = Json.read("{\"type\":\"crossdock.migration.dreamt.v1\",\"of\":7}", Fact.class);
    assertThat(fact.type()).isEqualTo("crossdock.migration.dreamt.v1");
  }

  @Test
  void aBandwidthIsSomethingAndHasBothEndsOfATime() {
    Optional<LocalTime> noon = Optional.of(LocalTime.NOON);
    assertThatThrownBy(() -> new Bandwidth((1 << 20) - 1, Optional.empty(), Optional.empty()))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> new Bandwidth(1 << 20, noon, Optional.empty()))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> new Bandwidth(1 << 20, Optional.empty(), noon))
        .isInstanceOf(Refused.class);
  }

  @Test
  void aMissingComponentIsRefused() {
    assertThatThrownBy(() -> Json.read("{\"type\":\"crossdock.migration.retried.v1\"}", Fact.class))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> Json.read("{\"type\":\"crossdock.migration.retired.v1\"}", Fact.class))
        .isInstanceOf(Refused.class);
  }
}
