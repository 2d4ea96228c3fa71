package crossdock.gateway.log;

import crossdock.chassis.Database;
import crossdock.chassis.Readers;
import crossdock.chassis.Trust;
import crossdock.contracts.CoreService;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.TrustBundle;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.StartupEvent;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the log what comes from outside: reports, progress, and the passing of time. Any number of
 * gateways may do so at once.
 */
@Singleton
final class Clerk implements ApplicationEventListener<StartupEvent>, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Clerk.class);
  private static final long IDLE_NANOS = 1_000_000_000L;

  private final MigrationLog log;
  private final Database database;
  private final Readers readers;
  private final Trust trust;
  private final Thread sweep = Thread.ofVirtual().name("sweep").unstarted(this::sweep);
  private volatile boolean open = true;

  Clerk(MigrationLog log, Database database, Readers readers, Trust trust) {
    this.log = log;
    this.database = database;
    this.readers = readers;
    this.trust = trust;
  }

  @Override
  public void onApplicationEvent(StartupEvent event) {
    readers.start("reports", this::reports, (tx, topic, _, value) -> log.take(tx, topic, value));
    readers.start(
        "progress",
        () -> sites().map(Party.Site::progress).sorted().toList(),
        (tx, topic, _, value) -> log.progress(tx, topic, value));
    sweep.start();
  }

  /** Of whoever is a member now. */
  private List<String> reports() {
    return Stream.concat(
            sites(),
            trust.now().core().services().stream()
                .filter(core -> core.service() != CoreService.GATEWAY))
        .map(Party::reports)
        .sorted()
        .toList();
  }

  private Stream<Party.Site> sites() {
    return trust.now().present().stream()
        .flatMap(member -> member.sites().stream())
        .map(TrustBundle.Site::urn);
  }

  private void sweep() {
    while (open) {
      // Whoever was away has heard nobody, and that is not their silence.
      if (!readers.caughtUp() || !look()) {
        LockSupport.parkNanos(IDLE_NANOS);
      }
    }
  }

  /** Whether there was a migration to look at. A failure postpones that one and no other. */
  private boolean look() {
    try {
      Optional<MigrationId> next = database.transaction(log::next);
      next.ifPresent(
          id ->
              database.change(
                  tx -> {
                    log.look(tx, id);
                  }));
      return next.isPresent();
    } catch (RuntimeException e) {
      LOG.error("the sweep waits", e);
      return false;
    }
  }

  @Override
  @PreDestroy
  public void close() {
    open = false;
    LockSupport.unpark(sweep);
  }
}
