package crossdock.providers.library;

import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.contracts.Sha256;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Placement;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import crossdock.providers.files.Durable;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A cloud that runs nothing: a directory of OVF packages. What is under way lies in {@code
 * incoming/<tag>} and becomes a machine by one rename. All state is in the files, so any number of
 * processes may use one directory. Thread-safe.
 */
public final class Library implements Cloud {
  /** Every format there is, the simplest first. */
  public static final List<String> FORMATS = List.of("raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi");

  private static final Logger LOG = LoggerFactory.getLogger(Library.class);

  private final Site site;
  private final List<String> formats;
  private final int maxMachines;
  private final long maxBytes;

  /**
   * @param root the site's directory, made if it is not there
   * @param formats what target disks may be registered in, the preferred one first
   * @param maxMachines how many machines may lie here, reserved ones counted
   * @param maxBytes how many bytes their files may have; a reserved disk counts as all of its
   *     virtual size
   */
  public Library(Path root, List<String> formats, int maxMachines, long maxBytes)
      throws IOException {
    if (formats.isEmpty() || !FORMATS.containsAll(formats)) {
      throw new IllegalArgumentException("formats are some of " + FORMATS);
    }
    this.site = Site.at(root);
    this.formats = List.copyOf(formats);
    this.maxMachines = maxMachines;
    this.maxBytes = maxBytes;
  }

  @Override
  public Set<Capability> capabilities() {
    return Set.of();
  }

  @Override
  public List<String> formats() {
    return formats;
  }

  @Override
  public List<Machine> machines(String owner) throws IOException {
    List<Machine> machines = new ArrayList<>();
    for (Path directory : Durable.list(site.machines())) {
      machine(owner, String.valueOf(directory.getFileName())).ifPresent(machines::add);
    }
    return machines;
  }

  @Override
  public Optional<Machine> machine(String owner, String id) throws IOException {
    if (!Site.isId(id)) {
      return Optional.empty();
    }
    try {
      Path directory = site.machine(id);
      if (State.in(directory).filter(state -> state.owner().equals(owner)).isEmpty()) {
        return Optional.empty();
      }
      return Optional.of(OvfPackage.read(directory).machine());
    } catch (Refused e) {
      // One bad package must not hide the others.
      LOG.warn("Package {} is not shown: {}", id, e.getMessage());
      return Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty(); // erased meanwhile
    }
  }

  // As source.

