package crossdock.catalog;

import crossdock.contracts.Choices;
import crossdock.contracts.Fact;
import crossdock.contracts.Firewall;
import crossdock.contracts.Listing;
import crossdock.contracts.Listing.Construct;
import crossdock.contracts.Listing.Filtering;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan;
import crossdock.contracts.Plan.Concern;
import crossdock.contracts.Plan.Mapping;
import crossdock.contracts.Plan.Severity;
import crossdock.contracts.Sha256;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.Collectors;

/**
 * Maps every construct of a machine to one of the target: as the customer chose, else as the target
 * says of the source's, else by what it is and by name. Where there is no counterpart the plan says
 * so as a blocking concern and maps to an empty name: nothing is left out silently. Pure,
 * thread-safe.
 *
 * @param forecasts of how long it takes from the machine's site
 */
record Mapper(Journeys.Forecasts forecasts) {
  private static final Concerns KNOWN = Concerns.shipped();
  static final String CHOSEN = "Chosen by the customer.";
  private static final String ZONE = "zone";
  private static final String ENCRYPTED = "disk.encrypted";
  private static final String PROVIDER = "provider";
  private static final Comparator<Listing.Size> SMALLEST =
      Comparator.comparingInt(Listing.Size::cpus)
          .thenComparingLong(Listing.Size::memoryBytes)
          .thenComparing(Listing.Size::name);

  /**
   * The plan for moving {@code machine}; the same input gives the same plan.
   *
   * @param mode of a copy the source goes on running, and needs its addresses itself
   * @param waived codes of concerns that the customer takes the risk of
   * @param choices what the customer has chosen there
   */
  Plan plan(
      Machine machine,
      Listing source,
      Listing target,
      Fact.Mode mode,
      Collection<String> waived,
      Choices choices) {
    return plans(machine, source, List.of(target), mode, waived, choices).getFirst();
  }

  /** Where the customer has chosen nothing. */
  Plan plan(
      Machine machine, Listing source, Listing target, Fact.Mode mode, Collection<String> waived) {
    return plan(machine, source, target, mode, waived, Choices.NONE);
  }

  /** As {@link #plan}, for each target, in order; what is the same for all is worked out once. */
  List<Plan> plans(
      Machine machine,
      Listing source,
      Collection<Listing> targets,
      Fact.Mode mode,
      Collection<String> waived,
      Choices choices) {
    Sha256 digest = machine.digest();
    Map<Filtering, List<Firewalls.Said>> said = new HashMap<>();
    return targets.stream()
        .map(target -> plan(machine, digest, source, target, mode, waived, choices, said))
        .toList();
  }

  private Plan plan(
      Machine machine,
      Sha256 digest,
      Listing source,
      Listing target,
      Fact.Mode mode,
      Collection<String> waived,
      Choices choices,
      Map<Filtering, List<Firewalls.Said>> said) {
    boolean goesOn = mode == Fact.Mode.COPY;
    List<Concern> concerns = new ArrayList<>();
    Mapping size = size(machine, choices, target, concerns);
    Optional<Mapping> zone = zone(machine, source, choices, target, concerns);
    List<Mapping> storage = storage(machine, source, choices, target, concerns);
    Machine named = choices.name().map(machine::named).orElse(machine);
    if (!target.architectures().contains(machine.architecture())) {
      concerns.add(
          blocking(
              "architecture-not-offered",
              target.site() + " runs no " + machine.architecture() + " guests."));
    }
    if (!target.firmwares().contains(machine.firmware())) {
      concerns.add(
          blocking(
              "firmware-not-offered",
              target.site() + " boots no guest by " + machine.firmware() + "."));
    }
    Cards cards = new Cards(machine, source, target, goesOn, concerns);
    List<Mapping> networks = cards.networks(choices);
    List<Mapping> addresses = cards.addresses(networks);
    List<Mapping> outside = cards.outside(networks);
    List<Firewall> firewalls = Firewalls.of(machine, target, waived, said, concerns);
    List<Mapping> allowed = cards.allowed(!firewalls.isEmpty());
    List<Mapping> groups = new ArrayList<>();
    for (String group : machine.securityGroups()) {
      groups.add(
          firewalls.isEmpty()
              ? counterpart(source, target, Construct.SECURITY_GROUP, group)
                  .orElseGet(
                      () -> named("security-group", group, target.securityGroups(), concerns))
              : new Mapping(group, "", "Its rules are set for this machine alone."));
    }
    for (String law : choices.within()) {
      if (!law.equals(target.country()) && !target.jurisdictions().contains(law)) {
        concerns.add(
            new Concern(
                "data-leaves",
                Severity.BLOCKING,
                "The data may not leave "
                    + law
                    + ", and "
                    + target.site()
                    + " does not say that it is there.",
                "Choose another target."));
      }
    }
    if (!source.country().equals(target.country())) {
      concerns.add(
          new Concern(
              "country-changes",
              Severity.INFORMATION,
              moves(source, target),
              "Nothing, if the data may be kept there."));
    }
    Plan.Estimate estimate =
        forecasts
            .to(target.site())
            .of(machine.disks().stream().mapToLong(Machine.Disk::virtualBytes).sum());
    if (!goesOn) {
      choices.downtimeSeconds().ifPresent(most -> missed(estimate, most, concerns));
    }
    Concerns.Findings findings = KNOWN.about(named, source, target, mode, waived);
    concerns.addAll(findings.concerns());
    cards.dropped(allowed);
    concerns.sort(Comparator.comparing(Concern::severity));
    SortedMap<String, Mapping> devices = Devices.of(machine, target, findings.adaptations());
    return new Plan(
        digest,
        choices.name().orElseGet(() -> plain(machine)),
        target.formats().getFirst(),
        size,
        target.sizes().stream().filter(one -> one.name().equals(size.target())).findFirst(),
        zone,
        storage,
        devices,
        networks,
        addresses,
        allowed,
        outside,
        groups,
        firewalls,
        Devices.adapted(findings.adaptations(), machine, devices),
        concerns.stream().distinct().toList(),
        estimate);
  }

