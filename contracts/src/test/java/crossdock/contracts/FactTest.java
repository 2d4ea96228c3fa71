package crossdock.contracts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
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
                false));
    assertThat(Json.read(Json.bytes(report), Report.class)).isEqualTo(report);
    assertThat(Json.text(report)).contains("\"type\":\"crossdock.migration.requested.v1\"");
  }

  @Test
  void aFactOfALaterVersionIsUnknownAndKeepsItsName() {
    Fact fact = Json.read("{\"type\":\"crossdock.migration.dreamt.v1\",\"of\":7}", Fact.class);
    assertThat(fact.type()).isEqualTo("crossdock.migration.dreamt.v1");
  }

  @Test
  void aMissingComponentIsRefused() {
    assertThatThrownBy(() -> Json.read("{\"type\":\"crossdock.migration.retried.v1\"}", Fact.class))
        .isInstanceOf(Refused.class);
    assertThatThrownBy(() -> Json.read("{\"type\":\"crossdock.migration.retired.v1\"}", Fact.class))
        .isInstanceOf(Refused.class);
  }
}
