package crossdock.imports;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.chassis.Database;
import crossdock.chassis.Identity;
import crossdock.chassis.Outbox;
import crossdock.chassis.Trust;
import crossdock.chassis.testing.Parties;
import crossdock.chassis.testing.TestDatabase;
import crossdock.contracts.Check;
import crossdock.contracts.Conformance;
import crossdock.contracts.Party;
import crossdock.contracts.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportPublishingTest {
  private static final Parties PARTIES = new Parties();
  private static final Instant NOW = Instant.parse("2026-03-01T00:00:00Z");
  private static final String SENT = "SELECT aggregateid, payload FROM outbox ORDER BY seq";

  @TempDir Path directory;
  private Database database;
  private Trust trust;
  private Path file;

  @BeforeEach
  void open() throws IOException {
    database = new Database(new TestDatabase().migrated());
    file = directory.resolve("conformance.json");
    Map<String, Object> files = PARTIES.configure(Parties.SOUTH, directory);
    trust =
        new Trust(
            Path.of(files.getOrDefault("crossdock.trust.bundle", "").toString()),
            Path.of(files.getOrDefault("crossdock.trust.members", "").toString()),
            directory.resolve("work"),
            Clock.fixed(NOW, ZoneOffset.UTC));
  }

  private ReportPublishing start() {
    return new ReportPublishing(
        file,
        new Identity(Parties.SOUTH),
        trust,
        database,
        new Outbox(),
        Clock.fixed(NOW, ZoneOffset.UTC));
  }

  private byte[] report(Party.Site of, Party.Site signer, String detail) {
    return new Conformance(
            of.id(),
            Sha256.of(new byte[0]),
            NOW,
            List.of(new Check("sizes", 1, Check.Outcome.PASSED, detail)))
        .sign(PARTIES.key(signer));
  }

  private List<String> sent() {
    return database.transaction(
        tx -> {
          List<String> all = new ArrayList<>();
          try (PreparedStatement query = tx.prepareStatement(SENT);
              ResultSet found = query.executeQuery()) {
            while (found.next()) {
              assertThat(found.getString(1)).isEqualTo("south:roma/conformance");
              all.add(new String(found.getBytes(2), StandardCharsets.UTF_8));
            }
          }
          return all;
        });
  }

  @Test
  void eachReportIsPublishedOnceAStart() throws IOException {
    ReportPublishing publishing = start();
    publishing.publish();
    assertThat(sent()).isEmpty();
    byte[] first = report(Parties.SOUTH, Parties.SOUTH, "first");
    Files.write(file, first);
    publishing.publish();
    publishing.publish();
    assertThat(sent()).containsExactly(new String(first, StandardCharsets.UTF_8));
    Files.write(file, report(Parties.SOUTH, Parties.SOUTH, "second"));
    publishing.publish();
    assertThat(sent()).hasSize(2);
    start().publish();
    assertThat(sent()).hasSize(3);
  }

  @Test
  void whatTheSiteHasNotSignedOfItselfIsNotPublished() throws IOException {
    for (byte[] bad :
        List.of(
            report(Parties.SOUTH, Parties.NORTH, "x"),
            report(Parties.NORTH, Parties.NORTH, "x"),
            "{".getBytes(StandardCharsets.UTF_8))) {
      Files.write(file, bad);
      start().publish();
    }
    assertThat(sent()).isEmpty();
  }
}
