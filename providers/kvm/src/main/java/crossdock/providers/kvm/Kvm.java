package crossdock.providers.kvm;

import crossdock.contracts.Machine;
import crossdock.contracts.Reason;
import crossdock.contracts.Refused;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Placement;
import crossdock.providers.Refusal;
import crossdock.providers.SignOfLife;
import crossdock.providers.Tag;
import crossdock.providers.files.Durable;
import crossdock.providers.files.Turn;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;

/**
 * A landing hypervisor: a directory of machines, each a QEMU process while it runs. Below the
 * directory lie {@code machines/<id>/} with {@code machine.json}, disks, console and sockets;
 * {@code incoming/<tag>/} for what is reserved and written, {@code fences/}, {@code locks/}, {@code
 * guests/} with the processes, {@code trash/}. Nothing is kept in memory, so several processes may
 * use one directory at once, and closing does nothing. Thread-safe.
 */
public final class Kvm implements Cloud {
  /**
   * What the site has room for.
   *
   * @param machines registered, reserved or kept
   * @param bytes virtual size of all their disks together
   */
  public record Limits(int machines, long bytes) {}

  /** What a site's machines are connected to while they run. */
  public enum Networks {
    /**
     * To nothing: their network cards are there, and nothing passes, whatever a firewall allows.
     */
    ISOLATED,
    /**
     * To one another: a bridge for each network, in a network namespace of the site that nothing
     * leads out of, and every card's firewall in force. A card that has none is closed. A machine
     * whose rules cannot be set does not start. Needs root, iproute2, nftables, {@code
     * /dev/net/tun} and br_netfilter.
     */
    BRIDGED
  }

  // Never the plug: what the source has not written back would be lost.
  private static final Duration ASK_AGAIN = Duration.ofSeconds(1);
  private static final Duration STOPS = Duration.ofSeconds(90);
  private static final Duration LIVES = Duration.ofMinutes(2);

  private static final Map<String, String> HARDWARE =
      Map.of(
          "clock.base", "utc",
          "disk.backing", "file",
          "disk.discard", "yes",
          "firmware.tpm", "none");

  private final Site site;
  private final Guests guests;
  private final List<String> formats;
  private final Limits limits;
  private final Duration stops;
  private final Duration lives;

  /** One whose networks are {@link Networks#ISOLATED}. */
  public Kvm(Path directory, String accelerator, List<String> formats, Limits limits)
      throws IOException {
    this(directory, accelerator, formats, limits, Networks.ISOLATED);
  }

  /**
   * @param directory made if it is not there
   * @param accelerator kvm, or tcg for software emulation
   * @param formats of target disks, the preferred one first
   * @param networks the same for all who use the directory
   * @throws IOException also if this host cannot have such networks, with what it lacks
   */
  public Kvm(
      Path directory, String accelerator, List<String> formats, Limits limits, Networks networks)
      throws IOException {
    this(directory, accelerator, formats, limits, networks, STOPS, LIVES);
  }

  Kvm(
      Path directory,
      String accelerator,
      List<String> formats,
      Limits limits,
      Networks networks,
      Duration stops,
      Duration lives)
      throws IOException {
    this.site = Site.at(directory);
    this.guests =
        switch (networks) {
          case ISOLATED -> new Guests(site.root(), accelerator);
          case BRIDGED -> new Guests(site.root(), accelerator, Optional.of(new Namespace(site)));
        };
    this.formats = List.copyOf(formats);
    this.limits = limits;
    this.stops = stops;
    this.lives = lives;
  }

