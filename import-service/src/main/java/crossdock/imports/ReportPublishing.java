package crossdock.imports;

import crossdock.chassis.Database;
import crossdock.chassis.Identity;
import crossdock.chassis.Outbox;
import crossdock.chassis.Trust;
import crossdock.contracts.Conformance;
import crossdock.contracts.Party;
import crossdock.contracts.Refused;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.scheduling.annotation.Scheduled;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Arrays;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes what an examination of the site found, at every start and whenever there is a newer
 * one, beside the listing that it is about. Not for several threads.
 */
@Context
@Requires(property = "crossdock.site.conformance")
final class ReportPublishing {
  private static final Logger LOG = LoggerFactory.getLogger(ReportPublishing.class);

  private final Path file;
  private final Party.Site site;
  private final Trust trust;
  private final Database database;
  private final Outbox outbox;
  private final Clock clock;
  private byte[] last = new byte[0];

  /**
   * @param file where an examination puts its report, signed; it may come later
   */
  ReportPublishing(
      @Value("${crossdock.site.conformance}") Path file,
      Identity identity,
      Trust trust,
      Database database,
      Outbox outbox,
      Clock clock) {
    this.file = file;
    this.site = (Party.Site) identity.party();
    this.trust = trust;
    this.database = database;
    this.outbox = outbox;
    this.clock = clock;
  }

  /** Publishes what has not been published since the start. */
  @Scheduled(fixedDelay = "5s")
  synchronized void publish() {
    try {
      byte[] signed = Files.exists(file) ? Files.readAllBytes(file) : last;
      if (Arrays.equals(signed, last)) {
        return;
      }
      Conformance report = Conformance.signed(signed, trust.now(), clock.instant());
      if (!report.site().equals(site.id())) {
        throw new Refused("a report on " + report.site());
      }
      // A key of its own: of each the topic keeps what came last.
      database.change(
          tx ->
              outbox.add(tx, site.listing(), site.id() + "/conformance", Conformance.TYPE, signed));
      last = signed;
      LOG.info("published what was found on {}", report.at());
    } catch (IOException | RuntimeException e) {
      LOG.warn("{} is not published: {}", file, e.getMessage());
    }
  }
}