  @Override
  public void stop(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      State state = movable(machine, tag);
      if (!state.isLockedBy(tag.name())) {
        state.lockedBy(tag.name()).write(site.machine(machine));
      }
    }
  }

  @Override
  public List<DiskTicket> open(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      movable(machine, tag);
    }
    try {
      OvfPackage found = OvfPackage.read(site.machine(machine));
      found.verifyDisks();
      return found.tickets(site.root());
    } catch (Refused e) {
      throw new Refusal(Reason.UNSAFE_IMAGE, "Package " + machine + ": " + e.getMessage());
    }
  }

  @Override
  public void close(Tag tag) throws IOException {
    site.turn(tag).close();
  }

  @Override
  public void restore(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      State state = existing(machine);
      if (state.isLockedBy(tag.name())) {
        if (state.kept()) {
          throw new Refusal(
              Reason.REFUSED_BY_SOURCE, "The machine was given up to its copy for good.");
        }
        state.unlocked().write(site.machine(machine));
      }
    }
  }

  @Override
  public void retire(String machine, Tag tag, boolean erase) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      boolean erased = Durable.erase(site.trash().resolve(tag.name()));
      if (erase && (erased || isFree(machine))) {
        return; // by an earlier call
      }
      State state = movable(machine, tag);
      if (!state.isLockedBy(tag.name())) {
        throw new Refusal(Reason.REFUSED_BY_SOURCE, "The machine was not stopped for this.");
      }
      if (erase) {
        discard(site.machine(machine), tag);
      } else if (!state.kept()) {
        state.givenUp().write(site.machine(machine));
      }
    }
  }

  private boolean isFree(String id) {
    return Site.isId(id) && !Files.exists(site.machine(id), LinkOption.NOFOLLOW_LINKS);
  }

  private State existing(String id) throws IOException, Refusal {
    try {
      Optional<State> state = Site.isId(id) ? State.in(site.machine(id)) : Optional.empty();
      return state.orElseThrow(
          () -> new Refusal(Reason.NO_SUCH_MACHINE, "There is no such machine."));
    } catch (Refused e) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "Package " + id + ": " + e.getMessage());
    }
  }

  /** The state of a machine that no other migration has to do with. */
  private State movable(String id, Tag tag) throws IOException, Refusal {
    State state = existing(id);
    if (state.tag().isPresent()) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "The machine is not accepted here yet.");
    }
    if (state.lockedBy().filter(holder -> !holder.equals(tag.name())).isPresent()) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "Another migration has locked the machine.");
    }
    return state;
  }

  // As target.

  @Override
  public void reserve(Machine machine, String owner, Tag tag) throws IOException, Refusal {
    Placement.requireNone(machine);
    for (Machine.Disk disk : machine.disks()) {
      if (!formats.contains(disk.format())) {
        throw new Refusal(Reason.UNMAPPABLE, "No disk in " + disk.format() + " is taken here.");
      }
    }
    State wanted;
    try {
      wanted = State.reserved(owner, tag.name(), machine);
      Descriptor.of(machine).write();
    } catch (Refused e) {
      throw new Refusal(Reason.UNMAPPABLE, "The machine " + e.getMessage());
    }
    try (Turn _ = site.turn(tag)) {
      Path place = place(tag);
      if (registered(tag).isPresent() || State.in(place).filter(wanted::equals).isPresent()) {
        return;
      }
      // Planned anew: what was written for the plan before is of no use.
      Durable.erase(place);
      requireRoom(machine);
      Files.createDirectory(place);
      wanted.write(place);
      Durable.sync(site.incoming());
    }
  }

  private void requireRoom(Machine machine) throws IOException, Refusal {
    int machines = 1;
    long bytes = bytes(machine); // of one machine at most 2^52, so the sum stays in range
    for (Path directory : Durable.list(site.incoming())) {
      machines++;
      bytes += State.in(directory).flatMap(State::reserved).map(Library::bytes).orElse(0L);
    }
    for (Path directory : Durable.list(site.machines())) {
      machines++;
      for (Path file : Durable.isDirectory(directory) ? Durable.list(directory) : List.<Path>of()) {
        bytes += Durable.isFile(file) ? Files.size(file) : 0;
      }
    }
    if (machines > maxMachines || bytes > maxBytes) {
      throw new Refusal(Reason.QUOTA, "There is no room for the machine.");
    }
  }

  private static long bytes(Machine machine) {
    return machine.disks().stream().mapToLong(Machine.Disk::virtualBytes).sum();
  }

  @Override
  public List<DiskTicket> atHand(String owner) throws IOException {
    List<DiskTicket> disks = new ArrayList<>();
    for (Machine machine : machines(owner)) {
      try {
        disks.addAll(OvfPackage.read(site.machine(machine.id())).tickets(site.root()));
      } catch (Refused | NoSuchFileException e) {
        LOG.debug("{} has changed, or has gone", machine.id());
      }
    }
    return disks;
  }

  @Override
  public List<DiskTicket> prepare(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      Optional<Path> registered = registered(tag);
      if (registered.isPresent()) {
        // Nothing is overwritten: a sink replaces no file.
        return read(registered.get()).tickets(site.root());
      }
      Path place = place(tag);
      return reservation(tag).disks().stream()
          .map(disk -> OvfPackage.ticket(site.root(), disk, place.resolve(Descriptor.fileOf(disk))))
          .toList();
    }
  }

  @Override
  public String register(Tag tag) throws IOException, Refusal {
    Machine planned;
    try (Turn _ = site.turn(tag)) {
      Optional<Path> registered = registered(tag);
      if (registered.isPresent()) {
        return String.valueOf(registered.get().getFileName());
      }
      planned = reservation(tag);
    }
    // Long, so without keeping others from their turn; calls of one tag do not run at once.
    Path place = place(tag);
    Map<String, Sha256> digests = new LinkedHashMap<>();
    for (Machine.Disk disk : planned.disks()) {
      String name = Descriptor.fileOf(disk);
      if (!Durable.isFile(place.resolve(name))) {
        throw new Refusal(Reason.INTERNAL, "Disk " + disk.name() + " has not been written.");
      }
      digests.put(name, Durable.digest(place.resolve(name)));
    }
    try (Turn _ = site.turn(tag)) {
      String id = freeId(planned, tag);
      Machine machine = planned.withId(id);
      Set<String> belonging = new HashSet<>(digests.keySet());
      belonging.add(State.FILE);
      for (Path file : Durable.list(place)) {
        if (!belonging.contains(String.valueOf(file.getFileName()))) {
          Durable.erase(file);
        }
      }
      OvfPackage.complete(place, id, Descriptor.of(machine).write(), digests);
      Site.publish(place, site.machine(id));
      return id;
    }
  }

  /** Follows from name and migration, and is longer where somebody has the short one. */
  private String freeId(Machine planned, Tag tag) throws IOException {
    String name = planned.name().replaceAll("[^A-Za-z0-9._-]", "-");
    String plain = Site.isId(name.substring(0, 1)) ? name : "m" + name;
    String hex = tag.migration().value().substring(2);
    for (int digits : new int[] {8, hex.length()}) {
      String id =
          plain.substring(0, Math.min(100, plain.length())) + "-" + hex.substring(0, digits);
      if (isFree(id)) {
        return id;
      }
    }
    throw new IOException("the ids that this migration could give are taken");
  }

  @Override
  public List<DiskTicket> readBack(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      return read(requireRegistered(tag)).tickets(site.root());
    }
  }

  @Override
  public String boot(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      requireRegistered(tag);
      return "";
    }
  }

  @Override
  public void release(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      Optional<Path> registered = registered(tag);
      if (registered.isPresent()) {
        Path directory = registered.get();
        Optional<State> state = State.in(directory);
        if (state.isPresent()) {
          state.get().accepted().write(directory);
        }
      }
    }
  }

  @Override
  public boolean remove(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      boolean found = Durable.erase(site.trash().resolve(tag.name()));
      Optional<Path> registered = registered(tag);
      if (registered.isPresent()) {
        discard(registered.get(), tag);
        found = true;
      }
      if (Files.exists(place(tag), LinkOption.NOFOLLOW_LINKS)) {
        discard(place(tag), tag);
        found = true;
      }
      return found;
    }
  }

  /** Out of sight in one instant, however long erasing takes. */
  private void discard(Path directory, Tag tag) throws IOException {
    Path trash = site.trash().resolve(tag.name());
    Durable.move(directory, trash);
    Durable.erase(trash);
  }

  private Path place(Tag tag) {
    return site.incoming().resolve(tag.name());
  }

  private Machine reservation(Tag tag) throws IOException, Refusal {
    return State.in(place(tag))
        .flatMap(State::reserved)
        .orElseThrow(() -> new Refusal(Reason.REFUSED_BY_TARGET, "Nothing is reserved for this."));
  }

  private Path requireRegistered(Tag tag) throws IOException, Refusal {
    return registered(tag)
        .orElseThrow(
            () -> new Refusal(Reason.REFUSED_BY_TARGET, "Nothing is registered for this."));
  }

  private Optional<Path> registered(Tag tag) throws IOException {
    for (Path directory : Durable.list(site.machines())) {
      try {
        if (State.in(directory).flatMap(State::tag).filter(tag.name()::equals).isPresent()) {
          return Optional.of(directory);
        }
      } catch (Refused e) {
        LOG.warn("Package {} is passed over: {}", directory.getFileName(), e.getMessage());
      }
    }
    return Optional.empty();
  }

  private static OvfPackage read(Path directory) throws IOException, Refusal {
    try {
      return OvfPackage.read(directory);
    } catch (Refused e) {
      throw new Refusal(Reason.UNSAFE_IMAGE, "The package was changed: " + e.getMessage());
    }
  }

  @Override
  public String console(String owner, String machine) {
    return "";
  }

  @Override
  public void close() {}
}
