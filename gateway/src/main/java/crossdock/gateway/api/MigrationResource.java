package crossdock.gateway.api;

import crossdock.contracts.Bill;
import crossdock.contracts.Certificate;
import crossdock.contracts.Due;
import crossdock.contracts.Event;
import crossdock.contracts.Fact;
import crossdock.contracts.Migration;
import crossdock.contracts.Migration.State;
import crossdock.contracts.MigrationId;
import crossdock.contracts.NetworkPath;
import crossdock.contracts.Progress;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Role;
import crossdock.contracts.Sha256;
import crossdock.contracts.SiteId;
import crossdock.contracts.Step;
import crossdock.gateway.log.Story;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A migration as its customer sees it.
 *
 * @param done whether nothing is waited for any more
 * @param inputs how much its customer has had to say beyond machine, sites, limits and a yes
 * @param owed while it is undone, who has not paid yet
 * @param stuck whether one of them was silent or failed for too long
 * @param reason why it is undone, or why a step failed that may yet be tried again
 * @param path from the source's dock, as measured before the source was stopped
 * @param disks once there is a plan for them
 * @param seconds spent on each step that is over
 */
record MigrationResource(
    MigrationId id,
    String state,
    boolean done,
    String runs,
    String vm,
    SiteId source,
    SiteId target,
    String mode,
    int inputs,
    Instant createdAt,
    Instant updatedAt,
    List<Waiting> due,
    List<Role> owed,
    boolean stuck,
    Optional<Share> progress,
    Optional<Reason> reason,
    Optional<Bill> quote,
    Optional<NetworkPath> path,
    List<Disk> disks,
    Optional<String> targetMachine,
    Optional<String> evidence,
    Map<String, Double> seconds) {

  record Waiting(Step step, Role role, int attempt, Instant deadline) {}

  /**
   * @param aheadBytes of others, that its site's dock does before
   * @param bytesPerSecond since the worker began or began anew
   * @param remainingSeconds at that rate
   */
  record Share(
      Step step,
      long doneBytes,
      long totalBytes,
      Optional<Long> aheadBytes,
      Optional<Long> bytesPerSecond,
      Optional<Long> remainingSeconds) {}

  record Disk(
      String name,
      String sourceFormat,
      String targetFormat,
      long virtualBytes,
      Optional<Sha256> root) {}

  static MigrationResource of(Story story) {
    Migration migration = story.migration();
    Fact.Requested request = migration.request();
    return new MigrationResource(
        story.id(),
        story.state(),
        migration.ended(),
        migration.runs().name().toLowerCase(Locale.ROOT),
        request.vm(),
        request.source(),
        request.target(),
        request.mode().name().toLowerCase(Locale.ROOT),
        request.inputs(),
        story.createdAt(),
        story.updatedAt(),
        migration.due().stream()
            .sorted(Comparator.comparing(Due::step))
            .map(due -> new Waiting(due.step(), due.step().role(), due.attempt(), due.deadline()))
            .toList(),
        owed(migration).map(State.Undoing::owed).orElse(Set.of()).stream().sorted().toList(),
        owed(migration).filter(State.Undoing::stuck).isPresent(),
        story.progress().map(progress -> share(progress, story.rate())),
        reason(migration),
        migration.latest(Fact.Quoted.class).map(Fact.Quoted::quote),
        migration.latest(Fact.Reserved.class).flatMap(Fact.Reserved::path),
        disks(migration),
        migration.latest(Fact.Imported.class).map(Fact.Imported::machine),
        migration.latest(Fact.Booted.class).map(Fact.Booted::evidence),
        seconds(story.events()));
  }

  private static Share share(Progress progress, OptionalLong known) {
    Optional<Long> rate =
        known.isPresent() ? Optional.of(known.getAsLong()) : Optional.<Long>empty();
    long left = progress.totalBytes() - progress.doneBytes();
    return new Share(
        progress.step(),
        progress.doneBytes(),
        progress.totalBytes(),
        progress.aheadBytes(),
        rate,
        rate.map(bytes -> Math.ceilDiv(left, bytes)));
  }

  private static Optional<State.Undoing> owed(Migration migration) {
    return migration.state() instanceof State.Undoing undoing
        ? Optional.of(undoing)
        : Optional.empty();
  }

  private static Optional<Reason> reason(Migration migration) {
    return switch (migration.state()) {
      case State.Undoing undoing -> Optional.of(undoing.reason());
      case State.Undone(Reason reason) -> Optional.of(reason);
      case State.Nothing _,
          State.Requested _,
          State.Authorized _,
          State.Inspected _,
          State.Planned _,
          State.Quoted _,
          State.Approved _,
          State.Stopped _,
          State.Opened _,
          State.Certified _,
          State.Imported _,
          State.Booted _,
          State.Accepted _,
          State.Retired _ ->
          migration.failed().values().stream().sorted().findFirst();
    };
  }

  private static List<Disk> disks(Migration migration) {
    if (migration.latest(Fact.Planned.class).isEmpty()) {
      return List.of();
    }
    Map<String, Sha256> roots =
        migration
            .latest(Fact.Certified.class)
            .map(MigrationResource::certified)
            .orElse(List.of())
            .stream()
            .collect(Collectors.toMap(Certificate.Disk::name, Certificate.Disk::root, (a, _) -> a));
    String format = migration.plan().format();
    return migration.machine().disks().stream()
        .map(
            disk ->
                new Disk(
                    disk.name(),
                    disk.format(),
                    format,
                    disk.virtualBytes(),
                    Optional.ofNullable(roots.get(disk.name()))))
        .toList();
  }

  /** Nothing where the source sent something else: whether it counts is the target's to say. */
  private static List<Certificate.Disk> certified(Fact.Certified certified) {
    try {
      return Certificate.read(certified.certificate()).disks();
    } catch (Refused e) {
      return List.of();
    }
  }

  private static Map<String, Double> seconds(List<Event> events) {
    Map<Step, Duration> spent = new EnumMap<>(Step.class);
    Map<Step, Instant> running = new EnumMap<>(Step.class);
    Migration migration = Migration.of(events.getFirst().migration());
    for (Event event : events) {
      migration = migration.after(event);
      Set<Step> due = new HashSet<>();
      migration.due().forEach(one -> due.add(one.step()));
      for (Step step : Set.copyOf(running.keySet())) {
        if (!due.contains(step)) {
          spent.merge(step, Duration.between(running.remove(step), event.at()), Duration::plus);
        }
      }
      due.forEach(step -> running.putIfAbsent(step, event.at()));
    }
    Map<String, Double> seconds = new LinkedHashMap<>();
    spent.forEach((step, time) -> seconds.put(step.wire(), time.toMillis() / 1000.0));
    return seconds;
  }
}