  /** Whether this host has a firmware for machines that boot by UEFI. */
  public static boolean hasUefi() {
    try {
      return Uefi.installed().isPresent();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Gives the site a machine of its own, as if its owner had made it here; a copy of each disk is
   * taken. Does nothing to a machine that is there already, but start it, unless a migration holds
   * it.
   *
   * @param machine with the traits {@code disk.bus} and {@code nic.model} if it is to have others
   *     than virtio's: scsi (virtio's), nvme and sata; e1000 and e1000e
   * @param disks image file by name of disk, in the format that the machine says
   * @param start also starts it and waits for a sign of life
   * @throws IOException if an id is taken by another owner, or the guest does not live within 120 s
   */
  public void adopt(Machine machine, String owner, Map<String, Path> disks, boolean start)
      throws IOException {
    String id = machine.id();
    try (Turn _ = site.turn(id)) {
      Optional<State> found = site.state(site.machine(id));
      if (found.filter(state -> !state.owner().equals(owner)).isPresent()) {
        throw new IOException(id + " is somebody else's");
      }
      if (found.isEmpty()) {
        Path place = site.root().resolve("incoming").resolve("adopted-" + id);
        Durable.erase(place);
        Files.createDirectory(place);
        for (Machine.Disk disk : machine.disks()) {
          Path image = disks.get(disk.name());
          if (image == null) {
            throw new IllegalArgumentException("no file for disk " + disk.name());
          }
          Path copy = place.resolve(Site.file(disk));
          Files.copy(image, copy, StandardCopyOption.REPLACE_EXISTING);
          try (FileChannel channel = FileChannel.open(copy, StandardOpenOption.WRITE)) {
            channel.force(true);
          }
        }
        site.publish(place, State.of(machine, owner, Optional.empty()));
      }
      State state = site.state(site.machine(id)).orElseThrow();
      if (start && state.lock().isEmpty() && state.opened().isEmpty() && !guests.isRunning(id)) {
        guests.trimConsole(id);
        long console = guests.consoleSize(id);
        start(state);
        if (awaitLife(id, console).isEmpty()) {
          throw new IOException(id + " gives no sign of life");
        }
      }
    }
  }

  /** Ends all guests of the site at once, as a power cut does. Not for a site that is in use. */
  public void cutPower() throws IOException {
    for (State state : site.machines()) {
      guests.kill(state.machine().id());
    }
  }

  @Override
  public Set<Capability> capabilities() {
    return Set.of(Capability.RUNS, Capability.SNAPSHOT);
  }

  @Override
  public List<String> formats() {
    return formats;
  }

  @Override
  public List<Machine> machines(String owner) throws IOException {
    return site.machines().stream()
        .filter(state -> state.owner().equals(owner))
        .map(Kvm::shown)
        .toList();
  }

  @Override
  public Optional<Machine> machine(String owner, String id) throws IOException {
    return state(id).filter(state -> state.owner().equals(owner)).map(Kvm::shown);
  }

  /** Most of the hardware is the same for all here, whatever a machine had elsewhere. */
  private static Machine shown(State state) {
    Machine machine = state.machine();
    TreeMap<String, String> traits = new TreeMap<>(machine.traits());
    traits.putAll(HARDWARE);
    Devices.of(machine).ifPresent(devices -> traits.putAll(devices.traits()));
    traits.put("machine.type", machine.firmware() == Machine.Firmware.UEFI ? "q35" : "pc");
    return machine.with(traits);
  }

  // As source.

  @Override
  public void stop(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      existing(machine);
      try (Turn _ = site.turn(machine)) {
        State state = movable(machine, tag);
        if (!state.isLockedBy(tag)) {
          save(state.locked(new State.Lock(tag.name(), guests.isRunning(machine), false)));
        }
        if (!guests.stop(machine, stops)) {
          throw new Refusal(
              Reason.REFUSED_BY_SOURCE,
              "The guest did not power off within " + stops.toSeconds() + " s.");
        }
      }
    }
  }

