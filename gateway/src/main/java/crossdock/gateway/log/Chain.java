package crossdock.gateway.log;

import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Migration;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Party;
import crossdock.contracts.Report;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** One migration's events while a transaction adds to them. Not thread-safe. */
final class Chain {
  private static final BigDecimal NOTHING_READ = BigDecimal.ONE.negate();

  private final List<byte[]> events;
  private final int known;
  private final Set<Party.Site> concerned = new HashSet<>();
  private Migration migration;
  private long bytes;

  private Chain(Migration migration, List<byte[]> events) {
    this.migration = migration;
    this.events = new ArrayList<>(events);
    this.known = events.size();
    this.bytes = events.stream().mapToLong(event -> event.length).sum();
  }

  static Chain of(MigrationId id, List<byte[]> events) {
    Migration migration = Migration.of(id);
    for (byte[] event : events) {
      migration = migration.after(Json.read(event, Event.class));
    }
    return new Chain(migration, events);
  }

  void add(byte[] event, Event parsed, Report report) {
    Migration before = migration;
    events.add(event);
    bytes += event.length;
    migration = migration.after(parsed);
    if (report.fact() instanceof Fact.Undoing || report.fact() instanceof Fact.Accepted) {
      // Nothing may be due to a site any more that is still at work: it has to hear that.
      if (before.latest(Fact.Authorized.class).isPresent()) {
        concern(Role.SOURCE);
      }
      if (before.latest(Fact.Approved.class).isPresent()) {
        concern(Role.TARGET);
      }
    }
  }

  private void concern(Role role) {
    if (migration.party(role) instanceof Party.Site site) {
      concerned.add(site);
    }
  }

  MigrationId id() {
    return migration.id();
  }

  Migration migration() {
    return migration;
  }

  List<byte[]> events() {
    return List.copyOf(events);
  }

  int size() {
    return events.size();
  }

  long bytes() {
    return bytes;
  }

  /** Whether this transaction has added to it. */
  boolean grown() {
    return events.size() > known;
  }

  /** The sites that must hear of what was added although nothing may be due to them. */
  Set<Party.Site> concerned() {
    return concerned;
  }

  Sha256 last() {
    return events.isEmpty() ? Sha256.NONE : Sha256.of(events.getLast());
  }

  /** The last reading of one of a party's meters; below zero if there is none. */
  BigDecimal reading(Party party, String meter) {
    for (byte[] event : events.reversed()) {
      Report report = Json.read(event, Event.class).report();
      if (report.by().equals(party)
          && report.fact() instanceof Fact.Used used
          && used.meter().equals(meter)) {
        return used.quantity();
      }
    }
    return NOTHING_READ;
  }
}