  /** By the slowest that was seen; a limit is none if it holds every other time. */
  private static void missed(Plan.Estimate estimate, long most, List<Concern> concerns) {
    long seconds = estimate.range().map(Plan.Range::highSeconds).orElse(estimate.seconds());
    if (seconds > most) {
      concerns.add(
          new Concern(
              "downtime-too-long",
              Severity.BLOCKING,
              "It may take %d s without the machine, and at most %d s were asked for."
                  .formatted(seconds, most),
              "Choose another target, allow more, or take a copy and stop the machine yourself."));
    }
  }

  /** As the target says of that provider's. */
  static Optional<Mapping> counterpart(
      Listing source, Listing target, Construct construct, String name) {
    return target
        .counterpart(source.site(), construct, name)
        .map(
            here ->
                new Mapping(
                    name,
                    here,
                    target.site().provider()
                        + " takes it for what "
                        + source.site().provider()
                        + " calls "
                        + name
                        + "."));
  }

  private static String moves(Listing source, Listing target) {
    String both =
        source.jurisdictions().stream()
            .filter(target.jurisdictions()::contains)
            .sorted()
            .collect(Collectors.joining(", "));
    return "The disks move from %s to %s%s."
        .formatted(
            source.country(), target.country(), both.isEmpty() ? "" : "; both are in " + both);
  }

  private static Mapping size(
      Machine machine, Choices choices, Listing target, List<Concern> concerns) {
    String now = machine.cpus() + " CPUs, " + machine.memoryBytes() + " bytes of memory";
    if (choices.size().isPresent()) {
      String name = choices.size().get();
      Optional<Listing.Size> chosen =
          target.sizes().stream().filter(size -> size.name().equals(name)).findFirst();
      if (chosen.isEmpty()) {
        return notOffered(now, "size", name, concerns);
      }
      if (!chosen.get().holds(machine)) {
        concerns.add(
            new Concern(
                "size-smaller",
                Severity.WARNING,
                "%s has %d CPUs and %d bytes of memory, and the machine has %s now."
                    .formatted(name, chosen.get().cpus(), chosen.get().memoryBytes(), now),
                "Look whether the guest can do with less, or choose a larger size."));
      }
      return new Mapping(now, name, CHOSEN);
    }
    Optional<Listing.Size> smallest =
        target.sizes().stream().filter(size -> size.holds(machine)).min(SMALLEST);
    if (smallest.isEmpty()) {
      concerns.add(
          blocking("no-size-holds-it", target.site() + " has no size that holds " + now + "."));
      return new Mapping(now, "", "No size holds it.");
    }
    return new Mapping(
        now,
        smallest.get().name(),
        "The smallest size with at least the CPUs and the memory that it has now"
            + spare(smallest.get(), machine));
  }

  static Mapping notOffered(String now, String what, String chosen, List<Concern> concerns) {
    concerns.add(
        blocking("choice-not-offered", "The target has no %s %s.".formatted(what, chosen)));
    return new Mapping(now, "", "The chosen one is not offered.");
  }

  /**
   * A zone's name means nothing elsewhere; that two machines fail apart does. So zones are mapped
   * in their order: machines of one zone stay together, and those of two stay apart while the
   * target has as many.
   */
  private static Optional<Mapping> zone(
      Machine machine, Listing source, Choices choices, Listing target, List<Concern> concerns) {
    String now = machine.traits().getOrDefault(ZONE, "");
    if (choices.zone().isPresent()) {
      String chosen = choices.zone().get();
      return Optional.of(
          target.zones().contains(chosen)
              ? new Mapping(now, chosen, CHOSEN)
              : notOffered(now, ZONE, chosen, concerns));
    }
    Optional<Mapping> said = counterpart(source, target, Construct.ZONE, now);
    if (said.isPresent()) {
      return said;
    }
    int place = source.zones().indexOf(now);
    int zones = target.zones().size();
    if (place < 0 || zones == 0) {
      return Optional.empty();
    }
    if (source.zones().size() > zones) {
      concerns.add(
          new Concern(
              "zones-fewer",
              Severity.WARNING,
              "%s has %d zones, and the machine is in %s of %d."
                  .formatted(target.site(), zones, now, source.zones().size()),
              "Look which of your machines fail together there, or choose their zones."));
    }
    return Optional.of(
        new Mapping(
            now,
            target.zones().get(place % zones),
            "In the order of their zones: what fails apart here fails apart there."));
  }

