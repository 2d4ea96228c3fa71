package crossdock.site;

import crossdock.chassis.Identity;
import crossdock.chassis.Jobs;
import crossdock.chassis.Outbox;
import crossdock.chassis.Outcome;
import crossdock.chassis.Readers;
import crossdock.contracts.Json;
import crossdock.contracts.Party;
import crossdock.contracts.Progress;
import crossdock.contracts.Refused;
import crossdock.contracts.Step;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Set;

/**
 * Orders to the site's dock, and what comes back: a result wakes the job that waits for it, an
 * advance is passed on.
 */
@Singleton
public final class DockResults {
  private final Party.Site site;
  private final Readers readers;
  private final Jobs jobs;
  private final Outbox outbox;
  private final DockSeal seal;

  DockResults(Identity identity, Readers readers, Jobs jobs, Outbox outbox, DockSeal seal) {
    if (!(identity.party() instanceof Party.Site own)) {
      throw new IllegalStateException("only a site has a dock");
    }
    this.site = own;
    this.readers = readers;
    this.jobs = jobs;
    this.outbox = outbox;
    this.seal = seal;
  }

  /**
   * Begins to listen, for the jobs of these steps.
   *
   * @param reader names the consumer group
   */
  public void listen(String reader, Set<Step> steps) {
    readers.start(reader, List.of(site.dock()), (tx, _, _, value) -> take(tx, steps, value));
  }

  /**
   * Takes a message of the dock's topic, as it concerns the jobs of {@code steps}.
   *
   * @throws Refused if it is none, or not from this site's own services
   */
  public void take(Connection tx, Set<Step> steps, byte[] value) throws SQLException {
    switch (seal.open(value)) {
      case DockMessage.Result result when steps.contains(result.step()) -> wake(tx, result);
      case DockMessage.Advance advance when steps.contains(advance.step()) -> pass(tx, advance);
      case DockMessage.Result _, DockMessage.Advance _, DockMessage.Order _ -> {}
    }
  }

  private void wake(Connection tx, DockMessage.Result result) throws SQLException {
    boolean _ =
        jobs.wake(
            tx, result.migration(), result.step().wire(), result.attempt(), Json.text(result));
  }

  private void pass(Connection tx, DockMessage.Advance advance) throws SQLException {
    Progress progress =
        new Progress(
            advance.migration(),
            advance.step(),
            advance.attempt(),
            advance.doneBytes(),
            advance.totalBytes(),
            advance.aheadBytes());
    outbox.add(
        tx,
        site.progress(),
        advance.migration().value(),
        "crossdock.progress.v1",
        Json.bytes(progress));
  }

  /** An order as a message for the outbox. */
  public Outcome.Message order(DockMessage.Order order) {
    return new Outcome.Message(
        site.dock(),
        order.migration().value(),
        "crossdock.dock." + order.kind() + ".v1",
        seal.seal(order));
  }
}