  @Override
  public List<DiskTicket> open(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      existing(machine);
      try (Turn _ = site.turn(machine)) {
        State state = movable(machine, tag);
        boolean runs = guests.isRunning(machine);
        if (state.isLockedBy(tag) && runs) {
          throw new IOException(machine + " is still being stopped");
        }
        if (state.isLockedBy(tag)) {
          return site.tickets(state.machine(), site.machine(machine));
        }
        Optional<State.Opened> before = state.opened();
        Snapshot snapshot = Snapshot.of(guests, state.machine(), tag.name());
        if (before.filter(State.Opened::complete).isPresent()) {
          if (!before.get().live()) {
            return site.tickets(state.machine(), site.machine(machine));
          }
          // Another instant would mix two states of the disks in what is being read.
          if (!snapshot.isThere()) {
            throw new Refusal(
                Reason.REFUSED_BY_SOURCE, "The guest ended, and with it the open snapshot.");
          }
          return snapshot.tickets(site.root());
        }
        if (!runs) {
          snapshot.drop();
          save(state.opened(new State.Opened(tag.name(), false, true)));
          return site.tickets(state.machine(), site.machine(machine));
        }
        save(state.opened(new State.Opened(tag.name(), true, false)));
        snapshot.drop();
        snapshot.take();
        save(state.opened(new State.Opened(tag.name(), true, true)));
        return snapshot.tickets(site.root());
      }
    }
  }

  @Override
  public void close(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      for (State opened : site.machines()) {
        if (opened.isOpenedBy(tag)) {
          String id = opened.machine().id();
          try (Turn _ = site.turn(id)) {
            Optional<State> state = state(id).filter(now -> now.isOpenedBy(tag));
            if (state.isPresent()) {
              close(state.get(), tag);
            }
          }
        }
      }
    }
  }

  private State close(State state, Tag tag) throws IOException {
    if (!state.isOpenedBy(tag)) {
      return state;
    }
    Snapshot.of(guests, state.machine(), tag.name()).drop();
    return save(state.closed());
  }

  @Override
  public void restore(String machine, Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      existing(machine);
      try (Turn _ = site.turn(machine)) {
        State state = close(existing(machine), tag);
        if (!state.isLockedBy(tag)) {
          return;
        }
        if (state.isKept()) {
          throw new Refusal(
              Reason.REFUSED_BY_SOURCE, "The machine was given up to its copy for good.");
        }
        if (state.lock().filter(State.Lock::ranBefore).isPresent()) {
          start(state);
        }
        save(state.unlocked());
      }
    }
  }

  @Override
  public void retire(String machine, Tag tag, boolean erase) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      boolean erased = site.finishDiscarding(tag);
      if (erase && (erased || site.isFree(machine))) {
        return; // by an earlier call
      }
      existing(machine);
      try (Turn _ = site.turn(machine)) {
        State state = movable(machine, tag);
        if (!state.isLockedBy(tag) || guests.isRunning(machine)) {
          throw new Refusal(Reason.REFUSED_BY_SOURCE, "The machine was not stopped for this.");
        }
        State closed = close(state, tag);
        if (erase) {
          guests.kill(machine); // nothing runs, but its number may lie there
          site.discard(site.machine(machine), tag);
        } else {
          save(closed.locked(new State.Lock(tag.name(), false, true)));
        }
      }
    }
  }

  private Optional<State> state(String id) throws IOException {
    try {
      return Site.isId(id) ? site.state(site.machine(id)) : Optional.empty();
    } catch (Refused e) {
      return Optional.empty();
    }
  }

  private State existing(String id) throws IOException, Refusal {
    return state(id)
        .orElseThrow(() -> new Refusal(Reason.NO_SUCH_MACHINE, "There is no such machine."));
  }

  /** The state of a machine that no other migration has to do with. */
  private State movable(String id, Tag tag) throws IOException, Refusal {
    State state = existing(id);
    if (state.tag().isPresent()) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "The machine is not accepted here yet.");
    }
    if (state.isHeldAgainst(tag)) {
      throw new Refusal(Reason.REFUSED_BY_SOURCE, "Another migration has locked the machine.");
    }
    return state;
  }

  private State save(State state) throws IOException {
    site.write(site.machine(state.machine().id()), state);
    return state;
  }

  private void start(State state) throws IOException {
    Path directory = site.machine(state.machine().id());
    List<Path> disks = new ArrayList<>();
    for (Machine.Disk disk : state.machine().disks()) {
      disks.add(directory.resolve(Site.file(disk)));
    }
    guests.start(state.machine(), disks);
  }

  // As target.

  @Override
  public void reserve(Machine machine, String owner, Tag tag) throws IOException, Refusal {
    requireRunnable(machine);
    State wanted = State.of(machine, owner, Optional.of(tag.name()));
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Path place = site.incoming(tag);
      if (registered(tag).isPresent() || reserved(tag).filter(wanted::equals).isPresent()) {
        return;
      }
      try (Turn _ = site.turn()) {
        // Planned anew: what was written for the plan before is of no use.
        Durable.erase(place);
        requireRoom(machine);
        Files.createDirectory(place);
        site.write(place, wanted);
      }
    }
  }

  private void requireRunnable(Machine machine) throws IOException, Refusal {
    Placement.requireNone(machine);
    for (Machine.Disk disk : machine.disks()) {
      if (!formats.contains(disk.format())) {
        throw new Refusal(Reason.UNMAPPABLE, "No disk in " + disk.format() + " is taken here.");
      }
    }
    if (Devices.of(machine).isEmpty()) {
      throw new Refusal(Reason.UNMAPPABLE, "No such disks or network cards are here.");
    }
    if (!machine.architecture().equals("x86_64")) {
      throw new Refusal(Reason.UNMAPPABLE, "Only x86_64 machines run here.");
    }
    if (machine.firmware() == Machine.Firmware.UEFI && Uefi.installed().isEmpty()) {
      throw new Refusal(Reason.UNMAPPABLE, "Nothing boots by UEFI here.");
    }
  }

  private void requireRoom(Machine machine) throws IOException, Refusal {
    List<State> present = new ArrayList<>(site.machines());
    present.addAll(site.reservations());
    long bytes = bytes(machine); // of one machine at most 2^52, so the sum stays in range
    for (State state : present) {
      bytes += bytes(state.machine());
    }
    if (present.size() >= limits.machines() || bytes > limits.bytes()) {
      throw new Refusal(Reason.QUOTA, "There is no room for the machine.");
    }
  }

  private static long bytes(Machine machine) {
    return machine.disks().stream().mapToLong(Machine.Disk::virtualBytes).sum();
  }

  @Override
  public List<DiskTicket> atHand(String owner) throws IOException {
    return site.machines().stream()
        .filter(state -> state.owner().equals(owner))
        .map(State::machine)
        .flatMap(machine -> site.tickets(machine, site.machine(machine.id())).stream())
        .toList();
  }

  @Override
  public List<DiskTicket> prepare(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Optional<State> registered = registered(tag);
      if (registered.isPresent()) {
        // Nothing is overwritten: a sink replaces no file.
        Machine machine = registered.get().machine();
        return site.tickets(machine, site.machine(machine.id()));
      }
      return site.tickets(reservation(tag).machine(), site.incoming(tag));
    }
  }

  @Override
  public String register(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Optional<State> registered = registered(tag);
      if (registered.isPresent()) {
        return registered.get().machine().id();
      }
      State reservation = reservation(tag);
      for (Machine.Disk disk : reservation.machine().disks()) {
        if (!Durable.isFile(site.incoming(tag).resolve(Site.file(disk)))) {
          throw new Refusal(Reason.INTERNAL, "Disk " + disk.name() + " has not been written.");
        }
      }
      Machine machine = reservation.machine().withId(freeId(reservation.machine(), tag));
      State state = State.of(machine, reservation.owner(), Optional.of(tag.name()));
      try (Turn _ = site.turn()) {
        site.publish(site.incoming(tag), state);
      }
      return machine.id();
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
      if (site.isFree(id)) {
        return id;
      }
    }
    throw new IOException("the ids that this migration could give are taken");
  }

  @Override
  public List<DiskTicket> readBack(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Machine machine = requireRegistered(tag).machine();
      return site.tickets(machine, site.machine(machine.id()));
    }
  }

  @Override
  public String boot(Tag tag) throws IOException, Refusal {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      State state = requireRegistered(tag);
      String id = state.machine().id();
      try (Turn _ = site.turn(id)) {
        if (state.boot().isEmpty() || !guests.isRunning(id)) {
          guests.trimConsole(id);
          state = save(state.booted(new State.Boot(guests.consoleSize(id), Optional.empty())));
          start(state);
        }
        State.Boot boot = state.boot().orElseThrow();
        if (boot.sign().isPresent()) {
          return boot.sign().get();
        }
        Optional<String> sign = awaitLife(id, boot.console());
        if (sign.isEmpty() && !guests.isRunning(id)) {
          // Killed, or its host was: no verdict on the guest, which another start may bring up.
          throw new IOException(id + " ended before it gave a sign of life");
        }
        if (sign.isEmpty()) {
          throw new Refusal(
              Reason.NOT_ALIVE, "No sign of life within " + lives.toSeconds() + " s.");
        }
        save(state.booted(new State.Boot(boot.console(), sign)));
        return sign.get();
      }
    }
  }

  /**
   * The first sign after that place in the console, or that the guest's agent answers; empty if the
   * guest ends or neither comes.
   */
  private Optional<String> awaitLife(String id, long console) throws IOException {
    long deadline = System.nanoTime() + lives.toNanos();
    long asked = System.nanoTime();
    for (; ; ) {
      boolean last = System.nanoTime() > deadline || !guests.isRunning(id);
      Optional<String> sign = SignOfLife.in(guests.consoleSince(id, console));
      if (sign.isEmpty() && (last || System.nanoTime() - asked > ASK_AGAIN.toNanos())) {
        sign = guests.agent(id).map(version -> "QEMU guest agent " + version);
        asked = System.nanoTime();
      }
      if (sign.isPresent() || last) {
        return sign;
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new IOException("interrupted while waiting for " + id);
      }
      LockSupport.parkNanos(50_000_000);
    }
  }

  @Override
  public void release(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      Optional<State> registered = registered(tag);
      if (registered.isPresent()) {
        save(registered.get().accepted());
      }
    }
  }

  @Override
  public boolean remove(Tag tag) throws IOException {
    try (Turn _ = site.turn(tag)) {
      site.admit(tag);
      boolean found = site.finishDiscarding(tag);
      Optional<State> registered = registered(tag);
      if (registered.isPresent()) {
        String id = registered.get().machine().id();
        try (Turn _ = site.turn(id)) {
          guests.kill(id);
          site.discard(site.machine(id), tag);
        }
        found = true;
      }
      if (Durable.isDirectory(site.incoming(tag))) {
        site.discard(site.incoming(tag), tag);
        found = true;
      }
      return found;
    }
  }

  private Optional<State> registered(Tag tag) throws IOException {
    return site.machines().stream().filter(state -> state.isOf(tag)).findFirst();
  }

  private State requireRegistered(Tag tag) throws IOException, Refusal {
    return registered(tag)
        .orElseThrow(
            () -> new Refusal(Reason.REFUSED_BY_TARGET, "Nothing is registered for this."));
  }

  private Optional<State> reserved(Tag tag) throws IOException {
    return site.state(site.incoming(tag));
  }

  private State reservation(Tag tag) throws IOException, Refusal {
    return reserved(tag)
        .orElseThrow(() -> new Refusal(Reason.REFUSED_BY_TARGET, "Nothing is reserved for this."));
  }

  @Override
  public String console(String owner, String machine) throws IOException {
    return machine(owner, machine).isPresent() ? guests.console(machine) : "";
  }

  @Override
  public void close() {}
}
