package crossdock.providers;

import crossdock.contracts.Machine;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The control half of an adapter: holds the cloud's credentials, never touches a disk's bytes. Used
 * by export-service and import-service, each in its own process, so what one must know of the
 * other's doing lies in the cloud itself.
 *
 * <p>Every call may be made again after a crash, with a larger fence: it then finds by the tag what
 * the earlier call made and completes it, so that there is one object however often it is called.
 * Calls of one tag never run at the same time. Thread-safe otherwise. All throw {@link IOException}
 * on anything that may pass.
 */
public interface Cloud extends AutoCloseable {
  /** What an adapter can do beyond keeping machines. */
  enum Capability {
    /** Machines run here: stop, start and boot mean something. */
    RUNS,
    /** A running machine can be opened at one instant. */
    SNAPSHOT
  }

  /** What it can do. */
  Set<Capability> capabilities();

  /** The formats that a target disk can be registered in, the preferred one first. */
  List<String> formats();

  /** The machines of one owner. */
  List<Machine> machines(String owner) throws IOException;

  /** A machine as it is now; empty if there is none or it is somebody else's. */
  Optional<Machine> machine(String owner, String id) throws IOException;

  // As source.

  /**
   * Stops a machine in an orderly way and locks it against being started by anybody but {@link
   * #restore}. Returns when it no longer runs. Without {@link Capability#RUNS} it only locks.
   *
   * @throws Refusal if it does not stop in time or is locked under another tag
   */
  void stop(String machine, Tag tag) throws IOException, Refusal;

  /**
   * Opens all disks at one instant for reading: of a stopped machine as they are, of a running one
   * as a snapshot.
   *
   * @return one ticket per disk, in the machine's order
   */
  List<DiskTicket> open(String machine, Tag tag) throws IOException, Refusal;

  /** Gives up the snapshot, if there is one. */
  void close(Tag tag) throws IOException;

  /**
   * Undoes {@link #stop} and {@link #open}: unlocked, and running if it ran before. Does nothing to
   * an untouched machine.
   */
  void restore(String machine, Tag tag) throws IOException, Refusal;

  /** Ends the source after acceptance: erased, or kept stopped and locked. */
  void retire(String machine, Tag tag, boolean erase) throws IOException, Refusal;

  // As target.

  /**
   * Holds room for a machine.
   *
   * @param machine as planned for this side, with the disks' target formats
   * @throws Refusal with QUOTA if there is none
   */
  void reserve(Machine machine, String owner, Tag tag) throws IOException, Refusal;

  /**
   * Disks of an owner's machines, running or not, that lie where this site's dock can read them, so
   * that what a machine that comes has in common with them need not cross. What is read there may
   * be half written, and is believed by its hash alone. None where a cloud has no such places.
   */
  default List<DiskTicket> atHand(String owner) throws IOException {
    return List.of();
  }

  /**
   * Prepares places for the disks of the reserved machine, empty.
   *
   * @return one ticket per disk, in the machine's order
   */
  List<DiskTicket> prepare(Tag tag) throws IOException, Refusal;

  /**
   * Registers the reserved machine with its written disks. It is not started.
   *
   * @return its id
   */
  String register(Tag tag) throws IOException, Refusal;

  /** Tickets to read the disks of what was registered. */
  List<DiskTicket> readBack(Tag tag) throws IOException, Refusal;

  /**
   * Starts the registered machine, unless it runs already, and waits for a sign of life.
   *
   * @return the sign, such as a line of its console, at most 512 characters; empty without {@link
   *     Capability#RUNS}
   * @throws Refusal with NOT_ALIVE if none comes
   */
  String boot(Tag tag) throws IOException, Refusal;

  /** Takes the tag off an accepted machine: it is its owner's alone from now on. */
  void release(Tag tag) throws IOException;

  /**
   * Removes everything that carries the tag: stopped, erased, not reserved any more.
   *
   * @return whether there was anything
   */
  boolean remove(Tag tag) throws IOException;

  /** The last characters of a machine's console, at most 64 KiB; empty if it has none. */
  String console(String owner, String machine) throws IOException;

  @Override
  void close();
}