  /** One for each disk. What its provider encrypts stays so, or the machine where it is. */
  private static List<Mapping> storage(
      Machine machine, Listing source, Choices choices, Listing target, List<Concern> concerns) {
    choices.storage().keySet().stream()
        .filter(
            name ->
                machine.disks().stream()
                    .noneMatch(disk -> disk.storage().equals(Optional.of(name))))
        .forEach(
            name ->
                concerns.add(
                    blocking(
                        "choice-of-nothing",
                        "Storage is chosen for " + name + ", and no disk is in that.")));
    boolean everywhere =
        target.traits().getOrDefault(ENCRYPTED, List.of()).equals(List.of(PROVIDER));
    List<Mapping> storage = new ArrayList<>();
    for (Machine.Disk disk : machine.disks()) {
      String now = disk.storage().orElse("");
      boolean encrypted =
          PROVIDER.equals(machine.traits().get(ENCRYPTED))
              || source.storage().stream()
                  .anyMatch(one -> one.name().equals(now) && one.encrypted());
      Optional<Mapping> said = counterpart(source, target, Construct.STORAGE, now);
      storage.add(storage(disk, now, encrypted && !everywhere, choices, said, target, concerns));
    }
    return target.storage().isEmpty() && choices.storage().isEmpty() ? List.of() : storage;
  }

  private static Mapping storage(
      Machine.Disk disk,
      String now,
      boolean encrypted,
      Choices choices,
      Optional<Mapping> said,
      Listing target,
      List<Concern> concerns) {
    String chosen = choices.storage().get(now);
    if (chosen != null && target.storage().stream().noneMatch(one -> one.name().equals(chosen))) {
      return notOffered(now, "class of storage", chosen, concerns);
    }
    List<Listing.Storage> good =
        target.storage().stream()
            .filter(one -> chosen == null || one.name().equals(chosen))
            .filter(one -> one.encrypted() || !encrypted)
            .toList();
    if (good.isEmpty()) {
      if (encrypted) {
        concerns.add(
            blocking(
                "storage-in-plain",
                "The source keeps %s encrypted, and %s does not."
                    .formatted(
                        disk.name(),
                        chosen == null ? target.site().toString() : "the class " + chosen)));
      }
      return new Mapping(now, "", "No class of storage is offered that may be taken.");
    }
    if (chosen != null) {
      return new Mapping(now, chosen, CHOSEN);
    }
    if (said.filter(one -> good.stream().anyMatch(it -> it.name().equals(one.target())))
        .isPresent()) {
      return said.get();
    }
    Optional<Listing.Storage> same =
        good.stream().filter(one -> one.name().equals(now)).findFirst();
    return same.isPresent()
        ? new Mapping(now, now, "By the same name.")
        : new Mapping(
            now,
            good.getFirst().name(),
            encrypted ? "The first one that is encrypted." : "The site's first one.");
  }

  /** What nobody asked for and is paid. */
  private static String spare(Listing.Size size, Machine machine) {
    int cpus = size.cpus() - machine.cpus();
    long bytes = size.memoryBytes() - machine.memoryBytes();
    return cpus == 0 && bytes == 0
        ? "."
        : "; it has %d CPUs and %d bytes of memory more.".formatted(cpus, bytes);
  }

  static Mapping named(String what, String name, List<String> offered, List<Concern> concerns) {
    if (offered.contains(name)) {
      return new Mapping(name, name, "By the same name.");
    }
    if (offered.isEmpty()) {
      concerns.add(blocking("no-" + what, "There is no " + what + " for " + name + "."));
      return new Mapping(name, "", "None is offered.");
    }
    String first = offered.getFirst();
    concerns.add(
        new Concern(
            what + "-by-default",
            Severity.WARNING,
            "The target has no " + what + " " + name + "; " + first + " takes its place.",
            "Make one of that name at the target, or look at what " + first + " allows."));
    return new Mapping(name, first, "None has that name: the site's first one.");
  }

  static Concern blocking(String code, String text) {
    return new Concern(
        code, Severity.BLOCKING, text, "Choose another target, or change the machine.");
  }

  /** Its owner's name for it as a plain one; the provider's id where nothing of it is left. */
  private static String plain(Machine machine) {
    String name =
        machine.name().replaceAll("[^A-Za-z0-9._-]+", "-").replaceAll("^[^A-Za-z0-9]+|-+$", "");
    return name.isEmpty() ? machine.id() : name;
  }
}
